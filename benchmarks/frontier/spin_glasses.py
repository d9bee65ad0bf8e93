"""3D ±J spin glasses with published curves: residual energy and solved runs of tempering with cluster moves.

    python benchmarks/frontier/spin_glasses.py FOLDER --size 8 --sweeps 1000

FOLDER holds L08.npz … L16.npz: the instances of "Pushing the boundary of quantum advantage in hard combinatorial
optimization with probabilistic computers" (Chowdhury et al. 2025), their putative ground energies, and the curves
published for the same instances. As there: 4 replicas per level, one sweep, cluster moves and exchanges by turns; a
run's residual is that of its best replica at that sweep. Couplings are held exactly, thresholds have 16 bits. The
ladder is placed on the first instance. Rows go to docs/results/frontier_spin_glasses.json. ``--rtl 20`` runs the first
rounds on compiled RTL of a systolic fabric instead, and compares its states with the native device's.
"""

import argparse
import dataclasses
import json
import sys
import time
from pathlib import Path
from typing import Any

import networkx
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import ROOT, keep_row, write_results

import thermofab as fab
from thermofab.hw.spec import Image
from thermofab.sim.tempering import Ladder, adapted_ladder, temper

GROUP = 4
RUNGS = {8: 17, 12: 27, 15: 33, 16: 39}  # as published
COLDEST, HOTTEST = 3.6, 0.57
MARKS = (100, 200, 400, 1000, 2000, 4000, 10000)
ORDER: list[tuple[Any, ...]] = [(size,) for size in RUNGS]
CURVES = {8: "L08_first40", 12: "L12_first40", 15: "L15", 16: "L16_first40"}


def glass(edges: np.ndarray, signs: np.ndarray, levels: int, seed: int) -> Image:
    """The image of ``E = -Σ J s s``: a site for every spin, integer weights ±1, tables to be set."""
    n = int(edges.max()) + 1
    graph = networkx.empty_graph(n)
    graph.add_edges_from(edges.tolist())
    spec = fab.fabric(
        graph, levels=levels, rng="lfsr32", weight_bits=2, bias_bits=2, table_bits=4, threshold_bits=16, dither_bits=0
    )
    sign = {frozenset(pair): value for pair, value in zip(map(tuple, edges.tolist()), signs.tolist())}
    labels = spec.topology.labels
    assert labels is not None
    weights = np.array([sign[frozenset((labels[i], labels[j]))] for i, j in spec.topology.edges.tolist()])
    tables = np.full((levels, spec.table_size), 2 ** (spec.threshold_bits - 1))
    return Image(spec, weights, np.zeros(n, int), tables, 0, np.full(n, -1), seed)


def energies_of_runs(energies: np.ndarray) -> np.ndarray:
    """Of the best replica of every run, int64 ``[runs, sweeps]``, from those of all, ``[L, R, sweeps]``."""
    rungs, replicas, sweeps = energies.shape
    return energies.reshape(rungs, replicas // GROUP, GROUP, sweeps).min(axis=(0, 2))


def flips_to_99(solved_at: np.ndarray, sweeps: int, per_sweep: int) -> float:
    """Updates for a ground state with probability 0.99, at the run length that is best for the instance.

    Args:
        solved_at: int ``[runs]``, the sweep of a run's first ground state, or more than ``sweeps``.
        sweeps: longest length.
        per_sweep: updates of a run in a sweep.

    Returns:
        infinity where fewer than four runs were solved.
    """
    if np.count_nonzero(solved_at <= sweeps) < 4:
        return float("inf")
    lengths = np.unique(np.geomspace(max(1, solved_at.min()), sweeps, 60).astype(int))
    solved = (solved_at[None, :] <= lengths[:, None]).sum(axis=1)
    share = np.minimum(solved, len(solved_at) - 0.5) / len(solved_at)
    with np.errstate(divide="ignore"):
        repeats = np.maximum(1.0, np.log(0.01) / np.log1p(-share))
    return float(np.where(solved >= 4, lengths * repeats, np.inf).min()) * per_sweep


def median_of(values: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """Median over instances with its central 95% bootstrap interval."""
    drawn = np.random.default_rng(seed).choice(values, (2000, len(values)))
    low, high = np.quantile(np.median(drawn, axis=1), [0.025, 0.975], method="nearest")
    return float(np.median(values)), float(low), float(high)


def published(folder: Path, size: int) -> dict[str, float]:
    """Published residuals per spin at the marks."""
    path = folder / f"published_apt_icm_{CURVES[size]}.txt"
    table = np.loadtxt(path)
    return {str(int(row[0])): float(row[1]) for row in table if int(row[0]) in MARKS}


def on_rtl(image: Image, betas: tuple[float, ...], rounds: int) -> dict[str, Any]:
    """The same rounds of one group of ladders on compiled RTL and on the native device: states and how many differ."""
    ladder, tables = Ladder.of(image.fabric, 1.0, 0, betas)
    fabric = dataclasses.replace(image.fabric, architecture="systolic")
    found = {}
    for name, spec in (("native", image.fabric), ("rtl-systolic", fabric)):
        device = fab.open_device(name, spec)
        device.load(image.replace(fabric=spec, tables=tables))
        started = time.perf_counter()
        keep = tuple(range(len(betas)))
        found[name] = temper(device, ladder, rounds=rounds, sweeps=1, replicas=GROUP, keep=keep, group=GROUP)
        seconds = time.perf_counter() - started
    native, rtl = found["native"].states, found["rtl-systolic"].states
    differ = int(np.count_nonzero(native != rtl))
    return {"rounds": rounds, "states": int(rtl.size), "differ": differ, "seconds": seconds}


def compare_rtl(data: Any, size: int, instances: int, rounds: int) -> None:
    path = ROOT / "docs" / "results" / "frontier_spin_glasses.json"
    row = next(row for row in json.loads(path.read_text())["rows"] if row["size"] == size)
    rows = []
    for instance in range(instances):
        image = glass(data[f"edges_{instance:03d}"], data[f"signs_{instance:03d}"], RUNGS[size], seed=1 + instance)
        rows.append({"size": size, "instance": instance, **on_rtl(image, tuple(row["betas"]), rounds)})
        print(rows[-1], flush=True)
    write_results("frontier_spin_glasses_rtl", {"rows": rows})


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, choices=list(RUNGS), required=True)
    parser.add_argument("--instances", type=int, default=40)
    parser.add_argument("--sweeps", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=16, help="independent runs of an instance, four replicas each")
    parser.add_argument("--threads", type=int, default=None)
    parser.add_argument("--rtl", type=int, metavar="ROUNDS", help="compare these rounds with compiled RTL")
    asked = parser.parse_args()
    size, rungs = asked.size, RUNGS[asked.size]
    data = np.load(asked.folder / f"L{size:02d}.npz")
    if asked.rtl:
        return compare_rtl(data, size, asked.instances, asked.rtl)
    marks = [mark for mark in MARKS if mark <= asked.sweeps]
    now, best, solved, flips, beaten = [], [], [], [], []
    betas: tuple[float, ...] = ()
    updates = cpu = wall = 0.0
    for instance in range(asked.instances):
        image = glass(data[f"edges_{instance:03d}"], data[f"signs_{instance:03d}"], rungs, seed=1 + instance)
        device = fab.open_device("native", image.fabric, threads=asked.threads)
        n, ground = image.fabric.n_sites, int(data["putative_ground_energy"][instance])
        if not betas:
            placed = adapted_ladder(
                device, image, 1.0, coldest=COLDEST, hottest=HOTTEST, rungs=rungs, rounds=400, replicas=64
            )
            betas, accepted = placed.betas, placed.accepted
        ladder, tables = Ladder.of(image.fabric, 1.0, 0, betas)
        device.load(image.replace(tables=tables))
        started, used = time.perf_counter(), time.process_time()
        done = temper(device, ladder, rounds=asked.sweeps, sweeps=1, replicas=GROUP * asked.runs, keep=(), group=GROUP)
        wall, cpu = wall + time.perf_counter() - started, cpu + time.process_time() - used
        updates += done.site_updates
        energies = energies_of_runs(done.energies)
        lowest = np.minimum.accumulate(energies, axis=1)
        now.append((energies[:, np.array(marks) - 1] - ground).mean(axis=0) / n)
        best.append((lowest[:, np.array(marks) - 1] - ground).mean(axis=0) / n)
        hit = lowest <= ground
        solved.append(hit[:, np.array(marks) - 1].mean(axis=0))
        solved_at = np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, asked.sweeps + 1)
        flips.append(flips_to_99(solved_at, asked.sweeps, n * rungs * GROUP))
        if lowest.min() < ground:
            beaten.append({"instance": instance, "putative": ground, "found": int(lowest.min())})
        print(f"{instance}: residual {1000 * now[-1][-1]:.3f}e-3, solved {solved[-1][-1]:.2f}", flush=True)
    middle, low, high = median_of(np.array(flips))

    def spread(rows: list[np.ndarray]) -> dict[str, list[float]]:
        """Mean over instances and its standard error, by mark."""
        table = np.array(rows)
        error = table.std(axis=0, ddof=1) / np.sqrt(len(table)) if len(table) > 1 else np.full(len(marks), np.nan)
        return {str(mark): [float(a), float(b)] for mark, a, b in zip(marks, table.mean(axis=0), error)}

    row = {
        "size": size, "sites": n, "rungs": rungs, "instances": asked.instances, "runs": asked.runs,
        "sweeps": asked.sweeps, "betas": [float(f"{beta:.4g}") for beta in betas],
        "accepted": [float(f"{share:.3g}") for share in accepted], "residual": spread(now),
        "best_so_far": spread(best), "solved": spread(solved), "published": published(asked.folder, size),
        "flips_99": [value if np.isfinite(value) else None for value in (middle, low, high)],
        "updates_per_cpu_ns": updates / cpu / 1e9, "updates_per_ns": updates / wall / 1e9,
        "us_per_sweep_of_a_run": 1e6 * wall / (asked.instances * asked.runs * asked.sweeps), "beaten": beaten,
    }  # fmt: skip
    keep_row("frontier_spin_glasses", row, ("size",), ORDER)
    print({key: row[key] for key in ("residual", "best_so_far", "solved", "flips_99", "updates_per_cpu_ns", "beaten")})


if __name__ == "__main__":
    main()
