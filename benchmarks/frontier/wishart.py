"""The Wishart planted ensemble: where it is hardest, what rounding does to it, time to solution beside dwave-samplers.

    python benchmarks/frontier/wishart.py         # eleven minutes, busy; writes docs/results/frontier_wishart.json

Instances of ``planted.py`` on a fabric of the complete graph, on the native device with one thread.

* *ratio*: time to solution by α = M/N at 24 spins and 16 bits, by replica exchange. The hard ratio is that of the
  largest median; rounding is measured there, unless ``--ratio`` names another.
* *rounding*: weights of 8 to 16 bits. At up to 26 spins the rounded problem is enumerated and its least energy compared
  with the planted state's. Above, replica exchange looks for a state lower than the planted one: finding one proves
  that rounding has moved the ground state, finding none proves nothing.
* *solve*: time to solution at that ratio and at ``--solve-ratios``, by replica exchange and annealing at 16 bits, and
  of the couplings as they are by ``SimulatedAnnealingSampler`` of dwave-samplers, one thread each, one after the other.
  Its reads hit where they are the planted state or its negative; its β range is its own choice.

β are in units of 1/(√N rms J). ``planted_tts.py`` has the estimator; times are site updates of all rungs.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import dimod
import numpy as np
from dwave.samplers import SimulatedAnnealingSampler

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from frontier.planted import Wishart, pair_energies, wishart
from frontier.planted_exact import least_energy
from frontier.planted_images import Posed, on_complete_graph
from frontier.planted_runs import NEVER, annealed_hits, exchanged_hits, placed_ladder
from frontier.planted_tts import best_of, hits_by, length_grid, time_to_solution
from results import write_results

COLDEST, HOTTEST, ROUND_SWEEPS, LEVELS, RUNS = 12.0, 1.5, 4, 32, 256
LADDERS = length_grid(1, 2**20)
ANNEALINGS = (64, 256, 1024, 4096)
BATCH, ENOUGH = 256, 64  # annealings at once, and hits after which no more are run
BITS = (8, 10, 12, 16)
ENUMERATED = 26


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--ratios", type=float, nargs="+", default=[0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.75])
    parser.add_argument("--ratio-size", type=int, default=24, help="spins of --ratios")
    parser.add_argument("--ratio", type=float, default=None, help="instead of the hardest of --ratios")
    parser.add_argument("--sizes", type=int, nargs="+", default=[26, 32, 48, 64], help="of the rounding")
    parser.add_argument("--solve-sizes", type=int, nargs="+", default=[20, 24, 28, 32])
    parser.add_argument("--instances", type=int, default=9)
    parser.add_argument("--seconds", type=float, default=0.5, help="for an instance, in searches and by ratio")
    parser.add_argument("--solve-ratios", type=float, nargs="*", default=[0.25], help="besides the hardest")
    parser.add_argument("--solve-seconds", type=float, default=1.0, help="for an instance, by one way")
    options = parser.parse_args()
    started = time.perf_counter()
    ratios = [by_ratio(options.ratio_size, ratio, options.instances, options.seconds) for ratio in options.ratios]
    # Where no time is bounded the ratio is harder than all that are.
    hardest = max(ratios, key=lambda row: (row["updates"] is None, row["updates"] or 0.0))["ratio"]
    ratio = options.ratio or hardest
    rounding = [
        rounded(size, bits, ratio, options.instances, options.seconds) for size in options.sizes for bits in BITS
    ]
    solve = [
        row
        for each in dict.fromkeys([ratio, *options.solve_ratios])
        for size in options.solve_sizes
        for row in solved(size, each, options.instances, options.solve_seconds)
    ]
    write_results(
        "frontier_wishart",
        {
            "seconds": round(time.perf_counter() - started), "instances": options.instances, "runs": RUNS,
            "seconds_each": options.seconds, "betas": [COLDEST, HOTTEST], "round_sweeps": ROUND_SWEEPS, "ratio": ratio,
            "ratios": ratios, "rounding": rounding, "solve": solve,
        },
    )  # fmt: skip


def by_ratio(size: int, ratio: float, instances: int, seconds: float) -> dict[str, Any]:
    problems = [wishart(size, ratio, seed) for seed in range(instances)]
    row = {"size": size, "ratio": ratio, **exchanged(problems, seconds)}
    print(row, flush=True)
    return row


def ladder_of(problem: Wishart, posed: Posed) -> list[float]:
    return placed_ladder(posed, COLDEST / problem.scale, HOTTEST / problem.scale, None)


def exchanged(problems: list[Wishart], seconds: float) -> dict[str, Any]:
    """Replica exchange at 16 bits; the rungs are those of the first instance."""
    posed = [on_complete_graph(problem, 16, levels=LEVELS) for problem in problems]
    betas = ladder_of(problems[0], posed[0])
    times, ns = [], []
    for seed, each in enumerate(posed):
        done = exchanged_hits(
            each, betas, sweeps=ROUND_SWEEPS, runs=RUNS, most=int(LADDERS[-1]), seed=seed, seconds=seconds
        )
        all_hit = bool(np.all(done.rounds != NEVER))
        time_of = time_to_solution(LADDERS, hits_by(done.rounds, LADDERS), RUNS)
        times.append(np.where((LADDERS <= done.most) | all_hit, time_of, np.inf))
        ns.append(1e9 * done.seconds / done.updates)
    updates = len(betas) * ROUND_SWEEPS * problems[0].size
    return {"rungs": len(betas), **summary(LADDERS, np.array(times), updates, float(np.median(ns)))}


def summary(lengths: np.ndarray, times: np.ndarray, updates: int, ns: float) -> dict[str, Any]:
    """The best length and its time in updates and seconds; ``None`` for what is unbounded."""
    best = best_of(lengths, times)
    median, low, high = (
        value * updates if np.isfinite(value) else None for value in (best.median, best.low, best.high)
    )
    return {
        "length": best.length, "edge": best.edge, "updates": median, "low": low, "high": high,
        "ns_per_update": round(ns, 3), "seconds": None if median is None else 1e-9 * ns * median,
        "bounded": int(np.isfinite(times).any(axis=1).sum()),
    }  # fmt: skip


def rounded(size: int, bits: int, ratio: float, instances: int, seconds: float) -> dict[str, Any]:
    """In how many instances the planted state is still the lowest known, and by how much it is missed in the others."""
    kept, missed, betas = 0, [], []
    for seed in range(instances):
        problem = wishart(size, ratio, seed)
        weights, step = problem.rounded(bits)
        planted = int(pair_energies(weights, problem.planted))
        if size <= ENUMERATED:
            least = round(least_energy(weights))
        else:
            posed = on_complete_graph(problem, bits, levels=LEVELS)
            betas = betas or ladder_of(problem, posed)
            least = min(planted, lowest_found(posed, betas, seed, seconds))
        kept += least == planted
        missed.append((planted - least) * step / problem.scale)
    row = {
        "size": size, "bits": bits, "instances": instances, "kept": kept, "enumerated": size <= ENUMERATED,
        "missed": float(np.mean(missed)), "most_missed": float(np.max(missed)),
    }  # fmt: skip
    print(row, flush=True)
    return row


def lowest_found(posed: Posed, betas: list[float], seed: int, seconds: float) -> int:
    """The lowest energy of ladders that go on for the whole time, whatever they hit."""
    unreachable = Posed(posed.image, posed.step, -(2**62), posed.planted)
    return exchanged_hits(
        unreachable, betas, sweeps=ROUND_SWEEPS, runs=RUNS, most=int(LADDERS[-1]), seed=seed, seconds=seconds
    ).lowest


def solved(size: int, ratio: float, instances: int, seconds: float) -> list[dict[str, Any]]:
    """A row each for replica exchange, annealing and dwave-samplers."""
    problems = [wishart(size, ratio, seed) for seed in range(instances)]
    rows = [{"ratio": ratio, "size": size, "way": "replica exchange", **exchanged(problems, seconds)}]
    for way, run in (("annealing", native_annealings), ("dwave-samplers", dwave_annealings)):
        times = np.full((instances, len(ANNEALINGS)), np.inf)
        ns = np.zeros(times.shape)
        for at in np.ndindex(times.shape):
            problem, length = problems[at[0]], ANNEALINGS[at[1]]
            hits, runs, spent = 0, 0, 0.0
            while hits < ENOUGH and spent < seconds / len(ANNEALINGS):
                more, took = run(problem, length, 1000 * at[0] + runs // BATCH)
                hits, runs, spent = hits + more, runs + BATCH, spent + took
            times[at] = time_to_solution(np.array([length]), np.array([hits]), runs)[0]
            ns[at] = 1e9 * spent / (runs * length * size)
        lengths = np.array(ANNEALINGS)
        chosen = int(np.flatnonzero(lengths == best_of(lengths, times).length)[0])
        cost = float(np.median(ns[:, chosen]))
        rows.append({"ratio": ratio, "size": size, "way": way, **summary(lengths, times, size, cost)})
    for row in rows:
        print(row, flush=True)
    return rows


def native_annealings(problem: Wishart, sweeps: int, seed: int) -> tuple[int, float]:
    """Hits and processor seconds of a batch of annealings at 16 bits."""
    betas = (np.geomspace(HOTTEST, COLDEST, LEVELS) / problem.scale).tolist()
    posed = on_complete_graph(problem, 16, levels=LEVELS)
    done = annealed_hits(posed, betas, sweeps=sweeps, runs=BATCH, seed=seed)
    return done.hits, done.seconds * done.runs


def dwave_annealings(problem: Wishart, sweeps: int, seed: int) -> tuple[int, float]:
    """The same by ``SimulatedAnnealingSampler``, of the couplings as they are."""
    size = problem.size
    quadratic = {(i, j): -float(problem.couplings[i, j]) for i in range(size) for j in range(i)}
    model = dimod.BinaryQuadraticModel({k: 0.0 for k in range(size)}, quadratic, 0.0, dimod.SPIN)
    started = time.process_time()
    found = SimulatedAnnealingSampler().sample(model, num_reads=BATCH, num_sweeps=sweeps, seed=seed)
    spent = time.process_time() - started
    order = [list(found.variables).index(k) for k in range(size)]
    states = found.record.sample[:, order].astype(np.int64)
    hits = int(np.count_nonzero(np.abs(states @ problem.planted) == size))
    return hits, spent


if __name__ == "__main__":
    main()
