"""The classifier's losses: cross-entropy (hard or soft labels), halting, and the profit-weighted term.

    total = CE(logits, label) + w_halt · BCE(halting logit, [arg-max logits = label]) - w_profit · E_p[profit]/scale

with p the soft-max of the logits. The halting loss takes the *logit*; a probability there is refused, because a
sigmoid of a sigmoid cannot leave (1/2, 0.74) and never learns.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from thermofab.hw.spec import SpecError


@dataclass(frozen=True)
class LossWeights:
    """Weights of the halting and the profit-weighted term, and the profit that counts as one unit."""

    halting: float = 0.5
    profit: float = 0.0
    profit_scale: float = 0.01

    def __post_init__(self) -> None:
        if self.halting < 0 or self.profit < 0 or self.profit_scale <= 0:
            raise SpecError("loss weights must be at least 0 and profit_scale above 0.")


def strategy_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross-entropy; labels int64 ``[B]``, or soft labels float ``[B, K]`` whose rows sum to 1.

    Raises:
        SpecError: soft labels that are negative or whose rows do not sum to 1.
    """
    if labels.is_floating_point():
        if labels.shape != logits.shape or bool((labels < 0).any()) or bool(((labels.sum(-1) - 1).abs() > 1e-4).any()):
            raise SpecError(f"soft labels must have shape {list(logits.shape)}, and rows of probabilities with sum 1.")
    return F.cross_entropy(logits, labels)


def halting_loss(halt_logits: Tensor, right: Tensor) -> Tensor:
    """Mean binary cross-entropy of halting *logits* ``[B]`` against whether the answer is right, bool ``[B]``."""
    return F.binary_cross_entropy_with_logits(halt_logits, right.to(halt_logits.dtype))


def profit_loss(logits: Tensor, profits: Tensor, scale: float) -> Tensor:
    """-Σ_k p_k profit_k / scale, its mean over the batch: less where the profitable strategies are more probable.

    Args:
        logits: ``[B, K]``.
        profits: of every strategy, ``[B, K]``, as fractions (0.01 is one per cent).
        scale: the profit that counts as one unit.
    """
    if profits.shape != logits.shape:
        raise SpecError(f"profits must name every strategy's, shape {list(logits.shape)}; got {list(profits.shape)}.")
    return -(torch.softmax(logits, dim=-1) * profits).sum(dim=-1).mean() / scale


def total_loss(
    logits: Tensor, halt_logits: Tensor, labels: Tensor, weights: LossWeights, profits: Tensor | None = None
) -> tuple[Tensor, dict[str, float]]:
    """The total, and its parts as numbers: ``strategy``, ``halting``, ``profit``, ``accuracy``.

    Raises:
        SpecError: the profit term is weighted but no profits were given.
    """
    if weights.profit and profits is None:
        raise SpecError("the profit-weighted term needs profits [rows, strategies]; give them or weight it by 0.")
    hard = labels.argmax(-1) if labels.is_floating_point() else labels
    right = logits.argmax(-1) == hard
    strategy, halting = strategy_loss(logits, labels), halting_loss(halt_logits, right)
    total, parts = strategy + weights.halting * halting, {"strategy": strategy, "halting": halting}
    if profits is not None:
        parts["profit"] = profit_loss(logits, profits, weights.profit_scale)
        total = total + weights.profit * parts["profit"]
    numbers = {name: float(value.detach()) for name, value in parts.items()}
    return total, {**numbers, "accuracy": float(right.float().mean())}
