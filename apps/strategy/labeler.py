"""StrategyLabeler: labels of days by the strategy that did best over the trading days after.

A label's features know nothing after its day; its outcome is the future on purpose and is what a model is trained to
foresee. Days without features, without prices over the horizon, or on which all eight strategies are equal get no
label; they are counted, by reason.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas

from thermofab.apps.strategy.config import LABELS, MarketFeatureConfig, StrategyConfig, strategy_config
from thermofab.apps.strategy.features import features_of
from thermofab.apps.strategy.names import FEATURES, STRATEGIES, strategy_index
from thermofab.apps.strategy.outcomes import best, paths, profits_of, soft, utilities_of
from thermofab.apps.strategy.panel import Panel, Store, read_panel
from thermofab.apps.strategy.periods import BLACK_SWANS
from thermofab.apps.strategy.summary import summary_of
from thermofab.hw.spec import SpecError

SUMMARY = "label_generation_summary.txt"


class Label(NamedTuple):
    """One day's label: features float64 ``[10]`` (NaN where absent), the best strategy, and what it earned."""

    features: np.ndarray
    strategy_idx: int
    realized_pnl: float


@dataclass(frozen=True, eq=False)
class Labelled:
    """Every day of a store.

    Attributes:
        dates: datetime64[D] ``[T]``.
        features: float64 ``[T, 10]``.
        profits, utilities: float64 ``[T, 8]``, NaN where the horizon is not there.
        by_profit, by_utility: int64 ``[T]``, -1 for no label.
    """

    dates: np.ndarray
    features: np.ndarray
    profits: np.ndarray
    utilities: np.ndarray
    by_profit: np.ndarray
    by_utility: np.ndarray

    def usable(self) -> np.ndarray:
        """bool ``[T]``: days with an outcome and with all features but those that have no source at all."""
        there = np.isfinite(self.features)
        return there[:, there.any(axis=0)].all(axis=1) & (self.by_profit >= 0) & (self.by_utility >= 0)


class StrategyLabeler:
    """Labels from a store.

    Args:
        historical_data_manager: the store, with SPY and TLT at least.
        strategies_config: the strategies, as a record or its ``to_dict()``.
        features_config: the features.
        labels: ``"utility"`` or ``"profit"``: what ``strategy_idx`` is the best by.

    Raises:
        SpecError: an unknown kind of label.
    """

    def __init__(
        self,
        historical_data_manager: Store,
        strategies_config: StrategyConfig | dict[str, Any] | None = None,
        features_config: MarketFeatureConfig | None = None,
        labels: str = "utility",
    ):
        if labels not in LABELS:
            raise SpecError(f"labels are by {' or '.join(LABELS)}, got {labels!r}.")
        self.store, self.kind = historical_data_manager, labels
        self.config = strategy_config(strategies_config)
        self.features_config = features_config or MarketFeatureConfig()

    @cached_property
    def panel(self) -> Panel:
        """All days of the store."""
        panel = read_panel(self.store, self.features_config)
        if "TLT" not in panel.symbols and any(tlt for _, tlt in self.config.allocations):
            raise SpecError("the store has no TLT, which the strategies hold; ingest its prices.")
        return panel

    @cached_property
    def labelled(self) -> Labelled:
        """All days of the store with their features and outcomes."""
        values = paths(self.panel, self.config)
        profits, utilities = profits_of(values), utilities_of(values, self.config.risk_aversion)
        features = features_of(self.panel, self.features_config)
        by_profit, by_utility = best(profits)[0], best(utilities)[0]
        return Labelled(self.panel.dates, features, profits, utilities, by_profit, by_utility)

    def extract_market_features(self, date: object) -> np.ndarray:
        """The ten features of a trading day, float64 ``[10]``, NaN where absent.

        Raises:
            SpecError: no trading day of the store.
        """
        return self.labelled.features[self._row(date)].copy()

    def simulate_strategy(self, strategy: int | str, date: object) -> float:
        """Profit of a strategy, by number or name, over the trading days after ``date``, as a fraction.

        Raises:
            SpecError: no such strategy or day, or prices are missing over the horizon.
        """
        number = strategy_index(strategy) if isinstance(strategy, str) else strategy
        if not 0 <= number < len(STRATEGIES):
            raise SpecError(f"strategies are numbered 0 to {len(STRATEGIES) - 1}, got {number}.")
        profit = float(self.labelled.profits[self._row(date), number])
        if not np.isfinite(profit):
            raise SpecError(
                f"SPY and TLT lack a price in the {self.config.horizon_days} trading days from {date} on, so what a "
                "strategy earned is not known."
            )
        return profit

    def generate_label(self, date: object) -> Label:
        """The label of a trading day.

        Raises:
            SpecError: no such day, or it has no label; the sentence says why.
        """
        row = self._row(date)
        reason = self._reason(row)
        if reason:
            raise SpecError(f"{date} has no label: {reason}.")
        choice = int(self._classes[row])
        return Label(self.labelled.features[row].copy(), choice, float(self.labelled.profits[row, choice]))

    def generate_labels_for_period(
        self, start_date: object, end_date: object, period_name: str = ""
    ) -> pandas.DataFrame:
        """Labels of the trading days from ``start_date`` to ``end_date``, both included.

        Returns:
            one row per day: ``date, features, strategy_idx, strategy_name, pnl, period_name, by_profit, by_utility,
            margin, absent, profits, utilities, soft_labels``, features, profits and so on as lists; features are NaN
            where ``absent`` says so. ``attrs["missing"]`` counts the days without a label, by reason.
        """
        first, last = _day(start_date), _day(end_date)
        dates = self.panel.dates
        rows = np.flatnonzero((dates >= first) & (dates <= last))
        reasons = [self._reason(int(row)) for row in rows]
        kept = rows[[not reason for reason in reasons]] if len(rows) else rows
        frame = self._frame(kept, period_name)
        missing: dict[str, int] = {}
        for reason in filter(None, reasons):
            missing[reason] = missing.get(reason, 0) + 1
        frame.attrs["missing"] = missing
        return frame

    def generate_black_swan_labels(self) -> pandas.DataFrame:
        """Labels of the twelve crisis periods, one row per day.

        A day in two periods has one row, under the period that began first; ``also_in`` names the other.
        ``attrs["periods"]`` has for every period its days with a label and why others have none.
        """
        parts, periods = [], []
        for period in BLACK_SWANS:
            part = self.generate_labels_for_period(period.start, period.end, period.name)
            parts.append(part)
            periods.append(
                {
                    "period": period.name,
                    "start": period.start,
                    "end": period.end,
                    "labels": len(part),
                    "missing": part.attrs["missing"] or ({} if len(part) else {self._outside(period.start): 0}),
                }
            )
        whole = pandas.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
        whole["also_in"] = ""
        names = whole.groupby("date")["period_name"].agg(list)
        whole = whole.drop_duplicates("date").sort_values("date", ignore_index=True)
        whole["also_in"] = ["; ".join(names[day][1:]) for day in whole["date"]]
        whole.attrs = {"periods": periods}
        return whole

    def save_labels(self, labels: pandas.DataFrame, path: str | Path) -> tuple[Path, ...]:
        """Parquet, CSV and summary: see :func:`save_labels`."""
        return save_labels(labels, path, self.config)

    @staticmethod
    def load_labels(path: str | Path) -> pandas.DataFrame:
        """See :func:`load_labels`."""
        return load_labels(path)

    def _frame(self, rows: np.ndarray, period_name: str) -> pandas.DataFrame:
        all_days = self.labelled
        classes = self._classes[rows]
        worth = (all_days.utilities if self.kind == "utility" else all_days.profits)[rows]
        features = all_days.features[rows]
        return pandas.DataFrame(
            {
                "date": all_days.dates[rows].astype("datetime64[ns]"),
                "features": features.tolist(),
                "strategy_idx": classes,
                "strategy_name": [STRATEGIES[k] for k in classes],
                "pnl": all_days.profits[rows, classes],
                "period_name": period_name,
                "by_profit": all_days.by_profit[rows],
                "by_utility": all_days.by_utility[rows],
                "margin": best(worth)[1],
                "absent": np.isnan(features).tolist(),
                "profits": all_days.profits[rows].tolist(),
                "utilities": all_days.utilities[rows].tolist(),
                "soft_labels": soft(worth, self.config.soft_temperature).tolist(),
            }
        )

    @property
    def _classes(self) -> np.ndarray:
        return self.labelled.by_utility if self.kind == "utility" else self.labelled.by_profit

    def _row(self, date: object) -> int:
        day, dates = _day(date), self.panel.dates
        row = int(np.searchsorted(dates, day))
        if row == len(dates) or dates[row] != day:
            raise SpecError(f"{day} is no trading day of the store, which has {dates[0]} to {dates[-1]}.")
        return row

    def _reason(self, row: int) -> str:
        """Why a day has no label; empty if it has one."""
        days = self.labelled
        if not np.isfinite(days.profits[row]).all():
            for symbol in ("SPY", "TLT"):
                closes = self.panel.close(symbol)
                known = self.panel.dates[np.isfinite(closes)]
                if days.dates[row] < known[0]:
                    return f"{symbol} begins on {known[0]}"
            if row + self.config.horizon_days >= len(days.dates):
                return f"prices end on {days.dates[-1]}, before the horizon"
            return "SPY or TLT has no price on a day of the horizon"
        if not np.isfinite(days.features[row]).any():
            return "no feature can be computed"
        if self._classes[row] < 0:
            return "all eight strategies are equal"
        return ""

    def _outside(self, start: str) -> str:
        """Why a period has no trading day at all."""
        dates = self.panel.dates
        return f"prices end on {dates[-1]}" if _day(start) > dates[-1] else f"prices begin on {dates[0]}"


def save_labels(labels: pandas.DataFrame, path: str | Path, config: StrategyConfig | None = None) -> tuple[Path, ...]:
    """Write ``path`` as Parquet, the same as CSV beside it, and the summary as :data:`SUMMARY` in the same folder.

    Args:
        labels: from a :class:`StrategyLabeler`.
        path: a file ending in ``.parquet``, such as ``data/trm_training/black_swan_labels.parquet``.
        config: the strategies, for the summary.

    Raises:
        SpecError: another ending.
    """
    file = Path(path)
    if file.suffix != ".parquet":
        raise SpecError(f"labels are written to a .parquet file, with a .csv beside it; got {file.name}.")
    file.parent.mkdir(parents=True, exist_ok=True)
    labels.to_parquet(file, index=False)
    table, text = file.with_suffix(".csv"), file.with_name(SUMMARY)
    labels.to_csv(table, index=False)
    text.write_text(summary_of(labels, config))
    return file, table, text


def load_labels(path: str | Path) -> pandas.DataFrame:
    """Read what :func:`save_labels` wrote as Parquet, ``attrs`` included.

    Raises:
        SpecError: there is no such file, or it holds no labels.
    """
    file = Path(path)
    if not file.is_file():
        raise SpecError(f"there is no file {file}; write one with 'thermofab strategy label'.")
    frame = pandas.read_parquet(file)
    missing = {"date", "features", "strategy_idx", "pnl", "period_name"} - set(frame.columns)
    if missing:
        raise SpecError(
            f"{file} has no column {sorted(missing)[0]!r}; labels are written by 'thermofab strategy label'."
        )
    for row in frame["features"]:
        if len(row) != len(FEATURES):
            raise SpecError(f"{file} has rows of {len(row)} features; there are {len(FEATURES)}.")
    return frame


def _day(value: object) -> np.datetime64:
    try:
        return pandas.Timestamp(str(value)).to_datetime64().astype("datetime64[D]")
    except ValueError as error:
        raise SpecError(f"a day is written as '2008-09-15', got {value!r}.") from error
