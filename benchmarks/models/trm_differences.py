"""Each difference between the sequence model's defaults and the published model's code, trained for equal CPU seconds.

    python benchmarks/models/trm_differences.py                # all variants, one seed, ~20 CPU-minutes
    python benchmarks/models/trm_differences.py --only rotary  # those whose names have this in them
    python benchmarks/models/trm_differences.py --quick        # 3 CPU-seconds a variant, 40 held-out puzzles
    python benchmarks/models/trm_differences.py --page         # the table of docs/trm.md from the JSON

Minimal 6×6 Sudokus (the puzzles of trm_sudoku.py), one CPU thread, a constant learning rate unless the variant is about
it, averaged weights. Evaluation is not part of the time. Published facts: arXiv 2510.04871 and its code,
SamsungSAILMontreal/TinyRecursiveModels. docs/results/trm_differences.json has the rows; those that it has already are
kept unless they are measured again.
"""

import argparse
import json
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from trm_sudoku import SIX, augmented, puzzles

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from results import ROOT, write_results

from thermofab.models.puzzles import PuzzleSet
from thermofab.models.trm import IGNORED, SequenceConfig, SequenceTrainer, SequenceTraining, SequenceTRM, answer

NAME = "trm_differences"
BASE = SequenceConfig.sudoku(SIX.rows, SIX.columns, positions="learnt", normalised="width", halting_bias=-2.0)
PLAIN = SequenceTraining()
TASK = SIX.side + 1
"""The token of the task, where one stands in front."""


@dataclass(frozen=True)
class Variant:
    """A name, the two configurations, and whether a task token stands in front with an answer that is ignored."""

    name: str
    config: SequenceConfig = BASE
    training: SequenceTraining = PLAIN
    task_token: bool = False


TOKEN = replace(BASE, length=BASE.length + 1, vocabulary_in=BASE.vocabulary_in + 1, halt_reads="first")
VARIANTS = (
    Variant("as it was"),
    Variant("as it was, seed 1", replace(BASE, seed=1), SequenceTraining(seed=1)),
    Variant("norm over positions", replace(BASE, normalised="positions")),
    Variant("no learnt positions", replace(BASE, positions="none")),
    Variant("norm over positions, no learnt positions", replace(BASE, normalised="positions", positions="none")),
    Variant(
        "norm over positions, no learnt positions, seed 1",
        replace(BASE, normalised="positions", positions="none", seed=1),
        SequenceTraining(seed=1),
    ),
    Variant("attention, learnt positions", replace(BASE, mixing="attention")),
    Variant("attention, rotary", replace(BASE, mixing="attention", positions="rotary")),
    Variant("halting bias -5", replace(BASE, halting_bias=-5.0)),
    Variant("task token in front, ignored, halting reads it", TOKEN, task_token=True),
    Variant("AdamATan2, no clipping", training=SequenceTraining(optimiser="adam-atan2", clip=0.0)),
    Variant(
        "AdamATan2, rate 1e-4, warm-up 2,000, decay 1",
        training=SequenceTraining(optimiser="adam-atan2", clip=0.0, learning_rate=1e-4, warmup=2000, weight_decay=1.0),
    ),
    Variant("AdamW, no clipping", training=SequenceTraining(clip=0.0)),
    Variant("rate falling to a tenth", training=SequenceTraining(decay_steps=700)),
    Variant("average without warm-up", training=SequenceTraining(ema_warmup=False)),
)


def with_task(tokens: np.ndarray, first: int) -> np.ndarray:
    """``[B, L + 1]``: a token in front of each row."""
    return np.concatenate([np.full((len(tokens), 1), first), tokens], axis=1)


def measured(variant: Variant, learn: PuzzleSet, test: PuzzleSet, seconds: float) -> dict[str, Any]:
    """One training and what it gives on held-out puzzles."""
    plain = augmented(learn, test)

    def source(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        given, solved = plain(count, seed)
        return (with_task(given, TASK), with_task(solved, IGNORED)) if variant.task_token else (given, solved)

    trainer = SequenceTrainer(SequenceTRM(variant.config), source, variant.training)
    spent = 0.0
    while spent < seconds:
        begun = time.process_time()
        trainer.step()
        spent += time.process_time() - begun
    given = with_task(test.puzzles, TASK) if variant.task_token else test.puzzles
    tokens = answer(trainer.averaged(), torch.as_tensor(given), variant.training.max_steps).tokens.numpy() + 1
    right = (tokens[:, 1:] if variant.task_token else tokens) == test.solutions
    return {
        "variant": variant.name,
        "parameters": sum(p.numel() for p in trainer.model.parameters()),
        "steps": trainer.step_number,
        "cpu_seconds": round(spent, 1),
        "cells": round(float(right[test.puzzles == 0].mean()), 4),
        "exact": round(float(right.all(axis=1).mean()), 4),
    }


def keep(row: dict[str, Any], about: dict[str, Any]) -> None:
    """The JSON with this variant's row in place of the one of that name, in the order of ``VARIANTS``."""
    path, rows = ROOT / "docs" / "results" / f"{NAME}.json", [row]
    if path.is_file():
        found = json.loads(path.read_text())
        if {name: found[name] for name in about} == about:
            rows += [other for other in found["rows"] if other["variant"] != row["variant"]]
    names = [variant.name for variant in VARIANTS]
    write_results(NAME, {**about, "rows": sorted(rows, key=lambda row: names.index(row["variant"]))})


def page() -> str:
    """The table, from the JSON."""
    found = json.loads((ROOT / "docs" / "results" / f"{NAME}.json").read_text())
    lines = ["| variant | parameters | optimiser steps | open cells right | exact |", "|---|--:|--:|--:|--:|"]
    for row in found["rows"]:
        lines.append(
            f"| {row['variant']} | {row['parameters']:,} | {row['steps']:,} | {row['cells']:.3f} | {row['exact']:.3f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="differences from the published model, at equal CPU seconds")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seconds", type=float, default=75.0, help="CPU seconds of training a variant")
    parser.add_argument("--puzzles", type=int, default=1000, help="held-out puzzles to read")
    parser.add_argument("--only", default="", help="variants whose names have one of these in them, with semicolons")
    parser.add_argument("--page", action="store_true", help="print the table of docs/trm.md and train nothing")
    options = parser.parse_args()
    if options.page:
        print(page())
        return
    torch.set_num_threads(1)
    seconds, count = (3.0, 40) if options.quick else (options.seconds, options.puzzles)
    learn, whole = puzzles()
    test = PuzzleSet(whole.box, whole.puzzles[:count], whole.solutions[:count])
    for part in options.only.split(";"):
        for variant in VARIANTS:
            if part not in variant.name:
                continue
            row = measured(variant, learn, test, seconds)
            print(row, flush=True)
            if not options.quick:
                keep(row, {"cpu_seconds_each": seconds, "held_out": count})


if __name__ == "__main__":
    main()
