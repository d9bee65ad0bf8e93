r"""Marginals: every asset's own volatility filter, and the distribution of its standardised return.

z = (r - μ)/σ of the days learnt from, smoothed: the distribution function goes in straight lines through the ordered z
at i/(n + 1), and beyond the first and last by a power law whose index is Hill's (1975) of the outer 5%. It increases
strictly, so u = F(z) and z = F⁻¹(u) are each other's inverse.

z is not rescaled: a day's forecast is filtered historical simulation's. What the residuals' moments do to the filter
is mended where variances advance, see :mod:`thermofab.apps.trading.persistence`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from thermofab.apps.trading.persistence import ceiling, news
from thermofab.apps.trading.portfolio.panel import Panel
from thermofab.apps.trading.volatility import Volatility, fit_volatility
from thermofab.hw.spec import SpecError

_TAIL = 0.05  # the share of days that a tail's index is estimated from
_INDEX = (0.1, 0.5)  # bounds of it: lighter is no power law in sight, heavier has no variance
_LEAST = 1e-15  # u stays within this of 0 and 1


@dataclass(frozen=True, eq=False)
class Marginal:
    """One asset.

    Attributes:
        volatility: its filter.
        residuals: float64 ``[n]``, ascending: standardised returns of the days learnt from.
        news: what shocks to the variance are multiplied by in simulation, so that paths do not explode.
        highest: the highest variance of the days learnt from.
    """

    volatility: Volatility
    residuals: np.ndarray
    news: float
    highest: float

    def uniform(self, z: np.ndarray) -> np.ndarray:
        """u = F(z) in (0, 1), float64 of the same shape."""
        z = np.asarray(z, dtype=np.float64)
        at, chance, lower, upper = self._knots
        u = np.interp(z, at, chance)
        below, above = z < at[0], z > at[-1]
        u = np.where(below, chance[0] * (np.where(below, z, at[0]) / at[0]) ** (-1 / lower), u)
        u = np.where(above, 1 - (1 - chance[-1]) * (np.where(above, z, at[-1]) / at[-1]) ** (-1 / upper), u)
        return np.clip(u, _LEAST, 1 - _LEAST)

    def quantile(self, u: np.ndarray) -> np.ndarray:
        """z = F⁻¹(u), float64 of the same shape; u in (0, 1)."""
        u = np.clip(np.asarray(u, dtype=np.float64), _LEAST, 1 - _LEAST)
        at, chance, lower, upper = self._knots
        z = np.interp(u, chance, at)
        below, above = u < chance[0], u > chance[-1]
        z = np.where(below, at[0] * (np.where(below, u, chance[0]) / chance[0]) ** -lower, z)
        rest = np.where(above, 1 - u, 1 - chance[-1]) / (1 - chance[-1])
        return np.where(above, at[-1] * rest**-upper, z)

    def ceiling(self, start: np.ndarray) -> np.ndarray:
        """The variances that paths from variances ``start`` stay within, of the same shape."""
        return ceiling(self.highest, start)

    def advance(self, variance: np.ndarray, returns: np.ndarray, within: np.ndarray) -> np.ndarray:
        """The next day's variance in simulation, at most ``within``."""
        return np.minimum(self.volatility.step(variance, returns, self.news), within)

    @cached_property
    def _knots(self) -> tuple[np.ndarray, np.ndarray, float, float]:
        """Distinct z, their u, and the indices of the two tails."""
        at, count = np.unique(self.residuals, return_counts=True)
        chance = (np.cumsum(count) - (count - 1) / 2) / (len(self.residuals) + 1)
        tail = max(10, int(_TAIL * len(self.residuals)))
        return at, chance, _hill(-self.residuals[:tail]), _hill(self.residuals[-tail:][::-1])


def _hill(largest: np.ndarray) -> float:
    """Hill's index of values float64 ``[k]``, positive, the largest first."""
    return float(np.clip(np.mean(np.log(largest[:-1] / largest[-1])), *_INDEX))


@dataclass(frozen=True, eq=False)
class Filtered:
    """Days seen through marginals fitted on an earlier, or the same, stretch.

    Attributes:
        marginals: one per asset.
        z: standardised returns float64 ``[n, d]``.
        u: their uniforms float64 ``[n, d]``.
        variances: float64 ``[n + 1, d]``; the last row is of the day after the last.
    """

    marginals: tuple[Marginal, ...]
    z: np.ndarray
    u: np.ndarray
    variances: np.ndarray

    def __len__(self) -> int:
        return len(self.z)

    def until(self, days: int) -> "Filtered":
        """The first ``days`` days, with the variance of the day after them."""
        return Filtered(self.marginals, self.z[:days], self.u[:days], self.variances[: days + 1])


def fit_marginals(panel: Panel, kind: str = "gjr") -> tuple[Marginal, ...]:
    """Every asset's filter and residuals.

    Args:
        panel: the days learnt from, 250 at least.
        kind: ``"gjr"``, ``"garch"`` or ``"ewma"``.

    Raises:
        SpecError: an unknown kind, too few days, or returns that never rise, or never fall, in the outer 5% of days.
    """
    made = []
    for symbol, returns in zip(panel.symbols, panel.returns.T):
        try:
            volatility = fit_volatility(returns, kind)
        except SpecError as error:
            raise SpecError(f"{symbol}: {error}") from error
        variances = volatility.variances(returns)
        residuals = np.sort((returns - volatility.mean) / np.sqrt(variances[:-1]))
        tail = max(10, int(_TAIL * len(residuals)))
        if not residuals[tail - 1] < 0 < residuals[-tail]:
            raise SpecError(f"the returns of {symbol} have no two tails; are they returns?")
        shock = volatility.alpha * np.mean(residuals**2)
        shock += volatility.gamma * np.mean(residuals**2 * (residuals < 0))
        factor = news(volatility, float(shock), float(shock), float(np.mean(variances)))
        made.append(Marginal(volatility, residuals, factor, float(np.max(variances))))
    return tuple(made)


def filter_panel(panel: Panel, marginals: Sequence[Marginal]) -> Filtered:
    """The panel's days through ``marginals``, started from each filter's own first variance.

    Raises:
        SpecError: not one marginal per asset.
    """
    if len(marginals) != len(panel.symbols):
        raise SpecError(f"{len(panel.symbols)} assets need as many marginals, got {len(marginals)}.")
    variances = np.stack([m.volatility.variances(r) for m, r in zip(marginals, panel.returns.T)], axis=1)
    means = np.array([m.volatility.mean for m in marginals])
    z = (panel.returns - means) / np.sqrt(variances[:-1])
    u = np.stack([m.uniform(column) for m, column in zip(marginals, z.T)], axis=1)
    return Filtered(tuple(marginals), z, u, variances)
