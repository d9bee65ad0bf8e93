"""Files: fitted market models as JSON, simulated paths as CSV or Parquet."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from thermofab.apps.market.reading import suffix_of
from thermofab.apps.trading.conditional import Conditional
from thermofab.apps.trading.encoding import CONDITIONS, Encoding
from thermofab.apps.trading.fitted import Fitted, Source, State, Trajectories
from thermofab.apps.trading.persistence import Persistence
from thermofab.apps.trading.series import SeriesModel
from thermofab.apps.trading.volatility import Volatility
from thermofab.hw.spec import SpecError

FORM = "thermofab market model 2"


def save_model(path: Path, model: SeriesModel, symbol: str = "") -> None:
    """Everything learnt; the device and the fabric are chosen when it is loaded."""
    fitted = model.learnt
    data = {
        "form": FORM,
        "source": asdict(fitted.source) | ({"symbol": symbol} if symbol else {}),
        "volatility": asdict(fitted.volatility) | {"degrees": _finite(fitted.volatility.degrees)},
        "residuals": fitted.encoding.residuals.tolist(),
        "levels": fitted.encoding.levels.tolist(),
        "conditions": list(CONDITIONS),
        "theta": fitted.conditional.theta.tolist(),
        "phi": fitted.conditional.phi.tolist(),
        "variance": fitted.last.variance.tolist(),
        "week": fitted.last.week.tolist(),
        "persistence": asdict(fitted.persistence),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data))


def load_model(path: Path, **options: Any) -> SeriesModel:
    """The model of a file; ``options`` are fields of :class:`SeriesModel`, such as ``device``.

    Raises:
        SpecError: there is no such file, or it is no market model of this version.
    """
    if not path.exists():
        raise SpecError(f"there is no file {path}; write one with 'thermofab trade fit'.")
    try:
        data = json.loads(path.read_text())
    except json.JSONDecodeError as error:
        raise SpecError(f"{path} is not JSON: {error}.") from error
    if not isinstance(data, dict) or data.get("form") != FORM or data["conditions"] != list(CONDITIONS):
        raise SpecError(f"{path} is no market model of this version; write one with 'thermofab trade fit'.")
    volatility = data["volatility"]
    volatility["degrees"] = np.inf if volatility["degrees"] is None else volatility["degrees"]
    fitted = Fitted(
        Volatility(**volatility),
        Encoding(np.array(data["residuals"]), np.array(data["levels"])),
        Conditional(np.array(data["theta"]), np.array(data["phi"])),
        State(np.array(data["variance"]), np.array(data["week"])),
        Persistence(**data["persistence"]),
        Source(**data["source"]),
    )
    return SeriesModel(fitted=fitted, volatility=fitted.volatility.kind, **options)


def check_paths_file(path: Path) -> None:
    """Raises:
    SpecError: paths are not written to a file of this name's ending.
    """
    if suffix_of(path) is None:
        raise SpecError(f"paths are written as .csv, .csv.gz or .parquet, got {path.name!r}.")


def write_paths(path: Path, made: Trajectories, start: float = 1.0) -> None:
    """A row a path and day: ``path``, ``day`` from 1, ``price`` from ``start``, log ``return``, ``volatility`` of the
    day.

    Raises:
        SpecError: the file's ending is not .csv, .csv.gz or .parquet.
    """
    import pandas

    check_paths_file(path)
    paths, days = made.returns.shape
    frame = pandas.DataFrame(
        {
            "path": np.repeat(np.arange(paths), days),
            "day": np.tile(np.arange(1, days + 1), paths),
            "price": made.prices(start).ravel(),
            "return": made.returns.ravel(),
            "volatility": made.volatilities.ravel(),
        }
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    suffix = suffix_of(path)
    if suffix == ".parquet":
        frame.to_parquet(path, index=False)
    else:
        frame.to_csv(path, index=False, compression="gzip" if suffix == ".csv.gz" else None)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None
