"""Outcomes, labels, crisis periods, files; and the faults of earlier labellers."""

# pandas' types do not tell a column from a table, nor its reductions from either.
# pyright: reportGeneralTypeIssues=false

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas
import pytest
from scipy.optimize import linprog

from tests.apps.strategy.made_markets import PRICES, ingest, market
from thermofab.apps.market.store import HistoricalDataManager
from thermofab.apps.strategy import STRATEGIES, StrategyConfig, StrategyLabeler, strategy_index
from thermofab.apps.strategy.labeler import load_labels, save_labels
from thermofab.apps.strategy.outcomes import best, soft, utilities_of, why_not, winnable
from thermofab.apps.strategy.periods import BLACK_SWANS
from thermofab.hw.spec import SpecError


@pytest.fixture(scope="module")
def labeler(store) -> StrategyLabeler:
    return StrategyLabeler(store, StrategyConfig().to_dict())


def test_names_and_aliases():
    assert strategy_index("max_growth") == STRATEGIES.index("contrarian_long")
    assert strategy_index("balanced_aggressive") == STRATEGIES.index("growth")
    with pytest.raises(SpecError, match=r"^there is no strategy 'yolo'; they are ultra_defensive, .*\.$"):
        strategy_index("yolo")


def test_profit_is_of_five_trading_days_held_without_rebalancing(labeler, frames):
    spy, tlt = frames["SPY"].Close.to_numpy(), frames["TLT"].Close.to_numpy()
    # the fourth of July and two weekends lie within ten calendar days; five rows are five trading days
    day = frames["SPY"].Date[129]
    for k, (a, b) in enumerate(labeler.config.allocations):
        expected = a * spy[134] / spy[129] + b * tlt[134] / tlt[129] + (1 - a - b) - 1
        assert labeler.simulate_strategy(k, day) == pytest.approx(expected, abs=1e-12)
        assert labeler.simulate_strategy(STRATEGIES[k], str(day)) == labeler.simulate_strategy(k, day)


def test_utility_punishes_variance_on_the_way():
    quiet, wild = np.array([1.0, 1.002, 1.004, 1.006, 1.008, 1.01]), np.array([1.0, 1.05, 0.96, 1.04, 0.98, 1.01])
    assert utilities_of(quiet, 30) == pytest.approx(0.01, abs=1e-4)
    returns = wild[1:] / wild[:-1] - 1
    assert utilities_of(wild, 30) == pytest.approx(5 * (returns.mean() - 15 * returns.var(ddof=1)))
    assert utilities_of(wild, 30) < utilities_of(quiet, 30)


def test_only_vertices_win_by_profit():
    config = StrategyConfig()
    assert winnable(config) == (0, 1, 2, 5, 7)
    shares = np.array(config.allocations)
    for k in range(8):
        # returns (s, t) at which class k is ahead of every other by 1, if there are any
        others = np.delete(shares, k, axis=0) - shares[k]
        found = linprog([0, 0], A_ub=others, b_ub=-np.ones(7), bounds=[(None, None)] * 2).status == 0
        assert found == (k in winnable(config)), STRATEGIES[k]
    assert why_not(config, 6) == "lies on the segment from aggressive_growth to tactical_opportunity"
    assert "lies inside the hull" in why_not(config, 3) and "lies inside the hull" in why_not(config, 4)


def test_profit_labels_are_of_these_classes_and_utility_reaches_others(labeler):
    days = labeler.labelled
    assert set(days.by_profit[days.by_profit >= 0]) <= {0, 1, 2, 5, 7}
    assert len(set(days.by_utility) - {-1}) > len(set(days.by_profit) - {-1})


def test_days_without_an_answer_get_no_label():
    worth = np.array([[0.0] * 8, [np.nan] * 8, [0, 1, 2, 3, 4, 5, 6, 7.5]])
    classes, margin = best(worth)
    assert classes.tolist() == [-1, -1, 7] and np.isnan(margin[:2]).all() and margin[2] == 1.5


def test_soft_labels_share_narrow_wins():
    worth = np.zeros((2, 8))
    worth[0, 3], worth[1, 3] = 0.0001, 0.05
    made = soft(worth, 0.002)
    assert made.sum(axis=1) == pytest.approx(1) and made[0, 3] < 0.15 and made[1, 3] > 0.99


def test_a_label_is_features_choice_and_pnl(labeler, frames):
    day = frames["SPY"].Date[200]
    features, choice, pnl = labeler.generate_label(day)
    assert np.array_equal(features, labeler.extract_market_features(day), equal_nan=True) and features.shape == (10,)
    utilities = labeler.labelled.utilities[200]
    assert choice == utilities.argmax() and pnl == labeler.simulate_strategy(choice, day)
    by_profit = StrategyLabeler(labeler.store, labels="profit").generate_label(day)
    assert by_profit.realized_pnl == max(labeler.simulate_strategy(k, day) for k in range(8))


def test_the_past_decides_no_label_and_the_future_no_features(frames, labeler, tmp_path):
    other = {
        name: frame.assign(**{c: frame[c].where(frame.index <= 300, frame[c] * 1.5) for c in frame.columns[1:]})
        for name, frame in frames.items()
    }
    store = ingest(HistoricalDataManager(tmp_path / "b.db"), other)
    changed, days = StrategyLabeler(store).labelled, labeler.labelled
    assert np.array_equal(changed.features[:301], days.features[:301], equal_nan=True)
    assert np.array_equal(changed.by_utility[:295], days.by_utility[:295])
    assert not np.array_equal(changed.profits[296:301], days.profits[296:301])


def test_missing_tlt_is_said_and_not_invented(frames, tmp_path):
    late = {**frames, "TLT": frames["TLT"][100:]}
    labeler = StrategyLabeler(ingest(HistoricalDataManager(tmp_path / "a.db"), late))
    made = labeler.generate_labels_for_period("2007-01-01", "2008-12-31", "all")
    first = str(frames["TLT"].Date[100].date())
    assert made.attrs["missing"][f"TLT begins on {first}"] == 100
    assert made.attrs["missing"][f"prices end on {labeler.panel.dates[-1]}, before the horizon"] == 5
    assert len(made) == 395 and made.period_name.unique().tolist() == ["all"]
    with pytest.raises(SpecError, match=f"^2007-01-01 has no label: TLT begins on {first}\\.$"):
        labeler.generate_label("2007-01-01")
    with pytest.raises(SpecError, match=r"^2007-01-06 is no trading day of the store, which has 2007-01-01 to "):
        labeler.generate_label("2007-01-06")
    with pytest.raises(SpecError, match=r"so what a strategy earned is not known\.$"):
        labeler.simulate_strategy(0, "2007-01-01")


def test_black_swans_are_deduplicated_and_listed(tmp_path):
    """A market over 2000 to 2002, in which the eleventh of September lies within the crash."""
    labeler = StrategyLabeler(ingest(HistoricalDataManager(tmp_path / "a.db"), market(900, start="2000-01-03")))
    made = labeler.generate_black_swan_labels()
    assert made["date"].is_unique and made["date"].is_monotonic_increasing
    assert set(made.period_name) == {"Dot-com Crash"}
    both = made[made.also_in == "9/11 Attacks"]
    assert both["date"].min() == pandas.Timestamp("2001-09-11") and len(both) == 9
    periods = {row["period"]: row for row in made.attrs["periods"]}
    assert list(periods) == [period.name for period in BLACK_SWANS] and len(periods) == 12
    assert periods["9/11 Attacks"]["labels"] == 9
    assert periods["Asian Financial Crisis"]["missing"] == {"prices begin on 2000-01-03": 0}
    assert list(periods["Brexit"]["missing"])[0].startswith("prices end on 2003-")


def test_files_of_the_report(labeler, tmp_path):
    made = labeler.generate_labels_for_period("2008-01-01", "2008-02-01", "a month")
    files = labeler.save_labels(made, tmp_path / "black_swan_labels.parquet")
    names = ["black_swan_labels.parquet", "black_swan_labels.csv", "label_generation_summary.txt"]
    assert [file.name for file in files] == names
    kept = load_labels(files[0])
    assert kept.strategy_idx.tolist() == made.strategy_idx.tolist() and kept.pnl.tolist() == made.pnl.tolist()
    assert np.array_equal(np.stack(kept.features), np.stack(made.features), equal_nan=True)
    assert len(pandas.read_csv(files[1])) == len(made)
    text = files[2].read_text()
    assert "6 contrarian_long cannot: lies on the segment" in text and "put_call_ratio" in text
    with pytest.raises(SpecError, match=r"^labels are written to a \.parquet file, with a \.csv beside it; got x\.csv"):
        save_labels(made, tmp_path / "x.csv")
    with pytest.raises(
        SpecError, match=r"^there is no file .*none\.parquet; write one with 'thermofab strategy label'"
    ):
        load_labels(tmp_path / "none.parquet")


def test_no_labels_at_all_is_a_frame_too(labeler, tmp_path):
    empty = labeler.generate_black_swan_labels()
    assert set(empty.period_name) <= {"Financial Crisis"}
    nothing = labeler.generate_labels_for_period("1990-01-01", "1990-02-01", "before")
    assert len(nothing) == 0 and labeler.save_labels(nothing, tmp_path / "n.parquet")[0].exists()


@pytest.mark.skipif(not Path(PRICES).is_dir(), reason="needs the price files for checks")
def test_crises_on_real_prices(tmp_path):
    store = HistoricalDataManager(tmp_path / "prices.db")
    store.ingest_csv(PRICES)
    made = StrategyLabeler(store).generate_black_swan_labels()
    periods = {row["period"]: row for row in made.attrs["periods"]}
    assert periods["Financial Crisis"]["labels"] == 121 and not periods["Financial Crisis"]["missing"]
    assert periods["Asian Financial Crisis"]["missing"] == {"TLT begins on 2002-07-30": 82}
    assert periods["COVID-19 Crash"]["missing"] == {"prices end on 2018-12-31": 0}
    assert made["date"].is_unique and len(made) == 453


def test_allocations_are_those_of_the_report():
    config = StrategyConfig()
    assert config.allocations[0] == (0.2, 0.5) and config.allocations[6] == (0.85, 0.15)
    with pytest.raises(
        SpecError, match=r"^defensive holds SPY 0\.9 and TLT 0\.3; shares are at least 0 and sum to at "
    ):
        replace(config, allocations=(config.allocations[0], (0.9, 0.3), *config.allocations[2:]))
