"""``thermofab trade risk --portfolio`` from a folder of files to numbers, paths and a page; what it refuses."""

# pandas' types do not tell a column from a table, nor its reductions from either.
# pyright: reportAttributeAccessIssue=false

import json
import re
from html.parser import HTMLParser

import numpy as np
import pandas
import pytest
from typer.testing import CliRunner

from tests.apps.axe import broken_rules
from tests.apps.trading.portfolio.made_panels import made_panel, write_prices
from thermofab.apps.cli import app
from thermofab.apps.trading.portfolio.stressed import condition_of
from thermofab.hw.spec import SpecError

SYMBOLS = ("AAA", "BBB", "CCC")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three files, one of which begins and one of which ends on another day than the rest."""
    folder, panel = tmp_path_factory.mktemp("prices"), made_panel(700, 3)
    days = np.append(panel.dates[0] - np.timedelta64(1, "D"), panel.dates)
    for k, (name, first, last) in enumerate(zip(SYMBOLS, (0, 20, 0), (700, 700, 697))):
        write_prices(folder, name, days[first : last + 1], panel.returns[first:last, k])
    (folder / "notes.txt").write_text("no prices")
    return folder


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    path = tmp_path_factory.mktemp("held") / "book.csv"
    path.write_text("symbol,weight\naaa,0.6\nBBB,0.3\nCCC,-0.2\n")
    return path


def trade(*options):
    """The command; its result."""
    return CliRunner().invoke(app, ["trade", "risk", *map(str, options)])


def refused(*options):
    """The sentence of a refusal."""
    result = trade(*options)
    assert isinstance(result.exception, SpecError), result.output
    return str(result.exception)


@pytest.fixture(scope="module")
def asked(folder, weights):
    return (
        "--portfolio", weights, "--prices", folder, "--device", "native", "--trajectories", 1000, "--seed", 5,
        "--backtest-days", 12, "--stress", "AAA<5%", "--money", 50_000, "--json",
    )  # fmt: skip


@pytest.fixture(scope="module")
def written(asked, tmp_path_factory):
    out = tmp_path_factory.mktemp("out") / "made"
    files = "--report", out / "risk.html", "--paths", out / "paths.parquet"
    result = trade(*asked, *files)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout[result.stdout.index("{") :]), out, result.stderr


def test_axe_finds_nothing_on_the_page(written):
    assert broken_rules(written[1] / "risk.html") == {}


def test_numbers_agree_with_one_another_and_with_the_paths(written):
    numbers, out, said = written
    assert f"made the folder {out}" in said
    assert (numbers["portfolio"], numbers["money"], numbers["days"]) == ("book", 50_000, 677)
    assert numbers["weights"] == {"AAA": 0.6, "BBB": 0.3, "CCC": -0.2} and numbers["cash"] == pytest.approx(0.3)
    assert any("CCC ends on" in note and "days after it are left out" in note for note in numbers["notes"])
    assert any("30.00% of the money are held as cash" in note for note in numbers["notes"])
    frame = pandas.read_parquet(out / "paths.parquet")
    assert list(frame.columns) == ["path", "day", "symbol", "return", "volatility", "portfolio"]
    assert len(frame) == 1000 * 10 * 3 and list(frame.symbol[:3]) == list(SYMBOLS)
    total = frame.groupby(["path", "symbol"], observed=True)["return"].sum().unstack()
    profit = np.expm1(total.to_numpy()) @ [0.6, 0.3, -0.2]
    assert frame[frame.day == 10].portfolio.to_numpy()[::3] == pytest.approx(50_000 * (1 + profit))
    row = next(row for row in numbers["risk"] if (row["horizon"], row["level"]) == (10, 0.05))
    assert row["es"] == pytest.approx(-np.sort(profit)[:50].mean()) and row["es_money"] == 50_000 * row["es"]
    assert sum(one["es"] for one in row["contributions"]) == pytest.approx(row["es"])
    assert numbers["backtest"]["days"] == 12 and len(numbers["backtest"]["levels"]) == 3
    assert numbers["backtest"]["last"] == numbers["as_of"]
    (stress,) = numbers["stress"]
    assert stress["condition"] == "AAA below its 5% quantile"
    assert stress["assets"]["AAA"]["crash"] == pytest.approx(1, abs=1e-9)
    assert stress["probability"] == pytest.approx(0.05, abs=0.01) and 100 < stress["effective"] <= 1000
    assert stress["assets"]["AAA"]["data_crash"] <= 1
    assert stress["assets"]["BBB"]["mean"] < -0.002 < 0 < stress["days"] < 60


class Told(HTMLParser):
    """Text of a page, its addresses, ids, and tags left open."""

    def __init__(self):
        super().__init__()
        self.text, self.ids, self.links, self.open = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.ids += [value for name, value in attributes if name == "id"]
        self.links += [value for name, value in attributes if name in ("src", "href", "srcset", "data", "action")]
        if tag not in ("meta", "br", "path", "use", "rect", "link", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if self.open and self.open[-1] == tag:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag in ("path", "use", "rect"):
            return
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def test_the_page_needs_nothing_beside_it_and_says_what_it_is_of(written):
    numbers, out, _ = written
    page = (out / "risk.html").read_text()
    told = Told()
    told.feed(page)
    assert told.open == [] and len(set(told.ids)) == len(told.ids)
    assert all(link.startswith("#") and link[1:] in told.ids for link in told.links)
    assert not re.search(r"https?:|//[a-z]|@import|<script|<link|<img|<iframe", page)
    assert all(target in told.ids for target in re.findall(r"url\(#([^)]*)\)", page))
    assert not re.search(r"#1000\d\d", page), "a place-holder colour is left"
    text = " ".join(told.text)
    as_of, first = numbers["as_of"], numbers["first"]
    stamp = f"book · as of {as_of} · 677 days learnt from, {first} to {as_of} · 1,000 paths"
    assert text.count(stamp) == page.count("<section") == 8
    held = "50,000.00 held as AAA 60.0%, BBB 30.0%, CCC −20.0%, cash 30.0%"
    for said in (held, "CCC ends on", "machine, static", "native", "12 one-day forecasts", "AAA below its 5% quantile"):
        assert said in text
    assert page.count("<svg") == 7 and page.count('role="img"') == 7
    row = next(row for row in numbers["risk"] if (row["horizon"], row["level"]) == (1, 0.01))
    assert f"{row['var']:.2%}" in text and f"{row['es_money']:,.0f}" in text


def test_the_same_seed_gives_the_same_page(written, asked, tmp_path):
    _, out, _ = written
    again = trade(*asked, "--report", tmp_path / "risk.html", "--paths", tmp_path / "paths.csv")
    assert again.exit_code == 0
    assert (tmp_path / "risk.html").read_text() == (out / "risk.html").read_text()
    frame, kept = pandas.read_csv(tmp_path / "paths.csv"), pandas.read_parquet(out / "paths.parquet")
    assert np.allclose(frame["return"], kept["return"], rtol=1e-12) and list(frame.symbol) == list(kept.symbol)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--report", "risk.pdf"), "a report is written as .html, got 'risk.pdf'"),
        (("--paths", "paths.xlsx"), "paths are written as .csv, .csv.gz or .parquet, got 'paths.xlsx'"),
        (("--as-of", "1999-01-01"), "as-of is a day that the prices of all of AAA, BBB, CCC cover"),
        (("--as-of", "soon"), "as-of is a day such as 2008-09-15, got 'soon'"),
        (("--stress", "AAA falls"), "a stress is written as SPY<5% or SPY>95%, got 'AAA falls'"),
        (("--stress", "XYZ<5%"), "the stress XYZ<5% needs prices of XYZ; there are AAA, BBB, CCC"),
        (("--stress", "AAA<60%"), "must hold on less than half of all days"),
        (("--kind", "weekly"), "got 'weekly'"),
        (("--trajectories", 500), "500 effective paths of 500 have fewer than 10 below the 0.01 quantile; take 1000"),
        (("--backtest-days", 300), "a back-test of 300 days leaves 377 of 677 days to learn from, and 500 are needed"),
        (("--position", 5), "--position is of one asset; leave it or --portfolio out"),
        (("--model", "market.json"), "--model is of one asset"),
        (("--threshold", 0.1), "threshold is a simple return between -1 and 0"),
    ],
)
def test_what_is_refused_before_work_is_lost(asked, tmp_path, monkeypatch, options, sentence):
    monkeypatch.chdir(tmp_path)
    assert sentence in refused(*asked, *options)
    assert list(tmp_path.iterdir()) == []


def test_folders_and_files_that_are_not_what_they_should_be(folder, weights, tmp_path):
    base = "--portfolio", weights, "--backtest-days", 0
    assert "a portfolio's prices are a folder with a file a symbol" in refused(*base, "--prices", folder / "AAA.csv")
    assert "a portfolio's prices are a folder" in refused(*base, "--prices", tmp_path / "none")
    assert "there is no .csv, .csv.gz or .parquet file in" in refused(*base, "--prices", tmp_path)
    (tmp_path / "one.csv").write_text("symbol,weight\nAAA,1\n")
    said = refused("--portfolio", tmp_path / "one.csv", "--prices", folder)
    assert "two assets at least, got AAA; the risk of one is 'thermofab trade risk --prices FILE'" in said
    assert "is a folder; give the name of a file" in refused(*base, "--prices", folder, "--report", _folder(tmp_path))
    assert "--report is of a portfolio; give --portfolio weights.csv" in refused("--report", tmp_path / "r.html")


def _folder(place):
    made = place / "r.html"
    made.mkdir()
    return made


def test_conditions_in_words():
    assert str(condition_of("spy > 97.5%", ("SPY", "TLT"))) == "SPY above its 97.5% quantile"
    below = condition_of("TLT<2.5%", ("SPY", "TLT"))
    assert below.holds(np.array([0.02, 0.03])).tolist() == [True, False]
