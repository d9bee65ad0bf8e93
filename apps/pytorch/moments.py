r"""Gradients from samples.

With P(s) ∝ exp(-θ·T(s)), T the sufficient statistics (spins, and products over edges):

    ∂ ln Z / ∂θ = -E[T],        ∂ E[f] / ∂θ = -Cov(f, T) + E[∂f/∂θ].

Both are expectations, so samples that a fabric drew estimate them; nothing flows through the drawing itself. The
covariance has K - 1 in its denominator, hence no bias for K independent samples.
"""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


def expectation(
    values: Tensor, spins: Tensor, linear: Tensor, quadratic: Tensor, ends: tuple[Tensor, Tensor]
) -> Tensor:
    """The mean over the first axis of ``values`` ``[K, ...]``, f at each of the ``spins`` ``[K, n]``.

    Backwards, ``linear`` ``[n]`` and ``quadratic`` ``[m]`` get -Cov(f, T), and ``values`` get 1/K each.
    """
    return _Expectation.apply(values, spins, linear, quadratic, *ends)  # type: ignore[return-value]


def log_partition(
    value: float, spins: Tensor, linear: Tensor, quadratic: Tensor, ends: tuple[Tensor, Tensor]
) -> Tensor:
    """A scalar of this value with the gradient of ln Z: -E[T] over the ``spins`` ``[K, n]``."""
    return _LogPartition.apply(value, spins, linear, quadratic, *ends)  # type: ignore[return-value]


class _Expectation(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values: Tensor, spins: Tensor, linear: Tensor, quadratic: Tensor, i: Tensor, j: Tensor):
        ctx.save_for_backward(values, spins, i, j)
        return values.mean(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor):  # type: ignore[override]
        values, spins, i, j = ctx.saved_tensors
        count = len(values)
        # Weights that sum to 0: the statistics need no centring.
        weights = ((values - values.mean(0)) * slope).reshape(count, -1).sum(1) / (count - 1)
        return (
            slope.expand_as(values) / count,
            None,
            -(weights @ spins),
            -(weights @ (spins[:, i] * spins[:, j])),
            None,
            None,
        )


class _LogPartition(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, value: float, spins: Tensor, linear: Tensor, quadratic: Tensor, i: Tensor, j: Tensor):
        ctx.save_for_backward(spins, i, j)
        return linear.new_tensor(value)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Tensor):  # type: ignore[override]
        spins, i, j = ctx.saved_tensors
        return None, None, -slope * spins.mean(0), -slope * (spins[:, i] * spins[:, j]).mean(0), None, None
