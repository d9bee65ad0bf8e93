"""Rolling one-day forecasts of a portfolio: a step of the filters a day, parameters from the days before the first."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from thermofab.apps.trading.portfolio.online import Forecaster
from thermofab.apps.trading.portfolio.risk import tail
from thermofab.apps.trading.scores import christoffersen, kupiec


@dataclass(frozen=True, eq=False)
class Forecast:
    """Of one day, of the portfolio's profit as a share of its money.

    Attributes:
        levels: the levels.
        var, es: a level each; losses are positive.
        profits: the draws, float64 ``[n]``, ascending.
    """

    levels: tuple[float, ...]
    var: tuple[float, ...]
    es: tuple[float, ...]
    profits: np.ndarray

    def pit(self, profit: float) -> float:
        """Where ``profit`` falls among the draws, in (0, 1): uniform over days where forecasts are right."""
        return (float(np.searchsorted(self.profits, profit)) + 0.5) / (len(self.profits) + 1)


def forecast_of(returns: np.ndarray, shares: np.ndarray, levels: Sequence[float]) -> Forecast:
    """From log returns ``[n, d]`` of the next day."""
    profits = np.sort(np.expm1(returns) @ shares)
    each = np.full(len(profits), 1 / len(profits))
    found = [tail(profits, level, each) for level in levels]
    return Forecast(tuple(levels), tuple(v for v, _, _ in found), tuple(e for _, e, _ in found), profits)


def seed_of(seed: int, day: np.datetime64) -> int:
    """The seed of the forecast made after ``day``: the same whenever and wherever it is made."""
    return int(np.random.SeedSequence([seed, int(day.astype("datetime64[D]").astype(int))]).generate_state(1)[0])


@dataclass(frozen=True)
class Coverage:
    """Of one level.

    Attributes:
        level: α.
        breaches: days with a loss above VaR.
        expected: α times the days.
        kupiec, christoffersen: p of the breaches' share; of the share and of their independence.
        loss: mean loss of the breaches, None without any.
        shortfall: mean ES forecast of the same days.
    """

    level: float
    breaches: int
    expected: float
    kupiec: float
    christoffersen: float
    loss: float | None
    shortfall: float | None


@dataclass(frozen=True, eq=False)
class Rolling:
    """Forecasts beside what happened.

    Attributes:
        dates: datetime64[D] ``[n]``, the days forecast.
        levels: the levels.
        profits: realised, float64 ``[n]``, shares of the money; the same weights on every day.
        var, es: float64 ``[levels, n]``.
        pits: float64 ``[n]``.
        draws: of a forecast.
    """

    dates: np.ndarray
    levels: tuple[float, ...]
    profits: np.ndarray
    var: np.ndarray
    es: np.ndarray
    pits: np.ndarray
    draws: int

    def coverage(self) -> list[Coverage]:
        """A level each."""
        made = []
        for level, var, es in zip(self.levels, self.var, self.es):
            hits = self.profits < -var
            some = bool(hits.any())
            made.append(
                Coverage(
                    level, int(hits.sum()), level * len(hits), kupiec(hits, level), christoffersen(hits, level),
                    float(-self.profits[hits].mean()) if some else None, float(es[hits].mean()) if some else None,
                )
            )  # fmt: skip
        return made


def rolling(
    forecaster: Forecaster,
    before: np.datetime64,
    dates: np.ndarray,
    returns: np.ndarray,
    shares: np.ndarray,
    levels: Sequence[float],
    seed: int = 0,
    progress: Callable[[], None] | None = None,
) -> Rolling:
    """Forecast every day from the days before it.

    Args:
        forecaster: as it stands before the first day.
        before: the day before the first, on which its forecast is made.
        dates: datetime64[D] ``[n]``.
        returns: log returns float64 ``[n, d]`` of these days.
        shares: float64 ``[d]``.
        levels: of VaR and ES.
        seed: of the draws.
        progress: called after every day.
    """
    made: list[Forecast] = []
    for day, row in zip([before, *dates[:-1]], returns):
        made.append(forecast_of(forecaster.draw(seed_of(seed, day)), shares, levels))
        forecaster = forecaster.advance(row)
        if progress is not None:
            progress()
    profits = np.expm1(returns) @ shares
    return Rolling(
        dates, tuple(levels), profits, np.array([one.var for one in made]).T, np.array([one.es for one in made]).T,
        np.array([one.pit(profit) for one, profit in zip(made, profits.tolist())]), len(made[0].profits),
    )  # fmt: skip
