"""Exact enumeration of small pairwise spin models.

State x of n spins is numbered Σ x_k 2^(n-1-k): the first spin is the most significant bit, so that a vector over
states reshapes to ``[2]*n`` with one axis per spin, in order.
"""

import numpy as np


def log_weights(n: int, biases: np.ndarray, edges: np.ndarray, couplings: np.ndarray) -> np.ndarray:
    """Σ b_i s_i + Σ J_ij s_i s_j of all states: float64 ``[2^n]``."""
    total = np.zeros((2,) * n)
    spin = np.array([-1.0, 1.0])
    for k, b in enumerate(np.asarray(biases, dtype=np.float64).tolist()):
        if b:
            total += _along(n, k, b * spin)
    for (i, j), coupling in zip(np.asarray(edges).reshape(-1, 2).tolist(), np.asarray(couplings).tolist()):
        if coupling:
            total += coupling * _along(n, i, spin) * _along(n, j, spin)
    return total.reshape(-1)


def _along(n: int, axis: int, values: np.ndarray) -> np.ndarray:
    return values.reshape((1,) * axis + (2,) + (1,) * (n - 1 - axis))


def normalised(log_weight: np.ndarray) -> tuple[np.ndarray, float]:
    """Probabilities and log Z from log weights."""
    top = float(np.max(log_weight))
    weight = np.exp(log_weight - top)
    total = float(weight.sum())
    return weight / total, top + float(np.log(total))


def tilted(probabilities: np.ndarray, change: np.ndarray) -> tuple[np.ndarray, float]:
    """p e^change / E_p[e^change], and ln E_p[e^change]; states of probability 0 stay so whatever they gain."""
    there = probabilities > 0
    logs = np.log(probabilities, where=there, out=np.full(len(probabilities), -np.inf)) + np.where(there, change, 0.0)
    return normalised(logs)


def states(n: int) -> np.ndarray:
    """bool ``[2^n, n]`` in the order of state numbers."""
    number = np.arange(2**n, dtype=np.int64)
    return ((number[:, None] >> np.arange(n - 1, -1, -1)[None, :]) & 1).astype(bool)


def marginal(probabilities: np.ndarray, n: int, keep: list[int]) -> np.ndarray:
    """The distribution of the spins ``keep``, in that order: float64 ``[2^len(keep)]``."""
    tensor = probabilities.reshape((2,) * n)
    rest = tuple(k for k in range(n) if k not in set(keep))
    reduced = tensor.sum(axis=rest) if rest else tensor
    ascending = sorted(keep)
    return reduced.transpose([ascending.index(k) for k in keep]).reshape(-1)


def total_variation(p: np.ndarray, q: np.ndarray) -> float:
    """½ Σ |p - q|."""
    return 0.5 * float(np.abs(np.asarray(p) - np.asarray(q)).sum())


def kl(p: np.ndarray, q: np.ndarray) -> float:
    """KL(p ‖ q) = Σ p ln(p/q) in nats; infinite where q vanishes and p does not."""
    p, q = np.asarray(p, dtype=np.float64), np.asarray(q, dtype=np.float64)
    there = p > 0
    if np.any(q[there] <= 0):
        return float("inf")
    return max(0.0, float(np.sum(p[there] * (np.log(p[there]) - np.log(q[there])))))
