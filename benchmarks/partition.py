"""ln Z by the four methods at equal sweeps, of a torus whose ln Z is exact and a 3D glass; a machine beside host AIS.

    python benchmarks/partition.py            # about 5 minutes; writes docs/results/partition.json
    python benchmarks/partition.py --rbm      # about 10 minutes; writes docs/results/partition_rbm.json
    python benchmarks/partition.py --page     # the tables of docs/partition.md again

Errors are root mean squares over seeds; σ is what a run says of itself.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import networkx
import numpy as np
from page_tables import fill, results
from results import write_results

sys.path.append(str(Path(__file__).resolve().parents[1]))

import thermofab as fab
from tests.sim.kaufman import log_z
from thermofab.compiler import fabric_of
from thermofab.hw.spec import IsingModel, Program, open_device
from thermofab.hw.spec.partition import METHODS, LogPartition
from thermofab.models.boltzmann import BoltzmannMachine, log_partition, restricted

NAME, DEVICE = "partition", "native"
SIDE, BETA = 16, 0.43
GLASS_SIDE, GLASS_BETA = 6, 0.9
# Chains and sweeps a level; the levels are those that fill the budget of sweeps.
SHAPES = {"ais": (256, 4), "bar": (64, 256), "ti": (64, 256), "population": (2048, 8)}


def ising_torus() -> tuple[Program, float]:
    """Near its critical β, and its exact ln Z."""
    spec = fab.fabric(f"g4-{SIDE}x{SIDE}-torus", profile="fine", levels=16)
    edges = spec.topology.edges
    model = IsingModel(tuple(range(SIDE**2)), np.zeros(SIDE**2), edges, np.ones(len(edges)), beta=BETA)
    return fab.compile(model, spec), float(log_z(np.longdouble(BETA), SIDE, SIDE))


def glass() -> Program:
    """±J on a periodic cubic lattice of 216 sites."""
    graph = networkx.convert_node_labels_to_integers(networkx.grid_graph([GLASS_SIDE] * 3, periodic=True))
    edges = np.array(sorted(tuple(sorted(edge)) for edge in graph.edges))
    couplings = np.random.default_rng(1).choice([-1.0, 1.0], len(edges))
    model = IsingModel(tuple(range(len(graph))), np.zeros(len(graph)), edges, couplings, beta=GLASS_BETA)
    return fab.compile(model, fabric_of(model, profile="fine", levels=16))


def runs(program: Program, method: Any, budget: int, seeds: int) -> tuple[list[LogPartition], float]:
    """Runs of about ``budget`` sweeps, and the seconds of one."""
    replicas, sweeps = SHAPES[method]
    levels = max(3, round(budget / (replicas * sweeps)) + 1)
    device = open_device(DEVICE, program.fabric)
    options = {"levels": levels, "replicas": replicas, "sweeps": sweeps, "device": device}
    program.log_partition(method, seed=10**6, **options)  # what is compiled once is no part of the time
    started = time.perf_counter()
    found = [program.log_partition(method, seed=seed, **options) for seed in range(seeds)]
    return found, (time.perf_counter() - started) / seeds


def on_the_torus(budget: int, seeds: int) -> list[dict[str, Any]]:
    program, truth = ising_torus()
    rows = []
    for method in METHODS:
        found, seconds = runs(program, method, budget, seeds)
        off, sigma = np.array([one.value - truth for one in found]), np.array([one.error for one in found])
        rows.append({
            "method": method, "levels": len(found[0].levels), "sweeps": int(np.mean([one.sweeps for one in found])),
            "rms": float(np.sqrt(np.mean(off**2))), "bias": float(off.mean()), "sigma": float(sigma.mean()),
            "z_deviation": float((off / sigma).std(ddof=1)), "seconds": seconds,
        })  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def on_the_glass(budget: int, seeds: int) -> list[dict[str, Any]]:
    program, rows = glass(), []
    for method in METHODS:
        found, seconds = runs(program, method, budget, seeds)
        values = np.array([one.value for one in found])
        rows.append({
            "method": method, "levels": len(found[0].levels), "sweeps": int(np.mean([one.sweeps for one in found])),
            "mean": float(values.mean()), "error_of_mean": float(values.std(ddof=1) / np.sqrt(seeds)),
            "spread": float(values.std(ddof=1)), "sigma": float(np.mean([one.error for one in found])),
            "seconds": seconds,
        })  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def against_the_host(seeds: int) -> list[dict[str, Any]]:
    """An RBM of 784+16 nodes, whose 2^16 hidden states are enumerated: program.log_partition beside the host's AIS,
    which sums the hidden nodes out in floating point."""
    connections = restricted(784, 16)
    machine = BoltzmannMachine.random(connections, 0.04, seed=1)
    spec = fab.fabric(connections.topology(), profile="fine", levels=64, table_bits=11)
    program = fab.compile(machine.ising(), spec, keep_zero=True, verify=False)
    across = machine.matrix()[np.ix_(connections.visible, connections.hidden)]
    hidden = 2.0 * (np.arange(2**16)[:, None] >> np.arange(16) & 1) - 1
    fields = [part @ across.T for part in np.array_split(hidden, 64)]
    truth = float(np.logaddexp.reduce(np.concatenate([np.logaddexp(h, -h).sum(axis=1) for h in fields])))
    device = open_device(DEVICE, spec)

    def host(steps: int, chains: int):
        return lambda seed: log_partition(machine, chains=chains, steps=steps, seed=seed)

    def on_fabric(method: Any, **options: Any):
        return lambda seed: program.log_partition(method, seed=seed, device=device, **options)

    rows = []
    for name, run in (
        ("host AIS", host(200, 200)), ("fabric, ais", on_fabric("ais")),
        ("fabric, bar", on_fabric("bar")), ("fabric, ti", on_fabric("ti")),
        ("fabric, population", on_fabric("population")),
    ):  # fmt: skip
        run(10**6)
        started = time.perf_counter()
        found = [run(seed) for seed in range(seeds)]
        seconds = (time.perf_counter() - started) / seeds
        off = np.array([one.value - truth for one in found])
        rows.append({
            "by": name, "rms": float(np.sqrt(np.mean(off**2))), "bias": float(off.mean()),
            "sigma": float(np.mean([one.error for one in found])), "seconds": seconds,
        })  # fmt: skip
        print(rows[-1], flush=True)
    return rows


def table(head: str, rows: list[str]) -> str:
    return "\n".join([f"| {head} |", "|" + "---|" * (head.count("|") + 1), *rows])


def torus_table() -> str:
    rows = [
        f"| `{r['method']}` | {r['levels']} | {r['sweeps']:,} | {r['rms']:.3f} | {r['bias']:+.3f} | {r['sigma']:.3f} | "
        f"{r['z_deviation']:.2f} | {r['seconds']:.1f} |"
        for r in results(NAME)["torus"]
    ]
    return table("method | levels | sweeps | rms error | mean error | σ | deviation of error/σ | s", rows)


def glass_table() -> str:
    rows = [
        f"| `{r['method']}` | {r['levels']} | {r['sweeps']:,} | {r['mean']:.3f} ± {r['error_of_mean']:.3f} | "
        f"{r['spread']:.3f} | {r['sigma']:.3f} | {r['seconds']:.1f} |"
        for r in results(NAME)["glass"]
    ]
    return table("method | levels | sweeps | ln Z | spread of runs | σ | s", rows)


def host_table() -> str:
    rows = [
        f"| {r['by']} | {r['rms']:.3f} | {r['bias']:+.3f} | {r['sigma']:.3f} | {r['seconds']:.2f} |"
        for r in results(f"{NAME}_rbm")["rbm"]
    ]
    return table("by | rms error | mean error | σ | s", rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--page", action="store_true", help="only write the tables of the page")
    parser.add_argument("--rbm", action="store_true", help="the machine, and nothing else")
    parser.add_argument("--seeds", type=int, default=24)
    parser.add_argument("--budget", type=int, default=300_000, help="sweeps of a run, summed over chains")
    args = parser.parse_args()
    if args.rbm:
        print(write_results(f"{NAME}_rbm", {"rbm": against_the_host(max(4, args.seeds // 3))}))
    elif not args.page:
        content = {
            "seeds": args.seeds,
            "torus": on_the_torus(args.budget, args.seeds),
            "glass": on_the_glass(2 * args.budget, max(4, args.seeds // 3)),
        }
        print(write_results(NAME, content))
    fill(["partition.md"], {"torus": torus_table, "glass": glass_table, "rbm": host_table})


if __name__ == "__main__":
    main()
