"""MaxCut on Gset against the best cuts known and against peers at equal seconds of one processor.

    python benchmarks/frontier/gset.py FOLDER --instances G1 G22 --seconds 60

FOLDER holds G1.txt.gz and so on: a line "n m", then "i j w", counted from 1. Ours is ``thermofab.minimise`` on one
thread of the native kernel with nothing set. Peers, from the same seconds each: dwave-samplers' simulated annealing, in
runs of doubling length as ours are, its tabu search, and discrete simulated bifurcation (Goto et al. 2021,
https://doi.org/10.1126/sciadv.abe7953) as below in numpy and scipy, 64 trajectories at a time, in runs of doubling
length too. Rows go to docs/results/frontier_gset.json, each in the place of the one measured before.
"""

import argparse
import gzip
import sys
import time
from pathlib import Path
from typing import Any

import dimod
import networkx
import numpy as np
from scipy.sparse import csr_matrix

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import keep_row

import thermofab as fab
from thermofab.apps.optimise import maxcut_bound

BEST_KNOWN = {
    "G1": 11624, "G11": 564, "G14": 3064, "G22": 13359, "G32": 1410, "G35": 7687, "G43": 6660, "G48": 6000,
    "G55": 10299, "G60": 14188, "G70": 9595, "G81": 14060,
}  # fmt: skip
READS = 16  # of a run of the annealing peer
STEP = 0.5  # of time in simulated bifurcation: 1.0 oscillates on G1


def load(path: Path) -> tuple[int, np.ndarray, np.ndarray]:
    """Nodes, edges int64 ``[m, 2]`` from 0, weights int64 ``[m]``."""
    with gzip.open(path, "rt") as file:
        n, _ = map(int, file.readline().split()[:2])
        rows = np.array([[int(word) for word in line.split()[:3]] for line in file if line.strip()])
    return n, rows[:, :2] - 1, rows[:, 2]


def cuts(states: np.ndarray, edges: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Of ±1 states ``[R, n]``, recomputed from the file's edges."""
    return (states[:, edges[:, 0]] != states[:, edges[:, 1]]) @ weights


def ours(n: int, edges: np.ndarray, weights: np.ndarray, seconds: float, seed: int, bounded: bool) -> dict[str, Any]:
    graph = networkx.empty_graph(n)
    graph.add_weighted_edges_from((i, j, w) for (i, j), w in zip(edges.tolist(), weights.tolist()))
    cpu = time.process_time()
    found = fab.minimise(
        graph, budget=seconds, seed=seed, device=lambda spec: fab.open_device("native", spec, threads=1)
    )
    cpu = time.process_time() - cpu
    state = np.array([[found.state[node] for node in range(n)]])
    assert cuts(state, edges, weights)[0] == found.value
    begun = time.perf_counter()
    bound = maxcut_bound(graph) if bounded else None
    return {
        "cut": int(found.value),
        "successes": f"{found.successes} of {len(found.values)}",
        "method": found.method,
        "sweeps": [run.sweeps for run in found.runs],
        "flips": found.flips,
        "seconds": round(found.seconds, 2),
        "processor_seconds": round(cpu, 2),
        "bound": None if bound is None else bound.value,
        "bound_by": None if bound is None else bound.how,
        "bound_seconds": round(time.perf_counter() - begun, 2),
    }


def annealing(bqm: dimod.BinaryQuadraticModel, seconds: float, seed: int) -> float:
    """The least energy of dwave-samplers' simulated annealing, default range of β."""
    from dwave.samplers import SimulatedAnnealingSampler

    deadline, sweeps, best = time.process_time() + seconds, 250, np.inf
    while time.process_time() < deadline:
        answer = SimulatedAnnealingSampler().sample(
            bqm, num_reads=READS, num_sweeps=sweeps, seed=seed,
            interrupt_function=lambda: time.process_time() > deadline,
        )  # fmt: skip
        best, sweeps, seed = min(best, float(answer.record.energy.min())), 2 * sweeps, seed + 1
        pace = time.process_time()
        # A last run that fits, rather than one that is interrupted.
        left = deadline - pace
        sweeps = max(1, min(sweeps, int(sweeps * left / max(1e-9, 2 * (pace - (deadline - seconds))))))
    return best


def tabu(bqm: dimod.BinaryQuadraticModel, seconds: float, seed: int) -> float:
    from dwave.samplers import TabuSampler

    answer = TabuSampler().sample(bqm, num_reads=1, timeout=int(1000 * seconds), seed=seed)
    return float(answer.record.energy.min())


def bifurcation(n: int, edges: np.ndarray, weights: np.ndarray, seconds: float, seed: int) -> np.ndarray:
    """States of discrete simulated bifurcation, int8 ±1 ``[R, n]``: the signs of all trajectories of all runs."""
    i, j = edges.T
    pull = csr_matrix((-np.r_[weights, weights].astype(float), (np.r_[i, j], np.r_[j, i])), shape=(n, n))
    strength = 0.5 * np.sqrt(n - 1) / np.sqrt(2 * float((weights**2).sum()))
    rng, deadline, steps, dt = np.random.default_rng(seed), time.process_time() + seconds, 250, STEP
    kept: list[np.ndarray] = []
    while time.process_time() < deadline:
        x, y = rng.uniform(-0.1, 0.1, (2, n, 64))
        for step in range(steps):
            y += dt * (-(1 - step / steps) * x + strength * (pull @ np.sign(x)))
            x += dt * y
            outside = np.abs(x) > 1
            x[outside], y[outside] = np.sign(x[outside]), 0
            if step % 16 == 0 and time.process_time() > deadline:
                break
        kept.append(np.where(x >= 0, 1, -1).astype(np.int8).T)
        steps *= 2
    return np.concatenate(kept)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--instances", nargs="+", default=list(BEST_KNOWN), choices=list(BEST_KNOWN))
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-bound", action="store_true")
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args()
    for name in options.instances:
        n, edges, weights = load(options.folder / f"{name}.txt.gz")
        row = {"instance": name, "nodes": n, "edges": len(edges), "budget": options.seconds, "best": BEST_KNOWN[name]}
        row |= ours(n, edges, weights, options.seconds, options.seed, not options.no_bound)
        row["gap"] = None if row["bound"] is None else row["bound"] - row["cut"]
        if not options.no_peers:
            couplings = {(i, j): float(w) for (i, j), w in zip(edges.tolist(), weights.tolist())}
            bqm = dimod.BinaryQuadraticModel({}, couplings, "SPIN")
            total = int(weights.sum())
            row["dwave_annealing"] = round((total - annealing(bqm, options.seconds, options.seed)) / 2)
            row["dwave_tabu"] = round((total - tabu(bqm, options.seconds, options.seed)) / 2)
            states = bifurcation(n, edges, weights, options.seconds, options.seed)
            row["bifurcation"] = int(cuts(states, edges, weights).max())
        print(row, flush=True)
        keep_row("frontier_gset", row, ("instance",), [(each,) for each in BEST_KNOWN])


if __name__ == "__main__":
    main()
