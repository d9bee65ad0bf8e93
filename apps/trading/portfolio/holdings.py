"""From a file of weights and a folder of prices to what a model learns: the panel of what is held, with all that must
be said of it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from thermofab.apps.market.reading import suffix_of, symbol_of
from thermofab.apps.trading.portfolio.panel import Panel, panel_of
from thermofab.apps.trading.portfolio.weights import Weights
from thermofab.apps.trading.prices import Prices, load_prices
from thermofab.hw.spec import SpecError


def price_files(folder: str | Path) -> dict[str, Path]:
    """Price files of a folder by symbol, which is the file's name without its ending.

    Raises:
        SpecError: there is no such folder, or no price file in it.
    """
    place = Path(folder)
    if not place.is_dir():
        raise SpecError(
            f"there is no folder {folder}; a portfolio's prices are a folder of files such as SPY.csv (--prices)."
        )
    found = {symbol_of(file): file for file in sorted(place.iterdir()) if file.is_file() and suffix_of(file)}
    if not found:
        raise SpecError(f"there is no .csv, .csv.gz or .parquet file in {folder}; prices of SPY are its file SPY.csv.")
    return found


def load_held(
    folder: str | Path, symbols: Sequence[str], repair: Sequence[str] = (), as_of: str | None = None
) -> Panel:
    """The panel of ``symbols`` up to the day ``as_of``; its notes name the files that end before others.

    Raises:
        SpecError: fewer than two symbols, a missing file, prices that are none, too few common days, or an as-of day
            that prices do not cover.
    """
    if len(symbols) < 2:
        raise SpecError(
            f"a portfolio's joint model needs two assets at least, got {', '.join(symbols)}; the risk of one is "
            "'thermofab trade risk --prices FILE', without --portfolio."
        )
    files = price_files(folder)
    series: list[Prices] = []
    for name in symbols:
        if name not in files:
            raise SpecError(f"there is no price file of {name} in {folder}; there are {', '.join(sorted(files))}.")
        series.append(load_prices(files[name], repair=repair))
    notes = [f"{one.symbol}: {done}." for one in series for done in one.repairs]
    last = max(one.dates[-1] for one in series)
    notes += [
        f"{one.symbol} ends on {one.dates[-1]}, others go on to {last}: days after it are left out."
        for one in series
        if one.dates[-1] < last and (as_of is None or str(one.dates[-1]) < as_of)
    ]
    panel = panel_of(series, notes)
    return panel if as_of is None else _until(panel, as_of)


def _until(panel: Panel, as_of: str) -> Panel:
    try:
        day = np.datetime64(as_of, "D")
    except ValueError as error:
        raise SpecError(f"as-of is a day such as 2008-09-15, got {as_of!r}.") from error
    if np.isnat(day) or not panel.dates[0] <= day <= panel.dates[-1]:
        raise SpecError(
            f"as-of is a day that the prices of all of {', '.join(panel.symbols)} cover, {panel.dates[0]} to "
            f"{panel.dates[-1]}, got {as_of}."
        )
    return panel.until(day)


def wanted(weights: Weights, further: Sequence[str] = ()) -> tuple[str, ...]:
    """What a panel must have: what is held, then what scenarios name beside it."""
    return (*weights.symbols, *dict.fromkeys(name for name in further if name not in weights.symbols))
