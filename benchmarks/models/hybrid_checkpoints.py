"""The half-trained 6×6 Sudoku models that benchmarks/models/hybrid_backtracking.py and hybrid_reasoning.py start from.

    python benchmarks/models/hybrid_checkpoints.py            # three seeds, ~80 CPU-seconds each
    python benchmarks/models/hybrid_checkpoints.py --seeds 0

``STEPS`` optimiser steps of the schedule below, on the puzzles of trm_sudoku.py; the configuration is fixed here, so
that the figures in docs/hybrids.md do not depend on what `SequenceConfig.sudoku` gives unless told: learnt positions,
and the norm over the width.
"""

import argparse
from pathlib import Path

import torch
from trm_sudoku import CALIBRATION, HELD_OUT, SIX, TRAIN, augmented

from thermofab.models.puzzles import make_puzzles
from thermofab.models.trm import SequenceConfig, SequenceTrainer, SequenceTraining, SequenceTRM

FOLDER = Path("build/benchmarks/trm")
STEPS, SCHEDULE = 600, 3600
"""Optimiser steps taken, and those after which the rate would have fallen to a tenth."""


def config(seed: int) -> SequenceConfig:
    """What the figures in docs/hybrids.md were measured with."""
    return SequenceConfig.sudoku(SIX.rows, SIX.columns, positions="learnt", normalised="width", seed=seed)


def checkpoint(folder: Path, seed: int) -> Path:
    """Where the checkpoint of a seed is."""
    return folder / f"recursive-{seed}-early"


def main() -> None:
    parser = argparse.ArgumentParser(description="half-trained Sudoku models for the hybrids' benchmarks")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    options = parser.parse_args()
    torch.set_num_threads(1)
    learn, others = make_puzzles(SIX, TRAIN + HELD_OUT + CALIBRATION, seed=0).split(TRAIN)
    for seed in (int(part) for part in options.seeds.split(",")):
        training = SequenceTraining(decay_steps=SCHEDULE, seed=seed)
        trainer = SequenceTrainer(SequenceTRM(config(seed)), augmented(learn, others), training)
        while trainer.step_number < STEPS:
            trainer.step()
        trainer.save(checkpoint(options.folder, seed))
        print(f"{checkpoint(options.folder, seed)}: {trainer.step_number} optimiser steps", flush=True)


if __name__ == "__main__":
    main()
