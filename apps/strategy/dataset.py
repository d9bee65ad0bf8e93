"""The days that a model is trained and judged on, as arrays; and walk-forward splits of them that leak nothing.

A label of day d depends on prices up to day d + h. So training days end h days before the first day they are followed
by (*purged*), and ``embargo`` days earlier still. Splits go by trading-day numbers, not by rows: a day without a label
does not shorten the gap.
"""

from dataclasses import dataclass, replace

import numpy as np

from thermofab.apps.strategy.config import StrategyConfig
from thermofab.apps.strategy.labeler import Labelled, StrategyLabeler
from thermofab.apps.strategy.outcomes import soft
from thermofab.hw.spec import SpecError


@dataclass(frozen=True, eq=False)
class Dataset:
    """Labelled days, ascending.

    Attributes:
        day: number of the trading day in the store, int64 ``[N]``.
        dates: datetime64[D] ``[N]``.
        features: raw, float64 ``[N, 10]``, NaN where absent.
        profits, utilities: float64 ``[N, 8]``.
        by_profit, by_utility: int64 ``[N]``.
        growth: of SPY and TLT over the horizon, float64 ``[N, 2]``.
    """

    day: np.ndarray
    dates: np.ndarray
    features: np.ndarray
    profits: np.ndarray
    utilities: np.ndarray
    by_profit: np.ndarray
    by_utility: np.ndarray
    growth: np.ndarray

    def __len__(self) -> int:
        return len(self.day)

    def classes(self, kind: str) -> np.ndarray:
        """Hard labels int64 ``[N]`` by ``"profit"`` or ``"utility"``."""
        return self.by_profit if kind == "profit" else self.by_utility

    def soft_labels(self, kind: str, temperature: float) -> np.ndarray:
        """float64 ``[N, 8]``."""
        return soft(self.profits if kind == "profit" else self.utilities, temperature)

    def take(self, rows: np.ndarray) -> "Dataset":
        """Some of the rows."""
        return replace(self, **{name: getattr(self, name)[rows] for name in self.__dataclass_fields__})


def dataset_of(labeler: StrategyLabeler, start_date: str | None = None, end_date: str | None = None) -> Dataset:
    """The days with an outcome and with all features that have a source.

    Raises:
        SpecError: there is no such day.
    """
    days: Labelled = labeler.labelled
    keep = days.usable()
    if start_date is not None:
        keep &= days.dates >= np.datetime64(start_date)
    if end_date is not None:
        keep &= days.dates <= np.datetime64(end_date)
    rows = np.flatnonzero(keep)
    if not len(rows):
        raise SpecError("no day of the store has features and an outcome; labels need SPY and TLT over the horizon.")
    ahead = rows + labeler.config.horizon_days
    growth = [labeler.panel.close(symbol)[ahead] / labeler.panel.close(symbol)[rows] for symbol in ("SPY", "TLT")]
    return Dataset(
        rows,
        days.dates[rows],
        days.features[rows],
        days.profits[rows],
        days.utilities[rows],
        days.by_profit[rows],
        days.by_utility[rows],
        np.stack(growth, axis=1),
    )


@dataclass(frozen=True, eq=False)
class Fold:
    """Rows int64 of a dataset: trained on, watched for early stopping and calibration, judged on."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def gap(config: StrategyConfig, embargo: int) -> int:
    """Trading days between the last training day and the first day after: the horizon and the embargo."""
    return config.horizon_days + embargo


def walk_forward(
    data: Dataset, folds: int, first_train: int, *, between: int, validation: float = 0.15
) -> tuple[Fold, ...]:
    """Expanding folds: each is tested on the next equal block of days and trained on what came before.

    Args:
        data: the days.
        folds: how many.
        first_train: rows before the first test block.
        between: trading days left out between training and validation and between validation and test, at least the
            horizon of the labels; :func:`gap`.
        validation: share of a fold's past that is held out for early stopping and calibration, its latest days.

    Raises:
        SpecError: too few days, or a share outside (0, 1).
    """
    if folds < 1 or not 0 < validation < 1 or between < 0:
        raise SpecError(f"walk-forward needs folds ≥ 1 and a validation share in (0, 1); got {folds}, {validation}.")
    if len(data) < first_train + folds or first_train < 20 * max(between, 1):
        raise SpecError(
            f"{folds} folds after {first_train} days need {first_train + folds} days, and at least {20 * between} "
            f"before the first; there are {len(data)}."
        )
    bounds = np.linspace(first_train, len(data), folds + 1).astype(int)
    return tuple(
        _fold(data, np.arange(start, stop), between, validation) for start, stop in zip(bounds[:-1], bounds[1:])
    )


def last_fold(data: Dataset, *, between: int, validation: float = 0.15) -> Fold:
    """All days for a model that is put to use: trained and watched, with nothing left to be judged on."""
    return _fold(data, np.arange(len(data), len(data)), between, validation)


def _fold(data: Dataset, test: np.ndarray, between: int, validation: float) -> Fold:
    end = int(data.day[test[0]]) - between if len(test) else int(data.day[-1]) + 1
    past = np.flatnonzero(data.day < end)
    held = past[int(round(len(past) * (1 - validation))) :]
    train = np.flatnonzero(data.day < data.day[held[0]] - between)
    return Fold(train, held, test)
