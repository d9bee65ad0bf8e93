"""Calibration: are predictions given with probability p right a share p of the time? And one number that helps.

*Temperature*: logits are divided by T, the T that minimises the log-loss of validation days (Guo et al. 2017). *ECE*:
predictions in 15 equal bins of their largest probability, Σ_bins share·|accuracy - mean confidence|.
"""

from typing import Any

import numpy as np
from scipy.optimize import minimize_scalar

from thermofab.hw.spec import SpecError

BINS = 15
FLOOR = 1e-4


def floored(probabilities: np.ndarray, floor: float = FLOOR) -> np.ndarray:
    """At least about ``floor`` each, rows summing to 1: no method is charged an infinite loss for a class it has not
    seen, and all methods get the same floor."""
    lifted = np.maximum(probabilities, floor)
    return lifted / lifted.sum(axis=1, keepdims=True)


def log_losses(probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """-ln p of what happened, float64 ``[N]``."""
    return -np.log(floored(probabilities)[np.arange(len(classes)), classes])


def tempered(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """p^(1/T), normalised: the soft-max of logits/T."""
    logs = np.log(np.maximum(probabilities, 1e-12)) / temperature
    weight = np.exp(logs - logs.max(axis=1, keepdims=True))
    return weight / weight.sum(axis=1, keepdims=True)


def fit_temperature(probabilities: np.ndarray, classes: np.ndarray) -> float:
    """T in [0.05, 20] that minimises the log-loss of these days.

    Args:
        probabilities: uncalibrated, float ``[N, 8]``.
        classes: int64 ``[N]``.

    Raises:
        SpecError: no days.
    """
    if not len(classes):
        raise SpecError("a temperature is fitted to at least one day; the validation days are empty.")

    def loss(log_temperature: float) -> float:
        return float(log_losses(tempered(probabilities, float(np.exp(log_temperature))), classes).mean())

    found: Any = minimize_scalar(loss, bounds=(np.log(0.05), np.log(20)), method="bounded")
    return float(np.exp(found.x))


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> float:
    """ECE of largest probabilities float ``[N]`` and whether the answer was right, bool ``[N]``."""
    place = np.minimum((confidence * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    gap = np.abs(np.bincount(place, right, bins) - np.bincount(place, confidence, bins))
    return float(gap[count > 0].sum() / len(confidence))
