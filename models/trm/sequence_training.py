"""Training of a SequenceTRM by deep supervision with adaptive halting.

A batch has slots. Each optimiser step takes every slot one supervision step on, with

    loss = mean over positions of the stable-max cross-entropy + ½·BCE(halting logit, all positions right).

A slot is given a new puzzle once it halts: at ``max_steps``, or when its halting logit is positive; a share of the
puzzles may not halt before a step drawn from 2…max_steps (exploration). Every random choice is a function of the seed
and the step number, so a run resumed from a checkpoint goes on exactly.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from thermofab.hw.spec import SpecError
from thermofab.models.checkpoints import load_checkpoint, save_checkpoint
from thermofab.models.seeds import derived
from thermofab.models.trm.ema import WeightAverage
from thermofab.models.trm.optimiser_state import pack_optimiser, unpack_optimiser
from thermofab.models.trm.sequence import Carry, RecursiveModel, SequenceConfig, SequenceTRM
from thermofab.models.trm.stablemax import stablemax_cross_entropy

KIND = "sequence TRM in training"
Source = Callable[[int, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class SequenceTraining:
    """How to train.

    Attributes:
        batch: slots.
        max_steps: supervision steps a puzzle gets, at most.
        learning_rate: reached linearly over ``warmup`` steps, then constant; with ``decay_steps``, falling by a cosine
            to a tenth of it at that step.
        warmup, decay_steps: in optimiser steps; no decay with 0.
        weight_decay: of AdamW.
        ema: decay of the weight average.
        exploration: share of puzzles that may not halt before a step drawn at random.
        clip: largest norm of the gradient.
        seed: of everything random.
    """

    batch: int = 64
    max_steps: int = 8
    learning_rate: float = 2e-3
    warmup: int = 100
    decay_steps: int = 0
    weight_decay: float = 0.1
    ema: float = 0.999
    exploration: float = 0.1
    clip: float = 1.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.batch < 1 or self.max_steps < 1:
            raise SpecError(f"batch and max_steps must be at least 1, got {self.batch} and {self.max_steps}.")
        if not 0 <= self.exploration <= 1:
            raise SpecError(f"exploration is a share in [0, 1], got {self.exploration}.")

    def rate(self, step: int) -> float:
        """The learning rate of optimiser step ``step``, from 0."""
        rate = self.learning_rate * min(1.0, (step + 1) / max(self.warmup, 1))
        if self.decay_steps:
            rate *= 0.55 + 0.45 * np.cos(np.pi * min(1.0, step / self.decay_steps))
        return float(rate)


class SequenceTrainer:
    """A model in training.

    Args:
        model: trained in place.
        source: ``source(count, seed)`` gives ``count`` puzzles and answers, int64 ``[count, L]`` each, as a function of
            the seed.
        training: how.
    """

    def __init__(self, model: RecursiveModel, source: Source, training: SequenceTraining | None = None):
        self.model, self.source = model, source
        self.training = training or SequenceTraining()
        self.average = WeightAverage(model, self.training.ema)
        self.optimiser = torch.optim.AdamW(
            model.parameters(), lr=1.0, betas=(0.9, 0.95), weight_decay=self.training.weight_decay
        )
        self.step_number = 0
        slots, length = self.training.batch, model.config.length
        self.tokens = torch.zeros(slots, length, dtype=torch.int64)
        self.targets = torch.zeros_like(self.tokens)
        self.steps_taken = torch.zeros(slots, dtype=torch.int64)
        self.least_steps = torch.zeros_like(self.steps_taken)
        self.done = torch.ones(slots, dtype=torch.bool)
        self.carry = Carry(*(h.clone() for h in model.start(slots)))

    def step(self) -> dict[str, float]:
        """One supervision step of every slot and one optimiser step.

        Returns:
            loss, halting loss, the share of slots whose answer is all right, and of those that halted.
        """
        self._refill()
        training = self.training
        for group in self.optimiser.param_groups:
            group["lr"] = training.rate(self.step_number)
        self.model.train()
        out = self.model(self.tokens, self.carry)
        loss, halting, right = supervision_loss(out.logits, out.halt_logit, self.targets)
        self.optimiser.zero_grad()
        (loss + 0.5 * halting).backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), training.clip)
        self.optimiser.step()
        self.average.update(self.model)
        self.carry = out.carry
        self.steps_taken += 1
        asked = (out.halt_logit.detach() > 0) & (self.steps_taken >= self.least_steps)
        self.done = asked | (self.steps_taken >= training.max_steps)
        self.step_number += 1
        return {
            "loss": float(loss.detach()),
            "halting": float(halting.detach()),
            "right": float(right.float().mean()),
            "halted": float(self.done.float().mean()),
        }

    def _refill(self) -> None:
        """New puzzles and starting states where slots are done."""
        where = self.done.nonzero().squeeze(-1)
        if not len(where):
            return
        training, seed = self.training, derived(self.training.seed, self.step_number)
        tokens, targets = self.source(len(where), seed)
        rng = np.random.default_rng(derived(seed, 1))
        least = np.where(
            rng.random(len(where)) < training.exploration,
            rng.integers(2, max(training.max_steps, 2) + 1, len(where)),
            1,
        )
        self.tokens[where] = torch.as_tensor(tokens)
        self.targets[where] = torch.as_tensor(targets)
        self.steps_taken[where] = 0
        self.least_steps[where] = torch.as_tensor(least)
        for h, fresh in zip(self.carry, self.model.start(len(where))):
            h[where] = fresh

    def averaged(self) -> RecursiveModel:
        """The model with averaged weights, for evaluation."""
        return self.average.averaged(self.model)

    def save(self, path: str | Path) -> None:
        """Everything that :meth:`load` needs to go on exactly."""
        arrays = {f"model/{k}": v.numpy() for k, v in self.model.state_dict().items()}
        arrays |= {f"average/{k}": v.numpy() for k, v in self.average.weights.items()}
        arrays |= {f"optimiser/{k}": v for k, v in pack_optimiser(self.optimiser).items()}
        for name in ("tokens", "targets", "steps_taken", "least_steps", "done"):
            arrays[f"slots/{name}"] = getattr(self, name).numpy()
        arrays |= {"slots/y": self.carry.y.numpy(), "slots/z": self.carry.z.numpy()}
        about = {
            "config": self.model.config.to_json(),
            "training": asdict(self.training),
            "step": self.step_number,
            "average_steps": self.average.steps,
        }
        save_checkpoint(path, KIND, arrays, about)

    @staticmethod
    def load(path: str | Path, source: Source, model: RecursiveModel | None = None) -> "SequenceTrainer":
        """The trainer that :meth:`save` wrote, going on from there with the same source.

        Args:
            path: of the checkpoint.
            source: of puzzles.
            model: one made as the saved one was, if it is not a :class:`SequenceTRM`; its weights are overwritten.
        """
        arrays, about = load_checkpoint(path, KIND)
        model = model or SequenceTRM(SequenceConfig(**about["config"]))
        trainer = SequenceTrainer(model, source, SequenceTraining(**about["training"]))
        trainer.model.load_state_dict(_part(arrays, "model/"))
        trainer.average.weights = _part(arrays, "average/")
        trainer.average.steps = about["average_steps"]
        unpack_optimiser(trainer.optimiser, {k[10:]: v for k, v in arrays.items() if k.startswith("optimiser/")})
        slots = _part(arrays, "slots/")
        trainer.carry = Carry(slots.pop("y"), slots.pop("z"))
        for name, value in slots.items():
            setattr(trainer, name, value)
        trainer.step_number = about["step"]
        return trainer


def averaged_model(path: str | Path) -> SequenceTRM:
    """The averaged model of a trainer's checkpoint, in evaluation mode."""
    arrays, about = load_checkpoint(path, KIND)
    model = SequenceTRM(SequenceConfig(**about["config"]))
    model.load_state_dict(_part(arrays, "average/"))
    return model.eval()


def supervision_loss(logits: Tensor, halt_logit: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean stable-max cross-entropy, mean halting cross-entropy, and which answers are right (bool ``[B]``)."""
    right = (logits.argmax(-1) == targets).all(dim=-1)
    loss = stablemax_cross_entropy(logits, targets).mean().float()
    halting = F.binary_cross_entropy_with_logits(halt_logit, right.to(halt_logit.dtype))
    return loss, halting, right


def _part(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, Any]:
    return {k.removeprefix(prefix): torch.tensor(v) for k, v in arrays.items() if k.startswith(prefix)}
