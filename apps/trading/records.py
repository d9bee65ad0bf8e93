"""Strategy records: nine figures each, their ranges, their encoding in bits, and a documented generator of examples.

A figure is written on a thermometer of four bits: bit k says that it lies above the k-th fifth of the records learnt
from. The generator draws a strategy's skill and boldness and lets the figures follow: Sharpe, win rate, performance,
back-test score, trust and consensus rise with skill; volatility and drawdown with boldness; performance is about Sharpe
times volatility.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.hw.spec import SpecError

# Name, least, most, and whether it is a whole number.
FEATURES: tuple[tuple[str, float, float, bool], ...] = (
    ("backtest_score", 0.0, 100.0, False),
    ("trust_score", 0.0, 100.0, False),
    ("sharpe", -3.0, 6.0, False),
    ("win_rate", 0.0, 1.0, False),
    ("max_drawdown", 0.0, 1.0, False),
    ("perf", -1.0, 5.0, False),
    ("volatility", 0.0, 2.0, False),
    ("total_trades", 0.0, 100_000.0, True),
    ("consensus_count", 0.0, 20.0, True),
)
NAMES = tuple(name for name, *_ in FEATURES)
BITS = 4
FIFTHS = np.array([0.2, 0.4, 0.6, 0.8])


def features_of(strategy: Mapping[str, Any]) -> np.ndarray:
    """float64 ``[9]``.

    Raises:
        SpecError: a figure is missing, not a number, or outside its range.
    """
    missing = [name for name in NAMES if name not in strategy]
    if missing:
        raise SpecError(f"the strategy record has no {missing[0]!r}; a record has {', '.join(NAMES)}.")
    values = []
    for name, low, high, _ in FEATURES:
        try:
            value = float(strategy[name])
        except (TypeError, ValueError):
            value = np.nan
        if not low <= value <= high:
            raise SpecError(f"{name} of a record is a number from {low:g} to {high:g}, got {strategy[name]!r}.")
        values.append(value)
    return np.array(values)


@dataclass(frozen=True, eq=False)
class Thermometer:
    """Records as bits; ``records`` float64 ``[n, 9]`` are those learnt from, each column ascending."""

    records: np.ndarray

    @staticmethod
    def of(records: np.ndarray) -> "Thermometer":
        return Thermometer(np.sort(records, axis=0))

    def encode(self, records: np.ndarray) -> np.ndarray:
        """bool ``[n, 36]``: four bits per figure, in the order of :data:`FEATURES`."""
        marks = np.quantile(self.records, FIFTHS, axis=0)
        return (records[:, :, None] > marks.T[None]).reshape(len(records), -1)

    def decode(self, bits: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """float64 ``[n, 9]``: a figure in the fifth that its number of ones says, at ``uniform`` ``[n, 9]`` of it."""
        level = bits.reshape(len(bits), len(FEATURES), BITS).sum(axis=2)
        at = (level + np.clip(uniform, 0, 1)) / (BITS + 1)
        made = np.stack([np.quantile(self.records[:, k], at[:, k]) for k in range(len(FEATURES))], axis=1)
        whole = np.array([integral for *_, integral in FEATURES])
        return np.where(whole, np.round(made), made)


def example_records(count: int, seed: int = 0) -> list[dict[str, Any]]:
    """Records of the documented generator, each within its ranges."""
    draw = np.random.default_rng(seed)
    skill, bold = draw.normal(size=count), draw.normal(size=count)

    def near(mean: np.ndarray, spread: float) -> np.ndarray:
        return mean + spread * draw.normal(size=count)

    sharpe = near(0.9 + 0.7 * skill, 0.25)
    volatility = np.exp(near(-1.7 + 0.45 * bold, 0.15))
    columns = {
        "backtest_score": near(60 + 14 * skill, 6),
        "trust_score": near(62 + 11 * skill - 4 * bold, 7),
        "sharpe": sharpe,
        "win_rate": near(0.53 + 0.05 * skill, 0.025),
        "max_drawdown": 1 - np.exp(-near(np.maximum(1.1 * volatility - 0.03 * skill, 0.02), 0.02)),
        "perf": near(0.02 + sharpe * volatility, 0.02),
        "volatility": volatility,
        "total_trades": np.exp(near(5.0 + 0.5 * bold, 0.5)),
        "consensus_count": near(3 + 1.2 * skill, 0.8),
    }
    ranges = {name: (low, high, whole) for name, low, high, whole in FEATURES}
    clipped = {name: np.clip(values, *ranges[name][:2]) for name, values in columns.items()}
    rounded = {name: np.round(values) if ranges[name][2] else values for name, values in clipped.items()}
    return [{"name": f"example_{k}", **{name: float(rounded[name][k]) for name in NAMES}} for k in range(count)]


def shuffled(records: Sequence[Mapping[str, Any]], seed: int = 0) -> list[dict[str, Any]]:
    """Records with every figure drawn from another one: the same figures, none of their relations."""
    draw, table = np.random.default_rng(seed), np.stack([features_of(record) for record in records])
    mixed = np.stack([column[draw.permutation(len(column))] for column in table.T], axis=1)
    return [{"name": f"shuffled_{k}", **dict(zip(NAMES, row.tolist()))} for k, row in enumerate(mixed)]
