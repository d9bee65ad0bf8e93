"""Does a figure mean what it seems to? Training on permuted labels, on noisy features, by leaky splits, on one month.

*Permuted labels* have nothing to be learnt: a model that is right about them in training memorises, and one that is
right about held-out days beyond the commonest class has been shown the future. *A random split* of days with
overlapping outcomes is such a showing: neighbours of a test day are trained on. *One month*: the documents ask for more
than 65% accuracy of a model trained on a month of days; on the same month, or on the next?
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch

from thermofab.apps.strategy.baselines import boosting
from thermofab.apps.strategy.config import TRMConfig
from thermofab.apps.strategy.dataset import Dataset, Fold
from thermofab.apps.strategy.training import train
from thermofab.models.seeds import derived
from thermofab.models.trm.memorisation import check_memorisation

CLAIM = 0.65


@dataclass(frozen=True)
class Shares:
    """Accuracy on the days trained on and on others, and what the commonest training class gets there."""

    train: float
    held_out: float
    majority: float

    def to_json(self) -> dict[str, float]:
        return {"train": round(self.train, 4), "held_out": round(self.held_out, 4), "majority": round(self.majority, 4)}


def eager(config: TRMConfig, rate: float = 1e-3) -> TRMConfig:
    """The configuration with what makes a model memorise if it can: no filter, no stopping, no rows with features made
    absent; at the documents' rate, or another."""
    training = config.training
    changed = replace(training, learning_rate=rate, use_grokfast=False, patience=training.max_batches, absent_rate=0.0)
    return replace(config, training=changed)


def permuted_labels(data: Dataset, fold: Fold, config: TRMConfig) -> Shares:
    """Train on labels shuffled among the training days; what is kept are the weights best on these days themselves."""
    classes = data.classes(config.training.labels).copy()
    rng = np.random.default_rng([config.training.seed, 11])
    classes[fold.train] = classes[fold.train][rng.permutation(len(fold.train))]
    model = train(data, replace(fold, validation=fold.train), config, classes=classes).model
    return _shares(model.probabilities, data, classes, fold)


def jitter(data: Dataset, fold: Fold, config: TRMConfig, noise: float = 0.1, keep: bool = False) -> dict[str, Any]:
    """:func:`~thermofab.models.trm.memorisation.check_memorisation` of a model trained on the fold: the share of
    training days whose class survives noise, and the gap between training and held-out accuracy.

    With ``keep`` the weights are those best on the training days, as in :func:`permuted_labels`; else on the
    validation days.
    """
    model = train(data, replace(fold, validation=fold.train) if keep else fold, config).model
    classes = torch.tensor(data.classes(config.training.labels))
    inputs = [model.inputs(data.features[rows])[0] for rows in (fold.train, fold.test)]
    spread = torch.zeros(model.model.config.columns)
    spread[: model.model.config.input_dim] = noise
    report = check_memorisation(
        model.model, (inputs[0], classes[fold.train]), (inputs[1], classes[fold.test]), noise=spread, draws=4
    )
    return {
        "noise": noise,
        "consistency": round(report.consistency, 4),
        "train_accuracy": round(report.train_accuracy, 4),
        "held_out_accuracy": round(report.held_out_accuracy, 4),
        "majority_accuracy": round(report.majority_accuracy, 4),
        "memorising": bool(report.memorising),
    }


def random_split(data: Dataset, config: TRMConfig) -> dict[str, Shares]:
    """Boosted trees on days split at random and, of the same sizes, split in time with a gap."""
    rng = np.random.default_rng([config.training.seed, 12])
    order, cut, held = rng.permutation(len(data)), int(0.7 * len(data)), int(0.15 * len(data))
    leaky = Fold(np.sort(order[:cut]), np.sort(order[cut : cut + held]), np.sort(order[cut + held :]))
    days, between = np.arange(len(data)), 2 * config.strategies.horizon_days
    ordered = Fold(days[: cut - between], days[cut : cut + held - between], days[cut + held :])
    classes = data.classes(config.training.labels)
    made = {}
    for name, fold in (("random", leaky), ("purged", ordered)):
        answers = boosting(data, replace(fold, validation=fold.train), config)
        share = answers.validation.argmax(axis=1) == classes[fold.train]
        made[name] = Shares(
            float(share.mean()),
            float((answers.test.argmax(axis=1) == classes[fold.test]).mean()),
            _majority(classes, fold),
        )
    return made


def one_month(data: Dataset, config: TRMConfig, months: int = 6, days: int = 21) -> dict[str, Any]:
    """Train on a month, as the documents do, and judge on the same month and on the next, a horizon later.

    Months are spread evenly over the days. The weights kept are those best on the month itself: there is no other to
    stop by.
    """
    between = config.strategies.horizon_days
    starts = np.linspace(0, len(data) - 2 * days - between - 1, months).astype(int)
    rows = []
    for start in starts:
        own = np.arange(start, start + days)
        following = own + days + between
        seeded = replace(config, training=replace(config.training, seed=derived(config.training.seed, start) >> 33))
        model = train(data, Fold(own, own, following), seeded).model
        shares = _shares(model.probabilities, data, data.classes(config.training.labels), Fold(own, own, following))
        rows.append({"from": str(data.dates[start]), **shares.to_json()})
    return {
        "claim": CLAIM,
        "months": rows,
        "train": round(float(np.mean([row["train"] for row in rows])), 4),
        "held_out": round(float(np.mean([row["held_out"] for row in rows])), 4),
        "majority": round(float(np.mean([row["majority"] for row in rows])), 4),
    }


def _shares(predict: Any, data: Dataset, classes: np.ndarray, fold: Fold) -> Shares:
    right = [
        float((predict(data.features[rows])[0].argmax(axis=1) == classes[rows]).mean())
        for rows in (fold.train, fold.test)
    ]
    return Shares(right[0], right[1], _majority(classes, fold))


def _majority(classes: np.ndarray, fold: Fold) -> float:
    return float((classes[fold.test] == np.bincount(classes[fold.train]).argmax()).mean())
