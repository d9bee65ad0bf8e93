"""Exact solves of 6×6 Sudokus: the net plain, with latent noise, with the device; and the constraint program alone.

    python benchmarks/reasoning/solve.py                # three seeds, 300 puzzles: ~5 CPU-minutes training, ~15 solving
    python benchmarks/reasoning/solve.py --quick        # one seed, 60 puzzles

Nets are trained for 600 optimiser steps only, so that differences show, on minimal puzzles made by search; checkpoints
are kept in ``--folder``. The puzzles solved come from another generator (grids sampled by the constraint program,
clues taken in opposite pairs). Every method may read a puzzle 8 times, of 8 supervision steps each.
"""

import argparse
import math
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import write_results

import thermofab as fab
from thermofab.apps.reasoning import (
    Annealing,
    Chooser,
    ConstraintProgram,
    HybridSettings,
    Solution,
    box_of,
    load_net,
    rules_broken,
    sampled_puzzles,
    solve_by_both,
    solve_by_net,
    trainer_of,
)
from thermofab.models.hybrid import Branching, DeviceChoice, DeviceFields, back_track, choice_layout
from thermofab.models.puzzles import PuzzleSet, make_puzzles
from thermofab.models.seeds import derived
from thermofab.models.trm import SequenceTRM

READINGS, STEPS, CHAIN = 8, 600, Annealing(sweeps=2)
CHOOSERS: tuple[Chooser, ...] = ("head", "rules")


def net(seed: int, folder: Path) -> SequenceTRM:
    """The net of a seed after 600 steps, trained if it is not there."""
    path = folder / f"recursive-{seed}-early"
    if not path.with_name(path.name + ".safetensors").exists():
        learn, held_out = make_puzzles(box_of(6), 3000, seed=0).split(1000)
        trainer = trainer_of(learn, held_out, seed=seed, decay_steps=3600)
        for _ in range(STEPS):
            trainer.step()
        trainer.save(path)
    return load_net(path)


def row(seed: int, method: str, by: str, right: np.ndarray, readings: np.ndarray, start: float, **more: Any) -> dict:
    share = float(right.mean())
    made = {
        "seed": seed, "method": method, "chosen_by": by, "exact": share,
        "standard_error": math.sqrt(share * (1 - share) / len(right)), "mean_readings": float(readings.mean()),
        "cpu_seconds": time.process_time() - start, **more,
    }  # fmt: skip
    print(f"{seed} {method:<22} {by:<6} {share:.3f} {readings.mean():.2f} {made['cpu_seconds']:.0f} s", flush=True)
    return made


def exact(found: list[Solution], test: PuzzleSet) -> np.ndarray:
    return np.array([np.array_equal(one.grid, truth) for one, truth in zip(found, test.solutions)])


def readings(found: list[Solution]) -> np.ndarray:
    return np.array([one.readings for one in found])


def of_net(seed: int, model: SequenceTRM, test: PuzzleSet, choice: DeviceChoice, program: ConstraintProgram) -> list:
    """The rows of one net."""
    box, rows = test.box, []
    start = time.process_time()
    found = solve_by_net(model, box, test.puzzles)
    rows.append(row(seed, "plain", "", exact(found, test), readings(found), start))
    for by in CHOOSERS:
        start = time.process_time()
        found = solve_by_net(model, box, test.puzzles, rollouts=READINGS, choose=by, seed=seed)
        rows.append(row(seed, "latent noise", by, exact(found, test), readings(found), start))
        start = time.process_time()
        tracked = back_track(
            model, torch.as_tensor(test.puzzles), choice,
            Branching(rollouts=READINGS, score_temperature=2.0 if by == "head" else 6.0), seed=seed,
            energy=None if by == "head" else lambda given, answers: rules_broken(box, given, answers + 1),
        )  # fmt: skip
        right = (tracked.tokens + 1 == test.solutions).all(axis=1)
        rows.append(row(seed, "back-tracking", by, right, tracked.readings, start))
        for method, strength in (("hybrid", 0.25), ("hybrid, no fields", 0.0)):
            start, settings = time.process_time(), HybridSettings(choose=by, strength=strength)
            found = solve_by_both(model, test.puzzles, program, choice, settings, seed=seed)
            own = np.array([any(a.kind == "reading" and a.broken == 0 for a in one.attempts) for one in found])
            more = {"device_sweeps": float(np.mean([one.sweeps for one in found])), "net_itself": float(own.mean())}
            rows.append(row(seed, method, by, exact(found, test), readings(found), start, **more))
    return rows


def alone(test: PuzzleSet, sweeps: int, chains: int, seeds: range, device: str = "native") -> dict[str, Any]:
    """The constraint program alone: share solved by one chain and by any of ``chains``, over runs of several seeds."""
    program = ConstraintProgram(test.box, device, Annealing(sweeps=sweeps))
    start = time.process_time()
    runs = [(seed, k) for seed in seeds for k in range(len(test))]
    solved = [program.sample(test.puzzles[k], chains=chains, seed=derived(seed, k)).broken == 0 for seed, k in runs]
    ended = np.array(solved).reshape(len(seeds), len(test), chains)
    by_seed = ended.any(axis=2).mean(axis=1)
    made = {
        "side": test.box.side, "puzzles": len(test), "clues": float((test.puzzles > 0).sum(axis=1).mean()),
        "sweeps": program.annealing.schedule.n_sweeps, "chains": chains, "one_chain": float(ended.mean()),
        "any_chain": float(by_seed.mean()), "any_chain_by_seed": by_seed.tolist(),
        "cpu_seconds_a_puzzle": (time.process_time() - start) / ended.shape[0] / len(test), "device": device,
    }  # fmt: skip
    print({name: value for name, value in made.items() if name != "any_chain_by_seed"}, flush=True)
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--puzzles", type=int, default=300)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--only-alone", action="store_true", help="leave the nets out, and write nothing")
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks/trm"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    count, seeds = (60, 1) if options.quick else (options.puzzles, options.seeds)
    six = sampled_puzzles(box_of(6), count, seed=2026, clues=8)
    sets = [
        (sampled_puzzles(box_of(4), min(count, 200), seed=2026, clues=4), (1, 4, 64)),
        (six, (2, 16, 64)),
        (sampled_puzzles(box_of(9), min(count, 100), seed=2026, clues=17), (64, 500)),
        (make_puzzles(box_of(6), min(count, 300), seed=77), (2, 16, 64)),
        (make_puzzles(box_of(9), min(count, 100), seed=77), (64, 500)),
    ]
    kinds = ("sampled", "sampled", "sampled", "minimal", "minimal")
    by_rules = [
        {"puzzles_are": kind, **alone(test, sweeps, chains, range(seeds))}
        for kind, (test, each) in zip(kinds, sets) for sweeps in each for chains in (16,)
    ]  # fmt: skip
    by_rules.append({"puzzles_are": "sampled", **alone(six, CHAIN.sweeps, READINGS - 1, range(seeds))})
    if options.only_alone:
        return
    layout = choice_layout(six.box.cells)
    program = fab.compile(layout.ising(), fab.fabric(layout.graph()))
    choice = DeviceChoice(DeviceFields(program, layout, "native"))
    rows: list[dict] = []
    for seed in range(seeds):
        rows += of_net(seed, net(seed, options.folder), six, choice, ConstraintProgram(six.box, "native", CHAIN))
    content = {
        "puzzles": len(six),
        "clues": float((six.puzzles > 0).sum(axis=1).mean()),
        "optimiser_steps": STEPS,
        "readings_at_most": READINGS,
        "sweeps_between_readings": CHAIN.schedule.n_sweeps,
        "nets": rows,
        "constraints_alone": by_rules,
    }
    print(write_results("reasoning_solve" + ("-quick" if options.quick else ""), content))


if __name__ == "__main__":
    main()
