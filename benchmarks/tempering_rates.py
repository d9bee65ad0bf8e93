"""What exchange every sweep costs the native kernel: rounds of ladders beside plain sweeps of as many replicas.

    python benchmarks/tempering_rates.py

Cubes of ±J couplings as in docs/frontier.md, generated here, and a king's graph with couplings and biases of 8 bits; 64
ladders. All ways take turns in one run; rates are updates per nanosecond, the median over rounds of turns. The table of
docs/simulators.md is made by ``python benchmarks/frontier/page.py``.
"""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import networkx
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent))

from results import write_results
from timing import interleaved_both, median_rate

import thermofab as fab
from thermofab.hw.spec import Image
from thermofab.sim.native.device import NativeDevice
from thermofab.sim.tempering import Ladder
from thermofab.sim.tempering.opened import open_ladders

LADDERS = 64


def cube(length: int, rungs: int) -> tuple[Ladder, Image]:
    """±J on an open cube, β from 3.6 to 0.57."""
    graph = networkx.convert_node_labels_to_integers(networkx.grid_graph((length, length, length)))
    spec = fab.fabric(
        graph, levels=rungs, rng="lfsr32", weight_bits=2, bias_bits=2, table_bits=4, threshold_bits=16, dither_bits=0
    )
    rng = np.random.default_rng(length)
    return _tempered(spec, 1.0, 0, rng.choice([-1, 1], spec.topology.n_edges), np.zeros(spec.n_sites, int), rungs)


def king(side: int, rungs: int) -> tuple[Ladder, Image]:
    """Couplings and biases of 8 bits on a king's graph."""
    spec = fab.fabric(f"king-{side}x{side}", levels=rungs)
    rng = np.random.default_rng(side)
    weights, biases = rng.integers(-127, 128, spec.topology.n_edges), rng.integers(-127, 128, spec.n_sites)
    return _tempered(spec, 1 / 64, 3, weights, biases, rungs)


def _tempered(spec, step: float, shift: int, weights, biases, rungs: int) -> tuple[Ladder, Image]:
    ladder, tables = Ladder.of(spec, step, shift, np.geomspace(3.6, 0.57, rungs).tolist())
    return ladder, Image(spec, weights, biases, tables, shift, np.full(spec.n_sites, -1), 1)


def rates(ladder: Ladder, image: Image, threads: int, updates: float, turns: int) -> dict[str, dict[str, float]]:
    """Updates per ns, on the wall and of processor time, by way."""
    device = NativeDevice(image.fabric, threads=threads)
    device.load(image)
    rungs, sites = len(ladder.levels), image.fabric.n_sites
    sweeps = max(1, int(updates / (rungs * LADDERS * sites)))
    plain = device.start(replicas=rungs * LADDERS)
    ways: dict[str, Callable[[], None]] = {"plain": lambda: plain.advance([(sweeps, 0)])}

    def way(name: str, **options: Any) -> None:
        ladders = open_ladders(device, ladder, replicas=LADDERS, seed=3, **options)
        ladders.run(1, 1, 200, ())  # clusters are those of a run, not of random states
        ways[name] = lambda: void(ladders.run(sweeps, 1, 0, ()))

    way("exchange every sweep")
    way("and clusters of the colder half", group=4, cluster_rungs=(rungs + 1) // 2)
    way("and clusters of all rungs", group=4)
    wall, used = interleaved_both(ways, turns)
    work = sweeps * rungs * LADDERS * sites / 1e9
    return {name: {"wall": median_rate(work, wall[name]), "cpu": median_rate(work, used[name])} for name in ways}


def void(_: object) -> None:
    """A call whose result is not looked at."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--updates", type=float, default=1e9, help="of a way and turn")
    parser.add_argument("--turns", type=int, default=5)
    asked = parser.parse_args()
    rows = []
    cases = {"cube of 8³, ±J": cube(8, 17), "cube of 16³, ±J": cube(16, 39), "king 32×32, 8 bits": king(32, 16)}
    for name, (ladder, image) in cases.items():
        for threads in (1, 2):
            found = rates(ladder, image, threads, asked.updates, asked.turns)
            rows.append({"case": name, "rungs": len(ladder.levels), "threads": threads, "rates": found})
            print(name, threads, {way: round(rate["wall"], 2) for way, rate in found.items()}, flush=True)
    write_results("tempering_rates", {"ladders": LADDERS, "rows": rows})


if __name__ == "__main__":
    main()
