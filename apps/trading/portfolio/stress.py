"""Stress: some assets held in their tails on the next day, by clamping, and what the others do then.

The fabric's answer (:mod:`~thermofab.apps.trading.portfolio.day`) stands beside the history's own days that meet the
condition, however few, and beside the static t copula's. All three are quantiles through the same marginals at the
next day's volatilities, so they differ in the dependence alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from thermofab.apps.trading.portfolio.copula import Copula, confined, fit_copula, points_of
from thermofab.apps.trading.portfolio.day import Day
from thermofab.apps.trading.portfolio.filters import Filtered
from thermofab.apps.trading.portfolio.paths import PortfolioPaths
from thermofab.hw.spec import SpecError

Condition = Mapping[str, tuple[str, float]]
CRASH = 0.05  # an asset's own quantile below which it is said to crash
_COPULA_POINTS = 20_000


@runtime_checkable
class OnFabric(Protocol):
    """A joint model that says how a day is programmed and clamped."""

    def today(self, z: np.ndarray) -> Day:
        """The day after days ``z``, float64 ``[n, d]``."""
        ...


@dataclass(frozen=True)
class Response:
    """What an asset does under the condition.

    Attributes:
        symbol: the asset.
        mean, low, middle, high: of its log return on the day: the mean, and the quantiles at 5%, 50% and 95%.
        crash: probability that it is below its own 5% quantile.
    """

    symbol: str
    mean: float
    low: float
    middle: float
    high: float
    crash: float


@dataclass(frozen=True, eq=False)
class StressResult:
    """A stress.

    Attributes:
        condition: as it was asked for.
        probability: of it, under the model.
        draws, effective: number of draws, and what they are worth, 1/Σ weight².
        how: how the condition was met, in a sentence.
        responses: of all assets, by the fabric.
        days: of the history that meet the condition.
        past: of all assets on these days, by their own quantiles; ``None`` if there are no such days.
        copula: under the static t copula fitted to the history.
        crashes: the probability that so many of the assets not held crash together, float64 ``[d - held + 1]``, by the
            fabric; ``past_crashes`` and ``copula_crashes`` likewise.
        paths: the draws as paths, with their weights.
    """

    condition: dict[str, tuple[str, float]]
    probability: float
    draws: int
    effective: float
    how: str
    responses: tuple[Response, ...]
    days: int
    past: tuple[Response, ...] | None
    copula: tuple[Response, ...]
    crashes: np.ndarray
    past_crashes: np.ndarray | None
    copula_crashes: np.ndarray
    paths: PortfolioPaths


def bounds_of(condition: Condition, symbols: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper quantiles float64 ``[d]`` that ``{"SPY": ("below", 0.05)}`` holds the assets between.

    Raises:
        SpecError: no condition, an unknown symbol or direction, or a quantile that is not between 0 and 1.
    """
    low, high = np.zeros(len(symbols)), np.ones(len(symbols))
    if not condition:
        raise SpecError('a stress needs a condition, such as {"SPY": ("below", 0.05)}.')
    for symbol, asked in condition.items():
        if symbol not in symbols:
            raise SpecError(f"the condition names {symbol!r}, which is not among {', '.join(symbols)}.")
        if not isinstance(asked, tuple) or len(asked) != 2 or asked[0] not in ("below", "above"):
            raise SpecError(f'the condition of {symbol} is ("below", quantile) or ("above", quantile), got {asked!r}.')
        if not (isinstance(asked[1], float | int) and 0 < asked[1] < 1):
            raise SpecError(f"the quantile of {symbol} lies between 0 and 1, got {asked[1]!r}.")
        k = list(symbols).index(symbol)
        low[k], high[k] = (0.0, float(asked[1])) if asked[0] == "below" else (float(asked[1]), 1.0)
    return low, high


def copula_draws(
    copula: Copula, low: np.ndarray, high: np.ndarray, seed: int, points: int = _COPULA_POINTS
) -> tuple[np.ndarray, np.ndarray]:
    """u float64 ``[points, d]`` of a copula under bounds, and their weights, which sum to 1."""
    uniform = np.random.default_rng([seed, 5]).random((1, points, len(low) + 1))
    x, log_weight = confined(copula.correlation, copula.degrees, low[None], high[None], uniform)
    u = points_of(x, copula.degrees, low[None], high[None])[0]
    weight = np.exp(log_weight[0] - log_weight.max())
    return u, weight / weight.sum()


def responses_of(
    u: np.ndarray, weights: np.ndarray, returns: np.ndarray, symbols: Sequence[str]
) -> tuple[Response, ...]:
    """Of all assets, from u and log returns float64 ``[n, d]`` with weights ``[n]`` that sum to 1."""
    made = []
    for k, symbol in enumerate(symbols):
        low, middle, high = weighted_quantiles(returns[:, k], weights, (0.05, 0.5, 0.95))
        crash = float(weights @ (u[:, k] < CRASH))
        made.append(Response(symbol, float(weights @ returns[:, k]), low, middle, high, crash))
    return tuple(made)


def weighted_quantiles(values: np.ndarray, weights: np.ndarray, levels: Sequence[float]) -> tuple[float, ...]:
    """The smallest values ``[n]`` with at least so much of the weight, ``[n]`` summing to 1, at or below them."""
    order = np.argsort(values)
    reached = np.cumsum(weights[order])
    at = np.minimum(np.searchsorted(reached, np.asarray(levels) - 1e-12), len(values) - 1)
    return tuple(float(value) for value in values[order][at])


def crash_counts(u: np.ndarray, weights: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Probabilities float64 ``[free + 1]`` that 0, 1, … of the assets ``free`` bool ``[d]`` crash together."""
    return np.bincount((u[:, free] < CRASH).sum(axis=1), weights=weights, minlength=int(free.sum()) + 1)


def stressed(
    model: OnFabric,
    history: Filtered,
    symbols: Sequence[str],
    condition: Condition,
    draws: int = 10_000,
    seed: int = 0,
) -> StressResult:
    """The day after ``history`` under a condition.

    Raises:
        SpecError: a condition that is malformed, or rarer than 10⁻⁵ under the model.
    """
    low, high = bounds_of(condition, symbols)
    found = model.today(history.z).conditional(low, high, draws, seed)
    free = (low == 0) & (high == 1)
    scale = np.sqrt(history.variances[-1])
    means = np.array([marginal.volatility.mean for marginal in history.marginals])

    def returns_of(u: np.ndarray) -> np.ndarray:
        z = np.stack([marginal.quantile(column) for marginal, column in zip(history.marginals, u.T)], axis=1)
        return means + scale * z

    def seen(u: np.ndarray, weights: np.ndarray) -> tuple[tuple[Response, ...], np.ndarray]:
        return responses_of(u, weights, returns_of(u), symbols), crash_counts(u, weights, free)

    past = history.u[np.all((history.u >= low) & (history.u <= high), axis=1)]
    own = seen(past, np.full(len(past), 1 / len(past))) if len(past) else (None, None)
    responses, crashes = seen(found.u, found.weights)
    copula, copula_crashes = seen(*copula_draws(fit_copula(history.u), low, high, seed))
    returns = returns_of(found.u)[:, None]
    paths = PortfolioPaths(tuple(symbols), returns, np.broadcast_to(scale, returns.shape), found.ledger, found.weights)
    held = ", ".join(symbol for symbol, kept in zip(symbols, free) if not kept)
    how = f"{held} clamped, in every chain to states drawn from their exact distribution within the condition; " + (
        "no weights" if np.ptp(found.weights) < 1e-12 else "weights for the part of a state that is within"
    )
    return StressResult(
        dict(condition), found.probability, draws, found.effective, how, responses, len(past), own[0], copula,
        crashes, own[1], copula_crashes, paths,
    )  # fmt: skip
