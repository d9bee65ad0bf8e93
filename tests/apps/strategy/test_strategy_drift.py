"""Drift detectors on streams with and without a change, and the counting of warnings."""

import numpy as np
import pytest

from thermofab.apps.strategy.drift import DETECTORS, DriftConfig, DriftMonitor
from thermofab.apps.strategy.names import FEATURES
from thermofab.apps.strategy.periods import Period
from thermofab.apps.strategy.warning import Spans, judged, onsets, recent
from thermofab.hw.spec import SpecError


def rows(days: int, shift: float, seed: int = 0) -> np.ndarray:
    """Independent z-scores; feature 1 moves by ``shift`` halfway; feature 6 is absent."""
    made = np.random.default_rng(seed).normal(size=(days, 10))
    made[days // 2 :, 1] += shift
    made[:, 6] = np.nan
    return made


@pytest.mark.parametrize("detector", DETECTORS)
def test_a_shift_is_found_where_it_is_and_soon(detector):
    monitor, found = DriftMonitor(DriftConfig(detector)), {}
    for day, row in enumerate(rows(600, 3.0)):
        for name in monitor.see(row):
            found.setdefault(name, day)
    assert 300 <= found["spy_returns_5d"] < 360
    assert set(found) == {"spy_returns_5d"}


def test_without_a_change_nothing_is_flagged():
    """ADWIN's bound at delta 1e-4 is conservative: on 9 streams of 600 independent values it does not fire."""
    monitor = DriftMonitor()
    assert not any(monitor.see(row) for row in rows(600, 0.0, seed=1))
    assert monitor.to_message() == {"features": [], "calibration": False}


def test_a_flag_is_shown_for_its_days():
    monitor = DriftMonitor(DriftConfig(hold_days=5))
    days = iter(rows(600, 4.0))
    while not monitor.see(next(days)):
        pass
    shown = 1
    while monitor.to_message()["features"] and shown < 50:
        assert monitor.to_message()["features"] == ["spy_returns_5d"]
        monitor.see(np.full(10, np.nan))
        shown += 1
    assert shown == 6


def test_calibration_that_goes_wrong_is_found():
    rng, monitor = np.random.default_rng(0), DriftMonitor()
    good = [monitor.judge(0.7, bool(rng.random() < 0.7)) for _ in range(300)]
    bad = [monitor.judge(0.7, bool(rng.random() < 0.2)) for _ in range(200)]
    assert not any(good) and any(bad)
    monitor = DriftMonitor()
    for k in range(400):
        monitor.judge(0.7, bool(rng.random() < (0.7 if k < 300 else 0.0)))
        if monitor.to_message()["calibration"]:
            break
    assert monitor.to_message() == {"features": [], "calibration": True}


def test_refusals():
    for make, sentence in (
        (lambda: DriftConfig("cusum"), "detector is one of adwin, kswin, page-hinkley"),
        (lambda: DriftConfig(delta=0), "delta is in"),
        (lambda: DriftConfig(hold_days=0), "hold_days is at least 1"),
    ):
        with pytest.raises(SpecError, match=sentence):
            make()
    assert len(FEATURES) == 10


def test_warnings_are_counted_as_said():
    dates = np.arange(np.datetime64("2010-01-01"), np.datetime64("2012-01-01"))
    crises = [
        Period("early", "2010-01-10", "2010-01-20"),  # less than REACH days before it: left out
        Period("one", "2010-06-01", "2010-06-30"),
        Period("two", "2011-06-01", "2011-06-10"),
        Period("three", "2011-11-01", "2011-11-05"),
        Period("later", "2013-01-01", "2013-02-01"),
    ]
    spans = Spans.of(dates, crises)
    assert spans.names == ("one", "two", "three")
    first = spans.first
    warned = np.zeros(len(dates), dtype=bool)
    for day in (20, 25, 41, first[0] - 30, first[0] - 5, first[1] + 3, 400):
        warned[day] = True
    # Days 25 and 41 follow a warned day within QUIET; 25 days apart are two alarms.
    assert onsets(warned).tolist() == [20, first[0] - 30, first[0] - 5, 400, first[1] + 3]
    score = np.zeros(len(dates))
    score[first[0] - 20 : first[0]] = score[first[1] - 20 : first[1]] = score[first[2] - 20 : first[2]] = 1
    made = judged(warned, score, spans, replicates=20)
    assert made["lead_days"] == {"one": 30, "two": -3, "three": None} and made["warned_of"] == 1
    assert made["auc"] == 1.0 and made["auc_low"] == 1.0
    elsewhere = (~spans.inside(60)).sum()
    assert made["false_alarms_a_year"] == pytest.approx(2 * 252 / elsewhere, abs=1e-3)


def test_recent_halves():
    raised = np.zeros(30)
    raised[3] = 2.0
    assert recent(raised)[[2, 3, 13, 23]] == pytest.approx([0, 2, 1, 0.5])
