"""Scores of a method's decisions: right or wrong, how well calibrated, and what following them would have earned.

*Following them*: capital is in h equal parts; each day one part, in turn, is moved to the day's choice at its close and
held for h trading days. A part's return is the allocation's profit less ``cost`` times what is traded, the sum over SPY
and TLT of |new share - share that the old holding has drifted to|. Figures are a year of 252 days.

Intervals are 95% of a circular block bootstrap over days, in blocks of 20 (four horizons), the same blocks for all
methods, so that differences are paired.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import norm

from thermofab.apps.strategy.calibration import BINS, calibration_error, log_losses
from thermofab.apps.strategy.config import StrategyConfig
from thermofab.apps.strategy.dataset import Dataset

BLOCK = 20
REPLICATES = 1000
YEAR = 252


@dataclass(frozen=True, eq=False)
class Decisions:
    """A method's answers on some days: calibrated and raw probabilities ``[N, 8]``, and its choices int64 ``[N]``."""

    probabilities: np.ndarray
    raw: np.ndarray
    choices: np.ndarray

    @staticmethod
    def of(probabilities: np.ndarray, raw: np.ndarray) -> "Decisions":
        return Decisions(probabilities, raw, probabilities.argmax(axis=1))

    def take(self, rows: np.ndarray) -> "Decisions":
        return Decisions(self.probabilities[rows], self.raw[rows], self.choices[rows])


@dataclass(frozen=True, eq=False)
class Daily:
    """By day ``[N]``: right or not, log-loss, confidence, return of the part moved that day, what it traded."""

    right: np.ndarray
    log_loss: np.ndarray
    confidence: np.ndarray
    net: np.ndarray
    traded: np.ndarray


def daily(data: Dataset, kind: str, decisions: Decisions, config: StrategyConfig) -> Daily:
    """Scores by day; ``kind`` is what labels are the best by."""
    classes, choices = data.classes(kind), decisions.choices
    rows = np.arange(len(data))
    traded = turnover(data, choices, config)
    return Daily(
        choices == classes,
        log_losses(decisions.probabilities, classes),
        decisions.probabilities[rows, choices],
        data.profits[rows, choices] - config.cost * traded,
        traded,
    )


def turnover(data: Dataset, choices: np.ndarray, config: StrategyConfig) -> np.ndarray:
    """What is bought and sold each day as a share of the part moved, float64 ``[N]``; the first purchases included."""
    h, shares = config.horizon_days, np.array(config.allocations)[choices]
    drifted = shares * data.growth
    drifted = drifted / (1 + data.profits[np.arange(len(data)), choices])[:, None]
    before = np.zeros_like(shares)
    before[h:] = drifted[:-h]
    return np.abs(shares - before).sum(axis=1)


def blocks(days: int, seed: int = 0, replicates: int = REPLICATES, block: int = BLOCK) -> np.ndarray:
    """Rows of the replicates, int64 ``[replicates, days]``: circular blocks."""
    rng = np.random.default_rng([seed, days])
    count = -(-days // block)
    starts = rng.integers(0, days, (replicates, count))
    return ((starts[:, :, None] + np.arange(block)) % days).reshape(replicates, -1)[:, :days]


def yearly(net: np.ndarray, h: int) -> np.ndarray:
    """Mean return a year, of returns over h days on the last axis."""
    return net.mean(axis=-1) * YEAR / h


def sharpe(net: np.ndarray, h: int) -> np.ndarray:
    """Mean over deviation of returns over h days, times √(252/h); cash counts 0."""
    return net.mean(axis=-1) / np.maximum(net.std(axis=-1), 1e-12) * np.sqrt(YEAR / h)


def scored(data: Dataset, kind: str, decisions: Decisions, config: StrategyConfig, rows: np.ndarray) -> dict[str, Any]:
    """All scores with their 95% intervals.

    Args:
        data: the days judged on.
        kind: of label.
        decisions: a method's.
        config: horizon and cost.
        rows: of bootstrap replicates, from :func:`blocks`.
    """
    by_day, h = daily(data, kind, decisions, config), config.horizon_days
    raw_confidence = decisions.raw[np.arange(len(data)), decisions.choices]
    figures = {
        "accuracy": (float(by_day.right.mean()), by_day.right[rows].mean(axis=1)),
        "log_loss": (float(by_day.log_loss.mean()), by_day.log_loss[rows].mean(axis=1)),
        "ece": (calibration_error(by_day.confidence, by_day.right), _errors(by_day, rows)),
        "profit": (float(yearly(by_day.net, h)), yearly(by_day.net[rows], h)),
        "sharpe": (float(sharpe(by_day.net, h)), sharpe(by_day.net[rows], h)),
        "turnover": (float(yearly(by_day.traded, h)), yearly(by_day.traded[rows], h)),
    }
    made: dict[str, Any] = {
        name: {"value": round(value, 5), "low": _round(made, 0.025), "high": _round(made, 0.975)}
        for name, (value, made) in figures.items()
    }
    made["ece_before"] = round(calibration_error(raw_confidence, by_day.right), 5)
    made["log_loss_before"] = round(float(log_losses(decisions.raw, data.classes(kind)).mean()), 5)
    made["choices"] = np.bincount(decisions.choices, minlength=8).tolist()
    return made


def compared(
    data: Dataset, kind: str, a: Decisions, b: Decisions, config: StrategyConfig, rows: np.ndarray, variants: int
) -> dict[str, dict[str, float]]:
    """a less b in accuracy, log-loss and yearly profit, with intervals at 95% and at 1 - 5%/``variants``."""
    one, two, h = daily(data, kind, a, config), daily(data, kind, b, config), config.horizon_days
    columns = {
        "accuracy": one.right.astype(float) - two.right,
        "log_loss": one.log_loss - two.log_loss,
        "profit": (one.net - two.net) * YEAR / h,
    }
    made = {}
    for name, column in columns.items():
        means = column[rows].mean(axis=1)
        # So far out in the tail replicates are few: the normal distribution with their deviation.
        reach = float(norm.isf(0.025 / variants) * means.std())
        made[name] = {
            "value": round(float(column.mean()), 5),
            "low": _round(means, 0.025),
            "high": _round(means, 0.975),
            "low_all": round(float(column.mean()) - reach, 5),
            "high_all": round(float(column.mean()) + reach, 5),
        }
    return made


def _errors(by_day: Daily, rows: np.ndarray) -> np.ndarray:
    """ECE of every replicate."""
    return np.array([calibration_error(by_day.confidence[row], by_day.right[row], BINS) for row in rows])


def _round(values: np.ndarray, quantile: float) -> float:
    return round(float(np.quantile(values, quantile)), 5)
