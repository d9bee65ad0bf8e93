"""Annealed importance sampling: weights of chains that went from hot to cold (Neal 2001, arXiv:physics/9803008).

A chain at a state s of exponent u that goes from β to β' takes w ← w exp(-(β' - β) u(s)), then sweeps at β'. The mean
of w over chains is Z(β_last)/Z(β_first) whatever the number of sweeps: too few make the weights unequal, never biased.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp


@dataclass(frozen=True)
class Mean:
    """``value``: ln of the mean of weights; ``error``: its standard deviation from their spread; ``effective``:
    (Σw)²/Σw², the weights that count."""

    value: float
    error: float
    effective: float


def log_mean(log_weights: np.ndarray) -> Mean:
    """ln of the mean of exp(``log_weights``), float ``[R]``, R ≥ 2 independent weights, -inf among them."""
    log_weights = np.asarray(log_weights, dtype=float)
    count = len(log_weights)
    if not np.any(np.isfinite(log_weights)):
        return Mean(float("-inf"), float("inf"), 0.0)
    value = float(np.asarray(logsumexp(log_weights))) - float(np.log(count))
    w = np.exp(log_weights - value)
    return Mean(value, float(np.std(w, ddof=1) / np.sqrt(count)), float(w.sum() ** 2 / np.sum(w**2)))
