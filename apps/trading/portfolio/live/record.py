r"""The record of a stream of forecasts: coverage so far, and whether realised profits drift away from forecasts.

With u the place of a profit in its forecast (the probability integral transform), q = Φ⁻¹(u) is standard normal and
independent where forecasts are right. Four one-sided cumulative sums (Page 1954), S ← max(0, S + x - ¼), watch q, -q,
(q² - 1)/√2 and (1 - q²)/√2: profits lower or higher than forecast, swings wider or narrower. One that passes its limit
raises an alarm, which is shown for 20 days, and starts again at 0.

A record is a value that a message holds whole, so that a stream goes on after a restart without counting twice.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import chi2, norm

from thermofab.apps.trading.scores import kupiec

BINS = 10
SLACK = 0.25
RECENT = 250  # days of the traffic light
HOLD = 20  # days that an alarm is shown
# Without drift about one stream of 1,000 days in fifteen has an alarm: benchmarks/trading/portfolio_alarms.py.
LIMITS: Mapping[str, float] = {
    "losses larger than forecast": 16.0,
    "profits larger than forecast": 16.0,
    "swings wider than forecast": 24.0,
    "swings narrower than forecast": 10.0,
}
_ENOUGH = 50  # days before PITs are tested
_ZONES = ((5, "green"), (10, "yellow"))  # Basel's, of breaches of 1% in 250 days


@dataclass(frozen=True)
class Record:
    """So far.

    Attributes:
        levels: of VaR.
        days: scored.
        breaches: of each level.
        bins: PITs by tenths.
        sums: of the four in :data:`LIMITS`.
        shown: days that each one's alarm is still shown.
        recent: numbers, from 1, of the scored days within the last 250 that were beyond the first level.
    """

    levels: tuple[float, ...]
    days: int = 0
    breaches: tuple[int, ...] = ()
    bins: tuple[int, ...] = (0,) * BINS
    sums: tuple[float, ...] = (0.0,) * len(LIMITS)
    shown: tuple[int, ...] = (0,) * len(LIMITS)
    recent: tuple[int, ...] = ()

    def after(self, profit: float, pit: float, var: Sequence[float]) -> "Record":
        """The record after a day of ``profit``, whose place in the forecast is ``pit`` and VaR by level ``var``."""
        day = self.days + 1
        hits = [bool(profit < -one) for one in var]
        q = float(norm.ppf(pit))
        wide = (q * q - 1) / np.sqrt(2)
        sums = [max(0.0, s + x - SLACK) for s, x in zip(self.sums, (-q, q, wide, -wide))]
        passed = [s > limit for s, limit in zip(sums, LIMITS.values())]
        bins = list(self.bins)
        bins[min(BINS - 1, int(pit * BINS))] += 1
        recent = [one for one in (*self.recent, *([day] if hits[0] else [])) if one > day - RECENT]
        return Record(
            self.levels, day, tuple(n + hit for n, hit in zip(self.breaches or (0,) * len(hits), hits)), tuple(bins),
            tuple(0.0 if over else float(s) for s, over in zip(sums, passed)),
            tuple(HOLD if over else max(0, left - 1) for left, over in zip(self.shown, passed)), tuple(recent),
        )  # fmt: skip

    @property
    def alarms(self) -> tuple[str, ...]:
        """Those shown."""
        return tuple(name for name, left in zip(LIMITS, self.shown) if left)

    def uniformity(self) -> float | None:
        """p of χ² that PITs are uniform over tenths; ``None`` before there are enough."""
        if self.days < _ENOUGH:
            return None
        expected = self.days / BINS
        return float(chi2.sf(sum((n - expected) ** 2 for n in self.bins) / expected, BINS - 1))

    def to_message(self) -> dict[str, Any]:
        """Plain values, from which :meth:`from_message` makes the record again."""
        made: dict[str, Any] = {
            "days": self.days,
            "levels": [
                {
                    "level": level, "breaches": count, "expected": level * self.days,
                    "kupiec": kupiec(np.arange(self.days) < count, level) if self.days else None,
                }
                for level, count in zip(self.levels, self.breaches or (0,) * len(self.levels))
            ],
            "pit": {"bins": list(self.bins), "uniform": self.uniformity()},
            "drift": {
                "sums": [
                    {"watched": name, "sum": s, "limit": limit, "shown": left}
                    for (name, limit), s, left in zip(LIMITS.items(), self.sums, self.shown)
                ],
                "alarms": list(self.alarms),
            },
            "recent": {"days": min(RECENT, self.days), "beyond": list(self.recent)},
        }  # fmt: skip
        if self.levels[0] == 0.01 and self.days >= RECENT:
            count = len(self.recent)
            made["recent"]["zone"] = next((zone for most, zone in _ZONES if count < most), "red")
        return made

    @classmethod
    def from_message(cls, data: Mapping[str, Any]) -> "Record":
        """The record that a message holds."""
        return cls(
            tuple(float(one["level"]) for one in data["levels"]), int(data["days"]),
            tuple(int(one["breaches"]) for one in data["levels"]), tuple(data["pit"]["bins"]),
            tuple(float(one["sum"]) for one in data["drift"]["sums"]),
            tuple(int(one["shown"]) for one in data["drift"]["sums"]), tuple(data["recent"]["beyond"]),
        )  # fmt: skip
