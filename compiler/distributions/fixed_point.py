"""Fixed points of a Markov chain: x P = x, by elimination for a few hundred states, by Krylov iteration for many.

Elimination is Grassmann, Taksar & Heyman's (1985, https://doi.org/10.1287/opre.33.5.1107): it subtracts nothing, so
every probability keeps its digits however slowly the chain mixes. The iteration is GMRES on x (P - I) = 0 with restarts
(Saad & Schultz 1986); an isolated slow mode costs it one vector. Its residual r alone says little: a mode of eigenvalue
λ that is still wrong by e changes by (1-λ)e a step only. The error is therefore taken as |r| / (1-λ), λ the largest
Ritz value.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_ENTRIES = 2**24  # of the Krylov vectors together
_FEWEST, _MOST = 8, 64  # Krylov vectors between restarts


@dataclass(frozen=True, eq=False)
class FixedPoint:
    """A distribution that a step leaves as it is, and how nearly.

    Attributes:
        distribution: float64 ``[K]``.
        residual: L1 change by one more step.
        error: estimated L1 distance from the fixed point.
    """

    distribution: np.ndarray
    residual: float
    error: float


def eliminated(matrix: np.ndarray) -> np.ndarray:
    """The stationary distribution float64 ``[K]`` of a transition matrix ``[K, K]`` whose rows sum to 1."""
    rates = np.array(matrix, dtype=np.float64)
    count = len(rates)
    for k in range(count - 1, 0, -1):
        rates[:k, k] /= rates[k, :k].sum()
        rates[:k, :k] += np.outer(rates[:k, k], rates[k, :k])
    weight = np.ones(count)
    for k in range(1, count):
        weight[k] = weight[:k] @ rates[:k, k]
    return weight / weight.sum()


def iterated(step: Callable[[np.ndarray], np.ndarray], start: np.ndarray, accuracy: float, most: int) -> FixedPoint:
    """From ``start`` float64 ``[K]``, until the error is at most ``accuracy`` or ``most`` steps were taken; beside them
    at most 64 steps tell the slowest mode, from a random change, whatever ``start`` has of it.
    """
    x, taken = start, 0
    vectors = int(np.clip(_ENTRIES // len(start), _FEWEST, _MOST))
    probe = np.random.default_rng(0).normal(size=len(start)) * np.sqrt(x)
    gap = _gap(_arnoldi(step, x, probe - probe.sum() * x, vectors)[1])
    change = step(x) - x
    while taken < most and float(np.abs(change).sum()) > accuracy * gap:
        basis, h = _arnoldi(step, x, change - change.sum() * x, min(vectors, most - taken))
        gap = min(gap, _gap(h))
        better = np.maximum(x + _least_residual(basis, h, float(np.linalg.norm(change))), 0.0)
        better /= better.sum()
        after = step(better) - better
        taken += len(basis) + 1
        if not float(np.abs(after).sum()) < float(np.abs(change).sum()):
            # No more digits to win; plain steps lose none.
            better = step(x)
            after = step(better) - better
            if not float(np.abs(after).sum()) < float(np.abs(change).sum()):
                break
        x, change = better, after
    residual = float(np.abs(change).sum())
    # What rounding leaves of a residual of 0 is as uncertain as the residual itself.
    return FixedPoint(x, residual, max(residual, np.finfo(float).eps) / gap)


def _arnoldi(
    step: Callable[[np.ndarray], np.ndarray], x: np.ndarray, first: np.ndarray, vectors: int
) -> tuple[np.ndarray, np.ndarray]:
    """Orthonormal Krylov vectors ``[k, K]`` from ``first``, and the Hessenberg matrix ``[k + 1, k]`` of the step on
    them.

    The vectors are changes, which sum to 0: rounding drifts to the fixed point itself, near ``x``, and is taken off.
    """
    basis = np.empty((vectors, len(first)))
    basis[0] = first / max(float(np.linalg.norm(first)), 1e-300)
    h = np.zeros((vectors + 1, vectors))
    for k in range(vectors):
        new = step(basis[k])
        new = new - new.sum() * x
        known = basis[: k + 1]
        for _ in range(2):  # twice, or the vectors lose their orthogonality
            shares = known @ new
            h[: k + 1, k] += shares
            new = new - shares @ known
        h[k + 1, k] = float(np.linalg.norm(new))
        if h[k + 1, k] < 1e-14 or k + 1 == vectors:
            break
        basis[k + 1] = new / h[k + 1, k]
    used = k + 1
    return basis[:used], h[: used + 1, :used]


def _gap(h: np.ndarray) -> float:
    """1 - λ, λ the Ritz value of largest size."""
    slowest = float(np.max(np.abs(np.linalg.eigvals(h[:-1]))))
    return max(1.0 - slowest, np.finfo(float).eps)


def _least_residual(basis: np.ndarray, h: np.ndarray, size: float) -> np.ndarray:
    """The combination of Krylov vectors that leaves the least of a change of norm ``size`` along the first."""
    wanted = np.zeros(len(h))
    wanted[0] = size
    weights = np.linalg.lstsq(np.eye(*h.shape) - h, wanted, rcond=None)[0]
    return weights @ basis
