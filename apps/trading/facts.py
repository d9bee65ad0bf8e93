"""Stylised facts: what daily returns are known for, of data and of generated paths, with bands over paths."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

LAGS = (1, 5, 10, 20, 50)


@dataclass(frozen=True)
class Facts:
    """Kurtosis (3 for a normal distribution), skew, autocorrelations of |r| at :data:`LAGS`, and leverage: the mean
    correlation of r_t with |r_{t+k}|, k = 1 … 10."""

    kurtosis: float
    skew: float
    absolute: tuple[float, ...]
    leverage: float

    def row(self) -> dict[str, float]:
        return {
            "kurtosis": self.kurtosis,
            "skew": self.skew,
            **{f"acf |r| {lag}": value for lag, value in zip(LAGS, self.absolute)},
            "leverage": self.leverage,
        }


def facts(returns: np.ndarray) -> Facts:
    """Of one series float64 ``[n]``, n > 50."""
    centred = returns - returns.mean()
    unit = centred / centred.std()
    size = np.abs(returns)
    follows = [np.corrcoef(returns[:-k], size[k:])[0, 1] for k in range(1, 11)]
    return Facts(
        float(np.mean(unit**4)),
        float(np.mean(unit**3)),
        tuple(float(np.corrcoef(size[:-lag], size[lag:])[0, 1]) for lag in LAGS),
        float(np.mean(follows)),
    )


def bands(paths: np.ndarray, low: float = 0.025, high: float = 0.975) -> dict[str, tuple[float, float, float]]:
    """By fact, the median over paths float64 ``[R, n]`` and the quantiles ``low`` and ``high``."""
    rows = [facts(path).row() for path in paths]
    made = {}
    for name in rows[0]:
        middle, least, most = np.quantile([row[name] for row in rows], [0.5, low, high]).tolist()
        made[name] = (middle, least, most)
    return made


QUANTILES = (0.01, 0.05, 0.5, 0.95, 0.99)
HORIZONS = (10, 252, 2520)


def levels(returns: np.ndarray, volatilities: np.ndarray, horizons: Sequence[int] = HORIZONS) -> dict[str, Any]:
    """Where paths stand after so many days: quantiles of yearly volatility and of price over its start, by horizon.

    Args:
        returns, volatilities: of a day, float64 ``[R, n]``; ``[1, n]`` is one series, whose windows are the paths and
            whose days are the volatilities.
        horizons: days, each at most n.
    """
    yearly, totals = np.sqrt(252) * volatilities, np.cumsum(returns, axis=1)
    made = {}
    for days in horizons:
        if len(returns) == 1:
            ends = np.concatenate([[0.0], totals[0]])
            price, scale = np.exp(ends[days:] - ends[:-days]), yearly[0]
        else:
            price, scale = np.exp(totals[:, days - 1]), yearly[:, days - 1]
        made[str(days)] = {
            "volatility": np.quantile(scale, QUANTILES).tolist() + [float(scale.max())],
            "price": [float(price.min()), *np.quantile(price, QUANTILES).tolist()],
        }
    return made
