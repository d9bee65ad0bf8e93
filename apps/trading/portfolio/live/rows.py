"""Risk on a stream of rows: what ``thermofab serve --risk`` runs for a portfolio, or for one asset.

Rows hold a close of every asset. The days up to ``until`` are learnt from; from then on every row is a step of the
filters, scores the forecast of the day before, and makes the next one. Nothing is fitted between, unless every
``refit`` days on all days so far. Everything drawn depends on the seed and the days alone: the same stream gives the
same messages, and one that goes on after a restart passes over the days that the journal knows without drawing.
"""

import datetime
import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.apps.market.jumps import jump_of
from thermofab.apps.serve.predictors import SourcePredictor
from thermofab.apps.serve.sources import Row, Source, SourceKind
from thermofab.apps.trading.portfolio.live.message import RISK, SCHEMA_VERSION
from thermofab.apps.trading.portfolio.live.record import Record
from thermofab.apps.trading.portfolio.online import Forecaster
from thermofab.apps.trading.portfolio.risk import tail
from thermofab.apps.trading.portfolio.rolling import Forecast, forecast_of, seed_of
from thermofab.apps.trading.portfolio.weights import Weights
from thermofab.apps.trading.risk import LEVELS
from thermofab.hw.spec import SpecError

log = logging.getLogger(__name__)
_LOOK_BACK = 30  # closes in which a new one is looked at for splits and the like
_LARGEST = 1.45  # times the day before: no split, and no error of units
Learn = Callable[[np.ndarray, np.ndarray], Forecaster]
"""Fits to days datetime64[D] ``[n]`` and their log returns ``[n, d]``."""


@dataclass(frozen=True, eq=False)
class Watched:
    """What is watched.

    Attributes:
        topic: name of its messages.
        weights: what is held; its symbols are the assets.
        until: the last day learnt from before the first message.
        levels: of VaR and ES, the smallest first.
        refit: days between fits; ``None`` for one fit.
        seed: of the draws.
        draws: of a forecast.
        model, device: in words.

    Raises:
        SpecError: levels that do not ascend between 0 and ½, or a number below 1.
    """

    topic: str
    weights: Weights
    until: datetime.date
    levels: tuple[float, ...] = LEVELS
    refit: int | None = None
    seed: int = 0
    draws: int = 4000
    model: str = ""
    device: str = ""

    def __post_init__(self) -> None:
        ascending = all(a < b for a, b in zip(self.levels, self.levels[1:]))
        if not self.levels or not ascending or not all(0 < level < 0.5 for level in self.levels):
            raise SpecError(f"levels ascend between 0 and 0.5, one at least, got {self.levels}.")
        if self.refit is not None and self.refit < 1:
            raise SpecError(f"refit is a number of days, 1 at least, got {self.refit}.")
        if self.draws * self.levels[0] < 10:
            raise SpecError(
                f"{self.draws} draws have fewer than ten below the {self.levels[0]:g} quantile; take "
                f"{round(10 / self.levels[0])} at least."
            )

    @property
    def basis(self) -> str:
        """A digest of all that forecasts depend on beside the days."""
        said = [
            self.weights.symbols, self.weights.shares.tolist(), self.levels, self.refit, self.seed, self.draws,
            self.model,
        ]  # fmt: skip
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:16]


class RiskRows:
    """A :class:`thermofab.apps.serve.predictors.Model`.

    Args:
        watched: what is watched.
        learn: makes a forecaster of the days so far.
        kind, source: where the rows come from, as messages say it.
    """

    message_type = RISK.type

    def __init__(self, watched: Watched, learn: Learn, kind: SourceKind, source: str) -> None:
        self.watched, self._learn, self._kind, self._source = watched, learn, kind, source
        self._until = watched.until
        self._dates: list[datetime.date] = []  # of returns
        self._returns: list[np.ndarray] = []
        self._closes: list[np.ndarray] = []
        self._last: datetime.date | None = None
        self._forecaster: Forecaster | None = None
        self._forecast: Forecast | None = None
        self._gained: np.ndarray | None = None
        self._fitted: tuple[datetime.date, int] | None = None
        self._fits, self._steps = 0, 0
        self._record = Record(watched.levels)
        self._since: str | None = None
        self._scored: dict[str, Any] | None = None
        self._known: datetime.date | None = None
        self._left = 0
        self._why: str | None = None
        self._suspect: np.ndarray | None = None
        self._ready = False

    def resume(self, data: Mapping[str, Any]) -> None:
        """Go on after a message of the journal: its record is the record, and its first fit's days are learnt from.

        A message of another portfolio, model or seed is not gone on from.
        """
        if data["model"]["basis"] != self.watched.basis:
            log.warning("record begins anew", extra={"symbol": self.watched.topic, "reason": "another basis"})
            return
        self._known = datetime.date.fromisoformat(data["as_of"])
        self._until = datetime.date.fromisoformat(data["model"]["until"])
        self._record, self._since = Record.from_message(data["record"]), data["record"]["since"]

    def observe(self, row: Row) -> None:
        """Take in a day: score the forecast of the day before, and go on."""
        self._scored, self._gained, self._ready = None, None, False
        closes = self._closes_of(row)
        step = None if closes is None else self._step_to(row.date, closes)
        if closes is None or step is None:
            return
        before, self._last = self._last, row.date
        if len(step):
            published = self._forecaster is not None
            if not published and row.date > self._until and self._dates:
                self._fit()
            if self._forecaster is not None:
                if published and before is not None:
                    self._score(row.date, before, step)
                self._forecaster = self._forecaster.advance(step)
                self._steps += 1
            self._dates.append(row.date)
            self._returns.append(step)
        due = self.watched.refit is not None and self._steps and self._steps % self.watched.refit == 0
        if self._dates and (row.date == self._until or due):
            self._fit()
        self._ready = self._forecaster is not None

    def predict(self) -> dict[str, Any] | None:
        """The payload after the newest day; ``None`` while days are learnt from, and after a row that was left out."""
        if not self._ready or self._forecaster is None or self._last is None:
            return None
        forecast, shares = self._made(self._last), self.watched.weights.shares
        assert self._gained is not None and self._fitted is not None
        at = min(forecast.levels, key=lambda level: abs(level - 0.025))
        profit = self._gained @ shares
        _, _, within = tail(profit, at, np.full(len(profit), 1 / len(profit)))
        parts = -(within @ self._gained) * shares
        positions = zip(
            self.watched.weights.symbols, shares.tolist(), parts.tolist(),
            (np.sqrt(252) * self._forecaster.volatilities).tolist(), self._closes[-1].tolist(),
        )  # fmt: skip
        return {
            "schema_version": SCHEMA_VERSION,
            "symbol": self.watched.topic,
            "as_of": self._last.isoformat(),
            "stale": False,
            "mock": self._kind == "mock",
            "source": {"kind": self._kind, "name": self._source},
            "assets": list(self.watched.weights.symbols),
            "money": self.watched.weights.money,
            "positions": [
                {"symbol": symbol, "share": share, "es": es, "volatility": volatility, "price": price}
                for symbol, share, es, volatility, price in positions
            ],
            "model": {
                "name": self.watched.model, "device": self.watched.device, "seed": self.watched.seed,
                "draws": self.watched.draws, "basis": self.watched.basis, "until": self._until.isoformat(),
                "fitted": self._fitted[0].isoformat(), "days": self._fitted[1], "fits": self._fits,
                "refit": self.watched.refit,
            },
            "forecast": {
                "levels": [
                    {"level": level, "var": var, "es": es}
                    for level, var, es in zip(forecast.levels, forecast.var, forecast.es)
                ],
                "volatility": float(np.sqrt(252) * profit.std()),
                "contributions_at": at,
            },
            "scored": self._scored,
            "record": {"since": self._since, **self._record.to_message()},
            "left_out": {"rows": self._left, "last": self._why},
        }  # fmt: skip

    def _closes_of(self, row: Row) -> np.ndarray | None:
        """The assets' closes; ``None``, and said, where one is missing or no price."""
        symbols = self.watched.weights.symbols
        one = len(symbols) == 1
        values = [row.values.get(name.lower(), row.values.get("close") if one else None) for name in symbols]
        missing = [name for name, value in zip(symbols, values) if value is None or value <= 0]
        if missing:
            self._leave_out(row.date, f"no price of {', '.join(missing)}")
            return None
        return np.array(values, dtype=np.float64)

    def _step_to(self, day: datetime.date, closes: np.ndarray) -> np.ndarray | None:
        """Log returns ``[d]`` to ``closes``, none of the first; ``None``, and said, where no market made the step.

        A second day that agrees with the one left out makes its prices the new level, as after a split.
        """
        if not self._closes:
            self._closes = [closes]
            return np.empty(0)
        why = self._jumped(closes)
        if why is not None:
            suspect, self._suspect = self._suspect, closes
            if suspect is None or np.any(np.abs(np.log(closes / suspect)) > np.log(_LARGEST)):
                self._leave_out(day, why)
                return None
            self._closes = [suspect]
        self._suspect = None
        step = np.log(closes / self._closes[-1])
        self._closes = [*self._closes[-_LOOK_BACK:], closes]
        return step

    def _jumped(self, closes: np.ndarray) -> str | None:
        """Why ``closes`` cannot follow the ones before."""
        table = np.stack([*self._closes, closes])
        for name, column in zip(self.watched.weights.symbols, table.T):
            jump = jump_of(column, traded=True)
            if jump is not None and jump.day == len(column) - 2:
                return f"{name} is {jump.factor:.3g} times what it was before, as after a {jump.kind}"
        return None

    def _leave_out(self, day: datetime.date, why: str) -> None:
        self._left, self._why = self._left + 1, f"{day}: {why}."
        log.warning("row left out", extra={"source": self._source, "reason": self._why})

    def _fit(self) -> None:
        self._forecaster = self._learn(np.array(self._dates, dtype="datetime64[D]"), np.stack(self._returns))
        self._fitted, self._fits, self._forecast = (self._dates[-1], len(self._dates)), self._fits + 1, None

    def _made(self, day: datetime.date) -> Forecast:
        """The forecast made after ``day``; the same whenever it is made."""
        assert self._forecaster is not None
        drawn = self._forecaster.draw(seed_of(self.watched.seed, np.datetime64(day)))
        self._gained = np.expm1(drawn)
        self._forecast = forecast_of(drawn, self.watched.weights.shares, self.watched.levels)
        return self._forecast

    def _score(self, day: datetime.date, before: datetime.date, step: np.ndarray) -> None:
        """What came of the forecast made after ``before``."""
        known = self._known is not None and day <= self._known
        forecast, self._forecast = self._forecast, None
        if known:
            return  # counted in the record that the journal gave
        forecast = self._made(before) if forecast is None else forecast
        self._forecast, self._gained = None, None
        profit = float(np.expm1(step) @ self.watched.weights.shares)
        pit = forecast.pit(profit)
        self._record = self._record.after(profit, pit, forecast.var)
        self._since = self._since or day.isoformat()
        self._scored = {
            "profit": profit,
            "pit": pit,
            "beyond": [
                {"level": level, "var": var, "hit": profit < -var} for level, var in zip(forecast.levels, forecast.var)
            ],
        }


class RiskPredictor(SourcePredictor):
    """Risk of the rows of ``source``, which goes on with the record of the journal's newest message."""

    def __init__(self, source: Source, model: RiskRows, pool: Executor) -> None:
        super().__init__(source, model, pool)
        self._risk = model

    def resume(self, data: dict[str, Any]) -> None:
        if data.get("schema_version") != SCHEMA_VERSION or "record" not in data:
            return  # another application's topic of the same name
        self._risk.resume(data)
        super().resume(data)


def closes_by_day(symbols: Sequence[str], days: np.ndarray, closes: np.ndarray) -> list[Row]:
    """Rows of closes ``[n, d]`` of days datetime64[D] ``[n]``."""
    names = [name.lower() for name in symbols]
    return [Row(day, dict(zip(names, row))) for day, row in zip(days.tolist(), closes.tolist())]
