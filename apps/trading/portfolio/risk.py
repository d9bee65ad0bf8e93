r"""Risk of a portfolio from its paths: value at risk, expected shortfall, and what each position contributes.

A portfolio of shares s is bought and held; over h days its profit on a path is x = Σ_i s_i r_i with the simple returns
r_i. With paths of weight w_j in order of x, and k the first with w_1 + … + w_k ≥ α,

    VaR_α = -x_k,    ES_α = -(1/α) (Σ_{j<k} w_j x_j + (α - Σ_{j<k} w_j) x_k)

(Acerbi & Tasche 2002). Both are homogeneous in s, so that by Euler's theorem they are the sum of s_i times their
derivatives (Tasche 1999): of ES, -E[r_i | tail], a mean over the same paths; of VaR, -E[r_i | x = -VaR], by local
linear regression of r_i on x over the paths around the quantile. That estimate is exact for x itself, so components sum
to the whole in both.

Errors are those of the number of paths alone: of VaR an interval between order statistics, of ES and its components the
standard deviation of their influence functions. What the model itself does not know is in neither.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from thermofab.apps.trading.portfolio.paths import PortfolioPaths
from thermofab.apps.trading.portfolio.weights import Weights
from thermofab.apps.trading.risk import HORIZONS, LEVELS
from thermofab.hw.spec import SpecError

_WIDE = float(norm.ppf(0.975))
_FEWEST = 10  # paths below a level
_NEAR = 0.5  # of α: what is to either side of the quantile in the regression of VaR's components


@dataclass(frozen=True)
class Contribution:
    """What one position adds, all as shares of the portfolio's money.

    Attributes:
        symbol: of what.
        share: held.
        var, es: components; over all symbols they sum to the portfolio's.
        es_error: standard error of ``es``.
        marginal_var, marginal_es: what a unit more of the share would add.
        alone_var, alone_es: of the position by itself.
    """

    symbol: str
    share: float
    var: float
    es: float
    es_error: float
    marginal_var: float
    marginal_es: float
    alone_var: float
    alone_es: float


@dataclass(frozen=True)
class RiskRow:
    """Of one horizon and level; losses are positive shares of the money.

    Attributes:
        horizon: days.
        level: α.
        var, es: of the portfolio.
        var_low, var_high, es_low, es_high: 95% intervals of the number of paths.
        diversified_var, diversified_es: what is saved beside the sum of the positions by themselves, as a share of it.
        paths: effective number of paths, (Σw)²/Σw².
        contributions: a position each.
    """

    horizon: int
    level: float
    var: float
    var_low: float
    var_high: float
    es: float
    es_low: float
    es_high: float
    diversified_var: float
    diversified_es: float
    paths: float
    contributions: tuple[Contribution, ...]

    def to_json(self, money: float) -> dict[str, Any]:
        """Plain values; ``var_money`` and ``es_money`` beside the shares."""
        return asdict(self) | {"var_money": self.var * money, "es_money": self.es * money}


def gains(returns: np.ndarray, horizon: int) -> np.ndarray:
    """Simple returns float64 ``[paths, d]`` over the first ``horizon`` days of log returns ``[paths, days, d]``."""
    return np.expm1(returns[:, :horizon].sum(axis=1))


def profits(paths: PortfolioPaths, weights: Weights) -> np.ndarray:
    """The portfolio's profit since today, float64 ``[paths, days]``, as a share of its money."""
    return np.expm1(np.cumsum(paths.returns, axis=1)) @ weights.of(paths.symbols)


def tail(profit: np.ndarray, level: float, weights: np.ndarray) -> tuple[float, float, np.ndarray]:
    """VaR and ES of profits ``[n]`` with weights ``[n]``, and the shares ``[n]`` that each has in the tail, Σ = 1."""
    order = np.argsort(profit, kind="stable")
    above = np.cumsum(weights[order])
    last = min(int(np.searchsorted(above, level * (1 - 1e-12))), len(order) - 1)
    shares = np.zeros(len(order))
    shares[order[:last]] = weights[order[:last]]
    shares[order[last]] = level - (above[last] - weights[order[last]])
    shares /= level
    return float(-profit[order[last]]), float(-(shares @ profit)), shares


def at_quantile(values: np.ndarray, profit: np.ndarray, level: float, weights: np.ndarray) -> np.ndarray:
    """E[values | profit = its ``level`` quantile] float64 ``[d]`` of values ``[n, d]``, local linear in the profit."""
    order = np.argsort(profit, kind="stable")
    middle = np.cumsum(weights[order]) - weights[order] / 2
    var = tail(profit, level, weights)[0]
    apart = (middle - level) / (_NEAR * level)
    near = np.abs(apart) < 1
    share = weights[order][near] * (1 - apart[near] ** 2)
    share /= share.sum()
    x, y = profit[order][near] + var, values[order][near]
    x_mean, y_mean = share @ x, share @ y
    spread = share @ (x - x_mean) ** 2
    slope = (share * (x - x_mean)) @ (y - y_mean) / spread if spread > 0 else np.zeros(y.shape[1])
    return y_mean - slope * x_mean


def portfolio_risk(
    paths: PortfolioPaths,
    weights: Weights,
    horizons: Sequence[int] = HORIZONS,
    levels: Sequence[float] = LEVELS,
) -> list[RiskRow]:
    """A row a horizon and level.

    Args:
        paths: simulated, with importance weights or without.
        weights: what is held; symbols of the paths that are not held contribute 0.
        horizons: days, each at most the paths'.
        levels: between 0 and ½.

    Raises:
        SpecError: horizons or levels out of their ranges, something held that has no paths, or fewer than ten effective
            paths below a level.
    """
    count, days, _ = paths.returns.shape
    each = np.full(count, 1 / count) if paths.weights is None else np.asarray(paths.weights, dtype=np.float64)
    effective = float(each.sum() ** 2 / (each @ each))
    checked_counts(count, days, horizons, levels, effective)
    shares = weights.of(paths.symbols)
    return [
        _row(gains(paths.returns, int(h)), shares, paths.symbols, int(h), float(level), each, effective)
        for h in horizons
        for level in levels
    ]


def checked_counts(
    count: int, days: int, horizons: Sequence[int], levels: Sequence[float], effective: float | None = None
) -> None:
    """Whether ``count`` paths of ``days`` days, ``effective`` of them, can say anything at these horizons and levels.

    Raises:
        SpecError: they cannot.
    """
    if not horizons or not all(1 <= h <= days and int(h) == h for h in horizons):
        raise SpecError(f"horizons are days from 1 to {days}, one at least, got {tuple(horizons)}.")
    if not levels or not all(0 < level < 0.5 for level in levels):
        raise SpecError(f"levels are between 0 and 0.5, one at least, got {tuple(levels)}.")
    weighing = float(count) if effective is None else effective
    if weighing * min(levels) < _FEWEST * (1 - 1e-9):
        raise SpecError(
            f"{weighing:.0f} effective paths of {count} have fewer than {_FEWEST} below the {min(levels):.3g} "
            f"quantile; take {round(count / weighing * _FEWEST / min(levels))} at least."
        )


def _row(
    gained: np.ndarray,
    shares: np.ndarray,
    symbols: Sequence[str],
    horizon: int,
    level: float,
    each: np.ndarray,
    effective: float,
) -> RiskRow:
    profit = gained @ shares
    var, es, within = tail(profit, level, each)
    apart = _WIDE * np.sqrt(level * (1 - level) / effective)
    low = tail(profit, min(level + apart, 0.5), each)[0]
    high = tail(profit, max(level - apart, 0.5 / effective), each)[0]
    marginal_var, marginal_es = -at_quantile(gained, profit, level, each), -(within @ gained)
    below = within > 0
    # Influence of a path: (its loss - what it is at the quantile) / α in the tail, 0 elsewhere.
    error = _error(np.where(below, -profit - var, 0.0), each) / level
    alone: list[tuple[float, float]] = [tail(gained[:, k] * share, level, each)[:2] for k, share in enumerate(shares)]
    contributions = []
    for k, (symbol, share) in enumerate(zip(symbols, shares.tolist())):
        influence = np.where(below, share * (-gained[:, k] - marginal_var[k]), 0.0)
        contributions.append(
            Contribution(
                symbol, share, float(share * marginal_var[k]), float(share * marginal_es[k]),
                _error(influence, each) / level, float(marginal_var[k]), float(marginal_es[k]), *alone[k],
            )
        )  # fmt: skip
    sums = np.sum(alone, axis=0)
    saved_var, saved_es = (float(1 - one / whole) if whole > 0 else 0.0 for one, whole in zip((var, es), sums))
    return RiskRow(
        horizon, level, var, low, high, es, es - _WIDE * error, es + _WIDE * error, saved_var, saved_es, effective,
        tuple(contributions),
    )  # fmt: skip


def _error(influence: np.ndarray, each: np.ndarray) -> float:
    """Standard error of the weighted mean of ``influence`` ``[n]``."""
    return float(np.sqrt(np.sum((each * (influence - each @ influence)) ** 2)))
