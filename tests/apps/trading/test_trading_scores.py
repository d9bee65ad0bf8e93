"""Scores against their definitions, and the back-test's bookkeeping."""

import numpy as np
import pytest
from scipy.stats import binom, norm

from thermofab.apps.trading.backtest import TSU, backtest
from thermofab.apps.trading.peers import PEERS, Past, student, tail
from thermofab.apps.trading.prices import Prices, load_prices
from thermofab.apps.trading.scores import (
    christoffersen,
    diebold_mariano,
    dynamic_quantile,
    fz0_losses,
    kupiec,
    quantile_losses,
    scores,
)
from thermofab.apps.trading.volatility import Volatility
from thermofab.hw.spec import SpecError


def test_coverage_p_values_are_nearly_uniform_under_the_truth():
    rng = np.random.default_rng(0)
    hits = rng.random((600, 2000)) < 0.025
    for test in (kupiec, christoffersen):
        found = np.array([test(row, 0.025) for row in hits])
        # Of 600, 30 below 5% are expected; 5.5 standard errors.
        assert abs(np.sum(found < 0.05) - 30) < 5.5 * np.sqrt(600 * 0.05 * 0.95) and found.max() <= 1
    clustered = np.repeat(rng.random((1, 400)) < 0.025, 5, axis=1)[0]
    assert christoffersen(clustered, 0.025) < 1e-6
    assert kupiec(np.arange(1000) < 50, 0.025) < 1e-4 and kupiec(np.zeros(1000, dtype=bool), 0.01) < 1e-4
    exact = 2 * min(binom.cdf(15, 1000, 0.025), 0.5)
    assert kupiec(np.arange(1000) < 15, 0.025) == pytest.approx(exact, abs=0.03)


def test_dynamic_quantile_sees_breaches_that_follow_each_other():
    rng = np.random.default_rng(1)
    var = -2 + 0.1 * rng.normal(size=3000)
    assert dynamic_quantile(rng.random(3000) < 0.025, var, 0.025) > 1e-4
    assert dynamic_quantile(np.repeat(rng.random(600) < 0.025, 5), var, 0.025) < 1e-6


def test_the_true_forecast_scores_best():
    rng, alpha = np.random.default_rng(2), 0.025
    returns = rng.normal(size=200_000)
    v = norm.ppf(alpha)
    e = -norm.pdf(v) / alpha
    best = quantile_losses(returns, np.full(len(returns), v), alpha).mean()
    joint = fz0_losses(returns, np.full(len(returns), v), np.full(len(returns), e), alpha).mean()
    for worse in (0.85, 1.15):
        assert quantile_losses(returns, np.full(len(returns), worse * v), alpha).mean() > best
        assert fz0_losses(returns, np.full(len(returns), v), np.full(len(returns), worse * e), alpha).mean() > joint
    row = scores(returns, np.full(len(returns), v), np.full(len(returns), e), alpha)
    assert row.acerbi == pytest.approx(0, abs=0.05) and row.breaches == pytest.approx(alpha, abs=0.002)
    assert scores(returns, np.full(len(returns), v), np.full(len(returns), e / 1.5), alpha).acerbi < -0.3
    assert diebold_mariano(returns**2, returns**2) == 1.0
    assert diebold_mariano(returns**2 + 0.1, returns**2 + 0.05 * rng.normal(size=len(returns))) < 1e-6


def test_peers_follow_their_formulas():
    model = Volatility("garch", 0.001, 1e-6, 0.1, 0.0, 0.88, 1e-4, 6.0)
    z = np.random.default_rng(3).standard_t(6, 4000) * np.sqrt(4 / 6)
    past = Past(0.01 * z, {kind: (model, z, 0.02) for kind in ("ewma", "garch", "gjr")})
    (v, e), *_ = student("garch")(past, [0.025])
    drawn = np.random.default_rng(4).standard_t(6, 10**6) * np.sqrt(4 / 6) * 0.02 + 0.001
    assert v == pytest.approx(np.quantile(drawn, 0.025), rel=0.02)
    assert e == pytest.approx(drawn[drawn < v].mean(), rel=0.02)
    assert PEERS["EWMA-normal"](past, [0.01])[0][0] == pytest.approx(0.001 + 0.02 * norm.ppf(0.01))
    (q, s) = PEERS["GARCH-FHS"](past, [0.01])[0]
    (unit, below), *_ = tail(z[-1000:], [0.01])
    assert (q, s) == pytest.approx((0.001 + 0.02 * unit, 0.001 + 0.02 * below))


@pytest.fixture(scope="module")
def result():
    whole = load_prices()
    return backtest(whole.between(0, 1301), device="native", samples=2000, refit=150)


def test_a_back_test_forecasts_every_day_by_every_method(result):
    assert len(result.returns) == 300 and set(result.forecasts) == {*PEERS, TSU}
    for made in result.forecasts.values():
        assert made.shape == (2, 2, 300) and np.all(made[:, 1] <= made[:, 0]) and np.all(made[:, 0] < 0)
    # Sampled quantiles are about those of the filter they are drawn around.
    ratio = result.forecasts[TSU][1][0] / result.forecasts["GJR-FHS"][1][0]
    assert 0.6 < ratio.min() and ratio.max() < 1.6 and abs(np.median(ratio) - 1) < 0.15
    assert len(result.table().splitlines()) == 1 + 2 * len(result.forecasts)


def test_forecasts_use_nothing_later(result):
    """Changing what comes after a day changes no forecast of it."""
    whole = load_prices().between(0, 1301)
    closes = whole.closes.copy()
    closes[1201:] *= np.exp(np.linspace(0.02, 0.3, 100))  # the return of day 1200 is the first that changes
    again = backtest(Prices("X", whole.dates, closes), device="native", samples=2000, refit=150)
    for name, made in result.forecasts.items():
        assert np.array_equal(made[..., :201], again.forecasts[name][..., :201]), name
        if not name.startswith("historical"):
            assert not np.array_equal(made[..., 205:], again.forecasts[name][..., 205:]), name


def test_ten_days_ahead():
    result = backtest(load_prices().between(0, 1201), horizon=10, device="native", samples=1000)
    assert result.horizon == 10 and len(result.returns) == 20 and TSU in result.forecasts


def test_bad_back_tests_are_refused():
    prices = load_prices().between(0, 900)
    for options, sentence in (
        ({}, r"^a back-test of window 1000 \(500 at least\), refit 100, needs 1100 returns, got 899\.$"),
        ({"horizon": 0}, r"^horizon must be an integer of at least 1, got 0\.$"),
        ({"alphas": (0.7,)}, r"^levels are between 0 and 0\.5, one at least, got \(0\.7,\)\.$"),
    ):
        with pytest.raises(SpecError, match=sentence):
            backtest(prices, **options)  # pyright: ignore[reportArgumentType]
