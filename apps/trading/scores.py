r"""Scores of forecasts of value at risk v (the α quantile of a return, negative) and expected shortfall e < v.

Returns, v and e are in per cent. References: Kupiec 1995; Christoffersen 1998; Engle & Manganelli 2004 (dynamic
quantile); Koenker & Bassett 1978 (quantile score); Patton, Ziegel & Chen 2019 (FZ0, of Fissler & Ziegel 2016); Acerbi &
Székely 2014 (second statistic); Diebold & Mariano 1995.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import xlogy
from scipy.stats import chi2, norm


@dataclass(frozen=True)
class Scores:
    """Of one method at one level.

    Attributes:
        breaches: share of days below v.
        kupiec, christoffersen, dynamic: p-values of coverage; of coverage and independence; of the dynamic quantile.
        quantile: mean quantile score, in per cent.
        fz0: mean FZ0 loss.
        acerbi: Acerbi & Székely's Z₂, 0 where e is right, negative where it is too small in size.
        days: forecasts.
    """

    breaches: float
    kupiec: float
    christoffersen: float
    dynamic: float
    quantile: float
    fz0: float
    acerbi: float
    days: int


def scores(returns: np.ndarray, var: np.ndarray, shortfall: np.ndarray, alpha: float) -> Scores:
    """Of forecasts float64 ``[n]`` each, in per cent."""
    hits = returns < var
    return Scores(
        float(hits.mean()), kupiec(hits, alpha), christoffersen(hits, alpha), dynamic_quantile(hits, var, alpha),
        float(quantile_losses(returns, var, alpha).mean()), float(fz0_losses(returns, var, shortfall, alpha).mean()),
        float(1 + np.mean(hits * returns / -shortfall) / alpha), len(returns),
    )  # fmt: skip


def kupiec(hits: np.ndarray, alpha: float) -> float:
    """p of the likelihood ratio of the breaches' share against α."""
    n, k = len(hits), int(hits.sum())
    share = k / n
    ratio = 2 * (xlogy(k, share) + xlogy(n - k, 1 - share) - k * np.log(alpha) - (n - k) * np.log(1 - alpha))
    return float(chi2.sf(max(ratio, 0.0), 1))


def christoffersen(hits: np.ndarray, alpha: float) -> float:
    """p of conditional coverage: of the share, and of a breach's independence of one the day before."""
    before, after = hits[:-1].astype(int), hits[1:].astype(int)
    count = np.array([[np.sum((before == i) & (after == j)) for j in (0, 1)] for i in (0, 1)], dtype=float)
    rows = count.sum(axis=1)
    each = np.divide(count[:, 1], rows, out=np.zeros(2), where=rows > 0)
    together = count[:, 1].sum() / count.sum()
    free = sum(xlogy(count[i, 1], each[i]) + xlogy(count[i, 0], 1 - each[i]) for i in (0, 1))
    tied = xlogy(count[:, 1].sum(), together) + xlogy(count[:, 0].sum(), 1 - together)
    independence = max(2 * float(free - tied), 0.0)
    coverage = float(chi2.isf(kupiec(hits, alpha), 1))
    return float(chi2.sf(coverage + independence, 2))


def dynamic_quantile(hits: np.ndarray, var: np.ndarray, alpha: float, lags: int = 4) -> float:
    """p of the regression of breaches less α on a constant, their own ``lags`` and v."""
    excess = hits.astype(float) - alpha
    rows = [np.ones(len(excess) - lags), *(excess[lags - k : len(excess) - k] for k in range(1, lags + 1)), var[lags:]]
    design, target = np.stack(rows, axis=1), excess[lags:]
    coefficients = np.linalg.lstsq(design, target, rcond=None)[0]
    statistic = float(coefficients @ design.T @ design @ coefficients) / (alpha * (1 - alpha))
    return float(chi2.sf(statistic, design.shape[1]))


def quantile_losses(returns: np.ndarray, var: np.ndarray, alpha: float) -> np.ndarray:
    """(α - [r < v]) (r - v)."""
    return (alpha - (returns < var)) * (returns - var)


def fz0_losses(returns: np.ndarray, var: np.ndarray, shortfall: np.ndarray, alpha: float) -> np.ndarray:
    """-[r ≤ v](v - r)/(α e) + v/e + ln(-e) - 1."""
    return np.where(returns <= var, returns - var, 0.0) / (alpha * shortfall) + var / shortfall + np.log(-shortfall) - 1


def diebold_mariano(losses: np.ndarray, other: np.ndarray, lags: int = 5) -> float:
    """Two-sided p that the mean losses ``[n]`` of two methods differ, with Newey & West's variance."""
    gap = np.asarray(losses) - np.asarray(other)
    error = standard_error(gap, lags)
    return 1.0 if error == 0 else float(2 * norm.sf(abs(gap.mean()) / error))


def standard_error(values: np.ndarray, lags: int = 5) -> float:
    """Of the mean of a series float64 ``[n]`` whose entries may hang together over ``lags`` (Newey & West 1987)."""
    centred, n = values - values.mean(), len(values)
    variance = float(centred @ centred) / n
    for k in range(1, min(lags, n - 1) + 1):
        variance += 2 * (1 - k / (lags + 1)) * float(centred[k:] @ centred[:-k]) / n
    return float(np.sqrt(max(variance, 0.0) / n))
