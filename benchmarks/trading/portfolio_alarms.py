"""How often and how soon the live record's drift alarms come: python benchmarks/trading/portfolio_alarms.py.

Streams of forecasts that are right, and of some that are wrong in one way, through the record itself.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
from scipy.stats import norm

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from results import write_results

from thermofab.apps.console import bar
from thermofab.apps.trading.portfolio.live.record import LIMITS, Record

# Realised q is shift + scale × standard normal.
CASES = {
    "right": (0.0, 1.0), "losses larger by half a deviation": (-0.5, 1.0), "swings wider by a third": (0.0, 4 / 3),
    "swings narrower by a third": (0.0, 2 / 3),
}  # fmt: skip


def first_alarms(q: np.ndarray) -> np.ndarray:
    """The day of each alarm's first, from 1, float64 ``[alarms]``; infinite where there is none."""
    record, made = Record((0.01,)), np.full(len(LIMITS), np.inf)
    for day, (value, place) in enumerate(zip(q.tolist(), norm.cdf(q).tolist()), 1):
        record = record.after(value, min(max(place, 1e-9), 1 - 1e-9), (2.326,))
        made = np.where(np.isinf(made) & (np.array(record.shown) > 0), day, made)
    return made


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--streams", type=int, default=200)
    parser.add_argument("--days", type=int, default=1000)
    asked = parser.parse_args()
    rng, rows = np.random.default_rng(0), {}
    with bar("streams", asked.streams * len(CASES), False) as done:
        for name, (shift, scale) in CASES.items():
            found = []
            for _ in range(asked.streams):
                found.append(first_alarms(shift + scale * rng.standard_normal(asked.days)))
                done()
            days = np.stack(found)
            rows[name] = {
                alarm: {
                    "share": float(np.isfinite(column).mean()),
                    "median_day": float(np.median(column)) if np.isfinite(np.median(column)) else None,
                }
                for alarm, column in zip(LIMITS, days.T)
            } | {"any": float(np.isfinite(days).any(axis=1).mean())}
    print(write_results("trading_portfolio_alarms", {"streams": asked.streams, "days": asked.days, "cases": rows}))


if __name__ == "__main__":
    main()
