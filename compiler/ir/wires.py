"""Wires: a path of hidden spins acts as one coupling.

Summing out the middle spin of two couplings K₁, K₂ leaves cosh(K₁)cosh(K₂)(1 + s t tanh K₁ tanh K₂) up to a factor 2,
which is the Boltzmann factor of one coupling J with tanh J = tanh K₁ tanh K₂. By induction, tanh J = Π tanh K_i.
All functions work with log tanh, so that couplings far beyond the resolution of tanh in floating point keep theirs.
"""

from typing import Any

import numpy as np


def log_tanh(magnitude: np.ndarray) -> np.ndarray:
    """log tanh x for x ≥ 0 (-inf at 0), accurate at both ends."""
    x = np.asarray(magnitude, dtype=np.float64)
    decay = np.exp(-2 * x)
    with np.errstate(divide="ignore"):
        # Each form loses its digits where the other keeps them.
        return np.where(x > 0.35, np.log1p(-decay), np.log(-np.expm1(-2 * x))) - np.log1p(decay)


def atanh_exp(log_value: np.ndarray) -> np.ndarray:
    """atanh(e^y) for y ≤ 0."""
    y = np.asarray(log_value, dtype=np.float64)
    with np.errstate(divide="ignore"):
        return 0.5 * (np.log1p(np.exp(y)) - np.log(-np.expm1(y)))


def wire_coupling(magnitude: Any, length: Any) -> np.ndarray:
    """|K| = atanh(tanh(|J|)^(1/ℓ)): ``length`` such couplings in a row act as J. Float64, elementwise.

    Beyond |J| = 15 the asymptote K = J + ln(ℓ)/2 is used; it is off by less than 2e^{-2J}.
    """
    if np.all(np.asarray(length) == 1):
        return np.asarray(magnitude, dtype=np.float64)
    j, ell = np.broadcast_arrays(np.asarray(magnitude, dtype=np.float64), np.asarray(length, dtype=np.float64))
    near = atanh_exp(log_tanh(np.minimum(j, 15.0)) / ell)
    return np.where(ell == 1, j, np.where(j > 15.0, j + 0.5 * np.log(ell), near))


def composite(couplings: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """J of wires laid end to end in ``couplings`` float64 ``[k]``; wire w begins at ``starts[w]``, int ``[m]``."""
    if not len(starts):
        return np.zeros(0)
    if len(starts) == len(couplings):
        return np.array(couplings, dtype=np.float64)
    lengths = np.diff(np.append(starts, len(couplings)))
    total = np.add.reduceat(log_tanh(np.abs(couplings)), starts)
    sign = np.multiply.reduceat(np.where(couplings < 0, -1.0, 1.0), starts)
    with np.errstate(invalid="ignore"):
        return np.where(lengths == 1, couplings[starts], sign * atanh_exp(total))
