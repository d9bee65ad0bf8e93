"""The walk-forward table: the recursive model, its ablations and the usual methods on days that none of them has seen.

Every method is trained anew for every fold on that fold's past, its temperature is fitted to the fold's validation
days, and its answers on the folds' test days are put together and scored. Nothing is chosen by test days; how many
variants were tried is counted all the same, and differences are also given at the level that this number asks for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from thermofab.apps.strategy.baselines import BASELINES, VARIANTS, drawn
from thermofab.apps.strategy.calibration import fit_temperature, tempered
from thermofab.apps.strategy.config import TRMConfig
from thermofab.apps.strategy.dataset import Dataset, Fold, gap, walk_forward
from thermofab.apps.strategy.names import STRATEGIES
from thermofab.apps.strategy.periods import BLACK_SWANS
from thermofab.apps.strategy.scores import Decisions, blocks, compared, daily, scored
from thermofab.apps.strategy.summary import counts_of
from thermofab.apps.strategy.training import train
from thermofab.hw.spec.digest import digest_of

MODEL = "recursive model"


def ablations(config: TRMConfig) -> dict[str, TRMConfig]:
    """The configuration and what it is without each of its switches."""
    training = config.training
    changed = {
        MODEL: training,
        "without GrokFast": replace(training, use_grokfast=False),
        "without EMA": replace(training, use_ema=False),
        "without both": replace(training, use_grokfast=False, use_ema=False),
        "without profit term": replace(training, profit_weight=0.0),
    }
    return {name: replace(config, training=value) for name, value in changed.items()}


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Answers of all methods on all test days.

    Attributes:
        data: the test days, in order.
        kind: what labels are the best by.
        config: of the model.
        folds: first and last day trained on, validated on and tested on.
        decisions: by method.
        halting: of the model, probability of being right ``[N]``.
        temperatures: by method, one a fold.
        batches: by method that has them, where training stopped, one a fold.
        variants: how many ways of predicting were tried.
    """

    data: Dataset
    kind: str
    config: TRMConfig
    folds: list[dict[str, Any]]
    decisions: dict[str, Decisions]
    halting: np.ndarray
    temperatures: dict[str, list[float]]
    batches: dict[str, list[int]]
    variants: int

    def to_json(self, replicates: int = 1000) -> dict[str, Any]:
        """Every score of every method, of all test days, by crisis period, and outside them."""
        strategies, rows = self.config.strategies, blocks(len(self.data), replicates=replicates)
        made: dict[str, Any] = {
            "labels": self.kind,
            "test": [str(self.data.dates[0]), str(self.data.dates[-1])],
            "days": len(self.data),
            "class_counts": dict(zip(STRATEGIES, counts_of(self.data.classes(self.kind)))),
            "folds": self.folds,
            "variants_tried": self.variants,
            "temperatures": {name: [round(t, 3) for t in values] for name, values in self.temperatures.items()},
            "stopped_at_batch": self.batches,
            "methods": {
                name: scored(self.data, self.kind, decisions, strategies, rows)
                for name, decisions in self.decisions.items()
            },
        }
        if MODEL in self.decisions and "majority" in self.decisions:
            against = [name for name in self.decisions if name != MODEL]
            made["model_less"] = {
                name: compared(
                    self.data, self.kind, self.decisions[MODEL], self.decisions[name], strategies, rows, self.variants
                )
                for name in against
            }
        if MODEL in self.decisions:
            right = self.decisions[MODEL].choices == self.data.classes(self.kind)
            made["halting"] = {
                "mean_probability": round(float(self.halting.mean()), 4),
                "share_right": round(float(right.mean()), 4),
                "auc": round(float(roc_auc_score(right, self.halting)), 4) if 0 < right.mean() < 1 else None,
            }
        made["periods"] = self.by_period()
        return made

    def by_period(self) -> list[dict[str, Any]]:
        """Scores in each crisis that has test days, in all of them, and outside; no intervals, for days are few."""
        dates, inside = self.data.dates, np.zeros(len(self.data), dtype=bool)
        parts: list[tuple[str, np.ndarray]] = []
        for period in BLACK_SWANS:
            at = (dates >= np.datetime64(period.start)) & (dates <= np.datetime64(period.end))
            inside |= at
            if at.any():
                parts.append((period.name, at))
        parts += [("all crises", inside), ("outside crises", ~inside)]
        whole = {name: self._daily(decisions) for name, decisions in self.decisions.items()}
        return [
            {
                "period": name,
                "days": int(at.sum()),
                "methods": {
                    method: {key: round(float(values[at].mean()), 4) for key, values in columns.items()}
                    for method, columns in whole.items()
                },
            }
            for name, at in parts
            if at.any()
        ]

    def _daily(self, decisions: Decisions) -> dict[str, np.ndarray]:
        by_day = daily(self.data, self.kind, decisions, self.config.strategies)
        weekly = by_day.net * 252 / self.config.strategies.horizon_days
        return {"accuracy": by_day.right.astype(float), "log_loss": by_day.log_loss, "profit": weekly}


def evaluate(
    data: Dataset,
    config: TRMConfig,
    *,
    folds: int = 6,
    first_train: int = 1000,
    embargo: int = 5,
    models: Sequence[str] = (MODEL,),
    baselines: Sequence[str] = tuple(BASELINES),
    cache: str | Path | None = None,
    progress: Callable[[str], None] | None = None,
    tried_elsewhere: int = 0,
    only: Sequence[int] | None = None,
) -> Evaluation:
    """Walk forward.

    Args:
        data: all days.
        config: of the model; ``config.training.labels`` says what all methods learn.
        folds, first_train: see :func:`~thermofab.apps.strategy.dataset.walk_forward`.
        embargo: trading days beyond the horizon that training ends before what follows.
        models: names from :func:`ablations`.
        baselines: names from :data:`~thermofab.apps.strategy.baselines.BASELINES`.
        cache: folder where every method's answers of every fold are kept, so that a run can be resumed.
        progress: called with the name of what begins.
        tried_elsewhere: variants to count that are not among these, such as the same on other labels.
        only: numbers of the folds to judge on, from 0, neighbours; all if left out.
    """
    every_fold = walk_forward(data, folds, first_train, between=gap(config.strategies, embargo))
    split = [every_fold[k] for k in (range(folds) if only is None else only)]
    test = data.take(np.concatenate([fold.test for fold in split]))
    kind, decisions, temperatures, batches = config.training.labels, {}, {}, {}
    halting, variants = np.full(len(test), np.nan), tried_elsewhere + len(models)
    every = ablations(config)
    jobs: list[tuple[str, Callable[[Fold], dict[str, np.ndarray]], str]] = []
    for name in models:
        jobs.append(
            (name, lambda fold, own=every[name]: _model_answers(data, fold, own), digest_of_config(every[name]))
        )
    for name in baselines:
        variants += VARIANTS[name]
        jobs.append(
            (name, lambda fold, make=BASELINES[name]: make(data, fold, config)._asdict(), digest_of_config(config))
        )
    for name, make, digest in jobs:
        raw, calibrated, found, stopped = [], [], [], []
        halts = []
        for number, fold in enumerate(split):
            if progress is not None:
                progress(f"{name}, fold {number + 1}")
            answers = _kept(cache, name, digest, data, fold, make)
            temperature = 1.0
            if name not in ("majority", "random"):
                temperature = fit_temperature(answers["validation"], data.classes(kind)[fold.validation])
            found.append(temperature)
            raw.append(answers["test"])
            calibrated.append(tempered(answers["test"], temperature))
            if "halting" in answers:
                halts.append(answers["halting"])
                stopped.append(int(answers["batch"]))
        decisions[name] = Decisions.of(np.concatenate(calibrated), np.concatenate(raw))
        if name == "random":
            choices = drawn(len(test), config.training.seed)
            decisions[name] = replace(decisions[name], choices=choices)
        temperatures[name] = found
        if halts:
            batches[name] = stopped
        if name == MODEL:
            halting = np.concatenate(halts)
    spans = [{part: _span(data, getattr(fold, part)) for part in ("train", "validation", "test")} for fold in split]
    return Evaluation(test, kind, config, spans, decisions, halting, temperatures, batches, variants)


def digest_of_config(config: TRMConfig) -> str:
    return digest_of(repr(config))


def _model_answers(data: Dataset, fold: Fold, config: TRMConfig) -> dict[str, np.ndarray]:
    """The model's uncalibrated probabilities, and what its halting head says of the test days."""
    trained = train(data, fold, config)
    model = trained.model
    model.temperature = 1.0
    held, _, _ = model.probabilities(data.features[fold.validation])
    test, halting, _ = model.probabilities(data.features[fold.test])
    return {"validation": held, "test": test, "halting": halting, "batch": np.array(trained.batch)}


def _kept(
    cache: str | Path | None,
    name: str,
    digest: str,
    data: Dataset,
    fold: Fold,
    make: Callable[[Fold], dict[str, np.ndarray]],
) -> dict[str, np.ndarray]:
    """Answers of a method on a fold, from the cache if they are there."""
    if cache is None:
        return make(fold)
    own = digest_of(digest, data.features, data.profits, data.day, fold.train, fold.validation, fold.test)
    file = Path(cache) / f"{name.replace(' ', '-')}-{own[:16]}.npz"
    if file.exists():
        with np.load(file) as kept:
            return dict(kept)
    made = make(fold)
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part.npz")
    np.savez(part, allow_pickle=False, **made)
    part.replace(file)
    return made


def _span(data: Dataset, rows: np.ndarray) -> list[str]:
    return [str(data.dates[rows[0]]), str(data.dates[rows[-1]])]
