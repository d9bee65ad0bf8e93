"""HistoricalDataManager: daily bars of many symbols in a local store, an SQLite file or a folder of Parquet files.

SQLite: one table ``bars`` with the key (symbol, date). Parquet: one file per symbol. Ingesting a symbol's days again
replaces those days. Nothing is fetched from anywhere, and nothing is filled in.
"""

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from thermofab.apps.market.prices import Bars, load_bars
from thermofab.apps.market.reading import suffix_of, symbol_of
from thermofab.hw.spec import SpecError

DEFAULT_STORE = Path("data/historical_market.db")
INDICES = ("VIX", "PUTCALL")  # not traded: no splits, no volume
COLUMNS = ("date", "symbol", "open", "high", "low", "close", "volume")
_SQLITE = (".db", ".sqlite", ".sqlite3")


class HistoricalDataManager:
    """The store.

    Args:
        db_path: a file ending in ``.db``, ``.sqlite`` or ``.sqlite3``, or else a folder for Parquet files; made when
            something is first ingested.
    """

    def __init__(self, db_path: str | Path = DEFAULT_STORE):
        self.path = Path(db_path)
        self._store: _Sqlite | _Parquet = _Sqlite(self.path) if self.path.suffix in _SQLITE else _Parquet(self.path)

    def ingest(self, bars: Bars) -> int:
        """Keep a symbol's days, in place of those of the same date; returns how many were given."""
        self._store.put(bars.prices.symbol, bars.frame())
        return len(bars)

    def ingest_csv(
        self, source: str | Path, *, symbol: str | None = None, repair: Sequence[str] = ()
    ) -> dict[str, int]:
        """Ingest a CSV or Parquet file, or every CSV file of a folder; returns days by symbol.

        Args:
            source: file or folder; a file's name without its suffix is the symbol.
            symbol: of a single file, in place of its name.
            repair: of :data:`thermofab.apps.market.prices.REPAIRS`.

        Raises:
            SpecError: there is no such file, no file in the folder, or one is no daily series.
        """
        path = Path(source)
        files = sorted(file for file in path.iterdir() if _is_csv(file)) if path.is_dir() else [path]
        if not files:
            raise SpecError(f"there is no .csv file in {path}.")
        if symbol is not None and len(files) > 1:
            raise SpecError(f"symbol={symbol!r} names one file's symbol, but {path} has {len(files)}.")
        kept = {}
        for file in files:
            name = symbol or symbol_of(file).upper()
            bars = load_bars(file, repair=repair, traded=name not in INDICES)
            kept[name] = self.ingest(replace(bars, prices=replace(bars.prices, symbol=name)))
        return kept

    def symbols(self) -> tuple[str, ...]:
        """What the store holds, in alphabetical order."""
        return self._store.symbols()

    def get_data(
        self, start_date: object = None, end_date: object = None, symbols: Sequence[str] | str | None = None
    ) -> Any:
        """Bars of some days.

        Args:
            start_date, end_date: first and last day, as ``"2008-09-15"`` or a date; None: no bound.
            symbols: all if left out.

        Returns:
            pandas frame with columns ``date, symbol, open, high, low, close, volume``, by date and symbol; NaN where a
            source has no such figure; no rows where there are no such days.

        Raises:
            SpecError: there is no store, a symbol is not in it, or a date cannot be read.
        """
        import pandas

        if not self.path.exists():
            raise SpecError(
                f"there is no store {self.path}; make one with HistoricalDataManager(…).ingest_csv(folder)."
            )
        wanted = self.symbols() if symbols is None else (symbols,) if isinstance(symbols, str) else tuple(symbols)
        missing = [name for name in wanted if name not in self.symbols()]
        if missing:
            raise SpecError(f"the store has no {missing[0]}; it has {', '.join(self.symbols()) or 'nothing'}.")
        first, last = _day(start_date, "start_date"), _day(end_date, "end_date")
        parts = [self._store.get(name, first, last) for name in wanted]
        whole = pandas.concat(parts, ignore_index=True) if parts else pandas.DataFrame(columns=list(COLUMNS))
        return whole.sort_values(["date", "symbol"], ignore_index=True)[list(COLUMNS)]


class _Sqlite:
    """One table in one file."""

    def __init__(self, path: Path):
        self._path = path

    def put(self, symbol: str, frame: Any) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        days = frame.date.dt.strftime("%Y-%m-%d")
        figures = frame[["open", "high", "low", "close", "volume"]].to_numpy()
        rows = [(symbol, day, *(None if v != v else float(v) for v in row)) for day, row in zip(days, figures)]
        with closing(sqlite3.connect(self._path)) as file, file:
            file.execute(
                "CREATE TABLE IF NOT EXISTS bars (symbol TEXT, date TEXT, open REAL, high REAL, low REAL, close REAL, "
                "volume REAL, PRIMARY KEY (symbol, date)) WITHOUT ROWID"
            )
            file.executemany("INSERT OR REPLACE INTO bars VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def symbols(self) -> tuple[str, ...]:
        if not self._path.exists():
            return ()
        return tuple(row[0] for row in self._read("SELECT DISTINCT symbol FROM bars ORDER BY symbol", ()))

    def get(self, symbol: str, first: str | None, last: str | None) -> Any:
        import pandas

        query = (
            "SELECT date, symbol, open, high, low, close, volume FROM bars WHERE symbol = ? AND date >= ? AND date <= ?"
        )
        rows = self._read(query + " ORDER BY date", (symbol, first or "", last or "9999"))
        frame = pandas.DataFrame(rows, columns=list(COLUMNS))
        figures = ["open", "high", "low", "close", "volume"]
        return frame.assign(date=pandas.to_datetime(frame.date).astype("datetime64[ns]")).astype(
            dict.fromkeys(figures, "float64")
        )

    def _read(self, query: str, values: tuple[str, ...]) -> list[tuple[Any, ...]]:
        try:
            with closing(sqlite3.connect(f"{self._path.resolve().as_uri()}?mode=ro", uri=True)) as file:
                return file.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise SpecError(f"{self._path} is no store of daily bars: {error}.") from error


class _Parquet:
    """A file a symbol in one folder."""

    def __init__(self, path: Path):
        self._path = path

    def put(self, symbol: str, frame: Any) -> None:
        import pandas

        self._path.mkdir(parents=True, exist_ok=True)
        file = self._path / f"{symbol}.parquet"
        if file.exists():
            older = pandas.read_parquet(file)
            frame = pandas.concat([older[~older.date.isin(frame.date)], frame], ignore_index=True)
        part = file.with_suffix(".part")
        frame.sort_values("date", ignore_index=True).to_parquet(part)
        part.replace(file)

    def symbols(self) -> tuple[str, ...]:
        return tuple(sorted(file.stem for file in self._path.glob("*.parquet")))

    def get(self, symbol: str, first: str | None, last: str | None) -> Any:
        import pandas

        frame = pandas.read_parquet(self._path / f"{symbol}.parquet")
        frame["date"] = frame.date.astype("datetime64[ns]")
        days = frame.date.dt.strftime("%Y-%m-%d")
        return frame[(days >= (first or "")) & (days <= (last or "9999"))]


def _is_csv(path: Path) -> bool:
    return (suffix_of(path) or "").startswith(".csv")


def _day(value: object, name: str) -> str | None:
    import pandas

    if value is None:
        return None
    try:
        day = pandas.Timestamp(str(value))
    except ValueError as error:
        raise SpecError(f"{name} is a day such as '2008-09-15', got {value!r}.") from error
    return day.strftime("%Y-%m-%d")
