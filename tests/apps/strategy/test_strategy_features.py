"""The ten features: formulas against plain loops, absence, and that the future changes nothing."""

# pandas' types do not tell a column from a table, nor its reductions from either.
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.apps.strategy.made_markets import PRICES, SYMBOLS, ingest, market
from thermofab.apps.market.store import HistoricalDataManager
from thermofab.apps.strategy.config import MarketFeatureConfig
from thermofab.apps.strategy.features import FORMULAS, MarketFeatureExtractor, features_of, sources
from thermofab.apps.strategy.names import FEATURES
from thermofab.apps.strategy.panel import Panel, read_panel
from thermofab.hw.spec import SpecError

CONFIG = MarketFeatureConfig()


def column(panel: Panel, name: str) -> np.ndarray:
    return features_of(panel)[:, FEATURES.index(name)]


@pytest.fixture(scope="module")
def panel(store) -> Panel:
    return read_panel(store)


def test_formulas_by_loops(panel):
    t, closes, spy = 333, panel.closes, panel.close("SPY")
    moves = closes[t] / closes[t - 20] - 1
    week = closes[t] / closes[t - 5] - 1
    returns = np.diff(np.log(closes[t - 20 : t + 1]), axis=0)
    pairs = [np.corrcoef(returns[:, i], returns[:, j])[0, 1] for i in range(7) for j in range(i)]
    sizes = np.abs(moves)
    differences = sum(abs(a - b) for a in sizes for b in sizes)
    expected = {
        "vix_level": panel.vix[t],
        "spy_returns_5d": spy[t] / spy[t - 5] - 1,
        "spy_returns_20d": spy[t] / spy[t - 20] - 1,
        "volume_ratio": panel.volume("SPY")[t] / panel.volume("SPY")[t - 20 : t].mean(),
        "market_breadth": np.mean([closes[t, k] > closes[t - 49 : t + 1, k].mean() for k in range(7)]),
        "correlation": np.mean(pairs),
        # the mean absolute difference over all pairs, over twice the mean: another way to write it
        "gini_coefficient": differences / (2 * 7 * 6 * sizes.mean()),
        "sector_dispersion": week.std(),
        "signal_quality_score": abs(np.log(spy[t] / spy[t - 20])) / np.abs(np.diff(np.log(spy[t - 20 : t + 1]))).sum(),
    }
    got = dict(zip(FEATURES, features_of(panel)[t]))
    assert np.isnan(got.pop("put_call_ratio"))
    assert got == pytest.approx(expected, rel=1e-9)


def test_gini_is_0_when_all_move_alike_and_1_when_one_moves(panel):
    alike = replace(panel, closes=np.tile(np.linspace(100, 120, len(panel))[:, None], (1, 7)))
    assert column(alike, "gini_coefficient")[100] == pytest.approx(0, abs=1e-12)
    still = np.full_like(panel.closes, 100.0)
    still[:, 3] = np.linspace(100, 120, len(panel))
    assert column(replace(panel, closes=still), "gini_coefficient")[100] == pytest.approx(1)


def test_ranges(panel):
    for name, low, high in (
        ("market_breadth", 0, 1),
        ("correlation", -1, 1),
        ("gini_coefficient", 0, 1),
        ("signal_quality_score", 0, 1),
        ("sector_dispersion", 0, np.inf),
    ):
        known = column(panel, name)[60:]
        assert np.isfinite(known).all() and known.min() >= low and known.max() <= high and known.std() > 0, name


@settings(max_examples=25, deadline=None)
@given(cut=st.integers(60, 480), seed=st.integers(0, 10**6), permute=st.booleans())
def test_the_future_changes_no_feature(panel, cut, seed, permute):
    """Every price, volume and index after a day is replaced or shuffled: no feature up to that day changes a bit."""
    rng = np.random.default_rng(seed)
    order = np.arange(len(panel))
    order[cut + 1 :] = rng.permutation(order[cut + 1 :])

    def other(values: np.ndarray) -> np.ndarray:
        made = values[order].copy()
        if not permute:
            made[cut + 1 :] *= np.exp(rng.normal(0, 0.5, made[cut + 1 :].shape))
        return made

    changed = replace(
        panel, closes=other(panel.closes), volumes=other(panel.volumes), vix=other(panel.vix),
        put_call=other(panel.put_call),
    )  # fmt: skip
    before, after = features_of(panel), features_of(changed)
    assert np.array_equal(before[: cut + 1], after[: cut + 1], equal_nan=True)
    assert not np.array_equal(before[cut + 1 :], after[cut + 1 :], equal_nan=True)


def test_the_window_read_does_not_matter(store):
    extractor = MarketFeatureExtractor(store)
    whole = extractor.extract_features()
    some = extractor.extract_features("2008-03-03", "2008-03-14")
    assert list(some.columns) == list(FEATURES) and len(some) == 10
    assert some.equals(whole.loc["2008-03-03":"2008-03-14"])
    assert len(extractor.extract_features("2030-01-01", "2030-02-01")) == 0


def test_absent_sources_are_absent_and_nothing_stands_in(frames, tmp_path):
    bare = {name: frame for name, frame in frames.items() if name != "VIX"}
    bare["SPY"] = bare["SPY"].drop(columns="Volume")
    without = MarketFeatureExtractor(ingest(HistoricalDataManager(tmp_path / "a.db"), bare)).extract_features()
    assert without[["vix_level", "put_call_ratio", "volume_ratio"]].isna().all().all()
    assert without["correlation"][60:].notna().all()
    ratios = frames["VIX"].assign(CLOSE=np.linspace(0.5, 1.5, 500))
    with_ratio = ingest(HistoricalDataManager(tmp_path / "b.db"), {**frames, "PUTCALL": ratios})
    got = MarketFeatureExtractor(with_ratio).extract_features()
    assert np.allclose(got["put_call_ratio"], np.linspace(0.5, 1.5, 500))
    assert not np.allclose(got["put_call_ratio"], got["vix_level"])


def test_a_symbol_not_listed_yet_is_not_filled_in(frames, tmp_path):
    late = {**frames, "VWO": frames["VWO"][300:]}
    panel = read_panel(ingest(HistoricalDataManager(tmp_path / "a.db"), late))
    assert np.isnan(panel.close("VWO")[:300]).all()
    six = read_panel(ingest(HistoricalDataManager(tmp_path / "b.db"), {k: v for k, v in frames.items() if k != "VWO"}))
    assert np.array_equal(features_of(panel)[:300], features_of(six)[:300], equal_nan=True)


def test_every_feature_names_its_source():
    assert set(sources()) == set(FORMULAS) == set(FEATURES) and all(sources()[name].symbols for name in FEATURES)


def test_refusals(tmp_path, frames):
    with pytest.raises(SpecError, match=r"^the store has no SPY, whose days are the calendar; it has TLT\.$"):
        MarketFeatureExtractor(
            ingest(HistoricalDataManager(tmp_path / "a.db"), {"TLT": frames["TLT"]})
        ).extract_features()
    with pytest.raises(SpecError, match=r"^start_date is a day such as '2008-09-15', got 'soon'\.$"):
        MarketFeatureExtractor(tmp_path / "a.db").extract_features("soon")


@pytest.mark.skipif(not Path(PRICES).is_dir(), reason="needs the price files for checks")
def test_nine_of_ten_on_real_prices(tmp_path):
    store = HistoricalDataManager(tmp_path / "prices")
    store.ingest_csv(PRICES)
    got = MarketFeatureExtractor(store).extract_features("2002-07-30", "2018-12-31")
    assert len(got) == 4135 and got.notna().all().sum() == 9 and got["put_call_ratio"].isna().all()
    assert got.loc["2008-10-10", "vix_level"] == 69.95
    assert 0.1 < got["gini_coefficient"].quantile(0.01) and got["gini_coefficient"].quantile(0.99) < 0.9


def test_made_markets_have_all_symbols(store):
    assert set(SYMBOLS) <= set(store.symbols()) and len(market(60)["SPY"]) == 60
