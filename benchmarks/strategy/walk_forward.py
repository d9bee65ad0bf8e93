"""The walk-forward tables, by utility and by profit, tests of what the figures mean, and an ablation of the switches.

python benchmarks/strategy/walk_forward.py ../shared/data/prices --cache out/strategy

Needs docs/results/strategy_settings.json (benchmarks/strategy/settings.py). Writes docs/results/strategy_utility.json,
strategy_profit.json, strategy_checks.json, strategy_memory.json and strategy_ablation.json; ``--parts`` names some of
them. With a cache a run that was stopped goes on.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import ROOT, write_results
from strategy.prices import labeler_of
from strategy.settings import BASE, SETTINGS

from thermofab.apps.console import steps
from thermofab.apps.strategy.baselines import BASELINES, VARIANTS
from thermofab.apps.strategy.checks import eager, jitter, one_month, permuted_labels, random_split
from thermofab.apps.strategy.config import TRMConfig
from thermofab.apps.strategy.dataset import Dataset, dataset_of, gap, walk_forward
from thermofab.apps.strategy.evaluation import MODEL, evaluate
from thermofab.models.trm.classifier import TinyRecursiveModel

FOLDS, FIRST, EMBARGO = 6, 1000, 5
ABLATION_FOLDS = 3  # the last ones
SWITCHES = (MODEL, "without GrokFast", "without EMA", "without both")


def chosen() -> TRMConfig:
    """The setting that docs/results/strategy_settings.json names."""
    name = json.loads((ROOT / "docs" / "results" / "strategy_settings.json").read_text())["chosen"]
    return TRMConfig(training=replace(BASE, **SETTINGS[name]))


def main(
    prices: Annotated[Path, typer.Argument(help="A folder of CSV files, one a symbol.")],
    cache: Annotated[Path | None, typer.Option(help="Folder for answers.")] = None,
    parts: Annotated[str, typer.Option(help="Of these, by commas.")] = "tables,checks,memory,ablation",
) -> None:
    torch.set_num_threads(1)
    data, config = dataset_of(labeler_of(prices)), chosen()
    by_profit = replace(config, training=replace(config.training, labels="profit"))
    # Settings, both tables with all settings of the baselines, and the three other models of the ablation.
    total = len(SETTINGS) + 2 * (1 + sum(VARIANTS.values())) + len(SWITCHES) - 1
    about = {
        "parameters": sum(p.numel() for p in TinyRecursiveModel(config.model).parameters()),
        "effective_depth": config.effective_depth,
        "training": config.to_json()["training"],
        "embargo": EMBARGO,
        "cost": config.strategies.cost,
    }

    def table(name: str, own: TRMConfig, models: tuple[str, ...], baselines: tuple[str, ...], only: range) -> None:
        tried = total - len(models) - sum(VARIANTS[baseline] for baseline in baselines)
        with steps(len(only) * (len(models) + len(baselines)), False) as step:
            result = evaluate(
                data, own, folds=FOLDS, first_train=FIRST, embargo=EMBARGO, models=models, baselines=baselines,
                cache=cache, progress=step, tried_elsewhere=tried, only=only,
            )  # fmt: skip
        write_results(name, {**about, "training": own.to_json()["training"], **result.to_json()})

    if "tables" in parts:
        table("strategy_utility", config, SWITCHES[:2], tuple(BASELINES), range(FOLDS))
        table("strategy_profit", by_profit, (MODEL,), tuple(BASELINES), range(FOLDS))
    if "checks" in parts:
        write_results("strategy_checks", checked(data, config, by_profit))
    if "memory" in parts:
        write_results("strategy_memory", memory(data, config))
    if "ablation" in parts:
        table("strategy_ablation", config, SWITCHES, ("majority",), range(FOLDS - ABLATION_FOLDS, FOLDS))


def memory(data: Dataset, config: TRMConfig) -> dict[str, Any]:
    """Own and shuffled labels of the last fold, trained to the end at the rate that was chosen."""
    last = walk_forward(data, FOLDS, FIRST, between=gap(config.strategies, EMBARGO))[-1]
    able = eager(config, config.training.learning_rate)
    with steps(2, False) as step:
        step("own labels, to the end")
        own = jitter(data, last, able, keep=True)
        step("permuted labels, to the end")
        permuted = permuted_labels(data, last, able).to_json()
    return {"rate": able.training.learning_rate, "own_labels": own, "permuted_labels": permuted}


def checked(data: Dataset, config: TRMConfig, by_profit: TRMConfig) -> dict[str, Any]:
    """Tests of what the figures mean, on the last fold."""
    last = walk_forward(data, FOLDS, FIRST, between=gap(config.strategies, EMBARGO))[-1]
    with steps(5, False) as step:
        step("permuted labels, to the end")
        permuted = permuted_labels(data, last, eager(config)).to_json()
        step("own labels, to the end")
        kept = jitter(data, last, eager(config), keep=True)
        step("own labels, stopped early")
        stopped = jitter(data, last, config)
        step("random split")
        leaky = {name: shares.to_json() for name, shares in random_split(data, by_profit).items()}
        step("one month")
        month = one_month(data, eager(by_profit))
    return {
        "fold": [str(data.dates[rows]) for rows in (last.train[0], last.train[-1], last.test[0], last.test[-1])],
        "permuted_labels": permuted,
        "own_labels": kept,
        "own_labels_stopped": stopped,
        "random_split_by_profit": leaky,
        "one_month_by_profit": month,
    }


if __name__ == "__main__":
    typer.run(main)
