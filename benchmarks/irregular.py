"""Updates per nanosecond and core of the native kernel on irregular graphs, beside lattices of like degree.

    python benchmarks/irregular.py                  # a random graph of a published network's size and degrees
    python benchmarks/irregular.py --mnist FOLDER   # and that network: weights.npz of mnist-dbm

On the graphs 784 sites are clamped; the values differ by replica, or not. Counted are updates of free sites, on one
thread, in its own processor time; the best of several rounds in which all cases take turns. Writes
docs/results/irregular.json and the table of docs/simulators.md.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from page_tables import fill, results
from results import write_results
from speed import spin_glass

from thermofab.hw.spec import FREE, Image, Topology
from thermofab.sim.native.device import NativeDevice

REPLICAS = (1, 4, 8, 20, 32, 40, 65, 100, 200, 256)
# Sites of every degree in the network of mnist-dbm, and how many are clamped.
DEGREES, CLAMPED, COLOURS = {6: 32, 7: 176, 10: 32, 11: 176, 14: 592, 15: 3256}, 784, 4
LATTICES = ("g12-64x66-torus", "g16-64x66-torus")
PAGE = "simulators.md"


def random_topology(seed: int = 0) -> Topology:
    """A random graph of :data:`DEGREES` with four planted colours: ends of edges are paired at random, and pairs within
    a colour, or made before, are left out, which are few."""
    rng = np.random.default_rng(seed)
    degrees = rng.permutation(np.repeat(list(DEGREES), list(DEGREES.values())))
    colours = rng.permutation(np.arange(len(degrees)) % COLOURS)
    left = np.repeat(np.arange(len(degrees)), degrees)
    edges = np.zeros((0, 2), dtype=np.int64)
    for _ in range(40):
        left = rng.permutation(left)
        pairs = np.sort(left[: len(left) // 2 * 2].reshape(-1, 2), axis=1)
        pairs = pairs[colours[pairs[:, 0]] != colours[pairs[:, 1]]]
        edges = np.unique(np.concatenate([edges, pairs]), axis=0)
        missing = degrees - np.bincount(edges.reshape(-1), minlength=len(degrees))
        left = np.repeat(np.arange(len(degrees)), missing)
    return Topology.from_edges("random", len(degrees), edges, colours=colours)


def published_topology(folder: Path) -> tuple[Topology, np.ndarray]:
    """The graph of weights.npz, and its sites that are pixels."""
    with np.load(folder / "weights.npz") as file:
        edges, colours, pixels = file["edges"].astype(np.int64), file["colour"].astype(np.int64) - 1, file["pixels"]
    return Topology.from_edges("mnist-dbm", len(colours), edges, colours=colours), pixels.astype(np.int64)


def sweeper(image: Image, replicas: int, sweeps: int, clamp: np.ndarray | None) -> Callable[[], float]:
    """A call of the result sweeps, and returns processor seconds."""
    device = NativeDevice(image.fabric, threads=1)
    device.load(image)
    chains = device.start(replicas=replicas, clamp=clamp)

    def sweep() -> float:
        started = time.process_time()
        chains.advance(((sweeps, 0),))
        return time.process_time() - started

    sweep()
    return sweep


def measure(graphs: dict[str, tuple[Image, np.ndarray]], rounds: int, seconds: float) -> list[dict[str, float]]:
    """A row per number of replicas: updates of free sites per nanosecond, by graph."""
    rng, rows = np.random.default_rng(1), []
    for replicas in REPLICAS:
        # As many sweeps as take about so many seconds.
        sweeps = max(4, int(seconds * 2.5e9 / 4264 / max(replicas, 20)))
        cases: dict[str, Callable[[], float]] = {}
        work: dict[str, float] = {}
        for name, (image, clamped) in graphs.items():
            free = image.fabric.n_sites - len(clamped)
            clamp = np.full((replicas, image.fabric.n_sites), FREE)
            clamp[:, clamped] = rng.integers(0, 2, (replicas, len(clamped)))
            cases[name], work[name] = sweeper(image, replicas, sweeps, clamp), free * replicas * sweeps
            if len(clamped):
                same = f"{name}, clamped alike"
                cases[same] = sweeper(image, replicas, sweeps, np.repeat(clamp[:1], replicas, axis=0))
                work[same] = work[name]
        best = dict.fromkeys(cases, np.inf)
        for _ in range(rounds):
            for name, sweep in cases.items():
                best[name] = min(best[name], sweep())
        rows.append({"replicas": replicas, **{name: work[name] / best[name] / 1e9 for name in cases}})
        print(rows[-1], flush=True)
    return rows


def table() -> str:
    """Rates by replicas, and the share of a lattice of like degree."""
    rows = results("irregular")["rows"]
    names = [name for name in rows[0] if name != "replicas"]
    lines = ["| replicas | " + " | ".join(names) + " |", "|" + "---|" * (len(names) + 1)]
    for row in rows:
        lines.append(f"| {row['replicas']} | " + " | ".join(f"{row[name]:.2f}" for name in names) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--mnist", type=Path, help="folder with weights.npz")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.1, help="of a case and round")
    options = parser.parse_args()
    nobody = np.zeros(0, dtype=np.int64)
    chosen = np.random.default_rng(2).choice(sum(DEGREES.values()), CLAMPED, replace=False)
    graphs = {"random": (spin_glass(random_topology()), chosen)}
    if options.mnist:
        topology, pixels = published_topology(options.mnist)
        graphs["mnist-dbm"] = spin_glass(topology), pixels
    graphs |= {name.split("-")[0]: (spin_glass(name), nobody) for name in LATTICES}
    rows = measure(graphs, options.rounds, options.seconds)
    if options.mnist:
        sys.argv = ["FOLDER" if each == str(options.mnist) else each for each in sys.argv]
    print(write_results("irregular", {"unit": "updates of free sites per nanosecond and core", "rows": rows}))
    fill([PAGE], {"irregular": table})


if __name__ == "__main__":
    main()
