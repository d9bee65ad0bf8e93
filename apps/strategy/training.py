"""Training of a strategy model: normaliser, deep supervision, early stopping, temperature; it can be resumed.

The normaliser is fitted to training days alone, the temperature and the moment of stopping to validation days, which
lie after the training days and before whatever the model is judged on.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from thermofab.apps.strategy.calibration import fit_temperature, log_losses
from thermofab.apps.strategy.checkpoint import StrategyModel, encoded, fit_normaliser
from thermofab.apps.strategy.config import TRMConfig, TRMTrainingConfig
from thermofab.apps.strategy.dataset import Dataset, Fold
from thermofab.hw.spec import SpecError
from thermofab.models.checkpoints import load_checkpoint, save_checkpoint
from thermofab.models.seeds import derived
from thermofab.models.trm.classifier import TinyRecursiveModel
from thermofab.models.trm.classifier_training import TRMTrainer, TRMTraining
from thermofab.models.trm.losses import LossWeights
from thermofab.models.trm.normaliser import Normaliser

KIND = "strategy training, best so far"


def trainer_settings(config: TRMTrainingConfig) -> TRMTraining:
    """The same in the words of :mod:`thermofab.models.trm`; without EMA the average has no memory."""
    return TRMTraining(
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        supervision_steps=config.supervision_steps,
        grokfast=config.use_grokfast,
        grokfast_alpha=config.grokfast_alpha,
        grokfast_lambda=config.grokfast_lambda,
        ema=config.ema_decay if config.use_ema else 0.0,
        losses=LossWeights(halting=config.halting_weight, profit=config.profit_weight),
        seed=config.seed,
    )


@dataclass(frozen=True, eq=False)
class Rows:
    """What the net is trained on: inputs float32 ``[M, columns]``, labels (soft or hard) and profits ``[M, 8]``."""

    inputs: torch.Tensor
    labels: torch.Tensor
    profits: torch.Tensor


def training_rows(data: Dataset, config: TRMConfig, normaliser: Normaliser, classes: np.ndarray | None = None) -> Rows:
    """The rows of some days; with a mask and an ``absent_rate`` each comes a second time with features made absent.

    Args:
        data: training days.
        config: kind of labels, mask, rate.
        normaliser: of these days.
        classes: hard labels in place of the days' own, for tests of memorisation.
    """
    training, mask = config.training, config.model.mask_inputs
    features, profits = data.features, torch.tensor(data.profits, dtype=torch.float32)
    if classes is not None:
        labels = torch.tensor(classes)
    elif training.soft_labels:
        soft = data.soft_labels(training.labels, config.strategies.soft_temperature)
        labels = torch.tensor(soft, dtype=torch.float32)
    else:
        labels = torch.tensor(data.classes(training.labels))
    inputs = encoded(features, normaliser, mask)[0]
    if mask and training.absent_rate:
        draw = np.random.default_rng(derived(training.seed, 2)).random(features.shape)
        hidden = np.where(draw < training.absent_rate, np.nan, features)
        inputs = torch.cat([inputs, encoded(hidden, normaliser, mask)[0]])
        labels, profits = labels.repeat(2, *[1] * (labels.ndim - 1)), profits.repeat(2, 1)
    return Rows(inputs, labels, profits)


@dataclass(frozen=True, eq=False)
class Trained:
    """A calibrated model, the log-loss of the validation days at every look, and the batch it is from."""

    model: StrategyModel
    history: tuple[float, ...]
    batch: int


def train(
    data: Dataset,
    fold: Fold,
    config: TRMConfig,
    *,
    classes: np.ndarray | None = None,
    checkpoint: str | Path | None = None,
    progress: Callable[[], None] | None = None,
    about: dict[str, Any] | None = None,
) -> Trained:
    """Train on a fold's training days until its validation days stop gaining.

    Args:
        data: the days.
        fold: which of them.
        config: everything else.
        classes: hard labels of all days in place of their own, int64 ``[N]``.
        checkpoint: where the state is kept after every look; if there is one, training goes on from it, and ends with
            the same weights as an uninterrupted run.
        progress: called after every batch.
        about: kept in the model's checkpoint.

    Raises:
        SpecError: no training or validation days, or a checkpoint of another configuration.
    """
    if not len(fold.train) or not len(fold.validation):
        raise SpecError(f"{len(fold.train)} training and {len(fold.validation)} validation days; both need some.")
    training = config.training
    own, held = data.take(fold.train), data.take(fold.validation)
    truth = (data.classes(training.labels) if classes is None else classes)[fold.validation]
    normaliser = fit_normaliser(own.features, config.features.limit)
    rows = training_rows(own, config, normaliser, None if classes is None else classes[fold.train])
    place = None if checkpoint is None else Path(checkpoint)
    trainer, best = _begin(config, rows, normaliser, place)

    def judged(net: TinyRecursiveModel) -> np.ndarray:
        return StrategyModel(net, normaliser, 1.0, config).probabilities(held.features)[0]

    while trainer.batch_number < training.max_batches and best.bad < training.patience:
        for _ in range(min(training.check_every, training.max_batches - trainer.batch_number)):
            trainer.step()
            if progress is not None:
                progress()
        net = trainer.averaged()
        loss = float(log_losses(judged(net), truth).mean())
        best = best.after(loss, net, trainer.batch_number)
        if place is not None:
            trainer.save(place)
            best.save(place)
    net = TinyRecursiveModel(config.model)
    net.load_state_dict(best.weights)
    temperature = fit_temperature(judged(net.eval()), truth)
    facts = {
        "trained": [str(own.dates[0]), str(own.dates[-1])],
        "validated": [str(held.dates[0]), str(held.dates[-1])],
        "days": len(own),
        "batches": best.batch,
        **(about or {}),
    }
    return Trained(StrategyModel(net, normaliser, temperature, config, facts), best.history, best.batch)


@dataclass(frozen=True, eq=False)
class Best:
    """The best weights so far, the looks since, and the losses at all looks."""

    weights: dict[str, torch.Tensor]
    loss: float = np.inf
    batch: int = 0
    bad: int = 0
    history: tuple[float, ...] = ()

    def after(self, loss: float, net: TinyRecursiveModel, batch: int) -> "Best":
        history = (*self.history, loss)
        if loss < self.loss:
            return Best({name: value.clone() for name, value in net.state_dict().items()}, loss, batch, 0, history)
        return replace(self, bad=self.bad + 1, history=history)

    def save(self, path: Path) -> None:
        about = {"loss": self.loss, "batch": self.batch, "bad": self.bad, "history": list(self.history)}
        save_checkpoint(_best(path), KIND, {name: value.numpy() for name, value in self.weights.items()}, about)

    @staticmethod
    def load(path: Path) -> "Best":
        arrays, about = load_checkpoint(_best(path), KIND)
        weights = {name: torch.tensor(value) for name, value in arrays.items()}
        return Best(weights, about["loss"], about["batch"], about["bad"], tuple(about["history"]))


def _begin(config: TRMConfig, rows: Rows, normaliser: Normaliser, path: Path | None) -> tuple[TRMTrainer, Best]:
    """A new trainer, or the one that a checkpoint holds."""
    settings = trainer_settings(config.training)
    if path is None or not path.with_name(path.name + ".json").exists():
        net = TinyRecursiveModel(config.model)
        return TRMTrainer(net, rows.inputs, rows.labels, settings, rows.profits, normaliser), Best(net.state_dict())
    trainer = TRMTrainer.load(path, rows.inputs, rows.labels, rows.profits)
    if (trainer.training, trainer.model.config, trainer.normaliser) != (settings, config.model, normaliser):
        raise SpecError(
            f"the checkpoint {path.name} was made with another configuration or other days; name another file, or "
            "remove it to start again."
        )
    return trainer, Best.load(path)


def _best(path: Path) -> Path:
    return path.with_name(path.name + "-best")
