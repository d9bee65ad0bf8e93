"""Jumps between two days that no market made: splits, reverse splits, changes of units, misplaced decimal points."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

# A ratio of closes within 3% of one of these, on a day with no return of that size beside it, looks like a split.
_SPLITS = (1.5, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0)
_UNITS = (100.0, 1000.0)
_SPIKE = np.log(3.0)  # a day this far from both days beside it, which agree, is a typing error
_NEVER = np.log(8.0)  # no series of one thing moves so far in a day


@dataclass(frozen=True)
class Jump:
    """From day ``day`` to the next, or of day ``day`` alone (``"spike"``).

    Attributes:
        kind: what it looks like.
        day: index of the last day before it; of a spike, the day itself.
        factor: what prices are multiplied by from then on; of a spike, on that day.
    """

    kind: Literal["split", "reverse split", "units", "spike", "leap"]
    day: int
    factor: float


def jump_of(closes: np.ndarray, traded: bool) -> Jump | None:
    """The first jump of closes float64 ``[n]``; splits only where ``traded``."""
    if len(closes) < 3:
        return None
    moves = np.diff(np.log(closes))
    back = (np.abs(moves[:-1]) > _SPIKE) & (np.abs(moves[:-1] + moves[1:]) < 0.25)
    if np.any(back):
        k = int(np.argmax(back)) + 1
        return Jump("spike", k, float(closes[k] / closes[k - 1]))
    usual = np.median(np.abs(moves))
    for k in np.flatnonzero(np.abs(moves) > np.log(1.45)):
        beside = np.abs(np.delete(moves[max(0, k - 5) : k + 6], min(k, 5)))
        size, alone = float(np.exp(np.abs(moves[k]))), np.max(beside, initial=0.0) < max(0.08, 8 * usual)
        sign = 1 if moves[k] > 0 else -1
        for factor in _UNITS:
            if abs(size / factor - 1) < 0.15:
                return Jump("units", int(k), factor**sign)
        factor = min(_SPLITS, key=lambda s: abs(s / size - 1))
        # A rise by half is news, more often than two shares made three of three made two.
        if traded and alone and abs(size / factor - 1) < 0.03 and (sign < 0 or factor >= 2):
            return Jump("reverse split" if sign > 0 else "split", int(k), factor**sign)
        if abs(moves[k]) > _NEVER:
            return Jump("leap", int(k), size**sign)
    return None


def sentence(jump: Jump, symbol: str, dates: np.ndarray) -> str:
    """What is wrong, and what would be right."""
    before, factor = dates[jump.day], jump.factor
    after = dates[min(jump.day + 1, len(dates) - 1)]
    if jump.kind == "spike":
        return (
            f"the price of {symbol} on {before} is {factor:.3g} times those of the days beside it, as by a misplaced "
            "decimal point; correct it in the source."
        )
    if jump.kind == "units":
        change = f"{factor:g} times" if factor > 1 else f"1/{1 / factor:g} of"
        return (
            f"{symbol} is from {after} on {change} what it was on {before}, as after a change of units; "
            "bring all prices to one unit."
        )
    if jump.kind == "leap":
        change = f"{factor:.3g} times" if factor > 1 else f"1/{1 / factor:.3g} of"
        return (
            f"{symbol} is on {after} {change} what it was on {before}; no daily series of one thing moves so far. "
            "Correct the source, or cut the series there."
        )
    moved = f"falls to 1/{1 / factor:g}" if factor < 1 else f"rises to {factor:g} times its price"
    return (
        f"{symbol} {moved} from {before} to {after}, as after a {jump.kind}; "
        "take adjusted closes, or load with repair=['split-adjust']."
    )
