"""What a report is about: everything that its pages say, found before any of them is written."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from thermofab.apps.trading.portfolio.paths import PortfolioPaths
from thermofab.apps.trading.portfolio.risk import RiskRow
from thermofab.apps.trading.portfolio.rolling import Rolling
from thermofab.apps.trading.portfolio.stressed import Stressed
from thermofab.apps.trading.portfolio.weights import Weights

RECENT = 250  # days


@dataclass(frozen=True)
class Source:
    """Where figures come from.

    Attributes:
        name: of the portfolio.
        as_of: the last day known.
        first: the first day learnt from.
        days: returns learnt from.
        notes: what was repaired, refused, left out, or must be known.
        model: words and values about the model, its device, its seed.
    """

    name: str
    as_of: str
    first: str
    days: int
    notes: tuple[str, ...]
    model: Mapping[str, str]


@dataclass(frozen=True, eq=False)
class Correlations:
    """Rank correlations float64 ``[d, d]``: of all days learnt from, of the newest, and of the next day as sampled."""

    all_days: np.ndarray
    recent: np.ndarray
    sampled: np.ndarray
    recent_days: int


@dataclass(frozen=True, eq=False)
class Facts:
    """Everything.

    Attributes:
        source: where it comes from.
        weights: what is held.
        paths: simulated from the as-of day.
        rows: risk by horizon and level.
        correlations: of the data and sampled.
        past: log returns float64 ``[n, d]`` of the newest days learnt from, and ``past_dates``.
        volatilities: a year, of the next day and the mean of the days learnt from, float64 ``[2, d]``.
        rolling: the back-test, ``None`` if none was asked for.
        stressed: a scenario each.
        threshold: the loss whose chance is said, a simple return, and ``chance`` over the longest horizon.
    """

    source: Source
    weights: Weights
    paths: PortfolioPaths
    rows: tuple[RiskRow, ...]
    correlations: Correlations
    past: np.ndarray
    past_dates: np.ndarray
    volatilities: np.ndarray
    rolling: Rolling | None
    stressed: tuple[Stressed, ...]
    threshold: float
    chance: float


def ranks(values: np.ndarray) -> np.ndarray:
    """Spearman's correlations ``[d, d]`` of rows ``[n, d]``."""
    return np.corrcoef(rankdata(values, axis=0), rowvar=False)


def correlations(z: np.ndarray, paths: PortfolioPaths) -> Correlations:
    """Of standardised days ``[n, d]`` and of the paths' first day."""
    return Correlations(ranks(z), ranks(z[-RECENT:]), ranks(paths.returns[:, 0]), min(RECENT, len(z)))
