"""3-regular 3-XORSAT on factor sites and on gadgets: time to solution, and how it grows with the number of spins.

    python benchmarks/frontier/xorsat.py          # about four minutes; writes docs/results/frontier_xorsat.json
    python benchmarks/frontier/xorsat.py --sizes 16 24 32 --instances 5

The instances of ``planted.py``, posed as ``planted_images.py`` says, on the native device with one thread, by replica
exchange between β 1.6 and 1 (rungs placed by ``adapted_ladder`` on the first instance of a size, four sweeps a round)
and by annealing from β 1 to 1.6 in sixteen equal steps. The ends were chosen by hand, the best of four pairs at 64
spins for both ways. ``planted_tts.py`` has the estimator. Ladders have lengths √2 apart, from one round; annealings
4 apart, from 32 sweeps. Both stop where an instance has used its ``--seconds``. Times are site updates of all rungs and
sites, hidden ones too; sweeps are those by the number of sites; seconds are updates times what one took in the same
run, 64 runs side by side.
"""

import argparse
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from frontier.planted import xorsat
from frontier.planted_images import Posed, on_factor_sites, on_gadgets
from frontier.planted_runs import NEVER, annealed_hits, exchanged_hits, placed_ladder
from frontier.planted_tts import best_of, growth, hits_by, length_grid, time_to_solution
from results import write_results

WAYS: dict[str, Callable[..., Posed]] = {"factor sites": on_factor_sites, "gadgets": on_gadgets}
METHODS = ("exchange", "annealing")
COLDEST, HOTTEST, ROUND_SWEEPS = 1.6, 1.0, 4
ANNEALED = np.linspace(HOTTEST, COLDEST, 16).tolist()
# What all instances share, the lengths, the times ``[instances, lengths]``, and nanoseconds an update by length.
Measured = tuple[dict[str, Any], np.ndarray, np.ndarray, np.ndarray]
LADDERS = length_grid(1, 2**20)
ANNEALINGS = np.array([32, 128, 512, 2048, 8192])
ENOUGH = 32  # hits after which no more annealings of a length are run


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[16, 24, 32, 40, 48, 56, 64])
    parser.add_argument("--instances", type=int, default=11)
    parser.add_argument("--runs", type=int, default=256, help="ladders of an instance, and annealings at once")
    parser.add_argument("--seconds", type=float, default=0.5, help="for an instance, by one way and method")
    parser.add_argument("--fit-from", type=int, default=32, help="the smallest size of the fit")
    options = parser.parse_args()
    started, rows, times = time.perf_counter(), [], {}
    for size in options.sizes:
        for way, pose in WAYS.items():
            posed = [pose(xorsat(size, seed)) for seed in range(options.instances)]
            for method in METHODS:
                measure = exchanged if method == "exchange" else annealed
                row, lengths, each, ns = measure(posed, options.runs, options.seconds)
                found = summary(lengths, each, row["updates_per_length"], row["sites"], ns)
                row = {"size": size, "way": way, "method": method, **row, **found}
                rows.append(row)
                times[way, method, size] = each * row["updates_per_length"]
                print(row, flush=True)
    fits = [
        fitted(way, method, [size for size in options.sizes if size >= options.fit_from], times, rows)
        for way in WAYS
        for method in METHODS
    ]
    for fit in fits:
        print(fit)
    write_results(
        "frontier_xorsat",
        {
            "seconds": round(time.perf_counter() - started), "instances": options.instances, "runs": options.runs,
            "seconds_each": options.seconds, "betas": [COLDEST, HOTTEST], "round_sweeps": ROUND_SWEEPS,
            "fit_from": options.fit_from, "rows": rows, "fits": fits,
        },
    )  # fmt: skip


def exchanged(posed: list[Posed], runs: int, seconds: float) -> Measured:
    """Lengths and times in rounds."""
    betas = placed_ladder(posed[0], COLDEST, HOTTEST, None)
    times, ns, hits = [], [], 0
    for seed, each in enumerate(posed):
        done = exchanged_hits(
            each, betas, sweeps=ROUND_SWEEPS, runs=runs, most=int(LADDERS[-1]), seed=seed, seconds=seconds
        )
        time_of = time_to_solution(LADDERS, hits_by(done.rounds, LADDERS), runs)
        # Where some ladders were stopped before they hit, nothing is known of longer ones.
        all_hit = bool(np.all(done.rounds != NEVER))
        times.append(np.where((LADDERS <= done.most) | all_hit, time_of, np.inf))
        ns.append(1e9 * done.seconds / done.updates)
        hits += int(np.count_nonzero(done.rounds != NEVER))
    updates = len(betas) * ROUND_SWEEPS * posed[0].image.fabric.n_sites
    row = _common(posed, updates, len(betas), hits / (runs * len(posed)))
    return row, LADDERS, np.array(times), np.full(len(LADDERS), np.median(ns))


def annealed(posed: list[Posed], runs: int, seconds: float) -> Measured:
    """Lengths and times in sweeps; every length gets its share of the seconds, and ``runs`` annealings at least."""
    times = np.full((len(posed), len(ANNEALINGS)), np.inf)
    ns, all_hits, all_tried = np.zeros(times.shape), 0, 0
    for seed, at in np.ndindex(times.shape):
        length = int(ANNEALINGS[at])
        hits, tried, spent = 0, 0, 0.0
        while hits < ENOUGH and spent < seconds / len(ANNEALINGS):
            done = annealed_hits(posed[seed], ANNEALED, sweeps=length, runs=runs, seed=tried * len(posed) + seed)
            hits, tried, spent = hits + done.hits, tried + runs, spent + done.seconds * runs
        times[seed, at] = time_to_solution(ANNEALINGS[at : at + 1], np.array([hits]), tried)[0]
        ns[seed, at] = 1e9 * spent / (tried * length * posed[0].image.fabric.n_sites)
        all_hits, all_tried = all_hits + hits, all_tried + tried
    row = _common(posed, posed[0].image.fabric.n_sites, 1, all_hits / all_tried)
    return row, ANNEALINGS, times, np.median(ns, axis=0)


def _common(posed: list[Posed], updates: int, rungs: int, share: float) -> dict[str, Any]:
    return {
        "sites": posed[0].image.fabric.n_sites, "rungs": rungs, "updates_per_length": updates,
        "hit": round(share, 4),
    }  # fmt: skip


def summary(lengths: np.ndarray, times: np.ndarray, updates: int, sites: int, ns: np.ndarray) -> dict[str, Any]:
    """The best length, and its time in updates, sweeps and seconds; ``None`` for what is unbounded."""
    best = best_of(lengths, times)
    per_update = float(ns[np.flatnonzero(lengths == best.length)[0]])
    median, low, high = (
        value * updates if np.isfinite(value) else None for value in (best.median, best.low, best.high)
    )
    return {
        "length": best.length, "edge": best.edge, "updates": median, "low": low, "high": high,
        "ns_per_update": round(per_update, 3), "sweeps": None if median is None else median / sites,
        "seconds": None if median is None else 1e-9 * per_update * median,
    }  # fmt: skip


def fitted(way: str, method: str, sizes: list[int], times: dict[Any, np.ndarray], rows: list[Any]) -> dict[str, Any]:
    """log10 of updates and of seconds over the sizes whose median is bounded, per spin of the problem."""
    solved = {row["size"]: row for row in rows if (row["way"], row["method"]) == (way, method) and row["updates"]}
    sizes = [size for size in sizes if size in solved]
    if len(sizes) < 3:
        return {"way": way, "method": method, "sizes": sizes}
    found = growth(sizes, [times[way, method, size] for size in sizes])
    seconds = np.polyfit(sizes, [np.log10(solved[size]["seconds"]) for size in sizes], 1)
    return {
        "way": way, "method": method, "sizes": sizes, "slope": found.slope,
        "slope_interval": [found.slope_low, found.slope_high], "constant": found.constant,
        "constant_interval": [found.constant_low, found.constant_high], "seconds_slope": float(seconds[0]),
        "seconds_constant": float(seconds[1]),
    }  # fmt: skip


if __name__ == "__main__":
    main()
