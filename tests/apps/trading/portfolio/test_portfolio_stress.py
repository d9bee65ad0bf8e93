"""Stress by clamping against the enumerated conditional, tails beyond the outermost edge, and reweighted scenarios."""

import numpy as np
import pytest
from scipy.stats import kstest

from tests.apps.trading.portfolio.made_panels import made_panel
from tests.present import present
from thermofab.apps.trading.portfolio.model import PortfolioModel
from thermofab.apps.trading.portfolio.paths import PortfolioPaths, simulate
from thermofab.apps.trading.portfolio.peers import StudentT
from thermofab.apps.trading.portfolio.stress import weighted_quantiles
from thermofab.apps.trading.portfolio.views import View, reweighted
from thermofab.hw.spec import SpecError

DRAWS = 20_000
FALSE_ALARM = 1e-6


@pytest.fixture(scope="module")
def model():
    return PortfolioModel("native", "static").fit(made_panel(1200, 3))


def near(seen: float, wanted: float, draws: float) -> bool:
    """Within five standard errors of a share: a false alarm in a million and a half."""
    return abs(seen - wanted) < 5 * np.sqrt(wanted * (1 - wanted) / draws) + 1e-9


def test_what_others_do_is_the_enumerated_conditional(model):
    found = model.stress({"AAA": ("below", 0.05)}, DRAWS, seed=1)
    law = np.exp(model.needed().joint.log_cells)
    condition = law[:2].sum()
    assert found.probability == pytest.approx(condition, rel=1e-9)
    assert found.effective == pytest.approx(DRAWS)
    responses = {one.symbol: one for one in found.responses}
    assert near(responses["BBB"].crash, law[:2, :2].sum() / condition, DRAWS)
    assert near(responses["CCC"].crash, law[:2, :, :2].sum() / condition, DRAWS)
    both = law[:2, :2, :2].sum() / condition
    assert near(found.crashes[2], both, DRAWS)
    assert found.crashes.sum() == pytest.approx(1)
    assert responses["AAA"].crash == pytest.approx(1)
    # Asset AAA and BBB move together: the condition says much about BBB, and the copula agrees.
    beside = {one.symbol: one for one in found.copula}
    assert responses["BBB"].crash > 0.25 > 5 * responses["CCC"].crash
    assert abs(responses["BBB"].crash - beside["BBB"].crash) < 0.05


def test_beyond_the_outermost_edge_weights_are_exact(model):
    held = 0.003
    found = model.stress({"AAA": ("below", held)}, DRAWS, seed=2)
    assert found.probability == pytest.approx(held, rel=0.1)
    assert 0.1 * DRAWS < found.effective < DRAWS
    # Given the condition its own asset is uniform below it: draws are resampled by their weights to say so.
    marginal = model.needed().history.marginals[0]
    variance = model.needed().history.variances[-1, 0]
    returns = found.paths.returns[:, 0, 0]
    u = marginal.uniform((returns - marginal.volatility.mean) / np.sqrt(variance))
    assert u.max() < held * (1 + 1e-6)
    taken = np.random.default_rng(0).choice(len(u), 2000, p=found.paths.weights)
    assert kstest(u[taken] / held, "uniform").pvalue > FALSE_ALARM


def test_the_past_is_the_days_that_meet_the_condition(model):
    found = model.stress({"AAA": ("below", 0.05), "BBB": ("above", 0.5)}, 2000)
    u = model.needed().history.u
    days = (u[:, 0] <= 0.05) & (u[:, 1] >= 0.5)
    assert found.days == days.sum() and found.past is not None
    assert found.past[2].crash == pytest.approx((u[days, 2] < 0.05).mean())
    none = model.stress({"AAA": ("below", 0.0005), "BBB": ("below", 0.001)}, 2000)
    assert none.days == 0 and none.past is None and none.past_crashes is None


def test_conditions_that_mean_nothing_are_refused(model):
    for condition, message in (
        ({}, "a stress needs a condition"),
        ({"XYZ": ("below", 0.05)}, "'XYZ', which is not among AAA, BBB, CCC"),
        ({"AAA": ("under", 0.05)}, r'\("below", quantile\)'),
        ({"AAA": ("below", 1.5)}, "the quantile of AAA lies between 0 and 1, got 1.5"),
        ({"AAA": ("below", 1e-7)}, "conditions rarer than 1e-05 are not sampled"),
    ):
        with pytest.raises(SpecError, match=message):
            model.stress(condition, 500)
    with pytest.raises(SpecError, match="has no nodes to clamp"):
        PortfolioModel(fitter=StudentT()).fit(made_panel(600, 2)).stress({"AAA": ("below", 0.05)})


def made_paths(model: PortfolioModel) -> PortfolioPaths:
    return model.simulate(4000, 3, seed=5)


def test_views_are_met_by_the_nearest_weights(model):
    paths = made_paths(model)
    total = paths.returns.sum(axis=1)
    chance = float((total[:, 2] < 0).mean()) + 0.1
    found = reweighted(paths, [View("AAA", "mean", -0.01), View("CCC", "below", chance)])
    assert present(found.weights).sum() == pytest.approx(1)
    assert found.weights @ total[:, 0] == pytest.approx(-0.01, abs=1e-5)
    assert found.weights @ (total[:, 2] < 0) == pytest.approx(chance, abs=1e-4)
    assert 1 < found.effective < len(total)
    # Log weights are a sum of the views' own functions: entropy is least.
    log = np.log(present(found.weights))
    design = np.stack([np.ones(len(log)), total[:, 0], total[:, 2] < 0], axis=1)
    assert np.abs(log - design @ np.linalg.lstsq(design, log)[0]).max() < 1e-8


def test_views_that_cannot_be_met_are_refused(model):
    paths = made_paths(model)
    for views, message in (
        ([], "needs a view"),
        ([View("XYZ", "mean", 0.0)], "'XYZ', which is not among"),
        ([View("AAA", "mean", 5.0)], "no weights on these paths meet the view that AAA's mean is 5"),
        ([View("AAA", "mean", 0.0, horizon=4)], "1 to 3 days, got 4"),
    ):
        with pytest.raises(SpecError, match=message):
            reweighted(paths, views)


def test_drift_is_the_expected_return(model):
    fitted = model.needed()
    paths = simulate(fitted.history.marginals, fitted.joint, fitted.history, 40_000, 1, seed=3, drift=0.0)
    gain = np.expm1(paths.returns[:, 0])
    assert (np.abs(gain.mean(axis=0)) < 5 * gain.std(axis=0) / 200 + 1e-5).all()
    with pytest.raises(SpecError, match="one for all assets or one for each of the 3"):
        model.simulate(10, 1, drift=[0.0, 0.1])
    with pytest.raises(SpecError, match="paths must be an integer of at least 1, got 0"):
        model.simulate(0, 1)


def test_weighted_quantiles():
    assert weighted_quantiles(np.array([3.0, 1.0, 2.0]), np.array([0.5, 0.2, 0.3]), (0.1, 0.5, 0.9)) == (1.0, 2.0, 3.0)
