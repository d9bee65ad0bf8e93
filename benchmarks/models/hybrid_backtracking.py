"""Back-tracking sampled on the device against plain latent noise and greedy back-tracking, at an early checkpoint.

    python benchmarks/models/hybrid_checkpoints.py               # leaves the checkpoints
    python benchmarks/models/hybrid_backtracking.py              # three seeds, 500 held-out puzzles each
    python benchmarks/models/hybrid_backtracking.py --quick      # one seed, 100 puzzles

Every method may read a puzzle 8 times, 8 supervision steps each. *head* takes the answer of the largest halting logit;
*rules* takes one that keeps Sudoku's rules, if there is one, and stops there; *any* counts puzzles of which any answer
was right.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from hybrid_checkpoints import FOLDER, checkpoint
from trm_sudoku import puzzles

import thermofab as fab
from thermofab.models.hybrid import Branching, DeviceChoice, DeviceFields, back_track, choice_layout
from thermofab.models.puzzles import PuzzleSet
from thermofab.models.trm import SequenceTRM, answer, averaged_model

READINGS = 8


def rules_broken(test: PuzzleSet):
    """How many digits units lack and clues were changed; needs no solution, and is 0 for the solution only."""

    def energy(tokens: np.ndarray, answers: np.ndarray) -> np.ndarray:
        return test.box.violations(answers + 1) + ((tokens > 0) & (tokens != answers + 1)).sum(axis=1)

    return energy


def noisy(model: SequenceTRM, test: PuzzleSet, seed: int) -> tuple[float, float, float, float]:
    """Latent noise of deviation 1, best of 8: exact by head, by rules, by any; readings by rules."""
    given = torch.as_tensor(test.puzzles)
    runs = [answer(model, given, 8, noise=1.0, seed=100 * seed + k) for k in range(READINGS)]
    tokens = np.stack([run.tokens.numpy() for run in runs])
    right = (tokens + 1 == test.solutions).all(axis=-1)
    kept = np.stack([rules_broken(test)(test.puzzles, answers) == 0 for answers in tokens])
    head = np.stack([run.halt_logit.numpy() for run in runs]).argmax(axis=0)
    every = np.arange(len(test))
    first = np.where(kept.any(axis=0), kept.argmax(axis=0), READINGS - 1)
    rules = np.where(kept.any(axis=0), kept.argmax(axis=0), head)
    return right[head, every].mean(), right[rules, every].mean(), right.any(axis=0).mean(), (first + 1).mean()


def main() -> None:
    parser = argparse.ArgumentParser(description="back-tracking sampled on the device against latent noise")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--puzzles", type=int, default=500)
    parser.add_argument(
        "--first", type=int, default=200, help="held-out puzzles left out: settings were chosen on them"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--device", default="native")
    options = parser.parse_args()
    torch.set_num_threads(1)
    count = 100 if options.quick else options.puzzles
    whole = puzzles()[1]
    kept = slice(options.first, options.first + count)
    test = PuzzleSet(whole.box, whole.puzzles[kept], whole.solutions[kept])
    layout = choice_layout(test.box.cells)
    program = fab.compile(layout.ising(), fab.fabric(layout.graph()))
    choice = DeviceChoice(DeviceFields(program, layout, options.device))
    print("| checkpoint | method | head | rules | any | mean readings (rules) | CPU-s |")
    print("|---|---|--:|--:|--:|--:|--:|")
    for seed in options.seeds.split(",")[: 1 if options.quick else None]:
        model = averaged_model(checkpoint(options.folder, int(seed)))
        given = torch.as_tensor(test.puzzles)
        once = (answer(model, given, 8).tokens.numpy() + 1 == test.solutions).all(axis=1).mean()
        print(f"| {seed} | one reading, no noise | {once:.3f} | {once:.3f} | {once:.3f} | 1 | |", flush=True)
        start = time.process_time()
        head, rules, any_, readings = noisy(model, test, int(seed))
        spent = time.process_time() - start
        print(f"| {seed} | latent noise | {head:.3f} | {rules:.3f} | {any_:.3f} | {readings:.2f} | {spent:.0f} |")
        for name, settings in METHODS.items():
            start = time.process_time()
            shares = []
            for energy in (None, rules_broken(test)):
                heat = 2.0 if energy is None else 6.0
                out = back_track(
                    model,
                    given,
                    choice,
                    Branching(rollouts=READINGS, score_temperature=heat, **settings),
                    energy=energy,
                    seed=int(seed),
                )
                right = out.tokens + 1 == test.solutions
                shares.append(right.all(axis=1).mean())
            any_ = (out.all_tokens + 1 == test.solutions).all(axis=-1).any(axis=0).mean()
            spent = time.process_time() - start
            print(
                f"| {seed} | {name} | {shares[0]:.3f} | {shares[1]:.3f} | {any_:.3f} | {out.readings.mean():.2f} "
                f"| {spent:.0f} |",
                flush=True,
            )


METHODS = {
    "greedy back-tracking": {"greedy": True},
    "sampled on the device": {},
    "sampled, and noise by turns": {"noise": 1.0, "restarts": True},
}

if __name__ == "__main__":
    main()
