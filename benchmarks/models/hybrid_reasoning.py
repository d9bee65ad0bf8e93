"""The probabilistic reasoning layer at an early checkpoint: the same training going on with it and without.

    python benchmarks/models/hybrid_checkpoints.py       # leaves the checkpoints
    python benchmarks/models/hybrid_reasoning.py         # three seeds, ~6 CPU-minutes

From one checkpoint's averaged weights, all arms train for ``STEPS`` optimiser steps with the same puzzles: the plain
model, the layer with the score-function estimator, the layer with the straight-through one, and the layer with
couplings held at 0, which tells what couplings and sampling add to feeding the model's own marginals back.
"""

import argparse
import copy
import time
from pathlib import Path

import torch
from hybrid_checkpoints import FOLDER, checkpoint
from trm_sudoku import augmented, puzzles

import thermofab as fab
from thermofab.models.hybrid import DeviceFields, ReasoningTRM, exclusion_relations
from thermofab.models.puzzles import PuzzleSet
from thermofab.models.trm import RecursiveModel, SequenceTrainer, SequenceTraining, answer, averaged_model

STEPS = 150
ARMS = ("plain", "score", "straight-through", "no couplings")


def main() -> None:
    parser = argparse.ArgumentParser(description="the probabilistic reasoning layer on and off")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--device", default="native")
    options = parser.parse_args()
    torch.set_num_threads(1)
    learn, whole = puzzles()
    count, steps = (100, 10) if options.quick else (1000, STEPS)
    test = PuzzleSet(whole.box, whole.puzzles[:count], whole.solutions[:count])
    relations = exclusion_relations(test.box.units, test.box.cells, test.box.side)
    layout = relations.layout
    program = fab.compile(layout.ising(), fab.fabric(layout.graph()), keep_zero=True)
    print("| checkpoint | arm | exact before | exact after | couplings | CPU-s |")
    print("|---|---|--:|--:|---|--:|")
    for seed in options.seeds.split(",")[: 1 if options.quick else None]:
        base = averaged_model(checkpoint(options.folder, int(seed)))
        before = rate(base, test)
        for arm in ARMS:
            device = DeviceFields(program, layout, options.device)
            estimator = arm if arm in ("score", "straight-through") else "score"
            model = ReasoningTRM(copy.deepcopy(base), relations, device, estimator=estimator, enabled=arm != "plain")
            if arm == "no couplings":
                with torch.no_grad():
                    model.couplings.zero_()
                model.couplings.requires_grad_(False)
            training = SequenceTraining(learning_rate=1e-3, ema=0.99, seed=1000 + int(seed))
            trainer = SequenceTrainer(model, augmented(learn, whole), training)
            start = time.process_time()
            for _ in range(steps):
                trainer.step()
            spent = time.process_time() - start
            averaged = trainer.averaged()
            assert isinstance(averaged, ReasoningTRM)
            found = " ".join(f"{value:+.3f}" for value in averaged.couplings.tolist())
            print(f"| {seed} | {arm} | {before:.3f} | {rate(averaged, test):.3f} | {found} | {spent:.0f} |", flush=True)


def rate(model: RecursiveModel, test: PuzzleSet) -> float:
    """Share of puzzles solved exactly in 8 steps."""
    tokens = answer(model, torch.as_tensor(test.puzzles), 8).tokens.numpy()
    return float((tokens + 1 == test.solutions).all(axis=1).mean())


if __name__ == "__main__":
    main()
