"""From weights and a folder of prices to a predictor that a server streams."""

import datetime
from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path

import numpy as np

from thermofab.apps.serve.sources import ReplaySource, Source, TailSource
from thermofab.apps.trading.portfolio.holdings import price_files
from thermofab.apps.trading.portfolio.live.joined import JoinedSource
from thermofab.apps.trading.portfolio.live.rows import Learn, RiskPredictor, RiskRows, Watched, closes_by_day
from thermofab.apps.trading.portfolio.model import PortfolioModel, fitter_of
from thermofab.apps.trading.portfolio.online import Forecaster, JointForecaster, SingleForecaster
from thermofab.apps.trading.portfolio.panel import SHORTEST, Panel
from thermofab.apps.trading.portfolio.weights import read_weights
from thermofab.apps.trading.prices import Prices, load_prices
from thermofab.apps.trading.series import SeriesModel
from thermofab.hw.spec import Device, SpecError

STREAMED = 500  # days of a replay, where the day that learning ends on is not given


def learner(symbols: Sequence[str], device: str | Device, kind: str, volatility: str, draws: int) -> Learn:
    """Fits a forecaster: of one symbol the fabric's conditional distribution, of several its joint machine.

    Raises:
        SpecError: an unknown kind.
    """
    fitter_of(kind, device)

    def learn(dates: np.ndarray, returns: np.ndarray) -> Forecaster:
        if len(symbols) == 1:
            model = SeriesModel(device=device, volatility=volatility).fit(returns[:, 0])
            return SingleForecaster.after(model, draws)
        panel = Panel(tuple(symbols), dates, returns)
        fitted = PortfolioModel(device, kind, volatility).fit(panel).needed()
        return JointForecaster.after(fitted.joint, fitted.history, draws)

    return learn


def risk_predictor(
    portfolio: str | Path,
    folder: str | Path,
    pool: Executor,
    *,
    follow: bool = False,
    until: str | None = None,
    refit: int | None = None,
    device: str = "jax",
    kind: str = "static",
    volatility: str = "gjr",
    seed: int = 0,
    draws: int = 4000,
    money: float | None = None,
    speed: float = 1.0,
    backlog: int = 0,
) -> RiskPredictor:
    """Risk of a portfolio, streamed.

    Args:
        portfolio: a file of weights; its name without the ending is the topic.
        folder: a price file a symbol.
        pool: where it runs.
        follow: the files grow: learn from what is there, then wait; else a replay of them.
        until: the last day learnt from; by default the newest there is of files that grow, else 500 days before it.
        refit: days between fits.
        device, kind, volatility, seed, draws: of the model; see :class:`~.rows.Watched`.
        money: what weights are of.
        speed, backlog: of a replay: days a second, and days that come at once.

    Raises:
        SpecError: weights, prices or numbers that cannot be, or too few days to learn from.
    """
    files = price_files(folder)
    weights = read_weights(portfolio, money, tuple(files))
    series = [load_prices(files[name]) for name in weights.symbols]
    days, closes = _common(series)
    last = _last_learnt(days, follow, until)
    topic = Path(portfolio).stem
    described = f"{kind} machine, {volatility.upper()}" if len(series) > 1 else f"one asset, {volatility.upper()}"
    watched = Watched(topic, weights, last, refit=refit, seed=seed, draws=draws, model=described, device=device)
    source: Source
    if follow:
        for name in weights.symbols:
            if files[name].suffix.lower() != ".csv":
                raise SpecError(f"{files[name].name} cannot be followed; files that grow are .csv.")
        tails = [TailSource(name, files[name]) for name in weights.symbols]
        source = JoinedSource(topic, tails, ", ".join(files[name].name for name in weights.symbols))
    else:
        rows = closes_by_day(weights.symbols, days, closes)
        learnt = int(np.searchsorted(days, np.datetime64(last), side="right"))
        said = ", ".join(files[name].name for name in weights.symbols)
        source = ReplaySource(topic, rows, said, speed, learnt + backlog)
    learn = learner(weights.symbols, device, kind, volatility, draws)
    return RiskPredictor(source, RiskRows(watched, learn, source.kind, source.name), pool)


def _common(series: Sequence[Prices]) -> tuple[np.ndarray, np.ndarray]:
    """Days that all have, and closes ``[n, d]``."""
    days = series[0].dates
    for one in series[1:]:
        days = np.intersect1d(days, one.dates, assume_unique=True)
    if len(days) <= SHORTEST:
        raise SpecError(f"the assets have {len(days)} days in common; a live model learns from {SHORTEST} at least.")
    return days, np.stack([one.closes[np.searchsorted(one.dates, days)] for one in series], axis=1)


def _last_learnt(days: np.ndarray, follow: bool, until: str | None) -> datetime.date:
    if until is None:
        place = len(days) - 1 if follow else max(SHORTEST, len(days) - 1 - STREAMED)
        return days[place].tolist()
    try:
        day = np.datetime64(until, "D")
    except ValueError as error:
        raise SpecError(f"the last day learnt from is a day such as 2015-12-31, got {until!r}.") from error
    if np.isnat(day) or not days[SHORTEST] <= day <= days[-1]:
        raise SpecError(
            f"the last day learnt from leaves {SHORTEST} returns to learn from and is one of the prices', "
            f"{days[SHORTEST]} to {days[-1]}; got {until}."
        )
    return day.tolist()
