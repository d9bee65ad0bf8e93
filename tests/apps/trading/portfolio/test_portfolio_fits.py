"""Fits: the exact likelihood's slope, what cross-validation lets through, market bits, and what is refused."""

import numpy as np
import pytest
from scipy.stats import t

from tests.apps.trading.portfolio.made_panels import CORRELATION, copula_draws, dynamic_draws, made_panel
from thermofab.apps.trading.portfolio.cells import EDGES, STATES, bits_of, encode, states_of
from thermofab.apps.trading.portfolio.copula import Copula, fit_copula
from thermofab.apps.trading.portfolio.correlation import fit_dynamic
from thermofab.apps.trading.portfolio.fitting import Evidence, Prior, evidence_of, fit_tables
from thermofab.apps.trading.portfolio.model import PortfolioModel
from thermofab.apps.trading.portfolio.paths import PortfolioPaths
from thermofab.apps.trading.portfolio.projection import project, projected_tables
from thermofab.apps.trading.portfolio.residual import as_known_after, chosen_prior
from thermofab.apps.trading.portfolio.states import market_bits
from thermofab.apps.trading.portfolio.tables import Tables, pair_marginals, within_reach
from thermofab.hw.spec import SpecError

NONE = np.zeros((1, 0), dtype=bool)


def uniforms(days: int, seed: int = 0) -> np.ndarray:
    return t.cdf(copula_draws(days, CORRELATION[:3, :3], 6.0, seed), 6.0)


def test_states_have_codes_and_edges():
    states = np.arange(STATES)
    assert (states_of(bits_of(states)) == states).all()
    assert (encode(EDGES[:-1]) == states).all()
    # Neighbours within a quarter differ in the last bit alone.
    assert (bits_of(states[::2])[:, :2] == bits_of(states[1::2])[:, :2]).all()


def test_a_fit_without_prior_has_the_datas_pairs():
    states = encode(uniforms(4000))
    evidence = evidence_of(states, np.zeros((4000, 0), bool))
    smoothed = Evidence(NONE, evidence.weights, 0.9 * evidence.marginals + 0.1 / 64)
    found = fit_tables(Tables.flat(3), smoothed, Prior(1e-4), most=500)
    assert np.abs(pair_marginals(found.probabilities) - smoothed.marginals[0]).max() < 1e-4
    # A strong prior keeps the start.
    start = projected_tables(fit_copula(uniforms(4000)))
    held = fit_tables(start, evidence, Prior(1e8, 3.0))
    assert np.abs(held.pair - start.pair).max() < 1e-4


def test_fits_under_market_bits_have_what_factors_hold():
    rng = np.random.default_rng(1)
    market = rng.random((3000, 1)) < 0.5
    # Two assets whose correlation turns with the bit.
    x = rng.standard_normal((3000, 2))
    x[:, 1] = np.where(market[:, 0], 0.8, -0.5) * x[:, 0] + 0.6 * x[:, 1]
    states = encode(np.argsort(np.argsort(x, axis=0), axis=0) / 3000 + 1e-6)
    start = projected_tables(Copula(np.array([[1, 0.1], [0.1, 1]]), 8.0))
    flat = Tables.flat(2, 1)
    found = fit_tables(
        Tables(start.single, start.pair, flat.single_shift, flat.pair_shift),
        evidence_of(states, market),
        Prior(1.0, 1.0),
    )
    assert np.abs(within_reach(found.pair_shift) - found.pair_shift).max() < 1e-10
    grid = np.arange(8.0)
    for bit, low, high in ((True, 0.5, 1.0), (False, -1.0, -0.3)):
        cells = np.exp(found.log_probabilities(np.array([bit])))
        mean = [grid @ cells.sum(axis=1), grid @ cells.sum(axis=0)]
        spread = [np.sqrt(grid**2 @ cells.sum(axis=k) - mean[1 - k] ** 2) for k in (1, 0)]
        assert low < (grid @ cells @ grid - mean[0] * mean[1]) / (spread[0] * spread[1]) < high


def test_cross_validation_keeps_a_residual_that_is_there_and_no_other():
    plain = uniforms(3000, seed=4)
    # Deep falls of the first asset that the second follows, upwards never: no t copula has that.
    bent = plain.copy()
    follows = (plain[:, 0] < 0.2) & (np.random.default_rng(0).random(3000) < 0.7)
    bent[follows, 1] = plain[follows, 0]
    ranks = (np.argsort(np.argsort(bent, axis=0), axis=0) + 0.5) / 3000
    assert chosen_prior(ranks) is not None
    assert chosen_prior(plain[:400]) is None  # too few days to tell
    known = as_known_after(plain, 1500)
    assert known[:1500].mean() == pytest.approx(0.5) and known.shape == plain.shape


def test_market_bits_are_thermometers_of_what_moves():
    x = dynamic_draws(2500, 0.06, 0.92, 8.0, 3, CORRELATION[:3, :3])
    u = (np.argsort(np.argsort(x, axis=0), axis=0) + 0.5) / len(x)
    correlations = fit_dynamic(u).correlations(u)[:-1]
    bits = market_bits(correlations)
    known = bits(correlations)
    assert known.shape == (2500, bits.count) and bits.count == 6
    for first in (0, 2, 4):  # the upper edge is passed only where the lower is
        assert (known[:, first] | ~known[:, first + 1]).all()
        assert np.abs(known[:, first : first + 2].mean(axis=0) - [2 / 3, 1 / 3]).max() < 0.01
    assert (bits(correlations[7]) == known[7]).all()


def test_a_history_does_not_look_ahead():
    panel = made_panel(800, 2)
    model = PortfolioModel("native", "state").fit(panel)
    fitted = model.needed()
    z, u = fitted.history.z.copy(), fitted.history.u.copy()
    before = fitted.joint.log_densities(z, u, 700)
    u[760:], z[760:] = 0.5, 0.0
    after = fitted.joint.log_densities(z, u, 700)
    assert np.array_equal(before[:60], after[:60]) and not np.array_equal(before[60:], after[60:])


def test_refusals():
    with pytest.raises(SpecError, match="two levels or more"):
        market_bits(np.tile(np.eye(2), (10, 1, 1)), (3, 1))
    with pytest.raises(SpecError, match="above 0 and sum to 1 a pair"):
        project(np.ones((3, 8, 8)))
    with pytest.raises(SpecError, match="at least 250 days, got 100"):
        fit_copula(uniforms(100))
    with pytest.raises(SpecError, match="strictly between 0 and 1"):
        fit_copula(np.zeros((300, 2)))
    paths = PortfolioPaths(("A",), np.zeros((4, 1, 1)), np.ones((4, 1, 1)), None, np.array([0.5, 0.5, 0, 0]))
    assert paths.effective == 2
