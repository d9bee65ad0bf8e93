"""Times an application developer feels: a call on a named device, a traced call, the moments of a large program.

    python benchmarks/first_hour.py                  # about five minutes, most of it compiling a million sites
    python benchmarks/first_hour.py --side 100 --json FILE

The small program is a THRML Ising chain of 100 nodes, 100 samples, a sweep apart. Times are medians of ``--calls``
calls after one that is not counted; THRML's own jitted call is timed beside ours. The large program is a square lattice
of ``--side`` squared sites, 16 samples of one replica.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import networkx
import numpy as np
import thrml
from results import commit, write_results
from thrml import Block, SamplingSchedule, SpinNode
from thrml.models import IsingEBM, IsingSamplingProgram
from timing import machine

import thermofab as fab

NODES, SAMPLES, LARGE_SAMPLES = 100, 100, 16


def median_ms(call: Callable[[], Any], calls: int) -> float:
    call()
    seconds = []
    for _ in range(calls):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return round(1e3 * statistics.median(seconds), 3)


def small(calls: int) -> dict[str, float]:
    """Milliseconds per call on the chain."""
    nodes: list[Any] = [SpinNode() for _ in range(NODES)]
    rng = np.random.default_rng(0)
    edges, weights = list(zip(nodes[:-1], nodes[1:])), jnp.array(rng.normal(size=NODES - 1))
    ebm = IsingEBM(nodes, edges, jnp.zeros(NODES), weights, jnp.array(1.0))
    blocks: list[Any] = [Block(nodes[::2]), Block(nodes[1::2])]
    program, schedule = IsingSamplingProgram(ebm, blocks, []), SamplingSchedule(0, SAMPLES, 1)
    init, key = [jnp.zeros(len(block), bool) for block in blocks], jax.random.key(0)
    compiled = fab.compile(program, fab.fabric_of(program))
    opened, plan = fab.open_device("native", compiled.fabric), fab.Schedule(0, SAMPLES)

    def states(sampler: Callable[..., Any]) -> Callable[[Any], Any]:
        return lambda key: sampler(key, program, schedule, init, [], [Block(nodes)])

    ours, theirs = jax.jit(states(fab.sample_states)), jax.jit(states(thrml.sample_states))
    return {
        "program.sample, device named, ms": median_ms(lambda: compiled.sample(plan, device="native"), calls),
        "program.sample, device open, ms": median_ms(lambda: compiled.sample(plan, device=opened), calls),
        "fab.sample_states, ms": median_ms(lambda: states(fab.sample_states)(key)[0].block_until_ready(), calls),
        "fab.sample_states under jit, ms": median_ms(lambda: ours(key)[0].block_until_ready(), calls),
        "thrml.sample_states under jit, ms": median_ms(lambda: theirs(key)[0].block_until_ready(), calls),
    }


def large(side: int) -> dict[str, float]:
    """Seconds of one call of ``moments()``."""
    graph = networkx.grid_2d_graph(side, side)
    graph.add_edges_from(graph.edges, weight=0.2)
    program = fab.compile(graph, f"g4-{side}x{side}", verify=False)
    samples = program.sample(fab.Schedule(4, LARGE_SAMPLES), device="native")
    started = time.perf_counter()
    samples.moments()
    return {"sites": side**2, "samples": LARGE_SAMPLES, "moments, s": round(time.perf_counter() - started, 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--json", type=Path, help="Write here instead of docs/results/first_hour.json.")
    options = parser.parse_args()
    result = {"nodes": NODES, "samples": SAMPLES, "calls": options.calls, "small": small(options.calls)}
    print(json.dumps(result["small"], indent=1), flush=True)
    result["large"] = large(options.side)
    print(json.dumps(result["large"], indent=1))
    if options.json is None:
        print(write_results("first_hour", result))
    else:
        options.json.write_text(json.dumps({"machine": machine(), "commit": commit(), **result}, indent=1) + "\n")


if __name__ == "__main__":
    main()
