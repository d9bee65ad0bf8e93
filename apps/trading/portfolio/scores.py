r"""Scores of a forecast of several assets' returns, one a day, from draws.

Energy score (Gneiting & Raftery 2007) E|X - y| - ½ E|X - X'|; variogram score of order p (Scheuerer & Hamill 2015)
Σ_{i<j} (|y_i - y_j|^p - E|X_i - X_j|^p)². Both are least for the true distribution. The log-score of a copula is its
log density at the day's u, in nats, most for the true one; averaged over the days on which one asset's own u lies in a
tail, it is that of the other assets given that one, and as proper: the days are chosen by what is conditioned on.
"""

from collections.abc import Sequence

import numpy as np

from thermofab.hw.spec import SpecError

SHIFTS = 8  # partners of every draw in E|X - X'|


def energy_scores(draws: np.ndarray, seen: np.ndarray, shifts: int = SHIFTS) -> np.ndarray:
    """Energy scores float64 ``[n]`` of draws ``[n, m, d]`` against what was seen ``[n, d]``, in their units.

    E|X - X'| is the mean over each draw and ``shifts`` others, those 1 … ``shifts`` places after it once all are put in
    a random order; it is that of all pairs where ``shifts`` is half of m or more.

    Raises:
        SpecError: shapes that do not fit, or a single draw.
    """
    _checked(draws, seen)
    m = draws.shape[1]
    apart = np.linalg.norm(draws - seen[:, None], axis=2).mean(axis=1)
    most = m // 2
    steps = range(1, min(shifts, most) + 1)
    # Draws may come in an order, as days of the past do.
    draws = draws[:, np.random.default_rng(0).permutation(m)]
    # Half of all shifts make all pairs once; of an even count the middle one makes each twice.
    weights = np.array([0.5 if 2 * k == m else 1.0 for k in steps])
    gaps = np.stack([np.linalg.norm(draws - np.roll(draws, k, axis=1), axis=2).mean(axis=1) for k in steps])
    return apart - 0.5 * weights @ gaps / weights.sum()


def variogram_scores(draws: np.ndarray, seen: np.ndarray, order: float) -> np.ndarray:
    """Variogram scores float64 ``[n]`` of ``order`` p > 0, shapes as of :func:`energy_scores`; all pairs weigh 1.

    Raises:
        SpecError: shapes that do not fit, a single draw, or an order that is not positive.
    """
    _checked(draws, seen)
    if not order > 0:
        raise SpecError(f"the order of a variogram score is positive, got {order!r}.")
    d = seen.shape[1]
    total = np.zeros(len(seen))
    for i in range(d):
        for j in range(i):
            expected = (np.abs(draws[:, :, i] - draws[:, :, j]) ** order).mean(axis=1)
            total += (np.abs(seen[:, i] - seen[:, j]) ** order - expected) ** 2
    return total


def tails_of(values: np.ndarray, levels: Sequence[float]) -> np.ndarray:
    """Quantiles and the means below them from draws.

    The quantile at α is the one that a further draw falls below with probability α, which takes it between the
    (m + 1)α-th smallest and the next (Weibull's position); α below 1/(m + 1) takes the smallest.

    Args:
        values: float64 ``[n, m, k]``, m draws of k portfolios on n days.
        levels: α between 0 and ½.

    Returns:
        float64 ``[k, levels, 2, n]``.
    """
    ordered = np.sort(values, axis=1)
    summed = np.cumsum(ordered, axis=1)
    made = np.empty((values.shape[2], len(levels), 2, len(values)))
    for level, alpha in enumerate(levels):
        place = max((values.shape[1] + 1) * alpha - 1, 0.0)
        low = int(place)
        at = ordered[:, low] + (place - low) * (ordered[:, low + 1] - ordered[:, low])
        made[:, level, 0] = at.T
        made[:, level, 1] = (summed[:, low] / (low + 1)).T
    return made


def tail_days(u: np.ndarray, share: float, upper: bool = False) -> np.ndarray:
    """Whether u float64 ``[n]`` lies in its lower, or upper, ``share``; bool ``[n]``."""
    return u > 1 - share if upper else u < share


def _checked(draws: np.ndarray, seen: np.ndarray) -> None:
    if draws.ndim != 3 or seen.shape != (draws.shape[0], draws.shape[2]):
        raise SpecError(f"draws of shape [n, m, d] are scored against [n, d], got {draws.shape} and {seen.shape}.")
    if draws.shape[1] < 2:
        raise SpecError("a score from draws needs two of them a day at least.")
