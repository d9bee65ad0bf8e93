"""Price tables as sources write them: files, column names, headers of several rows, dates in their usual forms."""

import zlib
from pathlib import Path
from typing import Any

import numpy as np

from thermofab.hw.spec import SpecError

SUFFIXES = (".csv", ".csv.gz", ".parquet")
_DATES = ("date", "datetime", "timestamp")
_SAME = {"adjclose": "adj close", "adjusted close": "adj close", "adjustedclose": "adj close"}
_FIELDS = ("open", "high", "low", "close", "adj close", "volume")


def suffix_of(path: Path) -> str | None:
    """Which of :data:`SUFFIXES` a file's name ends in, in capitals or not; None: no price file."""
    return next((suffix for suffix in SUFFIXES if path.name.lower().endswith(suffix)), None)


def symbol_of(path: Path) -> str:
    """A file's name without its suffix."""
    return path.name[: len(path.name) - len(suffix_of(path) or "")]


def read_table(path: Path) -> Any:
    """The pandas frame of a CSV file, plain or gzipped, or of a Parquet file.

    Raises:
        SpecError: the file is not there, is empty, or is not what its name says.
    """
    import pandas

    suffix = suffix_of(path)
    if not path.is_file():
        raise SpecError(f"there is no file {path}.")
    if path.stat().st_size == 0:
        raise SpecError(f"{path} is empty; a price file has columns Date and Adj Close or Close.")
    try:
        if suffix == ".parquet":
            return pandas.read_parquet(path)
        frame = pandas.read_csv(path, compression="gzip" if suffix == ".csv.gz" else None, low_memory=False)
    except pandas.errors.EmptyDataError as error:
        raise SpecError(f"{path} is empty; a price file has columns Date and Adj Close or Close.") from error
    except (OSError, EOFError, ValueError, zlib.error) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SpecError(f"{path} is no readable {(suffix or '.csv')[1:]} file: {said}") from error
    return _one_header(frame)


def _one_header(frame: Any) -> Any:
    """yfinance writes three rows: names under ``Price``, symbols under ``Ticker``, then ``Date`` alone."""
    if not len(frame.columns) or len(frame) < 2:
        return frame
    first = [str(value).strip().lower() for value in frame.iloc[:2, 0]]
    if str(frame.columns[0]).strip().lower() != "price" or first[0] != "ticker":
        return frame
    import pandas

    rows = 2 if first[1] in _DATES else 1
    made = frame.iloc[rows:].reset_index(drop=True)
    # Two symbols' columns of one name were told apart by ".1" on reading.
    names = [str(name).rsplit(".", 1)[0] if str(name)[-1:].isdigit() else str(name) for name in frame.columns[1:]]
    made.index = pandas.Index(made.iloc[:, 0], name="Date")
    made = made.iloc[:, 1:]
    made.columns = pandas.MultiIndex.from_arrays([names, [str(value) for value in frame.iloc[0, 1:]]])
    return made


def one_symbol(frame: Any, symbol: str) -> Any:
    """A frame whose columns are names alone; of names and symbols, those of its only symbol, or of ``symbol``.

    Raises:
        SpecError: several symbols, none of them ``symbol``.
    """
    if getattr(frame.columns, "nlevels", 1) == 1:
        return frame
    # Prices by name and symbol, or grouped by symbol.
    names = 0 if any(_plain(name) in _FIELDS for name in frame.columns.get_level_values(0)) else 1
    symbols = list(dict.fromkeys(str(name) for name in frame.columns.get_level_values(1 - names) if str(name)))
    chosen = symbols[0] if len(symbols) == 1 else next((s for s in symbols if s.lower() == symbol.lower()), None)
    if chosen is None:
        raise SpecError(f"{symbol} holds prices of {', '.join(symbols)}; give one symbol a file.")
    made = frame.loc[:, [str(column[1 - names]) in (chosen, "") for column in frame.columns]].copy()
    made.columns = [column[names] for column in made.columns]
    return made


def _plain(name: Any) -> str:
    plain = " ".join(str(name).replace("_", " ").replace(".", " ").lower().split())
    return _SAME.get(plain, plain)


def columns_of(frame: Any) -> dict[str, Any]:
    """A frame's columns by plain name: small letters, spaces for underscores, one name for the adjusted close."""
    return {_plain(name): name for name in frame.columns}


def days_of(frame: Any, symbol: str) -> np.ndarray:
    """datetime64[D] ``[n]``: a stamp with a time zone is its own zone's day; 20200131 is a day, not a count.

    Raises:
        SpecError: no dates, or dates that cannot be read.
    """
    import pandas

    columns = columns_of(frame)
    name = next((columns[name] for name in _DATES if name in columns), None)
    if name is None and isinstance(frame.index, pandas.RangeIndex) and len(frame):
        raise SpecError(f"{symbol} has no column 'Date'; it has {', '.join(map(str, frame.columns)) or 'none'}.")
    days = pandas.Series(frame[name] if name is not None else frame.index).reset_index(drop=True)
    if isinstance(days.dtype, pandas.DatetimeTZDtype):
        return np.asarray(days.dt.tz_localize(None)).astype("datetime64[D]")
    if days.isna().any():
        raise SpecError(f"the dates of {symbol} cannot be read: row {int(days.isna().to_numpy().argmax())} has none.")
    if pandas.api.types.is_numeric_dtype(days.dtype):
        days = days.map(lambda value: f"{value:.0f}")
    text = days.astype(str).str.strip()
    if len(text) and text.str.fullmatch(r"[+-]?\d+(\.\d+)?").all():
        if not text.str.fullmatch(r"(18|19|20|21)\d{6}").all():
            raise SpecError(
                f"the dates of {symbol} are numbers such as {text.iloc[0]}; write them as 2020-01-31 or 20200131."
            )
        parsed, form = text, "%Y%m%d"
    elif text.str.match(r"\d{4}-\d{2}-\d{2}").all():
        parsed, form = text.str[:10], "%Y-%m-%d"
    else:
        parsed, form = text, None
    try:
        return np.asarray(pandas.to_datetime(parsed, format=form)).astype("datetime64[D]")
    except (ValueError, TypeError) as error:
        raise SpecError(f"the dates of {symbol} cannot be read: {error}.") from error
