"""Training of a SequenceTRM by deep supervision with adaptive halting.

A batch has slots. Each optimiser step takes every slot one supervision step on, with

    loss = mean over positions of the stable-max cross-entropy + ½·BCE(halting logit, all positions right).

Positions whose target is ``IGNORED`` count in neither. A slot is given a new puzzle once it halts: at ``max_steps``, or
when its halting logit is positive; a share of the puzzles may not halt before a step drawn from 2…max_steps
(exploration). Every random choice is a function of the seed and the step number, so a run resumed from a checkpoint
goes on exactly.
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
from thermofab.models.trm.atan2 import AdamAtan2
from thermofab.models.trm.ema import WeightAverage
from thermofab.models.trm.optimiser_state import pack_optimiser, unpack_optimiser
from thermofab.models.trm.sequence import HALT_THRESHOLD, Carry, RecursiveModel, SequenceConfig, SequenceTRM
from thermofab.models.trm.stablemax import stablemax_cross_entropy

KIND = "sequence TRM in training"
IGNORED = -100
"""The target of a position that need not be answered."""
OPTIMISERS = ("adamw", "adam-atan2")
BEFORE_OPTIONS = {"ema_warmup": True, "optimiser": "adamw"}
"""What stored settings mean that do not name these fields."""
Source = Callable[[int, int], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True)
class SequenceTraining:
    """How to train.

    Attributes:
        batch: slots.
        max_steps: supervision steps per puzzle gets, at most.
        learning_rate: reached linearly over ``warmup`` steps, then constant; with ``decay_steps``, falling by a cosine
            to a tenth of it at that step.
        warmup, decay_steps: in optimiser steps; no decay with 0.
        weight_decay: of the optimiser.
        ema: decay of the weight average.
        ema_warmup: whether the average forgets its start sooner.
        optimiser: ``"adamw"`` or ``"adam-atan2"``.
        exploration: share of puzzles that may not halt before a step drawn at random.
        clip: largest norm of the gradient; 0 leaves it as it is.
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
    ema_warmup: bool = True
    optimiser: str = "adamw"

    def __post_init__(self) -> None:
        if self.batch < 1 or self.max_steps < 1:
            raise SpecError(f"batch and max_steps must be at least 1, got {self.batch} and {self.max_steps}.")
        if not 0 <= self.exploration <= 1:
            raise SpecError(f"exploration is a share in [0, 1], got {self.exploration}.")
        if self.optimiser not in OPTIMISERS:
            raise SpecError(f"optimiser is one of {OPTIMISERS}, got {self.optimiser!r}.")
        if self.clip < 0:
            raise SpecError(f"clip must be at least 0 (0: no clipping), got {self.clip}.")

    @staticmethod
    def from_json(stored: dict[str, Any]) -> "SequenceTraining":
        """What ``asdict`` gave, of older releases too.

        Raises:
            SpecError: a field that this release does not know.
        """
        try:
            return SequenceTraining(**{**BEFORE_OPTIONS, **stored})
        except TypeError as wrong:
            raise SpecError(f"these are not settings of a sequence model's training: {wrong}.") from None

    def rate(self, step: int) -> float:
        """The learning rate of optimiser step ``step``, from 0."""
        rate = self.learning_rate * min(1.0, (step + 1) / max(self.warmup, 1))
        if self.decay_steps:
            rate *= 0.55 + 0.45 * np.cos(np.pi * min(1.0, step / self.decay_steps))
        return float(rate)


class SequenceTrainer:
    """A model in training.

    Args:
        model: trained in place, on the device it is on.
        source: ``source(count, seed)`` gives ``count`` puzzles and answers, int64 ``[count, L]`` each, as a function of
            the seed.
        training: how.
    """

    def __init__(self, model: RecursiveModel, source: Source, training: SequenceTraining | None = None):
        self.model, self.source = model, source
        self.training = training or SequenceTraining()
        self.average = WeightAverage(model, self.training.ema, warm_up=self.training.ema_warmup)
        make = AdamAtan2 if self.training.optimiser == "adam-atan2" else torch.optim.AdamW
        self.optimiser: torch.optim.Optimizer = make(
            model.parameters(), lr=1.0, betas=(0.9, 0.95), weight_decay=self.training.weight_decay
        )
        self.step_number = 0
        slots, length, device = self.training.batch, model.config.length, model.device
        self.tokens = torch.zeros(slots, length, dtype=torch.int64, device=device)
        self.targets = torch.zeros_like(self.tokens)
        self.steps_taken = torch.zeros(slots, dtype=torch.int64, device=device)
        self.least_steps = torch.zeros_like(self.steps_taken)
        self.done = torch.ones(slots, dtype=torch.bool, device=device)
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
        if training.clip:
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
        device = self.tokens.device
        self.tokens[where] = torch.as_tensor(tokens, device=device)
        self.targets[where] = torch.as_tensor(targets, device=device)
        self.steps_taken[where] = 0
        self.least_steps[where] = torch.as_tensor(least, device=device)
        for h, fresh in zip(self.carry, self.model.start(len(where))):
            h[where] = fresh

    def averaged(self) -> RecursiveModel:
        """The model with averaged weights, for evaluation."""
        return self.average.averaged(self.model)

    def save(self, path: str | Path) -> None:
        """Everything that :meth:`load` needs to go on exactly."""
        arrays = {f"model/{k}": v.cpu().numpy() for k, v in self.model.state_dict().items()}
        arrays |= {f"average/{k}": v.cpu().numpy() for k, v in self.average.weights.items()}
        arrays |= {f"optimiser/{k}": v for k, v in pack_optimiser(self.optimiser).items()}
        for name in ("tokens", "targets", "steps_taken", "least_steps", "done"):
            arrays[f"slots/{name}"] = getattr(self, name).cpu().numpy()
        arrays |= {"slots/y": self.carry.y.cpu().numpy(), "slots/z": self.carry.z.cpu().numpy()}
        about = {
            "config": self.model.config.to_json(),
            "training": asdict(self.training),
            "halt_threshold": self.model.halt_threshold,
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
        model = model or SequenceTRM(SequenceConfig.from_json(about["config"]))
        trainer = SequenceTrainer(model, source, SequenceTraining.from_json(about["training"]))
        trainer.model.load_state_dict(_part(arrays, "model/"))
        trainer.model.halt_threshold = about.get("halt_threshold", HALT_THRESHOLD)
        trainer.average.weights = {k: v.to(model.device) for k, v in _part(arrays, "average/").items()}
        trainer.average.steps = about["average_steps"]
        unpack_optimiser(trainer.optimiser, {k[10:]: v for k, v in arrays.items() if k.startswith("optimiser/")})
        slots = {k: v.to(model.device) for k, v in _part(arrays, "slots/").items()}
        trainer.carry = Carry(slots.pop("y"), slots.pop("z"))
        for name, value in slots.items():
            setattr(trainer, name, value)
        trainer.step_number = about["step"]
        return trainer


def averaged_model(path: str | Path) -> SequenceTRM:
    """The averaged model of a trainer's checkpoint, in evaluation mode."""
    arrays, about = load_checkpoint(path, KIND)
    model = SequenceTRM(SequenceConfig.from_json(about["config"]))
    model.load_state_dict(_part(arrays, "average/"))
    model.halt_threshold = about.get("halt_threshold", HALT_THRESHOLD)
    return model.eval()


def supervision_loss(logits: Tensor, halt_logit: Tensor, targets: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean stable-max cross-entropy, mean halting cross-entropy, and which answers are right (bool ``[B]``).

    Positions whose target is ``IGNORED`` are left out; each sequence's others count as much as another sequence's.

    Raises:
        SpecError: a sequence of which nothing is asked.
    """
    asked = targets != IGNORED
    count = asked.sum(dim=-1)
    if bool((count == 0).any()):
        raise SpecError(f"a sequence has the target {IGNORED} (ignored) at every position; nothing is asked of it.")
    right = right_answers(logits.argmax(-1), targets)
    each = stablemax_cross_entropy(logits, targets.where(asked, 0)) * asked
    loss = (each.sum(dim=-1) / count).mean().float()
    halting = F.binary_cross_entropy_with_logits(halt_logit, right.to(halt_logit.dtype))
    return loss, halting, right


def right_answers(tokens: Tensor, targets: Tensor) -> Tensor:
    """Bool ``[B]``: all tokens int64 ``[B, L]`` are the targets, but where those are ``IGNORED``."""
    return ((tokens == targets) | (targets == IGNORED)).all(dim=-1)


def _part(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, Any]:
    return {k.removeprefix(prefix): torch.tensor(v) for k, v in arrays.items() if k.startswith(prefix)}
