"""Where a predictor's features come from: the newest day of a store, or a series replayed a day at a time."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np

from thermofab.apps.serve.sources import Row
from thermofab.apps.strategy.config import MarketFeatureConfig
from thermofab.apps.strategy.features import MarketFeatureExtractor
from thermofab.apps.strategy.panel import Store
from thermofab.apps.strategy.window import RowWindow
from thermofab.hw.spec import SpecError


@dataclass(frozen=True, eq=False)
class Observation:
    """A day's features.

    Attributes:
        features: float64 ``[10]``, NaN where absent.
        as_of: the day.
        price: the symbol's close, ``None`` where it is not known.
        stale: whether a newer day should be there.
    """

    features: np.ndarray
    as_of: datetime.date
    price: float | None = None
    stale: bool = False


class Observations(Protocol):
    """What a predictor asks for features. Calls may block; they come from a thread, one at a time.

    Attributes:
        kind: ``"replay"`` of old days, ``"tail"`` of the newest, or ``"mock"`` where the numbers are made up.
        name: in words.
    """

    @property
    def kind(self) -> Literal["replay", "tail", "mock"]: ...

    @property
    def name(self) -> str: ...

    def latest(self) -> Observation | None:
        """The newest day; ``None`` when there will be none any more."""
        ...


class StoreObservations:
    """The newest day of a store.

    Args:
        store: bars by symbol, or its path.
        config: of the features.
        stale_after: calendar days after which the newest day counts as stale.
    """

    kind: Literal["tail"] = "tail"

    def __init__(
        self, store: Store | str | Path, config: MarketFeatureConfig | None = None, stale_after: int = 5
    ) -> None:
        self._extractor = MarketFeatureExtractor(store, config)
        self._stale_after = stale_after
        self.name = Path(store).name if isinstance(store, str | Path) else "store"

    def latest(self) -> Observation | None:
        """Reads the store anew each time.

        Raises:
            SpecError: it is not there, or has no SPY.
        """
        known = self._extractor.store.get_data(symbols="SPY")
        if not len(known):
            raise SpecError("the store has no day of SPY.")
        last = known.iloc[-1]
        day = last["date"].date()
        frame = self._extractor.extract_features(day)
        stale = (datetime.date.today() - day).days > self._stale_after
        return Observation(frame.to_numpy(dtype=np.float64)[-1], day, float(last["close"]), stale)


class ReplayedObservations:
    """Rows replayed: each call is a day later.

    Args:
        rows: days in order.
        config: of the features.
        name: in words.
        begin: first day that is handed out; the days before fill the windows.
        kind: ``"mock"`` for numbers that are made up.
    """

    def __init__(
        self,
        rows: Sequence[Row],
        config: MarketFeatureConfig,
        name: str,
        begin: datetime.date = datetime.date.min,
        kind: Literal["replay", "mock"] = "replay",
    ) -> None:
        self.kind: Literal["replay", "mock"] = kind
        self.name, self._begin = name, begin
        self._rows, self._window = iter(rows), RowWindow(config)

    def latest(self) -> Observation | None:
        for row in self._rows:
            self._window.add(row.date, row.values)
            if self._window.ready and row.date >= self._begin:
                return Observation(self._window.features(), row.date, self._window.close)
        return None
