"""Dynamic correlation and the peers: known parameters found again, densities beside SciPy's, draws beside densities."""

import numpy as np
import pytest
from scipy.stats import kendalltau, multivariate_t, t

from tests.apps.trading.portfolio.made_panels import CORRELATION, copula_draws, dynamic_draws, made_panel
from thermofab.apps.trading.portfolio.correlation import Dynamic, ewma_covariances, fit_dynamic
from thermofab.apps.trading.portfolio.filters import filter_panel, fit_marginals
from thermofab.apps.trading.portfolio.joint import draw_days
from thermofab.apps.trading.portfolio.peers import (
    JOINT_PEERS,
    DynamicCopula,
    DynamicT,
    EwmaNormal,
    Historical,
    JointHistorical,
    StaticCopula,
    StudentT,
)
from thermofab.hw.spec import SpecError

TARGET = CORRELATION[:3, :3]


@pytest.fixture(scope="module")
def learnt():
    panel = made_panel(900, 3)
    return filter_panel(panel, fit_marginals(panel, "ewma"))


@pytest.fixture(scope="module")
def moving(learnt):
    return DynamicCopula("moving", Dynamic(0.06, 0.9, 7.0, TARGET), learnt.marginals)


def test_made_parameters_are_found_again():
    # Standard errors over 20 other seeds: a .004, b .007, ν .65, S .03; the tolerances are six of them, p < 1e-8.
    x = dynamic_draws(3000, 0.05, 0.93, 8.0, 1, TARGET)
    found = fit_dynamic(t.cdf(x / np.sqrt(6 / 8), 8.0))
    assert abs(found.a - 0.05) < 0.024 and abs(found.b - 0.93) < 0.045 and abs(found.degrees - 8) < 4
    assert np.allclose(found.target, TARGET, atol=0.2)


def test_correlation_that_stays_is_found_to_stay():
    found = fit_dynamic(t.cdf(copula_draws(2000, TARGET, 6.0, 2), 6.0))
    swing = found.correlations(t.cdf(copula_draws(2000, TARGET, 6.0, 3), 6.0))[100:].std(axis=0)
    # The largest of 20 other seeds is .028; it falls off as a normal of .013 does, p < 1e-8.
    assert np.all(swing < 0.08)


def test_the_recursion_is_engles(learnt, moving):
    dynamic = moving.dynamic
    e = t.ppf(learnt.u, 7.0) * np.sqrt(5 / 7)
    q = TARGET.copy()
    states, correlations = dynamic.states(learnt.u), dynamic.correlations(learnt.u)
    for k in range(60):
        assert np.allclose(states[k], q, atol=1e-12)
        scale = np.sqrt(np.diag(q))
        assert np.allclose(correlations[k], q / np.outer(scale, scale), atol=1e-12)
        q = 0.04 * TARGET + 0.06 * np.outer(e[k], e[k]) + 0.9 * q
    assert len(states) == len(learnt.u) + 1


def test_log_densities_are_scipys(learnt, moving):
    first = 850
    made = moving.log_densities(learnt.z, learnt.u, first)
    correlations = moving.dynamic.correlations(learnt.u)
    for k in range(first, 900, 7):
        x = t.ppf(learnt.u[k], 7.0)
        expected = multivariate_t.logpdf(x, shape=correlations[k], df=7.0) - t.logpdf(x, 7.0).sum()  # pyright: ignore[reportArgumentType]
        assert np.isclose(made[k - first], expected, atol=1e-9)
    static = StudentT().fit(learnt)
    assert isinstance(static, StaticCopula)
    copula = static.copula
    x = t.ppf(learnt.u[first:], copula.degrees)
    expected = multivariate_t.logpdf(x, shape=copula.correlation, df=copula.degrees)  # pyright: ignore[reportArgumentType]
    expected = expected - t.logpdf(x, copula.degrees).sum(axis=1)
    assert np.allclose(static.log_densities(learnt.z, learnt.u, first), expected, atol=1e-9)


def test_a_walk_goes_the_way_of_the_days(learnt, moving):
    walk = moving.walk(learnt.z[:800], 4)
    for k in range(800, 805):
        walk = walk.advance(np.tile(learnt.z[k], (4, 1)))
    q = moving.dynamic.states(learnt.u)[805]
    assert np.allclose(walk.states, q, atol=1e-10)


@pytest.mark.parametrize("whole", [True, False])
def test_draws_have_the_days_own_correlation(learnt, moving, whole):
    """Kendall's τ of 20,000 draws is 2/π asin ρ within 6 of its standard errors, below .0053 each: p < 1e-8."""
    n = 20_000
    drawn = moving.draw_days(learnt.z[:501], 500, n, 3)[0] if whole else moving.walk(learnt.z[:500], n).draw(3)
    correlation = moving.dynamic.correlations(learnt.u)[500]
    for i, j in ((0, 1), (0, 2), (1, 2)):
        expected = 2 / np.pi * np.arcsin(correlation[i, j])
        assert abs(kendalltau(drawn[:, i], drawn[:, j])[0] - expected) < 6 * 0.0053
    assert np.all(np.abs(drawn.mean(axis=0) - 0.5) < 6 / np.sqrt(12 * n))


def test_every_peer_draws_uniforms_and_repeats_them(learnt):
    for fitter in JOINT_PEERS:
        if isinstance(fitter, DynamicT):
            continue
        model = fitter.fit(learnt)
        assert model.name == fitter.name
        days = draw_days(model, learnt.z, 890, 500, 1)
        assert days.shape == (10, 500, 3) and np.all((days > 0) & (days < 1))
        assert np.array_equal(days, draw_days(model, learnt.z, 890, 500, 1))
        assert not np.array_equal(days, draw_days(model, learnt.z, 890, 500, 2))
        walk = model.walk(learnt.z, 300)
        assert walk.draw(1).shape == (300, 3)
        assert walk.advance(learnt.z[:300]).draw(1).shape == (300, 3)


def test_joint_history_draws_whole_past_days(learnt):
    model = JointHistorical().fit(learnt)
    rows = {tuple(row) for row in learnt.u}
    assert all(tuple(row) in rows for row in model.walk(learnt.z, 200).draw(0))
    assert all(tuple(row) in rows for row in draw_days(model, learnt.z, 899, 200, 0)[0])
    assert np.all(np.isnan(model.log_densities(learnt.z, learnt.u, 890)))


def test_forecasts_without_a_filter():
    returns = made_panel(900, 3).returns
    days = Historical(500).draw(returns, 10, 0, 0)
    assert days.shape == (491, 3)
    assert np.allclose(days[0], returns[400:410].sum(axis=0)) and np.allclose(days[-1], returns[-10:].sum(axis=0))
    covariance = np.mean([np.outer(r, r) for r in returns[:75]], axis=0)
    for r in returns:
        covariance = 0.94 * covariance + 0.06 * np.outer(r, r)
    assert np.allclose(ewma_covariances(returns)[-1], covariance, rtol=1e-10)
    # Covariances of 40,000 draws of ten days, within 6 standard errors, √2/√40,000 each of at most the variances.
    drawn = np.cov(EwmaNormal().draw(returns, 10, 40_000, 1).T)
    bound = np.sqrt(np.outer(np.diag(covariance), np.diag(covariance)))
    assert np.all(np.abs(drawn / 10 - covariance) < 6 * np.sqrt(2 / 40_000) * bound)


def test_bad_uniforms_are_refused():
    u = np.random.default_rng(0).random((300, 2))
    with pytest.raises(SpecError, match="fitted to 250 days at least, got 200"):
        fit_dynamic(u[:200])
    with pytest.raises(SpecError, match="strictly between 0 and 1"):
        fit_dynamic(np.where(u > 0.999, 1.0, u) * np.nan)
    with pytest.raises(SpecError, match="2 assets at least"):
        fit_dynamic(u[:, :1])
