"""The days that the demonstration streams: what ``arch`` ships, after the last day its model was trained on."""

import datetime

import numpy as np

from thermofab.apps.serve.sources import Row
from thermofab.apps.strategy.demo_model import LAST_TRAINED, demo_bars, demo_config
from thermofab.apps.strategy.observations import ReplayedObservations

TITLE = "S&P 500, 2011 to 2018, shipped with arch"
_BEFORE = 60  # days before the first, for the windows


def demo_rows() -> list[Row]:
    """Days from 2011 on, and the sixty before that the windows reach back to: close, volume, Nasdaq's close."""
    bars = demo_bars()
    own, other = bars["SPY"], bars["QQQ"]
    first = int(np.searchsorted(own.prices.dates, LAST_TRAINED, side="right")) - _BEFORE
    beside = dict(zip(other.prices.dates.tolist(), other.prices.closes.tolist()))
    made = []
    for k in range(first, len(own)):
        day = own.prices.dates[k].item()
        values = {"close": float(own.prices.closes[k]), "volume": float(own.volumes[k])}
        made.append(Row(day, values | ({"qqq": beside[day]} if day in beside else {})))
    return made


def demo_observations() -> ReplayedObservations:
    """The same, one day per call."""
    begin = datetime.date.fromisoformat(str(LAST_TRAINED + np.timedelta64(1, "D")))
    return ReplayedObservations(demo_rows(), demo_config().features, TITLE, begin)
