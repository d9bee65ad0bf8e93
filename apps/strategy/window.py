"""Features of a stream of rows: the newest days of one symbol, kept as long as the features reach back.

A row has ``close`` (or ``adj close``) of the symbol streamed, which stands in SPY's place, and may have ``volume``,
``vix``, ``put_call``, ``tlt``, and the close of any symbol of the cross-section under its name, such as ``qqq``. What a
row does not have is absent that day.
"""

import datetime
from collections import deque
from collections.abc import Mapping

import numpy as np

from thermofab.apps.strategy.config import MarketFeatureConfig
from thermofab.apps.strategy.features import features_of
from thermofab.apps.strategy.panel import Panel
from thermofab.hw.spec import SpecError

OWN = "SPY"


class RowWindow:
    """The newest days.

    Args:
        config: of the features.
        more: days kept beyond what the features need, for outcomes.
    """

    def __init__(self, config: MarketFeatureConfig, more: int = 0) -> None:
        self.config = config
        self._need = config.history + 1
        self._rows: deque[tuple[datetime.date, Mapping[str, float]]] = deque(maxlen=self._need + more)

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def ready(self) -> bool:
        """Whether there are as many days as the longest window."""
        return len(self._rows) >= self._need

    def add(self, date: datetime.date, values: Mapping[str, float]) -> None:
        """Take in a day.

        Raises:
            SpecError: it has no close, or one that is no price, or is not after the day before.
        """
        close = values.get("adj close", values.get("close", float("nan")))
        if not (np.isfinite(close) and close > 0):
            raise SpecError(f"the row of {date} has no close above 0.")
        if self._rows and date <= self._rows[-1][0]:
            raise SpecError(f"the row of {date} is not after that of {self._rows[-1][0]}.")
        self._rows.append((date, {**values, "close": close}))

    @property
    def date(self) -> datetime.date:
        return self._rows[-1][0]

    @property
    def close(self) -> float:
        return float(self._rows[-1][1]["close"])

    def panel(self, days: int | None = None) -> Panel:
        """The newest days, all by default, as the features take them."""
        rows = list(self._rows)[-(days or len(self._rows)) :]
        others = [name for name in dict.fromkeys((*self.config.symbols, "TLT")) if name != OWN]

        def column(name: str) -> np.ndarray:
            return np.array([values.get(name, np.nan) for _, values in rows], dtype=np.float64)

        closes = np.stack([column("close"), *(column(name.lower()) for name in others)], axis=1)
        volumes = np.full(closes.shape, np.nan)
        volumes[:, 0] = column("volume")
        dates = np.array([date for date, _ in rows], dtype="datetime64[D]")
        return Panel(dates, (OWN, *others), closes, volumes, column("vix"), column("put_call"))

    def features(self) -> np.ndarray:
        """Of the newest day, float64 ``[10]``, NaN where absent."""
        return features_of(self.panel(self._need), self.config)[-1]
