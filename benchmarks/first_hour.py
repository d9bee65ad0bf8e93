"""Times an application developer feels: a call on a named device, a traced call, the moments of a large program.

    python benchmarks/first_hour.py                  # about five minutes, most of it compiling a million sites
    python benchmarks/first_hour.py --side 100 --json FILE

The small program is a THRML Ising chain of 100 nodes, 100 samples, a sweep apart; the middle ones are a square
lattice of 100 by 100 THRML nodes, one sample after a sweep, and 64 replicas of a program of 70 by 70 sites, with no
sweep and with 100. Times are the least of ``--calls`` calls after one that is not counted, which a busy machine
changes least; THRML's own jitted call is timed beside ours. The large program is a square lattice of ``--side``
squared sites, 16 samples of one replica; its compile time is of the processor, without the graph, and the memory that
of the process, graph included, before it compiles and after.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from functools import partial
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


def least_ms(call: Callable[[], Any], calls: int) -> float:
    call()
    seconds = []
    for _ in range(calls):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return round(1e3 * min(seconds), 3)


def peak_memory() -> float:
    """Of this process so far, GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def states_by(sampler: Callable[..., Any], *arguments: Any) -> Callable[[Any], Any]:
    return lambda key: sampler(key, *arguments)


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

    asked = program, schedule, init, [], [Block(nodes)]
    ours, theirs = (jax.jit(states_by(sampler, *asked)) for sampler in (fab.sample_states, thrml.sample_states))
    return {
        "program.sample, device named, ms": least_ms(lambda: compiled.sample(plan, device="native"), calls),
        "program.sample, device open, ms": least_ms(lambda: compiled.sample(plan, device=opened), calls),
        "fab.sample_states, ms": least_ms(lambda: fab.sample_states(key, *asked)[0].block_until_ready(), calls),
        "fab.sample_states under jit, ms": least_ms(lambda: ours(key)[0].block_until_ready(), calls),
        "thrml.sample_states under jit, ms": least_ms(lambda: theirs(key)[0].block_until_ready(), calls),
    }


def middle(calls: int, side: int = 100, sites: int = 70, replicas: int = 64) -> dict[str, float]:
    """Milliseconds per call on square lattices: what a call costs beside its sweeps."""
    graph = networkx.grid_2d_graph(side, side)
    nodes: dict[Any, Any] = {at: SpinNode() for at in graph}
    edges = [(nodes[a], nodes[b]) for a, b in graph.edges]
    ebm = IsingEBM(list(nodes.values()), edges, jnp.zeros(len(nodes)), jnp.full(len(edges), 0.2), jnp.array(1.0))
    blocks: list[Any] = [Block([nodes[at] for at in graph if sum(at) % 2 == colour]) for colour in (0, 1)]
    program, key = IsingSamplingProgram(ebm, blocks, []), jax.random.key(0)
    init = [jnp.zeros(len(block), bool) for block in blocks]
    asked = program, SamplingSchedule(1, 1, 1), init, [], [Block(list(nodes.values()))]
    ours, theirs = (jax.jit(states_by(sampler, *asked)) for sampler in (fab.sample_states, thrml.sample_states))
    inside = jax.jit(states_by(partial(fab.sample_states, device="jax-xla"), *asked))
    spins = networkx.grid_2d_graph(sites, sites)
    spins.add_edges_from(spins.edges, weight=0.2)
    compiled = fab.compile(spins, f"g4-{sites}x{sites}", verify=False, tolerance=1.0)
    opened = fab.open_device("native", compiled.fabric)

    def call(sweeps: int) -> Callable[[], Any]:
        return lambda: compiled.sample(fab.Schedule(sweeps, 1), replicas=replicas, seed=1, device=opened)

    return {
        "fab.sample_states under jit, 100x100, ms": least_ms(lambda: ours(key)[0].block_until_ready(), calls),
        "fab.sample_states inside XLA, 100x100, ms": least_ms(lambda: inside(key)[0].block_until_ready(), calls),
        "thrml.sample_states under jit, 100x100, ms": least_ms(lambda: theirs(key)[0].block_until_ready(), calls),
        "70x70, 64 replicas, no sweep, ms": least_ms(call(0), calls),
        "70x70, 64 replicas, 100 sweeps, ms": least_ms(call(100), calls),
    }


def large(side: int) -> dict[str, float]:
    """Compiling it, and seconds of one call of ``moments()``."""
    graph = networkx.grid_2d_graph(side, side)
    graph.add_edges_from(graph.edges, weight=0.2)
    before, began = peak_memory(), time.process_time()
    program = fab.compile(graph, f"g4-{side}x{side}", verify=False, tolerance=1.0)
    compiling = time.process_time() - began
    memory = peak_memory()
    samples = program.sample(fab.Schedule(4, LARGE_SAMPLES), device="native")
    moments = least_ms(samples.moments, 4) / 1e3
    return {
        "sites": side**2,
        "samples": LARGE_SAMPLES,
        "compile, CPU-s": round(compiling, 1),
        "peak memory before, GiB": round(before, 2),
        "peak memory, GiB": round(memory, 2),
        "moments, s": round(moments, 3),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--side", type=int, default=1000)
    parser.add_argument("--json", type=Path, help="Write here instead of docs/results/first_hour.json.")
    options = parser.parse_args()
    result = {"nodes": NODES, "samples": SAMPLES, "calls": options.calls, "small": small(options.calls)}
    print(json.dumps(result["small"], indent=1), flush=True)
    result["middle"] = middle(options.calls)
    print(json.dumps(result["middle"], indent=1), flush=True)
    result["large"] = large(options.side)
    print(json.dumps(result["large"], indent=1))
    if options.json is None:
        print(write_results("first_hour", result))
    else:
        options.json.write_text(json.dumps({"machine": machine(), "commit": commit(), **result}, indent=1) + "\n")


if __name__ == "__main__":
    main()
