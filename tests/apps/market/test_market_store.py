"""Bars with volume, and the store in both of its forms."""

import numpy as np
import pandas
import pytest

from thermofab.apps.market.prices import bars_of, load_bars
from thermofab.apps.market.store import HistoricalDataManager
from thermofab.hw.spec import SpecError

DAYS = pandas.bdate_range("2020-01-01", periods=40)


def frame(symbol_seed: int = 0) -> pandas.DataFrame:
    rng = np.random.default_rng(symbol_seed)
    closes = 100 * np.exp(rng.normal(0, 0.01, len(DAYS)).cumsum())
    return pandas.DataFrame(
        {
            "Date": DAYS,
            "Open": closes * 0.99,
            "High": closes * 1.02,
            "Low": closes * 0.98,
            "Close": closes,
            "Volume": rng.integers(1000, 2000, len(DAYS)),
        }
    )


@pytest.fixture(params=["prices.db", "prices"])
def store(request, tmp_path) -> HistoricalDataManager:
    for seed, symbol in enumerate(("AAA", "BBB")):
        frame(seed).to_csv(tmp_path / f"{symbol}.csv", index=False)
    manager = HistoricalDataManager(tmp_path / "kept" / request.param)
    assert manager.ingest_csv(tmp_path) == {"AAA": 40, "BBB": 40}
    return manager


def test_bars_have_volume_and_follow_adjusted_closes():
    plain = bars_of(frame(), "X")
    assert np.array_equal(plain.volumes, frame().Volume) and np.allclose(plain.highs, plain.prices.closes * 1.02)
    adjusted = bars_of(frame().assign(**{"Adj Close": frame().Close / 2}), "X")
    assert np.allclose(adjusted.prices.closes, plain.prices.closes / 2)
    assert np.allclose(adjusted.opens, plain.opens / 2) and np.allclose(adjusted.highs, plain.highs / 2)


def test_repairs_move_whole_days():
    mixed = frame().sample(frac=1, random_state=0)
    fixed = bars_of(mixed, "X", ["sort"])
    assert np.array_equal(fixed.volumes, frame().Volume) and np.allclose(fixed.lows, frame().Low)


def test_split_adjustment_keeps_the_money_traded():
    split = frame().assign(Close=lambda f: f.Close.where(f.index < 20, f.Close / 2))
    fixed = bars_of(split[["Date", "Close", "Volume"]], "X", ["split-adjust"])
    assert np.allclose(fixed.volumes[:20], 2 * frame().Volume[:20])
    assert np.allclose((fixed.volumes * fixed.prices.closes)[:20], (frame().Volume * frame().Close)[:20])


def test_an_index_may_halve_in_a_day():
    halved = frame().assign(Close=lambda f: f.Close.where(f.index < 20, f.Close / 2))[["Date", "Close"]]
    with pytest.raises(SpecError, match="as after a split"):
        bars_of(halved, "X")
    assert len(bars_of(halved, "VIX", traded=False)) == 40


def test_volumes_reach_the_trading_application_from_the_same_reader(tmp_path):
    from thermofab.apps.trading import load_prices

    frame().to_csv(tmp_path / "x.csv", index=False)
    assert np.array_equal(load_prices(tmp_path / "x.csv").closes, load_bars(tmp_path / "x.csv").prices.closes)


def test_get_data(store):
    whole = store.get_data()
    assert list(whole.columns) == ["date", "symbol", "open", "high", "low", "close", "volume"] and len(whole) == 80
    assert whole.symbol[:2].tolist() == ["AAA", "BBB"] and whole.date.is_monotonic_increasing
    some = store.get_data("2020-01-06", "2020-01-08", "BBB")
    assert some.date.dt.strftime("%m-%d").tolist() == ["01-06", "01-07", "01-08"]
    assert np.allclose(some.close, frame(1).Close[3:6]) and np.allclose(some.volume, frame(1).Volume[3:6])
    assert len(store.get_data("2030-01-01")) == 0


def test_days_ingested_again_replace_the_old_ones(store, tmp_path):
    frame().assign(Volume=7)[5:10].to_csv(tmp_path / "new.csv", index=False)
    store.ingest_csv(tmp_path / "new.csv", symbol="AAA")
    volumes = store.get_data(symbols=["AAA"]).volume.to_numpy()
    assert len(volumes) == 40 and (volumes[5:10] == 7).all() and volumes[4] == frame().Volume[4]


def test_what_is_missing_stays_missing(store, tmp_path):
    frame()[["Date", "Close"]].to_csv(tmp_path / "bare.csv", index=False)
    store.ingest_csv(tmp_path / "bare.csv", symbol="CCC")
    bare = store.get_data(symbols="CCC")
    assert bare.volume.isna().all() and bare.open.isna().all() and bare.close.notna().all()


def test_refusals(store, tmp_path):
    with pytest.raises(SpecError, match=r"^the store has no SPY; it has AAA, BBB\.$"):
        store.get_data(symbols="SPY")
    with pytest.raises(SpecError, match=r"^start_date is a day such as '2008-09-15', got 'soon'\.$"):
        store.get_data("soon")
    with pytest.raises(SpecError, match=r"^there is no store .*none\.db; make one with"):
        HistoricalDataManager(tmp_path / "none.db").get_data()
    (tmp_path / "text.db").write_text("not a database, but long enough to be read as one" * 30)
    with pytest.raises(SpecError, match=r"^.*text\.db is no store of daily bars: "):
        HistoricalDataManager(tmp_path / "text.db").get_data()
    with pytest.raises(SpecError, match=r"volumes of X on 2020-01-01 has -1, which cannot be\.$"):
        bars_of(frame().assign(Volume=-1), "X")
    with pytest.raises(SpecError, match=r"^X has its high below its low on 2020-01-01\.$"):
        bars_of(frame().assign(High=1.0), "X")
