"""Made-up markets: seven funds and VIX over a few years, in a store."""

import numpy as np
import pandas

from thermofab.apps.market.prices import bars_of
from thermofab.apps.market.store import HistoricalDataManager

SYMBOLS = ("SPY", "TLT", "IEF", "GLD", "QQQ", "VEA", "VWO")
PRICES = "../shared/data/prices"


def market(days: int = 500, seed: int = 0, start: str = "2007-01-01") -> dict[str, pandas.DataFrame]:
    """Frames of daily closes and volumes by symbol; VIX has no volume. Geometric walks with a common factor."""
    rng = np.random.default_rng(seed)
    dates = pandas.bdate_range(start, periods=days)
    common = rng.normal(0.0003, 0.01, days)
    made = {}
    for k, symbol in enumerate(SYMBOLS):
        own = rng.normal(0, 0.006, days)
        returns = (-0.3 if symbol in ("TLT", "IEF") else 1.0) * common + own
        made[symbol] = pandas.DataFrame(
            {
                "Date": dates,
                "Close": (50 + 10 * k) * np.exp(returns.cumsum()),
                "Volume": rng.integers(1_000_000, 5_000_000, days),
            }
        )
    made["VIX"] = pandas.DataFrame({"DATE": dates, "CLOSE": 18 + 4 * np.abs(rng.normal(size=days))})
    return made


def ingest(store: HistoricalDataManager, frames: dict[str, pandas.DataFrame]) -> HistoricalDataManager:
    for symbol, frame in frames.items():
        store.ingest(bars_of(frame, symbol, traded=symbol != "VIX"))
    return store
