"""How long compiling takes: a native program of 4,900 nodes, and new weights on it.

    python benchmarks/compile_speed.py

Medians of seven, in processor seconds and on the wall: ``fab.compile`` of an Ising model on the 70×70 g12 torus with
its nodes in the order of the sites, and shuffled; ``program.with_weights`` of arrays.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np

import thermofab as fab

ROUNDS = 7


def model(rng: np.random.Generator, shuffled: bool) -> fab.IsingModel:
    topology = fab.fabric("g12-70x70-torus").topology
    order = rng.permutation(topology.n_sites) if shuffled else np.arange(topology.n_sites)
    edges = np.sort(order[topology.edges.astype(np.int64)], axis=1)
    edges = edges[np.lexsort((edges[:, 1], edges[:, 0]))]
    n, m = topology.n_sites, topology.n_edges
    return fab.IsingModel(tuple(range(n)), 0.1 * rng.normal(size=n), edges, 0.1 * rng.normal(size=m))


def timed(what: str, work: Callable[[], object]) -> None:
    processor, wall = [], []
    for _ in range(ROUNDS):
        before = time.process_time(), time.perf_counter()
        work()
        processor.append(time.process_time() - before[0])
        wall.append(time.perf_counter() - before[1])
    print(f"{what:<36}{statistics.median(processor):>10.3f}{statistics.median(wall):>10.3f}", flush=True)


def main() -> None:
    rng = np.random.default_rng(0)
    spec = fab.fabric("g12-70x70-torus")
    print(f"{'':<36}{'processor':>10}{'wall, s':>10}")
    for shuffled in (False, True):
        source = model(rng, shuffled)
        fab.compile(source, spec)
        timed(f"compile, {'shuffled' if shuffled else 'in the order of sites'}", partial(fab.compile, source, spec))
    program = fab.compile(model(rng, False), spec)
    n, m = spec.topology.n_sites, spec.topology.n_edges
    timed(
        "with_weights",
        lambda: program.with_weights(biases=0.1 * rng.normal(size=n), couplings=0.1 * rng.normal(size=m)),
    )


if __name__ == "__main__":
    main()
