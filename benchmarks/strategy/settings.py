"""Which settings of training: the validation log-loss of the first fold alone, whose days precede every test day.

python benchmarks/strategy/settings.py ../shared/data/prices

Writes docs/results/strategy_settings.json; settings that are in it already are kept unless ``--again``. The setting
with the least mean over two seeds is what benchmarks/strategy/walk_forward.py takes; all of them count as variants
tried there.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import ROOT, write_results
from strategy.prices import labeler_of

from thermofab.apps.console import steps
from thermofab.apps.strategy.config import TRMConfig, TRMTrainingConfig
from thermofab.apps.strategy.dataset import dataset_of, gap, walk_forward
from thermofab.apps.strategy.training import train

SETTINGS = {
    "rate 1e-3, soft": {"learning_rate": 1e-3},
    "rate 3e-4, soft": {"learning_rate": 3e-4},
    "rate 1e-4, soft": {"learning_rate": 1e-4},
    "rate 3e-5, soft": {"learning_rate": 3e-5},
    "rate 1e-3, hard": {"learning_rate": 1e-3, "soft_labels": False},
    "rate 3e-4, hard": {"learning_rate": 3e-4, "soft_labels": False},
    "rate 1e-4, hard": {"learning_rate": 1e-4, "soft_labels": False},
    "rate 3e-5, hard": {"learning_rate": 3e-5, "soft_labels": False},
}
BASE = TRMTrainingConfig(soft_labels=True, batch_size=128, max_batches=150, check_every=10, patience=5)
SEEDS = (0, 1)


def known() -> list[dict[str, Any]]:
    """Rows that were measured before."""
    file = ROOT / "docs" / "results" / "strategy_settings.json"
    rows = json.loads(file.read_text())["rows"] if file.exists() else []
    return [row for row in rows if SETTINGS.get(row["setting"]) == row["changed"]]


def main(
    prices: Annotated[Path, typer.Argument(help="A folder of CSV files, one a symbol.")],
    again: Annotated[bool, typer.Option("--again", help="Measure all of them.")] = False,
) -> None:
    torch.set_num_threads(1)
    labeler = labeler_of(prices)
    data = dataset_of(labeler)
    fold = walk_forward(data, 6, 1000, between=gap(labeler.config, 5))[0]
    rows = [] if again else known()
    new = {name: changed for name, changed in SETTINGS.items() if name not in [row["setting"] for row in rows]}
    with steps(len(new) * len(SEEDS), False) as step:
        for name, changed in new.items():
            losses, batches, started = [], [], time.process_time()
            for seed in SEEDS:
                step(f"{name}, seed {seed}")
                config = TRMConfig(training=replace(BASE, seed=seed, **changed))
                config = replace(config, model=replace(config.model, seed=seed))
                trained = train(data, fold, config)
                losses.append(min(trained.history))
                batches.append(trained.batch)
            rows.append(
                {
                    "setting": name,
                    "changed": changed,
                    "validation_log_loss": [round(loss, 4) for loss in losses],
                    "mean": round(float(np.mean(losses)), 4),
                    "stopped_at_batch": batches,
                    "cpu_s": round(time.process_time() - started, 1),
                }
            )
    rows.sort(key=lambda row: list(SETTINGS).index(row["setting"]))
    best = min(rows, key=lambda row: row["mean"])
    write_results("strategy_settings", {"rows": rows, "chosen": best["setting"], "seeds": list(SEEDS)})


if __name__ == "__main__":
    typer.run(main)
