"""Stylised facts: what daily returns are known for, of data and of generated paths, with bands over paths."""

from dataclasses import dataclass

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
