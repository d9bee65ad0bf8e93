"""Draws of a back-test's days: shared by days of equal conditions, and no mixing warning for chains clamped apart."""

import warnings

import numpy as np
import pytest

from thermofab.apps.trading.backtest import _exact, _sampled
from thermofab.apps.trading.persistence import PersistenceWarning
from thermofab.apps.trading.prices import load_prices
from thermofab.apps.trading.series import SeriesModel
from thermofab.hw.spec.samples import MixingWarning

DAYS, SAMPLES = 40, 1000


@pytest.fixture(scope="module")
def model() -> SeriesModel:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersistenceWarning)
        return SeriesModel(device="native").fit(load_prices().returns[:1000])


def test_days_of_equal_conditions_share_their_draws(model):
    conditions = np.zeros((DAYS, 7), dtype=bool)
    conditions[DAYS // 2 :, 4] = True
    drawn = _sampled(model, conditions, SAMPLES, seed=1)
    assert drawn.shape == (DAYS, SAMPLES * DAYS // 2)
    assert np.array_equal(drawn[0], drawn[DAYS // 2 - 1]) and not np.array_equal(drawn[0], drawn[-1])
    # Shares below 1% and 5% of 20,000 draws, correlated a little within chains: 6 standard errors of a quarter as many.
    exact = _exact(model, conditions, 20_000)
    for rank in (0.01, 0.05):
        wanted = (exact < rank).mean(axis=1)
        error = np.sqrt(wanted * (1 - wanted) / 5000)
        assert np.all(np.abs((drawn < rank).mean(axis=1) - wanted) < 6 * error + 1e-3)


def test_chains_clamped_apart_are_not_said_to_have_not_met(model):
    apart = np.repeat(np.array([[False] * 7, [True] * 7]), 8, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error", MixingWarning)
        model.draw(apart, seed=1, samples=200)
