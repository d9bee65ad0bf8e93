"""Prices are checked on loading; what is repaired is named."""

import numpy as np
import pandas
import pytest

from thermofab.apps.trading.prices import Prices, load_prices, prices_of
from thermofab.hw.spec import SpecError

DAYS = np.arange("2020-01-01", "2020-03-01", dtype="datetime64[D]")


def frame(closes=None, dates=None):
    closes = 100 * np.exp(np.random.default_rng(0).normal(0, 0.01, len(DAYS)).cumsum()) if closes is None else closes
    return pandas.DataFrame({"Date": DAYS if dates is None else dates, "Close": closes})


def changed(row, value):
    made = frame()
    made.loc[row, "Close"] = value
    return made


@pytest.mark.parametrize(
    "made, sentence",
    [
        (frame([], DAYS[:0]), r"^there are no prices of X; give at least two days\.$"),
        (frame([1.0], DAYS[:1]), r"^there is one price of X; a return needs two days at least\.$"),
        (changed(3, np.nan), r"^the price of X on 2020-01-04 is missing; fill it, or load with repair=\['drop-missing"),
        (changed(3, 0.0), r"^the price of X on 2020-01-04 is 0; prices are positive\.$"),
        (changed(3, -2.0), r"^the price of X on 2020-01-04 is -2; prices are positive\.$"),
        (frame(dates=np.append(DAYS[1:], DAYS[-1])), r"^X has 2020-02-29 twice; remove one, or load with repair="),
        (
            frame(dates=np.append(DAYS[1:], DAYS[0])),
            r"^the dates of X go back from 2020-02-29 to 2020-01-01; sort them",
        ),
        (
            frame(dates=np.where(np.arange(60) > 30, DAYS + np.timedelta64(40, "D"), DAYS)),
            r"^X has no price for 41 days after 2020-01-31; a ",
        ),
        (
            frame().assign(Close=lambda f: f.Close.where(f.index < 20, f.Close / 2)),
            r"^X falls to 1/2 from 2020-01-20 to",
        ),
        (frame().drop(columns="Close"), r"^X has no column 'Adj Close' or 'Close'; it has Date\.$"),
        (frame(dates=["x"] * 60), r"^the dates of X cannot be read: "),
    ],
)
def test_bad_prices_are_refused(made, sentence):
    with pytest.raises(SpecError, match=sentence):
        prices_of(made, "X")


def test_repairs_are_named():
    mixed = frame().sample(frac=1, random_state=1)
    mixed = pandas.concat([mixed, mixed.iloc[:2]])
    mixed.iloc[5, 1] = np.nan
    fixed = prices_of(mixed, "X", ["sort", "drop-duplicates", "drop-missing"])
    assert len(fixed) in (59, 60) and len(fixed.repairs) == 3
    assert fixed.repairs[0] == "dropped 1 days without a price" and fixed.repairs[1] == "sorted by date"
    split = frame().assign(Close=lambda f: f.Close.where(f.index < 20, f.Close / 2))
    adjusted = prices_of(split, "X", ["split-adjust"])
    assert adjusted.repairs == ("divided prices up to 2020-01-20 by 2",)
    assert np.allclose(adjusted.returns, prices_of(frame(), "X").returns)


def test_sources(tmp_path):
    assert len(load_prices()) == 5031 and load_prices("SPX").symbol == "^GSPC"
    frame().to_csv(tmp_path / "a.csv", index=False)
    frame().to_parquet(tmp_path / "a.parquet")
    assert np.allclose(load_prices(tmp_path / "a.csv").closes, load_prices(tmp_path / "a.parquet").closes)
    for source, sentence in (
        (
            "AAPL",
            r"^unknown symbol 'AAPL': '\^GSPC' is at hand; any other series is a \.csv or \.parquet file with col",
        ),
        (tmp_path / "b.csv", r"^there is no file .*b\.csv\.$"),
    ):
        with pytest.raises(SpecError, match=sentence):
            load_prices(source)
    with pytest.raises(
        SpecError, match=r"^unknown repair 'guess'; known are sort, drop-duplicates, drop-missing, split"
    ):
        load_prices(repair=["guess"])


def test_a_crash_is_not_a_split():
    """October 1987: the index fell by a fifth."""
    closes = frame().Close.to_numpy().copy()
    closes[30:] *= 0.78
    assert len(Prices("X", DAYS, closes)) == 60
