"""Minimal 6×6 Sudokus: a tiny recursive model against the same net without recursion, trained on one CPU thread.

    python benchmarks/models/trm_sudoku.py                # three seeds and the net without recursion, ~30 CPU-minutes
    python benchmarks/models/trm_sudoku.py --quick        # 4×4, ~20 CPU-seconds
    python benchmarks/models/trm_sudoku.py --seeds 0 --recursion with --ship   # the model that ships, < 10 CPU-minutes
    python benchmarks/models/trm_sudoku.py --recursion with --form published --steps 2000   # as published, 3 seeds
    python benchmarks/models/trm_sudoku.py --page         # the table of docs/trm.md from the JSON

1,000 puzzles to train on, augmented by Sudoku's symmetries, 2,000 held-out ones, and 1,000 more to choose the halting
threshold on; the solutions of the last two neither the puzzles nor their augmentations reach, not even up to a renaming
of digits. All weights are averages. Checkpoints go to ``--folder``. Without ``--quick``, docs/results/trm_sudoku.json
has every run; runs that it has already are kept unless they are run again.
"""

import argparse
import json
import re
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from results import ROOT, write_results

from thermofab.models.puzzles import Augmenter, Box, PuzzleSet, make_puzzles
from thermofab.models.trm import (
    SequenceConfig,
    SequenceTrainer,
    SequenceTraining,
    SequenceTRM,
    calibrate,
    halting_curve,
)

NAME = "trm_sudoku"
FOLDER = Path("build/benchmarks/trm-sudoku")
SHIPPED = ROOT / "models" / "trm" / "weights" / "sudoku-6x6"
SIX = Box(2, 3)
STEPS, TRAIN, HELD_OUT, CALIBRATION = 3600, 1000, 2000, 1000
FORMS: dict[str, dict[str, Any]] = {
    "learnt": {"positions": "learnt", "normalised": "width"},
    "published": {"positions": "none", "normalised": "positions"},
}
"""Learnt positions and the norm over the width, or no positions added to the tokens and the norm over positions."""
MARGIN = 0.003
"""How much less exact adaptive answers may be on the calibration puzzles than the best of all thresholds."""


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


def tensors(test: PuzzleSet) -> tuple[torch.Tensor, torch.Tensor]:
    """Tokens and answers as the model has them."""
    return torch.as_tensor(test.puzzles), torch.as_tensor(test.solutions - 1)


def train(
    name: str,
    trainer: SequenceTrainer,
    sets: tuple[PuzzleSet, PuzzleSet],
    steps: int | None,
    seconds: float,
    folder: Path,
    before: float = 0.0,
) -> tuple[SequenceTRM, dict[str, Any]]:
    """Train for so many steps or CPU seconds, ``before`` of which are spent, leave a checkpoint.

    Gives the averaged model, its threshold calibrated on the second set, and what it does on the first.
    """
    test, calibration = sets
    supervision, spent, shown = trainer.training.max_steps, before, before
    seen: list[dict[str, float]] = []
    while spent < seconds and (steps is None or trainer.step_number < steps):
        start = time.process_time()
        trainer.step()
        spent += time.process_time() - start
        if spent - shown >= 60:
            shown = spent
            some = PuzzleSet(test.box, test.puzzles[:500], test.solutions[:500])
            rate = halting_curve(trainer.averaged(), *tensors(some), supervision)[0]
            seen.append({"steps": trainer.step_number, "cpu_seconds": round(spent), "exact_of_500": round(rate, 4)})
            print(f"  {name}: {seen[-1]}", flush=True)
    model = trainer.averaged()
    assert isinstance(model, SequenceTRM)
    calibrated = calibrate(model, *tensors(calibration), supervision, margin=MARGIN)
    trainer.model.halt_threshold = model.halt_threshold
    trainer.save(folder / f"{name}-final")
    one = halting_curve(model, *tensors(test), 1)[0]
    whole, curve = halting_curve(model, *tensors(test), supervision)
    return model, {
        "run": name,
        "parameters": sum(p.numel() for p in model.parameters()),
        "steps": trainer.step_number,
        "cpu_seconds": round(spent),
        "exact_one_step": round(one, 4),
        "exact_all_steps": round(whole, 4),
        "halt_threshold": calibrated.chosen.threshold,
        "adaptive": {
            str(halting.threshold): {"exact": round(halting.exact, 4), "mean_steps": round(halting.mean_steps, 2)}
            for halting in curve
        },
        "while_training": seen,
    }


def page() -> str:
    """The table, from the JSON: each run, mean and range of seeds of one form and length, and the net without recursion
    if it was measured."""
    rows = json.loads((ROOT / "docs" / "results" / f"{NAME}.json").read_text())["rows"]
    plain = [row for row in rows if row["run"].startswith("no recursion")]
    recursive = [row for row in rows if row not in plain]
    parameters = {form: row["parameters"] for row in recursive for form in FORMS if row["run"].startswith(form)}

    def halted(row: dict[str, Any], threshold: float) -> tuple[float, float]:
        return row["adaptive"][str(threshold)]["exact"], row["adaptive"][str(threshold)]["mean_steps"]

    def both(found: tuple[float, float]) -> str:
        return f"{found[0]:.4f} at {found[1]:.2f}"

    lines = [
        "; ".join(f"{form} form: {count:,} parameters" for form, count in parameters.items()) + ".",
        "",
        "| run | CPU-s | exact after 1 step | after all 8 | halting at .5 | at .9 | calibrated |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    alike: dict[str, list[dict[str, Any]]] = {}
    for row in recursive:
        alike.setdefault(re.sub(r"seed \d+", "seeds", row["run"]), []).append(row)
    for name, group in alike.items():
        for row in group:
            lines.append(
                f"| {row['run']} | {row['cpu_seconds']} | {row['exact_one_step']:.4f} "
                f"| **{row['exact_all_steps']:.4f}** | {both(halted(row, 0.5))} | {both(halted(row, 0.9))} "
                f"| {row['halt_threshold']:g}: {both(halted(row, row['halt_threshold']))} |"
            )
        if len(group) == 1:
            continue
        one = np.array([row["exact_one_step"] for row in group])
        whole = np.array([row["exact_all_steps"] for row in group])
        halting = [
            np.array([halted(row, 0.5) for row in group]),
            np.array([halted(row, 0.9) for row in group]),
            np.array([halted(row, row["halt_threshold"]) for row in group]),
        ]
        means = " | ".join(both(tuple(part.mean(axis=0))) for part in halting)
        ranges = " | ".join(f"{part[:, 0].min():.4f} to {part[:, 0].max():.4f}" for part in halting)
        lines += [
            f"| {name}: mean of {len(group)} | | {one.mean():.4f} | **{whole.mean():.4f}** | {means} |",
            f"| range | | {one.min():.4f} to {one.max():.4f} | {whole.min():.4f} to {whole.max():.4f} | {ranges} |",
        ]
    lines += [
        f"| {row['run']}, {row['steps']:,} steps | {row['cpu_seconds']} | {row['exact_one_step']:.4f} | | | | |"
        for row in plain
    ]
    return "\n".join(lines)


def so_far(run: str, steps: int) -> tuple[float, list[dict[str, float]]]:
    """CPU seconds, and what was seen while training, of the run whose name begins so, of so many steps, in the JSON."""
    rows = json.loads((ROOT / "docs" / "results" / f"{NAME}.json").read_text())["rows"]
    (row,) = (row for row in rows if row["run"].startswith(run) and row["steps"] == steps)
    return float(row["cpu_seconds"]), row["while_training"]


def keep(row: dict[str, Any], about: dict[str, Any]) -> None:
    """The JSON with this run's row in place of the one of that name."""
    path = ROOT / "docs" / "results" / f"{NAME}.json"
    rows = json.loads(path.read_text())["rows"] if path.is_file() else []
    rows = [other for other in rows if other["run"] != row["run"]] + [row]
    write_results(NAME, {**about, "rows": sorted(rows, key=lambda row: (row["run"].startswith("no"), row["run"]))})


def main() -> None:
    parser = argparse.ArgumentParser(description="minimal 6×6 Sudokus, with recursion and without")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", default="0,1,2", help="with commas; the net without recursion has the first")
    parser.add_argument("--form", choices=tuple(FORMS), default="learnt", help="of the nets with recursion")
    parser.add_argument("--recursion", choices=("with", "without", "both"), default="both")
    parser.add_argument("--seconds", type=float, default=590.0, help="CPU seconds a run may take")
    parser.add_argument("--steps", type=int, default=STEPS, help="optimiser steps of a run with recursion")
    parser.add_argument("--decay", type=int, help="those after which its rate has fallen to a tenth; default: --steps")
    parser.add_argument("--resume", action="store_true", help="go on from the checkpoints in the folder, to --steps")
    parser.add_argument(
        "--exploration", type=float, help="of a resumed run: share of puzzles that may not halt at once"
    )
    parser.add_argument("--folder", type=Path, default=FOLDER)
    parser.add_argument("--ship", action="store_true", help="the first seed's model becomes the one in the package")
    parser.add_argument("--page", action="store_true", help="print the table of docs/trm.md and train nothing")
    options = parser.parse_args()
    if options.page:
        print(page())
        return
    torch.set_num_threads(1)
    box, steps, decay = (Box(2, 2), 400, 400) if options.quick else (SIX, options.steps, options.decay or options.steps)
    counts = (6, 3, 3) if options.quick else (TRAIN, HELD_OUT, CALIBRATION)
    learn, others = make_puzzles(box, sum(counts), seed=0).split(counts[0])
    sets = others.split(counts[1])
    about = {
        "train": counts[0],
        "held_out": counts[1],
        "calibration": counts[2],
        "mean_clues": round(float((others.puzzles > 0).sum(1).mean()), 2),
        "margin": MARGIN,
    }
    print(about)
    source = augmented(learn, others)
    seeds = [0] if options.quick else [int(seed) for seed in options.seeds.split(",")]
    for seed in seeds if options.recursion != "without" else []:
        config = SequenceConfig.sudoku(box.rows, box.columns, seed=seed, **FORMS[options.form])
        trainer = SequenceTrainer(SequenceTRM(config), source, SequenceTraining(decay_steps=decay, seed=seed))
        name, before, seen = f"{options.form}-{seed}", 0.0, []
        if options.resume and (options.folder / f"{name}-final.json").is_file():
            trainer = SequenceTrainer.load(options.folder / f"{name}-final", source)
            before, seen = so_far(f"{options.form} form, seed {seed}", trainer.step_number)
            if options.exploration is not None:
                trainer.training = replace(trainer.training, exploration=options.exploration)
        model, row = train(name, trainer, sets, steps, options.seconds, options.folder, before)
        run = f"{options.form} form, seed {seed}, {steps:,} steps"
        run += f", exploring {options.exploration:g}" if options.exploration is not None else ""
        row |= {"run": run, "while_training": seen + row["while_training"]}
        print(row, flush=True)
        if not options.quick:
            keep(row, about)
            if options.ship and seed == seeds[0]:
                model.save_pretrained(SHIPPED, notes={"command": "python " + " ".join(sys.argv), **about, **row})
    for seed in seeds[:1] if options.recursion != "with" else []:
        config = SequenceConfig.sudoku(box.rows, box.columns, recursive=False, seed=seed)
        plain = SequenceTraining(max_steps=1, decay_steps=10 * decay, seed=seed)
        trainer = SequenceTrainer(SequenceTRM(config), source, plain)
        seconds = 10.0 if options.quick else options.seconds
        row = train(f"no-recursion-{seed}", trainer, sets, None, seconds, options.folder)[1]
        row["run"] = f"no recursion, seed {seed}"
        print(row, flush=True)
        if not options.quick:
            keep(row, about)


if __name__ == "__main__":
    main()
