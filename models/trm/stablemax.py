"""Stable-max: a soft-max whose exponential is replaced by s(x) = x + 1 for x ≥ 0 and 1/(1 - x) below.

p_k = s(x_k) / Σ_j s(x_j). It grows linearly, so that scaling the logits up does not drive the loss to zero, and
training on a small set does not stall in rounding ("Grokking at the edge of numerical stability", arXiv 2501.04697).
Computed in float64, as tiny recursive models do (arXiv 2510.04871).
"""

import torch
from torch import Tensor


def log_stablemax(logits: Tensor) -> Tensor:
    """log p over the last axis, float64, of logits of any float type."""
    x = logits.double()
    # both branches are finite wherever they are not taken, lest a NaN come back through the gradient
    s = torch.where(x < 0, 1 / (1 - x.clamp(max=0)), x.clamp(min=0) + 1)
    return torch.log(s) - torch.log(s.sum(dim=-1, keepdim=True))


def stablemax_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """-log p of targets int64 ``[...]`` under logits ``[..., K]``: float64 ``[...]``."""
    return -log_stablemax(logits).gather(-1, targets.unsqueeze(-1)).squeeze(-1)
