"""Levels of long paths beside the data: what drives the volatility does not let it explode."""

import dataclasses
import os
import warnings
from pathlib import Path

import numpy as np
import pytest

from tests.present import present
from thermofab.apps.trading.encoding import PROBABILITIES
from thermofab.apps.trading.facts import levels
from thermofab.apps.trading.fitted import State
from thermofab.apps.trading.market import ProbabilisticTradingModel
from thermofab.apps.trading.persistence import LARGEST, PersistenceWarning, moments
from thermofab.apps.trading.prices import load_prices
from thermofab.apps.trading.volatility import fit_volatility


@pytest.fixture(scope="module")
def returns():
    return load_prices().returns


@pytest.fixture(scope="module")
def model(returns):
    with pytest.warns(
        PersistenceWarning, match=r"persistence of 1\.00\d\d, not below 1, where its parameters say 0\.98"
    ):
        return ProbabilisticTradingModel(device="native").fit(returns)


def test_sampled_residuals_of_the_index_would_explode_and_are_held(model):
    found, fitted = model.fitted.persistence, model.fitted
    assert found.explodes and found.sampled > 1 > found.parameters > 0.98
    beta = fitted.volatility.beta
    assert beta + found.news * (found.far - beta) <= LARGEST + 1e-12
    assert beta + found.news * (found.sampled - beta) < 0.995
    _, whole, below = moments(fitted.encoding)
    weights = np.diff(np.concatenate([[0.0], PROBABILITIES, [1.0]]))
    # What the parameters take for 1 and a half.
    assert weights @ whole == pytest.approx(1.0, abs=0.03) and weights @ below > 0.55


def test_the_persistence_in_simulation_is_the_one_stated(model):
    """A day of 60,000 chains: the mean of the next variance over this one's, at conditions of high volatility."""
    fitted = model.fitted
    start = State(np.full(60_000, 4 * fitted.persistence.highest), np.random.default_rng(0).normal(size=(60_000, 5)))
    _, after, _ = model.step(start, seed=3)
    growth = (after.variance - fitted.volatility.omega) / start.variance
    # Growth has a standard deviation under 0.6; 5.5 standard errors.
    assert growth.mean() < 1 + 5.5 * growth.std() / np.sqrt(60_000) and growth.std() < 0.6
    assert growth.mean() == pytest.approx(LARGEST, abs=0.03)


def test_levels_of_long_paths_are_those_of_the_data(model, returns):
    """400 paths of ten years, in which a tenth passed 100% of volatility when shocks were left as they are."""
    paths = model.simulate_market_trajectories(num_trajectories=400, horizon=2520, seed=1)
    seen = levels(returns[None], np.sqrt(model.fitted.volatility.variances(returns)[None, :-1]))
    made = levels(paths.returns, paths.volatilities)
    for days in ("252", "2520"):
        for k, (low, high) in ((1, (0.8, 1.2)), (2, (0.7, 1.2)), (3, (0.6, 1.7))):
            assert low < made[days]["volatility"][k] / seen[days]["volatility"][k] < high, (days, k)
        assert made[days]["volatility"][-1] <= 2 * seen[days]["volatility"][-1] * (1 + 1e-9)
    for k, (low, high) in ((2, (0.6, 1.4)), (3, (0.7, 1.3)), (4, (0.8, 1.3))):
        assert low < made["252"]["price"][k] / seen["252"]["price"][k] < high, k
    assert made["2520"]["price"][2] > 0.15 and 0.5 < made["2520"]["price"][3] / seen["2520"]["price"][3] < 1.6
    # Ten days from a volatility of the usual size, beside all ten-day windows.
    usual = float(np.sqrt(252 * np.median(model.fitted.volatility.variances(returns))))
    short = model.simulate_market_trajectories(usual, num_trajectories=4000, horizon=10, seed=2)
    made = levels(short.returns, short.volatilities, (10,))["10"]["price"]
    assert np.abs(np.array(made[1:]) - seen["10"]["price"][1:]).max() < 0.06


@pytest.mark.soak
@pytest.mark.parametrize("symbol", ["GLD", "IEF", "QQQ", "SPY", "TLT", "VEA", "VWO"])
def test_levels_of_long_paths_are_those_of_a_fund(symbol):
    """300 paths of ten years beside the fund's own days: within a factor of two at the 5%, 50% and 95% quantiles."""
    folder = os.environ.get("THERMOFAB_PRICES")
    if folder is None:
        pytest.skip("THERMOFAB_PRICES names no folder of price files such as SPY.csv")
    series = load_prices(Path(folder) / f"{symbol}.csv")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersistenceWarning)
        model = ProbabilisticTradingModel(device="native").fit(series)
    scales = np.sqrt(present(model.fitted).volatility.variances(series.returns)[None, :-1])
    usual = float(np.sqrt(252) * np.median(scales))
    paths = model.simulate_market_trajectories(usual, num_trajectories=300, horizon=2520, seed=1)
    seen, made = levels(series.returns[None], scales), levels(paths.returns, paths.volatilities)
    for days in ("252", "2520"):
        ratio = np.array(made[days]["volatility"])[1:4] / np.array(seen[days]["volatility"])[1:4]
        assert 0.5 < ratio.min() and ratio.max() < 2, (days, ratio)
    ratio = np.array(made["252"]["price"])[2:5] / np.array(seen["252"]["price"])[2:5]
    assert 0.6 < ratio.min() and ratio.max() < 1.6
    assert np.abs(np.array(made["10"]["price"])[2:5] - seen["10"]["price"][2:5]).max() < 0.06


@pytest.mark.parametrize("paths, horizon, low, high", [(100_000, 5, 0.2, 2.0)])
def test_no_path_leaves_its_bounds(model, paths, horizon, low, high):
    _bounded(model, paths, horizon, low, high)


@pytest.mark.soak
@pytest.mark.parametrize("horizon, low, high", [(10, 0.2, 2.0), (252, 5e-4, 5.0)])
def test_no_path_of_a_million_leaves_its_bounds(model, horizon, low, high):
    for seed in range(20):
        _bounded(model, 50_000, horizon, low, high, seed)


def _bounded(model, paths, horizon, low, high, seed=0):
    """Prices within ``low`` and ``high`` of the start, volatility within twice the highest learnt from."""
    made = model.simulate_market_trajectories(num_trajectories=paths, horizon=horizon, seed=seed)
    prices = made.prices()
    assert prices.min() > low and prices.max() < high
    assert made.volatilities.max() ** 2 <= 4 * model.fitted.persistence.highest * (1 + 1e-12)
    assert np.all(np.isfinite(made.returns)) and made.volatilities.min() > 0


def test_paths_from_above_all_days_learnt_from_may_go_on(model):
    """The bound is twice the volatility a path starts from, if that is higher than all learnt from."""
    made = model.simulate_market_trajectories(3.0, num_trajectories=3000, horizon=20, seed=4)
    assert 3.0 < np.sqrt(252) * made.volatilities.max() <= 6.0 * (1 + 1e-12)


@pytest.mark.parametrize("kind", ["gjr", "garch", "ewma"])
def test_every_filter_is_held_below_one(returns, kind):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", PersistenceWarning)
        model = ProbabilisticTradingModel(volatility=kind).fit(returns[:1500])
    found, beta = present(model.fitted).persistence, present(model.fitted).volatility.beta
    assert beta + found.news * (max(found.far, found.sampled) - beta) <= LARGEST + 1e-12


def test_variances_follow_the_news_they_are_given(returns):
    volatility = fit_volatility(returns[:600], "gjr")
    one = volatility.step(np.array([1e-4]), np.array([-0.02]))
    half = volatility.step(np.array([1e-4]), np.array([-0.02]), news=0.5)
    calm = volatility.omega + volatility.beta * 1e-4
    assert half[0] - calm == pytest.approx((one[0] - calm) / 2)
    assert dataclasses.replace(volatility, gamma=0.0, alpha=0.0).step(np.array([1e-4]), np.array([0.1]))[0] == calm
