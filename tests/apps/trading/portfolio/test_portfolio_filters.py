"""Marginals: F and its inverse, tails, and variances that do not explode."""

import numpy as np
import pytest

from tests.apps.trading.portfolio.made_panels import made_panel
from thermofab.apps.trading.persistence import LARGEST, REACH
from thermofab.apps.trading.portfolio.filters import filter_panel, fit_marginals
from thermofab.apps.trading.portfolio.panel import Panel
from thermofab.hw.spec import SpecError


@pytest.fixture(scope="module")
def panel():
    return made_panel(1500, 3)


@pytest.fixture(scope="module")
def marginals(panel):
    return fit_marginals(panel.rows(0, 1000))


def test_uniform_and_quantile_are_inverse_and_increase(marginals):
    z = np.linspace(-20, 15, 70_001)
    u = np.concatenate([np.logspace(-9, -1, 999), np.linspace(0.1, 0.9, 999), 1 - np.logspace(-1, -9, 999)])
    for one in marginals:
        assert np.all(np.diff(one.uniform(z)) > 0)
        assert np.max(np.abs(one.quantile(one.uniform(z)) - z)) < 1e-9
        assert np.max(np.abs(one.uniform(one.quantile(u)) - u)) < 1e-9


def test_the_distribution_is_that_of_the_days(marginals):
    for one in marginals:
        n = len(one.residuals)
        assert np.allclose(one.uniform(one.residuals), (1 + np.arange(n)) / (n + 1))
        # The tails go on beyond the largest day, and thin out.
        assert 0 < one.uniform(2 * one.residuals[0]) < one.uniform(one.residuals[0]) / 3
        assert one.quantile(1e-6) < one.residuals[0] and one.quantile(1 - 1e-6) > one.residuals[-1]


def test_equal_residuals_share_one_place(marginals):
    import dataclasses

    z = np.sort(np.round(marginals[0].residuals, 1))
    tied = dataclasses.replace(marginals[0], residuals=z)
    u = tied.uniform(np.unique(z))
    assert np.all(np.diff(u) > 0) and np.allclose(tied.quantile(u), np.unique(z), atol=1e-9)


def test_later_days_go_through_the_earlier_fit(panel, marginals):
    whole, part = filter_panel(panel, marginals), filter_panel(panel.rows(0, 1000), marginals)
    assert np.array_equal(whole.z[:1000], part.z) and np.array_equal(whole.variances[:1001], part.variances)
    assert np.allclose(panel.returns, whole.z * np.sqrt(whole.variances[:-1]) + [m.volatility.mean for m in marginals])
    assert whole.variances.shape == (1501, 3) and len(whole.until(1200).variances) == 1201
    # Uniforms of days never seen: each mean is that of 500 uniforms; a deviation of 6 sigma has p < 1e-8.
    assert np.all(np.abs(whole.u[1000:].mean(axis=0) - 0.5) < 6 / np.sqrt(12 * 500))


def test_variances_in_simulation_stay_where_the_days_are(panel, marginals):
    rng, start = np.random.default_rng(1), filter_panel(panel.rows(0, 1000), marginals).variances[-1]
    for one, first in zip(marginals, start):
        model = one.volatility
        z = one.residuals
        shock = model.alpha * np.mean(z**2) + model.gamma * np.mean(z**2 * (z < 0))
        assert model.beta + one.news * shock <= LARGEST + 1e-12
        variance = np.full(500, first)
        within = one.ceiling(variance)
        assert np.all(within == REACH**2 * max(one.highest, first))
        for _ in range(500):
            returns = model.mean + np.sqrt(variance) * one.quantile(rng.random(500))
            variance = one.advance(variance, returns, within)
        assert np.all(variance <= within)
        assert 0.5 < np.median(variance) / np.median(model.variances(panel.returns[:1000, 0])) < 2


def test_bad_panels_are_refused(panel):
    with pytest.raises(SpecError, match="AAA: a volatility model needs at least 250 returns, got 200"):
        fit_marginals(panel.rows(0, 200))
    with pytest.raises(SpecError, match="volatility must be one of"):
        fit_marginals(panel, "garsh")
    with pytest.raises(SpecError, match="3 assets need as many marginals, got 1"):
        filter_panel(panel, fit_marginals(panel, "ewma")[:1])
    rising = Panel(panel.symbols, panel.dates, np.abs(panel.returns) + 1e-4)
    with pytest.raises(SpecError, match="the returns of AAA have no two tails"):
        fit_marginals(rising, "ewma")
