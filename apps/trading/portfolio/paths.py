"""Paths of a portfolio: joint draws of u, through the marginals, scaled by every path's volatilities, day by day."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from thermofab.apps.trading.portfolio.filters import Filtered, Marginal
from thermofab.apps.trading.portfolio.joint import JointModel
from thermofab.hw.spec import Ledger, SpecError

_YEAR = 252
_INSIDE = (np.arange(4096) + 0.5) / 4096  # where a marginal's moments are taken


@runtime_checkable
class Costed(Protocol):
    """A walk whose last draw ran on a fabric."""

    @property
    def ledger(self) -> Ledger | None: ...


@dataclass(frozen=True, eq=False)
class PortfolioPaths:
    """Simulated paths of all assets.

    Attributes:
        symbols: the assets.
        returns: log returns float64 ``[paths, horizon, d]``.
        volatilities: float64 of the same shape, of the same days.
        ledger: what the fabric's runs cost; ``None`` if none was run.
        weights: float64 ``[paths]`` summing to 1, or ``None`` where all paths weigh the same.
    """

    symbols: tuple[str, ...]
    returns: np.ndarray
    volatilities: np.ndarray
    ledger: Ledger | None = None
    weights: np.ndarray | None = None

    def prices(self, start: np.ndarray | float = 1.0) -> np.ndarray:
        """float64 ``[paths, horizon, d]`` from the prices ``start`` of the assets."""
        return start * np.exp(np.cumsum(self.returns, axis=1))

    @property
    def effective(self) -> float:
        """Effective number of paths, 1/Σ weight²."""
        return float(len(self.returns)) if self.weights is None else float(1 / (self.weights**2).sum())


def checked_count(name: str, value: int) -> int:
    """``value`` as an integer of at least 1.

    Raises:
        SpecError: it is none.
    """
    if isinstance(value, bool) or int(value) != value or value < 1:
        raise SpecError(f"{name} must be an integer of at least 1, got {value!r}.")
    return int(value)


def checked_drift(drift: float | Sequence[float] | np.ndarray | None, assets: int) -> np.ndarray | None:
    """Simple returns a year float64 ``[d]`` from one for all or one an asset; ``None`` stays.

    Raises:
        SpecError: another number of them, or one that is not above -1.
    """
    if drift is None:
        return None
    yearly = np.asarray(drift, dtype=np.float64)
    if yearly.shape not in ((), (assets,)) or not np.all(np.isfinite(yearly) & (yearly > -1)):
        raise SpecError(
            f"drift is a simple return a year above -1, such as 0.05, one for all assets or one for each of the "
            f"{assets}; got {drift!r}."
        )
    return np.broadcast_to(yearly, (assets,))


def simulate(
    marginals: Sequence[Marginal],
    joint: JointModel,
    history: Filtered,
    paths: int,
    horizon: int,
    seed: int,
    drift: float | Sequence[float] | np.ndarray | None = None,
    symbols: Sequence[str] | None = None,
    first: np.ndarray | None = None,
) -> PortfolioPaths:
    """Paths from the day after ``history``.

    Args:
        marginals: one an asset.
        joint: what draws a day's u.
        history: the days so far, through these marginals.
        paths: how many.
        horizon: days.
        seed: of everything random; the same seed gives the same paths on every device.
        drift: expected simple return a year, 0 for prices that stay where they are in the mean, exact to second order
            in a day's volatility; by default the means of the days learnt from.
        symbols: names; by default ``"0"``, ``"1"``, ….
        first: u float64 ``[paths, d]`` of the first day, in place of draws.

    Raises:
        SpecError: a number below 1, a drift of another shape, or marginals that do not fit the history.
    """
    paths, horizon = checked_count("paths", paths), checked_count("horizon", horizon)
    d = history.z.shape[1]
    if len(marginals) != d:
        raise SpecError(f"a history of {d} assets needs as many marginals, got {len(marginals)}.")
    yearly = checked_drift(drift, d)
    moments = np.array([_moments(marginal) for marginal in marginals])
    means = np.array([marginal.volatility.mean for marginal in marginals])
    variance = np.tile(history.variances[-1], (paths, 1))
    within = np.stack([marginal.ceiling(start) for marginal, start in zip(marginals, variance.T)], axis=1)
    walk = joint.walk(history.z, paths)
    days, scales, ledger = [], [], None
    for day in range(horizon):
        if day == 0 and first is not None:
            u = first
        else:
            u = walk.draw(int(np.random.SeedSequence([seed, day]).generate_state(1)[0]))
        z = np.stack([marginal.quantile(column) for marginal, column in zip(marginals, u.T)], axis=1)
        scale = np.sqrt(variance)
        returns = means + scale * z
        shown = returns
        if yearly is not None:
            mean, square = moments.T
            shown = scale * (z - mean) - variance * (square - mean**2) / 2 + np.log1p(yearly) / _YEAR
        days.append(shown)
        scales.append(scale)
        if isinstance(walk, Costed) and walk.ledger is not None:
            ledger = walk.ledger if ledger is None else ledger.plus(walk.ledger)
        if day < horizon - 1:
            variance = np.stack(
                [m.advance(v, r, w) for m, v, r, w in zip(marginals, variance.T, returns.T, within.T)], axis=1
            )
            walk = walk.advance(z)
    names = tuple(str(k) for k in range(d)) if symbols is None else tuple(symbols)
    return PortfolioPaths(names, np.stack(days, axis=1), np.stack(scales, axis=1), ledger)


def _moments(marginal: Marginal) -> tuple[float, float]:
    """E[z] and E[z²] of what a uniform decodes to."""
    z = marginal.quantile(_INSIDE)
    return float(z.mean()), float((z**2).mean())
