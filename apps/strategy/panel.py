"""Closes and volumes of many symbols as arrays over trading days, which are the days that SPY has a close on.

A symbol has NaN where it has no price: before it was listed, and on days it was not traded. Nothing is filled in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from thermofab.apps.strategy.config import MarketFeatureConfig
from thermofab.hw.spec import SpecError


class Store(Protocol):
    """What prices are read from; :class:`~thermofab.apps.market.store.HistoricalDataManager` is one."""

    def symbols(self) -> tuple[str, ...]: ...

    def get_data(
        self, start_date: object = None, end_date: object = None, symbols: Sequence[str] | str | None = None
    ) -> Any: ...


@dataclass(frozen=True, eq=False)
class Panel:
    """Prices by trading day.

    Attributes:
        dates: datetime64[D] ``[T]``.
        symbols: S of them.
        closes, volumes: float64 ``[T, S]``.
        vix, put_call: float64 ``[T]``, NaN where the store has none.
    """

    dates: np.ndarray
    symbols: tuple[str, ...]
    closes: np.ndarray
    volumes: np.ndarray
    vix: np.ndarray
    put_call: np.ndarray

    def __len__(self) -> int:
        return len(self.dates)

    def close(self, symbol: str) -> np.ndarray:
        """float64 ``[T]``; NaN throughout for a symbol that the store has not."""
        return self._column(self.closes, symbol)

    def volume(self, symbol: str) -> np.ndarray:
        return self._column(self.volumes, symbol)

    def _column(self, table: np.ndarray, symbol: str) -> np.ndarray:
        if symbol not in self.symbols:
            return np.full(len(self), np.nan)
        return table[:, self.symbols.index(symbol)]


def read_panel(
    store: Store,
    config: MarketFeatureConfig | None = None,
    start_date: object = None,
    end_date: object = None,
    also: tuple[str, ...] = ("TLT",),
) -> Panel:
    """Read a store.

    Args:
        store: bars by symbol.
        config: whose symbols are read, those that the store has.
        start_date, end_date: bounds, None for none.
        also: symbols read beside the configuration's.

    Raises:
        SpecError: the store has no SPY.
    """
    config = config or MarketFeatureConfig()
    there = store.symbols()
    if "SPY" not in there:
        raise SpecError(f"the store has no SPY, whose days are the calendar; it has {', '.join(there) or 'nothing'}.")
    wanted = [name for name in dict.fromkeys((*config.symbols, *also)) if name in there]
    extra = [name for name in ("VIX", "PUTCALL") if name in there]
    frame = store.get_data(start_date, end_date, [*wanted, *extra])
    closes = frame.pivot(index="date", columns="symbol", values="close")
    volumes = frame.pivot(index="date", columns="symbol", values="volume")
    if "SPY" in closes:
        closes = closes[closes["SPY"].notna()]
    closes = closes.reindex(columns=[*wanted, "VIX", "PUTCALL"])
    volumes = volumes.reindex(index=closes.index, columns=wanted)
    dates = closes.index.to_numpy().astype("datetime64[D]")
    table = closes.to_numpy(dtype=np.float64)
    return Panel(dates, tuple(wanted), table[:, :-2], volumes.to_numpy(dtype=np.float64), table[:, -2], table[:, -1])
