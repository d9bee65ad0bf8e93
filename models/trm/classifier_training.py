"""Training of the classifier: deep supervision with AdamW, the GrokFast filter and an average of weights.

Each batch gets up to ``supervision_steps`` steps of T cycles, y and z handed on without gradient, with one optimiser
step each; rows whose halting probability exceeds ``halt_threshold`` leave the batch. Batches, dropout and everything
else random follow from the seed and the step number, so a run resumed from a checkpoint goes on exactly.
"""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from thermofab.hw.spec import SpecError
from thermofab.models.checkpoints import load_checkpoint, save_checkpoint
from thermofab.models.seeds import batch_rows, derived
from thermofab.models.trm.classifier import TinyRecursiveModel, TRMModelConfig
from thermofab.models.trm.ema import WeightAverage
from thermofab.models.trm.grokfast import GrokFast
from thermofab.models.trm.losses import LossWeights, total_loss
from thermofab.models.trm.normaliser import Normaliser
from thermofab.models.trm.optimiser_state import pack_optimiser, unpack_optimiser

KIND = "TRM classifier in training"


@dataclass(frozen=True)
class TRMTraining:
    """How to train.

    Attributes:
        batch_size: rows a batch.
        learning_rate, weight_decay: of AdamW.
        supervision_steps: at most, a batch.
        halt_threshold: halting probability above which a row leaves its batch.
        grokfast: whether gradients are filtered, with ``grokfast_alpha`` and ``grokfast_lambda``.
        ema: decay of the weight average.
        clip: largest norm of the gradient.
        losses: weights of the terms.
        seed: of everything random.
    """

    batch_size: int = 768
    learning_rate: float = 1e-3
    weight_decay: float = 0.01
    supervision_steps: int = 4
    halt_threshold: float = 0.95
    grokfast: bool = True
    grokfast_alpha: float = 0.98
    grokfast_lambda: float = 2.0
    ema: float = 0.999
    clip: float = 1.0
    losses: LossWeights = field(default_factory=LossWeights)
    seed: int = 0

    def __post_init__(self) -> None:
        if self.batch_size < 1 or self.supervision_steps < 1:
            raise SpecError("batch_size and supervision_steps must be at least 1.")
        if not 0 < self.halt_threshold < 1:
            raise SpecError(f"halt_threshold must be in (0, 1), got {self.halt_threshold}.")

    @staticmethod
    def from_json(data: dict[str, Any]) -> "TRMTraining":
        return TRMTraining(**{**data, "losses": LossWeights(**data["losses"])})


class TRMTrainer:
    """A classifier in training.

    Args:
        model: trained in place.
        features: normalised, float32 ``[N, F]``.
        labels: int64 ``[N]`` or soft float ``[N, K]``.
        training: how.
        profits: of every strategy, float ``[N, K]``; needed if the profit term has a weight.
        normaliser: kept in checkpoints.
    """

    def __init__(
        self,
        model: TinyRecursiveModel,
        features: Tensor,
        labels: Tensor,
        training: TRMTraining | None = None,
        profits: Tensor | None = None,
        normaliser: Normaliser | None = None,
    ):
        if len(features) != len(labels) or (profits is not None and len(profits) != len(labels)):
            raise SpecError("features, labels and profits must have as many rows.")
        self.model, self.features, self.labels = model, features, labels
        self.training, self.profits, self.normaliser = training or TRMTraining(), profits, normaliser
        self.average = WeightAverage(model, self.training.ema)
        self.filter = GrokFast(self.training.grokfast_alpha, self.training.grokfast_lambda)
        self.optimiser = torch.optim.AdamW(
            model.parameters(), lr=self.training.learning_rate, weight_decay=self.training.weight_decay
        )
        self.batch_number = 0

    def step(self) -> dict[str, float]:
        """One batch: up to ``supervision_steps`` optimiser steps.

        Returns:
            the first supervision step's parts of the loss, and ``steps``, the mean number a row stayed for.
        """
        training = self.training
        size = min(training.batch_size, len(self.features))
        rows = torch.as_tensor(batch_rows(len(self.features), size, self.batch_number, training.seed))
        state, first, stayed = None, {}, 0
        self.model.train()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derived(training.seed, self.batch_number, 1) >> 1)
            for number in range(training.supervision_steps):
                out = self.model(self.features[rows], state)
                profits = None if self.profits is None else self.profits[rows]
                loss, parts = total_loss(out.logits, out.halt_logits, self.labels[rows], training.losses, profits)
                self._descend(loss)
                stayed += len(rows)
                first = first or parts
                going = torch.sigmoid(out.halt_logits.detach()) <= training.halt_threshold
                if number + 1 == training.supervision_steps or not bool(going.any()):
                    break
                rows, state = rows[going], (out.y.detach()[going], out.z.detach()[going])
        self.batch_number += 1
        return {**first, "steps": stayed / size}

    def _descend(self, loss: Tensor) -> None:
        self.optimiser.zero_grad()
        loss.backward()
        if self.training.grokfast:
            self.filter(self.model)
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.training.clip)
        self.optimiser.step()
        self.average.update(self.model)

    def averaged(self) -> TinyRecursiveModel:
        """The model with averaged weights, for evaluation."""
        return self.average.averaged(self.model)

    def save(self, path: str | Path) -> None:
        """Everything that :meth:`load` needs to go on exactly; the data are not stored."""
        arrays = {f"model/{k}": v.numpy() for k, v in self.model.state_dict().items()}
        arrays |= {f"average/{k}": v.numpy() for k, v in self.average.weights.items()}
        arrays |= {f"slow/{k}": v.numpy() for k, v in self.filter.slow.items()}
        arrays |= {f"optimiser/{k}": v for k, v in pack_optimiser(self.optimiser).items()}
        about = {
            "config": self.model.config.to_json(),
            "training": asdict(self.training),
            "normaliser": None if self.normaliser is None else asdict(self.normaliser),
            "batch": self.batch_number,
            "average_steps": self.average.steps,
        }
        save_checkpoint(path, KIND, arrays, about)

    @staticmethod
    def load(path: str | Path, features: Tensor, labels: Tensor, profits: Tensor | None = None) -> "TRMTrainer":
        """The trainer that :meth:`save` wrote, going on from there with the same data."""
        arrays, about = load_checkpoint(path, KIND)
        model = TinyRecursiveModel(TRMModelConfig(**about["config"]))
        model.load_state_dict(_part(arrays, "model/"))
        training = TRMTraining.from_json(about["training"])
        trainer = TRMTrainer(model, features, labels, training, profits, _normaliser(about))
        trainer.average.weights, trainer.average.steps = _part(arrays, "average/"), about["average_steps"]
        trainer.filter.slow = _part(arrays, "slow/")
        unpack_optimiser(trainer.optimiser, {k[10:]: v for k, v in arrays.items() if k.startswith("optimiser/")})
        trainer.batch_number = about["batch"]
        return trainer


def load_classifier(path: str | Path) -> tuple[TinyRecursiveModel, Normaliser | None]:
    """The averaged model of a trainer's checkpoint, in evaluation mode, and its normaliser."""
    arrays, about = load_checkpoint(path, KIND)
    model = TinyRecursiveModel(TRMModelConfig(**about["config"]))
    model.load_state_dict(_part(arrays, "average/"))
    return model.eval(), _normaliser(about)


def _normaliser(about: dict[str, Any]) -> Normaliser | None:
    kept = about["normaliser"]
    return None if kept is None else Normaliser(tuple(kept["mean"]), tuple(kept["deviation"]), kept["limit"])


def _part(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): torch.tensor(v) for k, v in arrays.items() if k.startswith(prefix)}
