"""How many sweeps a draw of all cells needs: the chain of the fabric's sweeps, multiplied out on all states.

All sites of a portfolio are coupled with one another, so a sweep updates them one by one, in the order of their
colours, each from its exact conditional; that is applied to a distribution over the 8^d cells, or to an observable.
"""

from collections.abc import Sequence

import numpy as np

from thermofab.apps.trading.portfolio.cells import BITS, CODE

TOLERANCE = 2e-3  # of total variation that a draw may have left of the uniform bits it starts from
MOST_SWEEPS = 1000


def by_bits(cells: np.ndarray) -> np.ndarray:
    """An array over cells ``[8] * d`` as one over bits ``[2] * 3d``, an asset's three bits together."""
    order = np.argsort(CODE @ np.array([4, 2, 1]))
    for axis in range(cells.ndim):
        cells = cells.take(order, axis=axis)
    return cells.reshape((2,) * (BITS * cells.ndim))


def sweep_distribution(now: np.ndarray, target: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """The distribution over bits ``[2] * n`` a sweep after ``now``, for a fabric that holds ``target``."""
    for site in order:
        total = target.sum(axis=site, keepdims=True)
        now = now.sum(axis=site, keepdims=True) * (target / total)
    return now


def sweep_observable(values: np.ndarray, target: np.ndarray, order: Sequence[int]) -> np.ndarray:
    """E[observable a sweep later | state], over bits ``[2] * n``."""
    for site in reversed(list(order)):
        total = target.sum(axis=site, keepdims=True)
        values = np.broadcast_to((values * target).sum(axis=site, keepdims=True) / total, target.shape)
    return values


def sweeps_needed(probabilities: np.ndarray, order: Sequence[int], tolerance: float = TOLERANCE) -> int:
    """Sweeps after which uniform bits are within ``tolerance`` of the distribution over cells, in total variation.

    Args:
        probabilities: float64 ``[8] * d``.
        order: in which a sweep updates the bits, numbers 0 … 3d - 1.
        tolerance: of total variation.
    """
    target = by_bits(probabilities)
    now = np.full(target.shape, 1 / target.size)
    for count in range(1, MOST_SWEEPS + 1):
        now = sweep_distribution(now, target, order)
        if 0.5 * np.abs(now - target).sum() < tolerance:
            return count
    return MOST_SWEEPS


def autocorrelations(
    observables: np.ndarray, probabilities: np.ndarray, order: Sequence[int], longest: int = 200
) -> np.ndarray:
    """Integrated autocorrelation times 1 + 2 Σ ρ_k in sweeps, float64 ``[m]``, of observables over cells.

    Args:
        observables: float64 ``[m] + [8] * d``.
        probabilities: float64 ``[8] * d``.
        order: of the bits in a sweep.
        longest: lag; the sum ends where ρ falls below 10⁻³.
    """
    target = by_bits(probabilities)
    made = []
    for cells in observables:
        start = by_bits(cells)
        start = start - (start * target).sum()
        variance = float((start**2 * target).sum())
        later, time = start, 1.0
        for _ in range(longest):
            later = sweep_observable(later, target, order)
            share = float((start * later * target).sum()) / variance
            time += 2 * share
            if share < 1e-3:
                break
        made.append(time)
    return np.array(made)
