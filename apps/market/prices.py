"""Daily prices: loaded, checked, and repaired only where the caller names the repair.

The default is the S&P 500 that ships with the ``arch`` package (1999-01-04 to 2018-12-31). Files have Yahoo's column
names, as :mod:`thermofab.apps.market.reading` reads them: ``Date``, ``Adj Close`` or ``Close``, and, where they are
needed, ``Open``, ``High``, ``Low`` and ``Volume``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from thermofab.apps.market.jumps import jump_of, sentence
from thermofab.apps.market.reading import columns_of, days_of, one_symbol, read_table, suffix_of, symbol_of
from thermofab.hw.spec import SpecError

REPAIRS = ("sort", "drop-duplicates", "drop-missing", "split-adjust")
_GAP_DAYS = 15
_STILL = 20  # days; a series this long whose price never changes is none


@dataclass(frozen=True, eq=False)
class Prices:
    """One symbol's closes.

    Attributes:
        symbol: its name.
        dates: datetime64[D] ``[n]``, ascending, unique.
        closes: float64 ``[n]``, positive.
        repairs: what was repaired on loading.
        traded: whether it is something that splits; an index is not, and its jumps are left alone.
    """

    symbol: str
    dates: np.ndarray
    closes: np.ndarray
    repairs: tuple[str, ...] = ()
    traded: bool = True

    def __post_init__(self) -> None:
        closes = np.asarray(self.closes, dtype=np.float64)
        dates = np.asarray(self.dates, dtype="datetime64[D]")
        object.__setattr__(self, "closes", closes)
        object.__setattr__(self, "dates", dates)
        if closes.ndim != 1 or dates.shape != closes.shape:
            raise SpecError(
                f"prices of {self.symbol} need a date each; got {dates.shape} dates, {closes.shape} prices."
            )
        if len(closes) == 0:
            raise SpecError(f"there are no prices of {self.symbol}; give at least two days.")
        if len(closes) == 1:
            raise SpecError(f"there is one price of {self.symbol}; a return needs two days at least.")
        bad = ~np.isfinite(closes)
        if np.any(bad):
            raise SpecError(
                f"the price of {self.symbol} on {dates[np.argmax(bad)]} is missing; fill it, or load with "
                "repair=['drop-missing']."
            )
        if np.any(closes <= 0):
            k = int(np.argmax(closes <= 0))
            raise SpecError(f"the price of {self.symbol} on {dates[k]} is {closes[k]:g}; prices are positive.")
        steps = np.diff(dates).astype(int)
        if np.any(steps == 0):
            raise SpecError(
                f"{self.symbol} has {dates[int(np.argmax(steps == 0))]} twice; remove one, or load with "
                "repair=['drop-duplicates'] to keep the last."
            )
        if np.any(steps < 0):
            k = int(np.argmax(steps < 0))
            raise SpecError(
                f"the dates of {self.symbol} go back from {dates[k]} to {dates[k + 1]}; sort them, or load with "
                "repair=['sort']."
            )
        if np.any(steps > _GAP_DAYS):
            k = int(np.argmax(steps))
            raise SpecError(
                f"{self.symbol} has no price for {steps[k]} days after {dates[k]}; a daily series has gaps of at most "
                f"{_GAP_DAYS}. Cut it there, or fill it."
            )
        if len(closes) >= _STILL and np.all(closes == closes[0]):
            raise SpecError(
                f"the price of {self.symbol} is {closes[0]:g} on all {len(closes)} days; prices that never change have "
                "no risk to measure."
            )
        jump = jump_of(closes, self.traded)
        if jump is not None:
            raise SpecError(sentence(jump, self.symbol, dates))

    def __len__(self) -> int:
        return len(self.closes)

    @property
    def returns(self) -> np.ndarray:
        """Log returns float64 ``[n - 1]``; entry k is from day k to day k + 1."""
        return np.diff(np.log(self.closes))

    def between(self, first: int, last: int) -> "Prices":
        """Days ``first`` to ``last`` - 1."""
        return Prices(self.symbol, self.dates[first:last], self.closes[first:last], self.repairs, self.traded)

    def until(self, day: str) -> "Prices":
        """Days up to and with ``day``, such as ``"2008-09-15"``.

        Raises:
            SpecError: no day, or one before the second price or after the last.
        """
        try:
            last = np.datetime64(day, "D")
        except ValueError as error:
            raise SpecError(f"as-of is a day such as 2008-09-15, got {day!r}.") from error
        if np.isnat(last) or not self.dates[1] <= last <= self.dates[-1]:
            raise SpecError(
                f"as-of is a day that the prices of {self.symbol} cover, {self.dates[1]} to {self.dates[-1]}, "
                f"got {day}."
            )
        return self.between(0, int(np.searchsorted(self.dates, last, side="right")))


@dataclass(frozen=True, eq=False)
class Bars:
    """One symbol's days with opening, highest, lowest and closing price and volume.

    Attributes:
        prices: dates and closes.
        opens, highs, lows: float64 ``[n]``, NaN where the source has none; adjusted as the closes are.
        volumes: shares traded, float64 ``[n]``, at least 0, NaN where the source has none.
    """

    prices: Prices
    opens: np.ndarray
    highs: np.ndarray
    lows: np.ndarray
    volumes: np.ndarray

    def __post_init__(self) -> None:
        symbol, dates = self.prices.symbol, self.prices.dates
        for name in ("opens", "highs", "lows", "volumes"):
            values = np.asarray(getattr(self, name), dtype=np.float64)
            object.__setattr__(self, name, values)
            if values.shape != dates.shape:
                raise SpecError(
                    f"{name} of {symbol} need one entry per day; got {values.shape} for {dates.shape} days."
                )
            least = 0 if name == "volumes" else np.nextafter(0, 1)
            if np.any(values < least) or np.any(np.isinf(values)):
                k = int(np.argmax((values < least) | np.isinf(values)))
                raise SpecError(f"{name} of {symbol} on {dates[k]} has {values[k]:g}, which cannot be.")
        wrong = self.highs < self.lows
        if np.any(wrong):
            raise SpecError(f"{symbol} has its high below its low on {dates[int(np.argmax(wrong))]}.")

    def __len__(self) -> int:
        return len(self.prices)

    def frame(self) -> Any:
        """A pandas frame with columns ``date, symbol, open, high, low, close, volume``."""
        import pandas

        return pandas.DataFrame(
            {
                "date": self.prices.dates.astype("datetime64[ns]"),
                "symbol": self.prices.symbol,
                "open": self.opens,
                "high": self.highs,
                "low": self.lows,
                "close": self.prices.closes,
                "volume": self.volumes,
            }
        )


def load_prices(source: str | Path = "^GSPC", *, repair: Sequence[str] = ()) -> Prices:
    """Prices by symbol or from a CSV, gzipped CSV or Parquet file.

    Args:
        source: ``"^GSPC"``, ``"SPX"`` or ``"sp500"`` for the series that ships with ``arch``; else a file's path.
        repair: of :data:`REPAIRS`, what may be repaired; what is done is in :attr:`Prices.repairs`.

    Raises:
        SpecError: an unknown symbol, file, column or repair, or prices that are not a daily series.
    """
    frame, symbol = _read(source, repair)
    return prices_of(frame, symbol, repair)


def load_bars(source: str | Path = "^GSPC", *, repair: Sequence[str] = (), traded: bool = True) -> Bars:
    """Opening, highest, lowest and closing prices and volumes; sources and errors are those of :func:`load_prices`.

    Args:
        source: see :func:`load_prices`.
        repair: see :func:`load_prices`.
        traded: whether the symbol is one that splits; an index such as VIX is not, and may halve in a day.
    """
    frame, symbol = _read(source, repair)
    return bars_of(frame, symbol, repair, traded)


def prices_of(frame: Any, symbol: str, repair: Sequence[str] = ()) -> Prices:
    """Prices from a pandas frame with Yahoo's column names, ``Date`` a column or the index.

    Raises:
        SpecError: a column is missing, or the prices are not a daily series.
    """
    return bars_of(frame, symbol, repair).prices


def bars_of(frame: Any, symbol: str, repair: Sequence[str] = (), traded: bool = True) -> Bars:
    """Bars from a pandas frame with Yahoo's column names; only ``Date`` and a close are needed.

    Where there is an ``Adj Close``, it is the close, and the day's other prices are multiplied by its ratio to
    ``Close``.

    Raises:
        SpecError: a column is missing, or the prices are not a daily series.
    """
    import pandas

    frame = one_symbol(frame, symbol)
    columns = columns_of(frame)
    close = columns.get("adj close", columns.get("close"))
    if close is None:
        raise SpecError(
            f"{symbol} has no column 'Adj Close' or 'Close'; it has {', '.join(map(str, frame.columns)) or 'none'}."
        )
    dates = days_of(frame, symbol)

    def column(name: Any) -> np.ndarray:
        if name is None:
            return np.full(len(dates), np.nan)
        return np.asarray(pandas.to_numeric(frame[name], errors="coerce"), dtype=np.float64)

    # Rows of one table: close, open, high, low, volume.
    table = np.stack([column(close), *(column(columns.get(name)) for name in ("open", "high", "low", "volume"))])
    if "adj close" in columns and "close" in columns:
        table[1:4] *= table[0] / column(columns["close"])
    done: list[str] = []
    if "drop-missing" in repair and not np.all(np.isfinite(table[0])):
        keep = np.isfinite(table[0])
        done.append(f"dropped {int(np.sum(~keep))} days without a price")
        dates, table = dates[keep], table[:, keep]
    if "sort" in repair and np.any(np.diff(dates).astype(int) < 0):
        order = np.argsort(dates, kind="stable")
        dates, table = dates[order], table[:, order]
        done.append("sorted by date")
    if "drop-duplicates" in repair and len(dates) > 1:
        last = np.append(np.diff(dates).astype(int) != 0, True)
        if not np.all(last):
            done.append(f"dropped {int(np.sum(~last))} repeated days")
            dates, table = dates[last], table[:, last]
    while "split-adjust" in repair and table.shape[1] > 1 and np.all(table[0] > 0):
        jump = jump_of(table[0], traded)
        if jump is None or "split" not in jump.kind:
            break
        table[:4, : jump.day + 1] *= jump.factor
        table[4, : jump.day + 1] /= jump.factor
        verb, by = ("divided", 1 / jump.factor) if jump.factor < 1 else ("multiplied", jump.factor)
        done.append(f"{verb} prices up to {dates[jump.day]} by {by:g}")
    return Bars(Prices(symbol, dates, table[0], tuple(done), traded), *table[1:])


def _read(source: str | Path, repair: Sequence[str]) -> tuple[Any, str]:
    """A frame and its symbol."""
    unknown = set(repair) - set(REPAIRS)
    if unknown:
        raise SpecError(f"unknown repair {sorted(unknown)[0]!r}; known are {', '.join(REPAIRS)}.")
    if str(source).lower() in ("^gspc", "spx", "sp500"):
        import arch.data.sp500

        return arch.data.sp500.load(), "^GSPC"
    path = Path(source)
    if suffix_of(path) is None:
        raise SpecError(
            f"unknown symbol {str(source)!r}: '^GSPC' is at hand; any other series is a .csv or .parquet file with "
            "columns Date and Adj Close or Close."
        )
    return read_table(path), symbol_of(path)
