"""A portfolio's paths as a table: CSV, gzipped CSV or Parquet."""

import os
from pathlib import Path

import numpy as np

from thermofab.apps.market.reading import suffix_of
from thermofab.apps.trading.portfolio.paths import PortfolioPaths
from thermofab.apps.trading.portfolio.risk import profits
from thermofab.apps.trading.portfolio.weights import Weights
from thermofab.apps.trading.storage import check_paths_file
from thermofab.hw.spec import SpecError

ENDINGS = (".html", ".htm")


def check_report_file(path: Path) -> None:
    """Raises:
    SpecError: a report is not written to a file of this name's ending.
    """
    if path.suffix.lower() not in ENDINGS:
        raise SpecError(f"a report is written as .html, got {path.name!r}.")


def ready_folder(path: Path) -> bool:
    """Make sure, before any work, that ``path`` can be written; whether its folder had to be made.

    Raises:
        SpecError: it is a folder itself, its folder cannot be made, or is not to be written to.
    """
    folder = path.parent
    made = not folder.is_dir()
    try:
        if path.is_dir():
            raise SpecError(f"{path} is a folder; give the name of a file.")
        folder.mkdir(parents=True, exist_ok=True)
        if not os.access(path if path.exists() else folder, os.W_OK):
            raise SpecError(f"{path} cannot be written; choose another place.")
    except OSError as error:
        raise SpecError(f"the folder {folder} cannot be made ({error.strerror}); choose another place.") from error
    return made


def write_portfolio_paths(path: Path, made: PortfolioPaths, weights: Weights) -> None:
    """A row a path, day and symbol: ``path``, ``day`` from 1, ``symbol``, log ``return``, ``volatility`` of the day,
    and ``portfolio``, the whole portfolio's value at its end; ``weight`` too, where paths have importance weights.

    Raises:
        SpecError: the file's ending is not .csv, .csv.gz or .parquet.
    """
    import pandas

    check_paths_file(path)
    count, days, d = made.returns.shape
    value = weights.money * (1 + profits(made, weights))
    columns = {
        "path": np.repeat(np.arange(count), days * d),
        "day": np.tile(np.repeat(np.arange(1, days + 1), d), count),
        "symbol": pandas.Categorical.from_codes(np.tile(np.arange(d), count * days), list(made.symbols)),
        "return": made.returns.ravel(),
        "volatility": made.volatilities.ravel(),
        "portfolio": np.repeat(value.ravel(), d),
    }
    if made.weights is not None:
        columns["weight"] = np.repeat(made.weights, days * d)
    frame = pandas.DataFrame(columns)
    suffix = suffix_of(path)
    if suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, compression="gzip" if suffix == ".csv.gz" else None)
