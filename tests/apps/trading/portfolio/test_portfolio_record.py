"""The record of a stream of forecasts: counts, drift where there is some and none where there is none, going on."""

import json

import numpy as np
import pytest
from scipy.stats import norm

from thermofab.apps.trading.portfolio.live.record import HOLD, LIMITS, RECENT, Record

LEVELS = (0.01, 0.025, 0.05)
VAR = tuple(-norm.ppf(LEVELS))


def recorded(profits, record=None):
    """Days of standard normal forecasts; the records after each."""
    record, made = record or Record(LEVELS), []
    for profit in profits.tolist():
        record = record.after(profit, float(norm.cdf(profit)), VAR)
        made.append(record)
    return made


def test_days_are_counted_once_each():
    profits = np.random.default_rng(0).standard_normal(600)
    last = recorded(profits)[-1]
    assert last.days == 600 and sum(last.bins) == 600
    assert last.breaches == tuple(int((profits < -one).sum()) for one in VAR)
    assert last.bins == tuple(np.histogram(norm.cdf(profits), np.linspace(0, 1, 11))[0].tolist())
    beyond = (np.flatnonzero(profits < -VAR[0]) + 1).tolist()
    assert list(last.recent) == [day for day in beyond if day > 600 - RECENT]
    said = last.to_message()
    assert said["levels"][2]["expected"] == 30 and said["recent"]["days"] == RECENT
    assert 0 < said["levels"][0]["kupiec"] <= 1 and said["pit"]["uniform"] > 1e-6


def test_a_record_goes_on_from_its_message():
    profits = np.random.default_rng(1).standard_normal(300)
    whole = recorded(profits)[-1]
    half = recorded(profits[:170])[-1]
    again = Record.from_message(json.loads(json.dumps(half.to_message())))
    assert again == half
    assert recorded(profits[170:], again)[-1] == whole


def test_zones_are_those_of_basel():
    for beyond, zone in ((4, "green"), (5, "yellow"), (9, "yellow"), (10, "red")):
        profits = np.where(np.arange(RECENT) < beyond, -3.0, 0.1)
        assert recorded(profits)[-1].to_message()["recent"]["zone"] == zone
    assert "zone" not in recorded(np.zeros(RECENT - 1))[-1].to_message()["recent"]


def alarmed(shift, scale, streams, days=1000):
    """How many of ``streams`` raise each alarm within ``days``."""
    rng = np.random.default_rng(2)
    return np.sum(
        [
            np.any([one.shown for one in recorded(shift + scale * rng.standard_normal(days))], axis=0)
            for _ in range(streams)
        ],
        axis=0,
    )


def test_alarms_are_rare_without_drift():
    """25 streams of 1,000 days, each alarm at most 2.5% a stream: eight or more of one are refused (below 1e-6)."""
    assert np.all(alarmed(0, 1, 25) < 8)


@pytest.mark.parametrize(
    ("shift", "scale", "name"),
    [(-0.7, 1, 0), (0.7, 1, 1), (0, 1.7, 2), (0, 0.4, 3)],
)
def test_drift_raises_its_own_alarm_soon(shift, scale, name):
    """300 days far off raise the alarm in each of three streams (missing one: below 1e-6)."""
    assert alarmed(shift, scale, 3, 300)[name] == 3


def test_an_alarm_is_shown_for_its_days_and_its_sum_begins_again():
    loud = recorded(np.full(200, -1.5))
    first = next(k for k, one in enumerate(loud) if one.alarms)
    assert loud[first].alarms == ("losses larger than forecast",) and loud[first].sums[0] == 0
    quiet = recorded(np.zeros(HOLD), loud[first])
    assert quiet[HOLD - 2].alarms[0] == "losses larger than forecast"
    assert "losses larger than forecast" not in quiet[HOLD - 1].alarms
    assert list(LIMITS)[0] == "losses larger than forecast"
