"""Price files in the forms that sources write, and the series that no market made, each refused in its own sentence."""

import numpy as np
import pandas
import pytest

from thermofab.apps.market.jumps import jump_of
from thermofab.apps.market.prices import Prices, load_bars, load_prices, prices_of
from thermofab.apps.market.store import HistoricalDataManager
from thermofab.hw.spec import SpecError

DAYS = pandas.bdate_range("2020-02-03", periods=60)  # the change to summer time is among them
CLOSES = 100 * np.exp(np.random.default_rng(0).normal(0, 0.01, len(DAYS)).cumsum())
PLAIN = pandas.DataFrame({"Date": DAYS, "Close": CLOSES, "Volume": np.arange(60) + 5})


def same(loaded: Prices) -> bool:
    return np.allclose(loaded.closes, CLOSES) and np.array_equal(loaded.dates, DAYS.values.astype("datetime64[D]"))


def test_a_header_of_three_rows(tmp_path):
    rows = [f"{day.date()},{close},{close},7" for day, close in zip(DAYS, CLOSES)]
    head = ["Price,Adj Close,Close,Volume", "Ticker,SPY,SPY,SPY", "Date,,,"]
    (tmp_path / "x.csv").write_text("\n".join(head + rows))
    made = load_bars(tmp_path / "x.csv")
    assert same(made.prices) and made.prices.symbol == "x" and np.all(made.volumes == 7)
    head = ["Price,Close,Close,Volume", "Ticker,SPY,QQQ,SPY", "Date,,,"]
    (tmp_path / "y.csv").write_text("\n".join(head + rows))
    with pytest.raises(SpecError, match=r"^y holds prices of SPY, QQQ; give one symbol a file\.$"):
        load_bars(tmp_path / "y.csv")
    (tmp_path / "QQQ.csv").write_text("\n".join(head + rows))
    assert same(load_prices(tmp_path / "QQQ.csv"))


@pytest.mark.parametrize("names_first", [True, False])
def test_frames_with_names_and_symbols(tmp_path, names_first):
    frame = pandas.concat({"SPY": PLAIN.set_index("Date")}, axis=1)
    frame = frame.swaplevel(axis=1) if names_first else frame
    assert same(prices_of(frame, "X"))
    frame.to_parquet(tmp_path / "x.parquet")
    assert same(load_prices(tmp_path / "x.parquet"))


@pytest.mark.parametrize(
    "dates",
    [
        DAYS.tz_localize("America/New_York"),
        DAYS.tz_localize("Asia/Tokyo"),
        [str(day) for day in DAYS.tz_localize("America/New_York")],  # two offsets from Greenwich in one column
        [day.isoformat() for day in DAYS.tz_localize("UTC")],
        DAYS.strftime("%Y%m%d"),
        DAYS.strftime("%Y%m%d").astype(int),
        DAYS.strftime("%Y%m%d").astype(float),
        DAYS.strftime("%m/%d/%Y"),
        [day.date() for day in DAYS],
    ],
)
@pytest.mark.parametrize("name", ["Date", "Datetime", "timestamp", None])
def test_dates_in_their_usual_forms(dates, name):
    frame = PLAIN.drop(columns="Date")
    frame = frame.set_axis(pandas.Index(dates)) if name is None else frame.assign(**{name: dates})
    assert same(prices_of(frame, "X"))


@pytest.mark.parametrize("name", ["adj_close", "Adj Close", "AdjClose", "Adj. Close", "ADJ_CLOSE", "Adjusted_Close"])
def test_names_of_the_adjusted_close(name):
    assert same(prices_of(PLAIN.assign(**{name: PLAIN.Close, "Close": PLAIN.Close * 2}), "X"))


@pytest.mark.parametrize("name", ["a.csv", "a.CSV", "a.csv.gz", "a.Csv.GZ", "a.parquet", "a.PARQUET"])
def test_endings_of_files(tmp_path, name):
    path = tmp_path / name
    if "parquet" in name.lower():
        PLAIN.to_parquet(path)
    else:
        PLAIN.to_csv(path, index=False, compression="gzip" if name.lower().endswith("gz") else None)
    made = load_prices(path)
    assert same(made) and made.symbol == "a"


def test_a_store_takes_the_files_in_their_forms(tmp_path):
    folder = tmp_path / "files"
    folder.mkdir()
    PLAIN.to_csv(folder / "spy.csv.gz", index=False)
    PLAIN.to_csv(folder / "qqq.CSV", index=False)
    assert HistoricalDataManager(tmp_path / "kept").ingest_csv(folder) == {"QQQ": 60, "SPY": 60}


@pytest.mark.parametrize(
    "name, content, sentence",
    [
        ("a.csv", b"", r"a\.csv is empty; a price file has columns Date and Adj Close or Close\.$"),
        ("a.csv", b"\n\n", r"a\.csv is empty; a price file"),
        ("a.csv", b"Date,Close\n", r"^there are no prices of a; give at least two days\.$"),
        ("a.csv", b"\xff\xfe\x00\x01\x80", r"a\.csv is no readable csv file: "),
        ("a.csv", b'Date,Close\n"2020,1\n', r"a\.csv is no readable csv file: |^a has no column|^the dates of a"),
        ("a.parquet", b"", r"a\.parquet is empty; "),
        ("a.parquet", b"PAR1 and nothing", r"a\.parquet is no readable parquet file: "),
        ("a.csv.gz", b"Date,Close\n2020-01-01,1\n", r"a\.csv\.gz is no readable csv\.gz file: "),
        ("a.csv.gz", b"\x1f\x8b\x08\x00\x00", r"a\.csv\.gz is no readable csv\.gz file: "),
        ("a.csv", b"Close\n1\n2\n", r"^a has no column 'Date'; it has Close\.$"),
        ("a.csv", b"Date,Close\n5,1\n6,2\n", r"^the dates of a are numbers such as 5; write them as 2020-01-31 or 2"),
        ("a.csv", b"Date,Close\n20201301,1\n20201302,2\n", r"^the dates of a cannot be read: "),
        ("a.csv", b"Date,Close\n2020-01-01,1\n,2\n", r"^the dates of a cannot be read: row 1 has none\.$"),
    ],
)
def test_broken_files_are_refused(tmp_path, name, content, sentence):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SpecError, match=sentence):
        load_prices(tmp_path / name)


def changed(factor, first=30, last=60):
    closes = CLOSES.copy()
    closes[first:last] *= factor
    return PLAIN.assign(Close=closes)


DAY = str(DAYS[30])[:10]
BEFORE = str(DAYS[29])[:10]


@pytest.mark.parametrize(
    "frame, sentence",
    [
        (changed(1 / 25), rf"^X falls to 1/25 from {BEFORE} to {DAY}, as after a split; take adjusted closes, or load"),
        (changed(10), rf"^X rises to 10 times its price from {BEFORE} to {DAY}, as after a reverse split; take adj"),
        (changed(2), r"^X rises to 2 times its price from .*, as after a reverse split"),
        (changed(25), r"^X rises to 25 times its price from .*, as after a reverse split"),
        (
            changed(100),
            rf"^X is from {DAY} on 100 times what it was on {BEFORE}, as after a change of units; bring all",
        ),
        (
            changed(0.01),
            rf"^X is from {DAY} on 1/100 of what it was on {BEFORE}, as after a change of units; bring all",
        ),
        (
            changed(10, 30, 31),
            rf"^the price of X on {DAY} is \d+(\.\d+)? times those of the days beside it, as by a mis",
        ),
        (changed(0.1, 30, 31), rf"^the price of X on {DAY} is 0\.\d+ times those of the days beside it, as by a mis"),
        (changed(10, 0, 1), r"^X falls to 1/10 from"),
        (changed(10, 59, 60), r"^X rises to 10 times its price from"),
        (changed(33.5), rf"^X is on {DAY} 33\.\d times what it was on {BEFORE}; no daily series of one thing moves so"),
        (PLAIN.assign(Close=5.0), r"^the price of X is 5 on all 60 days; prices that never change have no risk to mea"),
    ],
)
def test_what_no_market_made_is_refused(frame, sentence):
    with pytest.raises(SpecError, match=sentence):
        prices_of(frame, "X")


@pytest.mark.parametrize("factor", [1 / 25, 10.0, 2.0])
def test_splits_both_ways_are_repaired_where_that_is_named(factor):
    fixed = prices_of(changed(factor), "X", ["split-adjust"])
    verb, by = ("divided", 1 / factor) if factor < 1 else ("multiplied", factor)
    assert fixed.repairs == (f"{verb} prices up to {BEFORE} by {by:g}",)
    assert np.allclose(fixed.returns, np.diff(np.log(CLOSES)))


def test_news_is_not_an_error():
    assert all(jump_of(changed(factor).Close.to_numpy(), True) is None for factor in (0.75, 1.5, 1.3))
    assert jump_of(changed(2.16).Close.to_numpy(), False) is None
