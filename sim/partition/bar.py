"""Bennett's acceptance ratio: the difference of ln Z between two distributions, from samples of both (Bennett 1976).

With Δ = u₁ - u₀ of exponents (P_k ∝ exp(-u_k)), n₀ samples of P₀ and n₁ of P₁, d = ln Z₁ - ln Z₀ solves

    Σ over all samples of  p = 1 / (1 + (n₀/n₁) exp(Δ + d)) = n₁,

p being the chance that a sample came from P₁. The estimate has the least variance of all that use these samples,
1/Σp(1-p) - 1/n₀ - 1/n₁ where they are independent.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit


@dataclass(frozen=True)
class Bennett:
    """``value``: ln Z₁ - ln Z₀; ``error``: its asymptotic standard deviation; ``overlap``: 0 (nothing in common) to 1
    (the same distribution)."""

    value: float
    error: float
    overlap: float


def influence(from_first: np.ndarray, from_second: np.ndarray, value: float) -> np.ndarray:
    """What every chain moves the estimate ``value`` by, to first order: float64 ``[R]``, of sum 0.

    Args:
        from_first, from_second: as in :func:`bennett`, ``[R, S]`` of the same chains.
    """
    shift = np.log(from_first.size / from_second.size)
    first, second = (expit(-(delta + value + shift)) for delta in (from_first, from_second))
    shared = (first * (1 - first)).sum() + (second * (1 - second)).sum()
    return (first.sum(axis=1) - (1 - second).sum(axis=1)) / max(float(shared), 1e-300)


def bennett(from_first: np.ndarray, from_second: np.ndarray, independent: float = 1.0) -> Bennett:
    """ln Z₁ - ln Z₀.

    Args:
        from_first: Δ of samples of P₀, float, any shape.
        from_second: Δ of samples of P₁.
        independent: share of the samples that count as independent, for the error.
    """
    first, second = np.ravel(from_first).astype(float), np.ravel(from_second).astype(float)
    delta, shift = np.concatenate([first, second]), np.log(len(first) / len(second))

    def excess(d: float) -> float:
        return float(expit(-(delta + d + shift)).sum()) - len(second)

    low, high = -delta.max() - 1.0, -delta.min() + 1.0
    value = low if low == high else cast(float, brentq(excess, low, high, xtol=1e-10))
    p = expit(-(delta + value + shift))
    shared = float((p * (1 - p)).sum())
    alone = 1 / len(first) + 1 / len(second)
    variance = max(0.0, 1 / max(shared, 1e-300) - alone) / independent
    return Bennett(value, float(np.sqrt(variance)), shared * alone)
