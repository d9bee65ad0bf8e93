"""The walk-forward tables, by utility and by profit, with ablations, and tests of what the figures mean.

python benchmarks/strategy/walk_forward.py ../shared/data/prices --cache out/strategy

Needs docs/results/strategy_settings.json (benchmarks/strategy/settings.py). Writes docs/results/strategy_utility.json,
strategy_profit.json and strategy_checks.json. With a cache a run that was stopped goes on.
"""

import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import torch
import typer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import ROOT, write_results
from strategy.prices import labeler_of
from strategy.settings import BASE, SETTINGS

from thermofab.apps.console import steps
from thermofab.apps.strategy.baselines import BASELINES, VARIANTS
from thermofab.apps.strategy.checks import jitter, one_month, permuted_labels, random_split
from thermofab.apps.strategy.config import TRMConfig
from thermofab.apps.strategy.dataset import dataset_of, gap, walk_forward
from thermofab.apps.strategy.evaluation import MODEL, ablations, evaluate
from thermofab.models.trm.classifier import TinyRecursiveModel

FOLDS, FIRST, EMBARGO = 6, 1000, 5


def chosen() -> TRMConfig:
    """The setting that docs/results/strategy_settings.json names."""
    name = json.loads((ROOT / "docs" / "results" / "strategy_settings.json").read_text())["chosen"]
    return TRMConfig(training=replace(BASE, **SETTINGS[name]))


def main(
    prices: Annotated[Path, typer.Argument(help="A folder of CSV files, one a symbol.")],
    cache: Annotated[Path | None, typer.Option(help="Folder for answers.")] = None,
) -> None:
    torch.set_num_threads(1)
    data, config = dataset_of(labeler_of(prices)), chosen()
    by_profit = replace(config, training=replace(config.training, labels="profit"))
    runs = {"strategy_utility": (config, tuple(ablations(config))), "strategy_profit": (by_profit, (MODEL,))}
    total = len(SETTINGS) + sum(len(models) + sum(VARIANTS.values()) for _, models in runs.values())
    net = TinyRecursiveModel(config.model)
    about = {
        "parameters": sum(p.numel() for p in net.parameters()),
        "effective_depth": config.effective_depth,
        "training": config.to_json()["training"],
        "embargo": EMBARGO,
        "cost": config.strategies.cost,
    }
    for name, (own, models) in runs.items():
        started = time.process_time()
        with steps(FOLDS * (len(models) + len(BASELINES)), False) as step:
            result = evaluate(
                data, own, folds=FOLDS, first_train=FIRST, embargo=EMBARGO, models=models, cache=cache, progress=step,
                tried_elsewhere=total - len(models) - sum(VARIANTS.values()),
            )  # fmt: skip
        write_results(name, {**about, "cpu_s": round(time.process_time() - started), **result.to_json()})
    last = walk_forward(data, FOLDS, FIRST, between=gap(config.strategies, EMBARGO))[-1]
    with steps(5, False) as step:
        step("permuted labels")
        permuted = permuted_labels(data, last, config).to_json()
        step("noise on features")
        held = replace(config, training=replace(config.training, patience=config.training.max_batches))
        noisy = jitter(data, last, config)
        step("random split")
        leaky = {name: shares.to_json() for name, shares in random_split(data, by_profit).items()}
        step("one month, by profit")
        month = one_month(data, replace(held, training=replace(held.training, labels="profit", learning_rate=1e-3)))
        step("one month, by utility")
        month_utility = one_month(data, replace(held, training=replace(held.training, learning_rate=1e-3)))
    write_results(
        "strategy_checks",
        {
            "fold": [str(data.dates[last.train[0]]), str(data.dates[last.train[-1]]), str(data.dates[last.test[-1]])],
            "permuted_labels": permuted,
            "jitter": noisy,
            "random_split_by_profit": leaky,
            "one_month": {"profit": month, "utility": month_utility},
        },
    )


if __name__ == "__main__":
    typer.run(main)
