"""Weights, and the risk of a portfolio's paths: sums of components, a Gaussian in closed form, importance weights."""

# Paths are stand-ins with the fields that risk looks at.
# pyright: reportArgumentType=false

from types import SimpleNamespace

import numpy as np
import pytest
from scipy.stats import norm

from thermofab.apps.trading.portfolio.risk import portfolio_risk, profits, tail
from thermofab.apps.trading.portfolio.weights import Weights, read_weights
from thermofab.hw.spec import SpecError

KNOWN = ("GLD", "SPY", "TLT")
COVARIANCE = np.array([[1.0, 0.3, -0.2], [0.3, 2.0, 0.1], [-0.2, 0.1, 0.5]]) * 1e-4


def paths_of(simple, weights=None):
    """Paths whose simple returns over their days are ``simple`` ``[paths, days, d]`` by day."""
    return SimpleNamespace(
        symbols=KNOWN, returns=np.log1p(simple), volatilities=np.ones_like(simple), ledger=None, weights=weights
    )


@pytest.fixture(scope="module")
def gaussian():
    return paths_of(np.random.default_rng(1).multivariate_normal(np.zeros(3), COVARIANCE, (100_000, 1)))


def test_components_sum_to_the_whole_over_days_and_signs():
    rng = np.random.default_rng(0)
    paths = paths_of(rng.standard_t(4, (20_000, 10, 3)) * 0.01)
    weights = Weights(("SPY", "TLT", "GLD"), np.array([0.9, -0.4, 0.3]))
    rows = portfolio_risk(paths, weights)
    assert [(row.horizon, row.level) for row in rows] == [(h, a) for h in (1, 10) for a in (0.01, 0.025, 0.05)]
    profit = profits(paths, weights)
    by_hand = 0.3 * np.expm1(paths.returns[:, :, 0].sum(axis=1))
    by_hand += 0.9 * np.expm1(paths.returns[:, :, 1].sum(axis=1)) - 0.4 * np.expm1(paths.returns[:, :, 2].sum(axis=1))
    assert profit[:, 9] == pytest.approx(by_hand)
    for row in rows:
        held = row.contributions
        assert sum(one.var for one in held) == pytest.approx(row.var, rel=1e-9)
        assert sum(one.es for one in held) == pytest.approx(row.es, rel=1e-9)
        assert [one.share * one.marginal_es for one in held] == pytest.approx([one.es for one in held])
        assert row.var_low < row.var < row.var_high < row.es_high and row.es_low < row.es < row.es_high
        ordered = np.sort(profit[:, row.horizon - 1])
        assert row.var == -ordered[int(row.level * 20_000) - 1]
        assert row.es == pytest.approx(-ordered[: int(row.level * 20_000)].mean())
        assert 0 < row.diversified_es < 1


def test_a_gaussian_has_the_risk_and_the_components_of_its_closed_form(gaussian):
    """Within six standard errors: false alarm below 1e-7 with 30 comparisons."""
    shares = np.array([0.2, 0.5, 0.3])
    spread = np.sqrt(shares @ COVARIANCE @ shares)
    rows = portfolio_risk(gaussian, Weights(KNOWN, shares), horizons=(1,))
    for row in rows:
        var, es = -norm.ppf(row.level) * spread, norm.pdf(norm.ppf(row.level)) / row.level * spread
        assert abs(row.var - var) < 6 * (row.var_high - row.var_low) / 3.92
        assert abs(row.es - es) < 6 * (row.es_high - row.es_low) / 3.92
        for one, slope in zip(row.contributions, COVARIANCE @ shares / spread):
            assert abs(one.marginal_es - es / spread * slope) < 6 * one.es_error / one.share
            assert abs(one.es - one.share * es / spread * slope) < 6 * one.es_error
            # The regression's window holds about as many paths as the tail does.
            assert abs(one.var - one.share * var / spread * slope) < 6 * one.es_error


def test_intervals_hold_the_truth_as_often_as_they_say(gaussian):
    """400 samples of 2,000 paths: 95% intervals of VaR and ES at 5% miss 20 times in the mean; above 52 or none is
    refused (binomial, below 1e-6; ES's is asymptotic, and misses at most 8%)."""
    shares = np.array([0.2, 0.5, 0.3])
    spread = np.sqrt(shares @ COVARIANCE @ shares)
    rng, missed = np.random.default_rng(5), np.zeros(2, dtype=int)
    for _ in range(400):
        chosen = paths_of(np.expm1(gaussian.returns[rng.integers(0, 100_000, 2000)]))
        (row,) = portfolio_risk(chosen, Weights(KNOWN, shares), (1,), (0.05,))
        var, es = -norm.ppf(0.05) * spread, norm.pdf(norm.ppf(0.05)) / 0.05 * spread
        missed += [not row.var_low <= var <= row.var_high, not row.es_low <= es <= row.es_high]
    assert np.all(missed >= 1) and np.all(missed <= 64)


def test_importance_weights_are_reckoned_with(gaussian):
    """Draws of a wider Gaussian, weighted back, give the risk of the first; equal weights are no weights."""
    returns = np.random.default_rng(2).multivariate_normal(np.zeros(3), 2 * COVARIANCE, (100_000, 1))
    squared = np.einsum("ni,ij,nj->n", returns[:, 0], np.linalg.inv(COVARIANCE), returns[:, 0])
    weights = np.exp(-squared / 4)
    held = Weights(("SPY",), np.array([1.0]))
    (row,) = portfolio_risk(paths_of(returns, weights / weights.sum()), held, (1,), (0.01,))
    es = norm.pdf(norm.ppf(0.01)) / 0.01 * np.sqrt(COVARIANCE[1, 1])
    assert abs(row.es - es) < 6 * (row.es_high - row.es_low) / 3.92
    assert 20_000 < row.paths < 90_000
    plain, same = (
        portfolio_risk(paths_of(np.expm1(gaussian.returns[:5000]), w), held, (1,), (0.05,))[0]
        for w in (None, np.full(5000, 1 / 5000))
    )
    assert plain == same
    assert tail(np.array([3.0, 1.0, 2.0]), 0.5, np.full(3, 1 / 3))[:2] == pytest.approx((-2.0, -(1 / 3 + 2 / 6) / 0.5))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"horizons": (2,)}, "horizons are days from 1 to 1, one at least, got \\(2,\\)"),
        ({"levels": (0.7,)}, "levels are between 0 and 0.5, one at least, got \\(0.7,\\)"),
        (
            {"levels": (1e-5,)},
            "100000 effective paths of 100000 have fewer than 10 below the 1e-05 quantile; take 1000000",
        ),
    ],
)
def test_what_cannot_be_estimated_is_refused(gaussian, options, sentence):
    with pytest.raises(SpecError, match=sentence):
        portfolio_risk(gaussian, Weights(("SPY",), np.array([1.0])), **({"horizons": (1,)} | options))


def written(tmp_path, text):
    path = tmp_path / "weights.csv"
    path.write_text(text)
    return path


def test_weights_are_read_as_they_stand(tmp_path):
    made = read_weights(written(tmp_path, "symbol,weight\nspy,0.6\nTLT,-0.2\n\n"), money=5e4, known=KNOWN)
    assert made.symbols == ("SPY", "TLT") and made.shares.tolist() == [0.6, -0.2] and made.money == 5e4
    assert made.cash == pytest.approx(0.6) and made.of(KNOWN).tolist() == [0, 0.6, -0.2]
    assert "sum to 0.4, not to 1, and are not rescaled: 60.00% of the money are held as cash" in made.notes[0]
    assert made.notes[1] == "Short: TLT."
    amounts = read_weights(written(tmp_path, "Ticker,Money\nSPY,30000\nTLT,10000\ncash,10000\n"))
    assert amounts.money == 50_000 and amounts.shares.tolist() == [0.6, 0.2] and amounts.cash == pytest.approx(0.2)
    levered = read_weights(written(tmp_path, "symbol,weight\nSPY,1.5\nCASH,0\n"))
    assert "50.00% of the money are borrowed" in levered.notes[1] and "The file has 0.00% of cash" in levered.notes[0]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "is empty; weights are a CSV file with columns symbol and weight"),
        ("symbol,weight\n", "has column names and no rows"),
        ("symbol,size\nSPY,1\n", "line 1 of .* names the columns symbol, size; they are symbol and either weight or"),
        ("symbol,weight,money\nSPY,1,2\n", "either weight or money"),
        ("symbol,weight\nSPY,1\nIBM,0.5\n", "line 3 of .*: there are no prices of IBM; there are GLD, SPY, TLT"),
        ("symbol,weight\nSPY,1\n\nspy,0.5\n", "line 4 of .*: SPY is there a second time; add its weights up"),
        ("symbol,weight\nSPY,nan\n", "line 2 of .*: the weight of SPY is nan, which is no finite number"),
        ("symbol,weight\nSPY,\n", "line 2 of .*: the weight of SPY is missing; write one such as 0.4"),
        ("symbol,weight\nSPY,40%\n", "line 2 of .*: the weight of SPY is '40%', which is no number"),
        ("symbol,weight\nSPY,1,2\n", "line 2 of .*: it has 3 fields under 2 columns"),
        ("symbol,weight\n,1\n", "line 2 of .*: the symbol is missing"),
        ("symbol,weight\nSPY,60\nTLT,40\n", "add up to 100 without their signs, 100 times the money"),
        ("symbol,weight\nSPY,0\n", "all weights are 0: nothing is held"),
        ("symbol,money\nSPY,0\n", "all amounts of .* are 0: nothing is held"),
        ("symbol,weight\ncash,1\n", "holds cash alone, which has no risk to measure"),
        ("symbol,weight\nSPY,1\ncash,0\ncash,1\n", "line 4 of .*: cash is there a second time"),
    ],
)
def test_weights_that_are_refused(tmp_path, text, sentence):
    with pytest.raises(SpecError, match=sentence):
        read_weights(written(tmp_path, text), known=KNOWN)


def test_weights_of_no_file_and_no_prices(tmp_path):
    with pytest.raises(SpecError, match="there is no file .*weights.csv; weights are a CSV file"):
        read_weights(tmp_path / "weights.csv")
    with pytest.raises(SpecError, match="there are no prices of IBM; there are GLD, SPY, TLT"):
        Weights(("IBM",), np.array([1.0])).of(KNOWN)
