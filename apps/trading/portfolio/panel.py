"""A panel: daily log returns of several assets between the days that all of them have."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from thermofab.apps.market.prices import Prices, load_prices
from thermofab.apps.market.reading import suffix_of, symbol_of
from thermofab.hw.spec import SpecError

SHORTEST = 500  # common days
_LONG_GAP = 7  # calendar days between two common days; longer is said in the notes


@dataclass(frozen=True, eq=False)
class Panel:
    """Aligned returns.

    Attributes:
        symbols: the assets, in the order of the columns.
        dates: datetime64[D] ``[n]``, ascending, the day a return ends.
        returns: log returns float64 ``[n, d]``, from one day that all assets have to the next such day.
        notes: what was repaired, refused or left out, one sentence each.
    """

    symbols: tuple[str, ...]
    dates: np.ndarray
    returns: np.ndarray
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        returns = np.asarray(self.returns, dtype=np.float64)
        dates = np.asarray(self.dates, dtype="datetime64[D]")
        object.__setattr__(self, "returns", returns)
        object.__setattr__(self, "dates", dates)
        if returns.ndim != 2 or returns.shape != (len(dates), len(self.symbols)):
            raise SpecError(
                f"a panel of {len(dates)} dates and {len(self.symbols)} symbols needs returns of shape "
                f"{(len(dates), len(self.symbols))}, got {returns.shape}."
            )
        if len(self.symbols) < 2:
            raise SpecError(f"a panel has two assets at least, got {', '.join(self.symbols) or 'none'}.")
        twice = sorted({name for name in self.symbols if self.symbols.count(name) > 1})
        if twice:
            raise SpecError(f"a panel has every asset once; {twice[0]} comes {self.symbols.count(twice[0])} times.")
        if not np.all(np.isfinite(returns)):
            day, asset = np.argwhere(~np.isfinite(returns))[0]
            raise SpecError(f"the return of {self.symbols[asset]} on {dates[day]} is not a finite number.")
        if np.any(np.diff(dates).astype(int) <= 0):
            day = int(np.argmax(np.diff(dates).astype(int) <= 0))
            raise SpecError(f"the dates of a panel ascend; {dates[day + 1]} comes after {dates[day]}.")

    def __len__(self) -> int:
        return len(self.dates)

    def until(self, day: object) -> "Panel":
        """Returns that end on ``day`` or before.

        Raises:
            SpecError: no day, or none of the panel's is so early.
        """
        return self.rows(0, int(np.searchsorted(self.dates, _day(day), side="right")))

    def since(self, day: object) -> "Panel":
        """Returns that end on ``day`` or after.

        Raises:
            SpecError: no day, or none of the panel's is so late.
        """
        return self.rows(int(np.searchsorted(self.dates, _day(day))), len(self))

    def rows(self, first: int, last: int) -> "Panel":
        """Days ``first`` to ``last`` - 1.

        Raises:
            SpecError: there is none.
        """
        if not 0 <= first < last <= len(self):
            raise SpecError(f"the panel covers {self.dates[0]} to {self.dates[-1]}; no day of it is left.")
        return Panel(self.symbols, self.dates[first:last], self.returns[first:last], self.notes)

    def columns(self, symbols: Sequence[str]) -> "Panel":
        """Some of the assets, in the order given.

        Raises:
            SpecError: an asset that the panel does not have.
        """
        for name in symbols:
            if name not in self.symbols:
                raise SpecError(f"the panel has no {name}; it has {', '.join(self.symbols)}.")
        places = [self.symbols.index(name) for name in symbols]
        return Panel(tuple(symbols), self.dates, self.returns[:, places], self.notes)


def load_panel(
    source: str | Path | Sequence[str | Path], symbols: Sequence[str] | None = None, repair: Sequence[str] = ()
) -> Panel:
    """A panel from a folder of price files, or from files; a file's name without its suffix is its symbol.

    Args:
        source: folder, or files as :func:`~thermofab.apps.market.prices.load_prices` reads them.
        symbols: which assets, in which order; None: all, by name. Of these, a folder's file that cannot be read is left
            out, and the notes say why; an asset that is named must be readable.
        repair: of :data:`thermofab.apps.market.prices.REPAIRS`.

    Raises:
        SpecError: a missing symbol, two files of one symbol, prices that are none, or fewer than 500 common days.
    """
    files, optional = _files(source)
    names = sorted(files) if symbols is None else list(symbols)
    for name in names:
        if name not in files:
            raise SpecError(f"there is no price file of {name}; there is {', '.join(sorted(files)) or 'none'}.")
    loaded: list[Prices] = []
    notes: list[str] = []
    for name in names:
        try:
            prices = load_prices(files[name], repair=repair)
        except SpecError as error:
            if symbols is not None or not optional:
                raise
            notes.append(f"{name} was left out: {error}")
            continue
        notes += [f"{name}: {done}." for done in prices.repairs]
        loaded.append(prices)
    return panel_of(loaded, notes)


def panel_of(series: Sequence[Prices], notes: Sequence[str] = ()) -> Panel:
    """The panel of the days that all ``series`` have.

    Raises:
        SpecError: fewer than two series, or fewer than 500 common days.
    """
    if len(series) < 2:
        said = " ".join(notes)
        raise SpecError(f"a panel has two assets at least, got {len(series)}. {said}".rstrip())
    common = series[0].dates
    for prices in series[1:]:
        common = np.intersect1d(common, prices.dates, assume_unique=True)
    if len(common) < SHORTEST:
        spans = "; ".join(f"{p.symbol} {p.dates[0]} to {p.dates[-1]}" for p in series)
        raise SpecError(f"the assets have {len(common)} days in common, a panel needs {SHORTEST} at least: {spans}.")
    told = list(notes)
    closes = np.empty((len(common), len(series)))
    for k, prices in enumerate(series):
        closes[:, k] = prices.closes[np.searchsorted(prices.dates, common)]
        between = (prices.dates >= common[0]) & (prices.dates <= common[-1])
        skipped = int(between.sum()) - len(common)
        if skipped:
            told.append(
                f"{prices.symbol} has {skipped} days between {common[0]} and {common[-1]} that not all assets have; "
                "returns span them."
            )
    gaps = np.diff(common).astype(int)
    if np.any(gaps > _LONG_GAP):
        told.append(f"{int(np.sum(gaps > _LONG_GAP))} returns span more than {_LONG_GAP} calendar days.")
    return Panel(tuple(p.symbol for p in series), common[1:], np.diff(np.log(closes), axis=0), tuple(told))


def _files(source: str | Path | Sequence[str | Path]) -> tuple[dict[str, str | Path], bool]:
    """Files by symbol, and whether they came from a folder."""
    if isinstance(source, str | Path):
        folder = Path(source)
        if not folder.is_dir():
            raise SpecError(f"there is no folder {source}; give a folder of price files, or a list of files.")
        given: list[str | Path] = [file for file in sorted(folder.iterdir()) if suffix_of(file) is not None]
        if not given:
            raise SpecError(f"there is no .csv, .csv.gz or .parquet file in {source}.")
    else:
        folder, given = None, list(source)
    made: dict[str, str | Path] = {}
    for file in given:
        name = symbol_of(Path(file))
        if name in made:
            raise SpecError(f"two files are named {name}: {Path(made[name]).name} and {Path(file).name}; keep one.")
        made[name] = file
    return made, folder is not None


def _day(day: object) -> np.datetime64:
    try:
        made = np.datetime64(str(day), "D")
    except ValueError as error:
        raise SpecError(f"a day is written as 2008-09-15, got {day!r}.") from error
    if np.isnat(made):
        raise SpecError(f"a day is written as 2008-09-15, got {day!r}.")
    return made
