"""Decoding: a point within a drawn cell, as a copula has it there, by importance resampling.

Uniform draws within cells would lose what assets do together inside of them, .12 to .19 nats per day. Instead some
candidates are drawn asset by asset within the cell, which is nearly the copula's own distribution there; one of them is
taken, with the probability of its weight.
"""

import numpy as np

from thermofab.apps.trading.portfolio.cells import STATES, box
from thermofab.apps.trading.portfolio.copula import box_probabilities, confined, log_densities_of, points_of

CANDIDATES = 16
_MORE = 8  # times as many candidates for cells in which two assets are in their outermost states
_MOST = 65_536  # candidates drawn at once


def decode(
    states: np.ndarray,
    correlations: np.ndarray,
    degrees: float,
    seed: int,
    within: tuple[np.ndarray, np.ndarray] | None = None,
    candidates: int = CANDIDATES,
) -> tuple[np.ndarray, np.ndarray]:
    """Uniforms of drawn cells.

    Args:
        states: int ``[n, d]``.
        correlations: of the copula, one matrix or ``[n, d, d]``.
        degrees: of freedom.
        seed: of the draw.
        within: lower and upper bounds float64 ``[d]`` that the uniforms are kept in; every cell reaches into them.
        candidates: a cell; eight times as many where two assets are in their outermost states.

    Returns:
        u float64 ``[n, d]``, and the log probability of what of the cell is within the bounds, float64 ``[n]``,
        estimated from the candidates.
    """
    rng = np.random.default_rng([seed, 3])
    n, d = states.shape
    low, high = box(states)
    if within is not None:
        low, high = np.maximum(low, within[0]), np.minimum(high, within[1])
    each = np.broadcast_to(correlations, (n, d, d))
    u, log_chance = np.empty((n, d)), np.empty(n)
    # Where several assets are far out at once the candidates' weights differ most.
    rare = ((states == 0) | (states == STATES - 1)).sum(axis=1) > 1
    for group, number in ((np.flatnonzero(~rare), candidates), (np.flatnonzero(rare), _MORE * candidates)):
        for first in range(0, len(group), _MOST // number):
            rows = group[first : first + _MOST // number]
            count = len(rows)
            # Stratified in every direction: the candidates of a cell fill it evenly.
            strata = rng.permuted(np.tile(np.arange(number), (count, d + 1, 1)), axis=2).swapaxes(1, 2)
            drawn = np.clip((strata + rng.random((count, number, d + 1))) / number, 1e-9, 1 - 1e-9)
            x, log_weight = confined(each[rows], degrees, low[rows], high[rows], drawn)
            top = log_weight.max(axis=1, keepdims=True)
            summed = np.cumsum(np.exp(log_weight - top), axis=1)
            chosen = (summed < rng.random((count, 1)) * summed[:, -1:]).sum(axis=1)
            taken = x[np.arange(count), np.minimum(chosen, number - 1)]
            u[rows] = points_of(taken, degrees, low[rows], high[rows])
            log_chance[rows] = top[:, 0] + np.log(summed[:, -1] / number)
    return u, log_chance


def log_density_within(
    u: np.ndarray, states: np.ndarray, correlations: np.ndarray, degrees: float
) -> tuple[np.ndarray, np.ndarray]:
    """log c(u) - log C(cell), nats, of days ``[n, d]`` in their cells, and the standard error of it, ``[n]`` each;
    ``correlations`` is one matrix or one a day."""
    n, d = u.shape
    each = np.broadcast_to(correlations, (n, d, d))
    chance, error = box_probabilities(each, degrees, *box(states))
    return log_densities_of(u, each, degrees) - np.log(chance), error / chance
