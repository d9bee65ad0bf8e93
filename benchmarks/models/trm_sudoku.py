"""Minimal 6×6 Sudokus: a tiny recursive model against the same net without recursion, trained on one CPU thread.

    python benchmarks/models/trm_sudoku.py                # three seeds and the net without recursion, ~35 CPU-minutes
    python benchmarks/models/trm_sudoku.py --quick        # 4×4, ~20 CPU-seconds
    python benchmarks/models/trm_sudoku.py --seeds 0      # one seed, ~9 CPU-minutes

1,000 puzzles to train on, augmented by Sudoku's symmetries, and 2,000 held-out ones whose solutions neither the puzzles
nor their augmentations reach, not even up to a renaming of digits. All weights are averages. Checkpoints go to
``--folder``; the early one (``EARLY`` optimiser steps) is what benchmarks/models/hybrid_*.py start from.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from thermofab.models.puzzles import Augmenter, Box, PuzzleSet, make_puzzles
from thermofab.models.trm import RecursiveModel, SequenceConfig, SequenceTrainer, SequenceTraining, SequenceTRM, answer

FOLDER = Path("build/benchmarks/trm")
SIX = Box(2, 3)
EARLY, STEPS, TRAIN, HELD_OUT = 600, 3600, 1000, 2000


def puzzles(box: Box = SIX, train: int = TRAIN, held_out: int = HELD_OUT) -> tuple[PuzzleSet, PuzzleSet]:
    """The puzzles that all of these benchmarks use."""
    return make_puzzles(box, train + held_out, seed=0).split(train)


def augmented(train: PuzzleSet, held_out: PuzzleSet):
    """A trainer's source: augmented puzzles; digits are 0…q-1 in answers."""
    augmenter = Augmenter(train, held_out)

    def draw(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        rows = np.random.default_rng(seed).integers(len(train), size=count)
        given, solved = augmenter.draw(rows, seed + 1)
        return given, solved - 1

    return draw


def exact_rate(model: RecursiveModel, test: PuzzleSet, steps: int, adaptive: bool = False) -> tuple[float, float]:
    """Share of puzzles solved exactly, and mean supervision steps."""
    out = answer(model, torch.as_tensor(test.puzzles), steps, adaptive=adaptive)
    return float((out.tokens.numpy() + 1 == test.solutions).all(axis=1).mean()), float(out.steps.float().mean())


def train(
    name: str, trainer: SequenceTrainer, test: PuzzleSet, steps: int | None, seconds: float, folder: Path
) -> None:
    """Train for so many steps or CPU seconds, print a line now and then, leave checkpoints and a last line."""
    supervision, spent, shown = trainer.training.max_steps, 0.0, 0.0
    while spent < seconds and (steps is None or trainer.step_number < steps):
        start = time.process_time()
        trainer.step()
        spent += time.process_time() - start
        if trainer.step_number == EARLY:
            trainer.save(folder / f"{name}-early")
        if spent - shown >= 60 or trainer.step_number == EARLY:
            shown = spent
            some = PuzzleSet(test.box, test.puzzles[:500], test.solutions[:500])
            rate = exact_rate(trainer.averaged(), some, supervision)[0]
            print(
                f"  {name}: {trainer.step_number:5d} steps {spent:4.0f} CPU-s, of 500 held-out {rate:.3f}", flush=True
            )
    trainer.save(folder / f"{name}-final")
    model = trainer.averaged()
    one, all_, adaptive = (
        exact_rate(model, test, 1), exact_rate(model, test, supervision), exact_rate(model, test, supervision, True)
    )  # fmt: skip
    parameters = sum(p.numel() for p in model.parameters())
    print(
        f"| {name} | {parameters:,} | {trainer.step_number:,} | {spent:.0f} | {one[0]:.3f} | {all_[0]:.4f} "
        f"| {adaptive[0]:.4f} at {adaptive[1]:.2f} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="minimal 6×6 Sudokus, with recursion and without")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--no-recursion", action="store_true", help="only the net without recursion")
    parser.add_argument("--seconds", type=float, default=590.0, help="CPU seconds a run may take")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    torch.set_num_threads(1)
    box, steps = (Box(2, 2), 400) if options.quick else (SIX, STEPS)
    learn, test = puzzles(box, 8, 4) if options.quick else puzzles()
    seeds = [0] if options.quick else [int(seed) for seed in options.seeds.split(",")]
    print(f"{len(learn)} puzzles to train on, {len(test)} held out, {(test.puzzles > 0).sum(1).mean():.2f} clues")
    print("| run | parameters | steps | CPU-s | exact, 1 step | exact, all steps | exact, adaptive, at mean steps |")
    print("|---|--:|--:|--:|--:|--:|--:|")
    source = augmented(learn, test)
    for seed in [] if options.no_recursion else seeds:
        config = SequenceConfig.sudoku(box.rows, box.columns, seed=seed)
        trainer = SequenceTrainer(SequenceTRM(config), source, SequenceTraining(decay_steps=steps, seed=seed))
        train(f"recursive-{seed}", trainer, test, steps, options.seconds, options.folder)
    for seed in seeds[:1]:
        config = SequenceConfig.sudoku(box.rows, box.columns, recursive=False, seed=seed)
        plain = SequenceTraining(max_steps=1, decay_steps=10 * steps, seed=seed)
        trainer = SequenceTrainer(SequenceTRM(config), source, plain)
        train(f"no-recursion-{seed}", trainer, test, None, 10.0 if options.quick else options.seconds, options.folder)


if __name__ == "__main__":
    main()
