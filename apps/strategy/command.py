"""``thermofab strategy``: label, train, evaluate; what the model says is in ``live.py``."""

import json
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermofab.apps.console import bar, output, steps
from thermofab.apps.strategy import live
from thermofab.hw.spec.errors import SpecError, ToolMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from thermofab.apps.strategy.config import TRMConfig
    from thermofab.apps.strategy.labeler import StrategyLabeler

app = typer.Typer(
    no_args_is_help=True, help="Ten market features to eight allocations, by a tiny recursive model. No order is sent."
)

Prices = Annotated[
    Path, typer.Option("--prices", help="A store (.db or a folder of Parquet files), or a folder of CSV files.")
]
Configuration = Annotated[Path | None, typer.Option("--config", help="A configuration, JSON; else the default.")]
Kind = Annotated[str | None, typer.Option("--labels", help="Best by utility or by profit; else as configured.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Batches = Annotated[int | None, typer.Option(help="Batches at most; else as configured.", min=1)]
BatchSize = Annotated[int | None, typer.Option(help="Rows per batch; else as configured.", min=1)]


@app.callback()
def check_packages() -> None:
    """Ten market features to eight allocations, by a tiny recursive model. No order is sent."""
    needed = {"torch": "torch", "pandas": "pandas", "pyarrow": "pyarrow", "safetensors": "safetensors"}
    needed["sklearn"] = "scikit-learn"
    missing = [name for module, name in needed.items() if find_spec(module) is None]
    if missing:
        raise ToolMissingError(
            f"thermofab strategy needs {', '.join(missing)}: pip install 'thermofab[strategy]' brings what it uses."
        )


@contextmanager
def _labeler(prices: Path, config: "TRMConfig") -> "Iterator[StrategyLabeler]":
    """A labeller over a store; CSV files are ingested into one that is removed afterwards."""
    from thermofab.apps.market.store import HistoricalDataManager
    from thermofab.apps.strategy.labeler import StrategyLabeler

    if not prices.exists():
        raise SpecError(f"there is no {prices}; --prices names a store or a folder of CSV files.")
    with TemporaryDirectory() as folder:
        store = HistoricalDataManager(prices)
        if prices.is_dir() and list(prices.glob("*.csv")):
            store = HistoricalDataManager(Path(folder) / "prices.db")
            store.ingest_csv(prices)
        yield StrategyLabeler(store, config.strategies, config.features, config.training.labels)


def _config(path: Path | None, labels: str | None, batches: int | None = None, size: int | None = None) -> "TRMConfig":
    from thermofab.apps.strategy.config import TRMConfig

    config = TRMConfig() if path is None else TRMConfig.load(path)
    changed: dict[str, Any] = {"labels": labels, "max_batches": batches, "batch_size": size}
    known = {name: value for name, value in changed.items() if value is not None}
    return replace(config, training=replace(config.training, **known))


@app.command()
def label(
    prices: Prices,
    out: Annotated[Path, typer.Option(help="Folder for Parquet, CSV and summary.")] = Path("data/trm_training"),
    start: Annotated[str | None, typer.Option(help="First day, instead of the crisis periods.")] = None,
    end: Annotated[str | None, typer.Option(help="Last day, instead of the crisis periods.")] = None,
    labels: Kind = None,
    config: Configuration = None,
    as_json: Json = False,
) -> None:
    """Label days by the strategy that did best over the five trading days after: twelve crises, or a period."""
    settings = _config(config, labels)
    with steps(2, as_json) as step, _labeler(prices, settings) as labeler:
        step("prices and features")
        _ = labeler.labelled
        step("labels")
        crises = start is None and end is None
        made = (
            labeler.generate_black_swan_labels()
            if crises
            else labeler.generate_labels_for_period(start or "1900-01-01", end or "2999-12-31", "period")
        )
        files = labeler.save_labels(made, out / ("black_swan_labels.parquet" if crises else "labels.parquet"))
    if as_json:
        counts = made["strategy_name"].value_counts().to_dict()
        output.print_json(json.dumps({"labels": len(made), "counts": counts, "files": [str(file) for file in files]}))
        return
    output.print(files[-1].read_text() + "\n" + "\n".join(map(str, files)), markup=False)


@app.command()
def train(
    prices: Prices,
    out: Annotated[Path, typer.Option(help="The checkpoint: .safetensors and .json are added.")] = Path(
        "checkpoints/strategy"
    ),
    labels: Kind = None,
    config: Configuration = None,
    batches: Batches = None,
    batch_size: BatchSize = None,
    seed: Annotated[int | None, typer.Option(help="Of everything random; else as configured.", min=0)] = None,
    start: Annotated[str | None, typer.Option(help="First day.")] = None,
    end: Annotated[str | None, typer.Option(help="Last day.")] = None,
    as_json: Json = False,
) -> None:
    """Train on all days but the latest 15%, by which it is stopped and calibrated; goes on where it was interrupted."""
    import numpy as np

    from thermofab.apps.strategy.calibration import calibration_error, tempered
    from thermofab.apps.strategy.checkpoint import save_strategy_model
    from thermofab.apps.strategy.dataset import dataset_of, gap, last_fold
    from thermofab.apps.strategy.training import train as train_model

    settings = _config(config, labels, batches, batch_size)
    if seed is not None:
        settings = replace(
            settings, training=replace(settings.training, seed=seed), model=replace(settings.model, seed=seed)
        )
    with _labeler(prices, settings) as labeler:
        data = dataset_of(labeler, start, end)
    fold = last_fold(data, between=gap(settings.strategies, settings.strategies.horizon_days))
    unfinished = out.with_name(out.name + "-unfinished")
    with bar(f"train on {len(fold.train)} days", settings.training.max_batches, as_json) as done:
        trained = train_model(data, fold, settings, checkpoint=unfinished, progress=done)
    save_strategy_model(out, trained.model)
    for file in unfinished.parent.glob(unfinished.name + "*"):
        file.unlink()
    held, truth = data.take(fold.validation), data.classes(settings.training.labels)[fold.validation]
    after = trained.model.probabilities(held.features)[0]
    # Undoing the temperature gives the uncalibrated probabilities.
    before = tempered(after, 1 / trained.model.temperature)
    right = after.argmax(axis=1) == truth
    common = np.bincount(data.classes(settings.training.labels)[fold.train]).argmax()
    numbers = {
        "days": len(fold.train),
        "validation_days": len(fold.validation),
        "batches": trained.batch,
        "validation_log_loss": min(trained.history, default=float("nan")),
        "validation_accuracy": float(right.mean()),
        "majority_accuracy": float((truth == common).mean()),
        "ece_before": calibration_error(before.max(axis=1), right),
        "ece_after": calibration_error(after.max(axis=1), right),
        "temperature": trained.model.temperature,
        "digest": trained.model.digest,
        "checkpoint": str(out),
    }
    if as_json:
        output.print_json(json.dumps(numbers))
        return
    for name, value in numbers.items():
        output.print(f"{name:<22} {f'{value:.5g}' if isinstance(value, float) else value}", markup=False)


@app.command()
def evaluate(
    prices: Prices,
    folds: Annotated[int, typer.Option(help="Test blocks.", min=1)] = 6,
    first_train: Annotated[int, typer.Option(help="Days before the first test block.", min=100)] = 1000,
    embargo: Annotated[int, typer.Option(help="Days left out beyond the horizon.", min=0)] = 5,
    ablation: Annotated[bool, typer.Option("--ablation", help="Also without GrokFast, EMA and profit term.")] = False,
    labels: Kind = None,
    config: Configuration = None,
    batches: Batches = None,
    batch_size: BatchSize = None,
    cache: Annotated[Path | None, typer.Option(help="Folder for answers, so that a run can be resumed.")] = None,
    as_json: Json = False,
) -> None:
    """Walk forward: the model beside majority, logistic regression, boosting, an MLP and chance, on unseen days."""
    from thermofab.apps.strategy.baselines import BASELINES
    from thermofab.apps.strategy.dataset import dataset_of
    from thermofab.apps.strategy.evaluation import MODEL, ablations
    from thermofab.apps.strategy.evaluation import evaluate as walk
    from thermofab.apps.strategy.tables import period_table, score_table

    settings = _config(config, labels, batches, batch_size)
    models = tuple(ablations(settings)) if ablation else (MODEL,)
    with _labeler(prices, settings) as labeler:
        data = dataset_of(labeler)
    with steps(folds * (len(models) + len(BASELINES)), as_json) as step:
        result = walk(
            data, settings, folds=folds, first_train=first_train, embargo=embargo, models=models, cache=cache,
            progress=step,
        ).to_json()  # fmt: skip
    if as_json:
        output.print_json(json.dumps(result))
        return
    output.print(f"{result['days']} days, {result['test'][0]} to {result['test'][1]}\n", markup=False)
    output.print(score_table(result) + "\n\n" + period_table(result), markup=False)


app.command()(live.predict)
app.command()(live.stream)
app.command("demo-model")(live.demo_model)
