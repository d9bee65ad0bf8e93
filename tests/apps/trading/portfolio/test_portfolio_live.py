"""Live risk: messages and their schema, scores, restarts from the journal, prices that cannot be, joined files."""

import asyncio
import datetime
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from tests.apps.trading.portfolio.made_panels import made_panel, write_prices
from tests.present import present
from thermofab.apps.serve.journal import Journal
from thermofab.apps.serve.limits import Limits
from thermofab.apps.serve.manager import ConnectionManager
from thermofab.apps.serve.messages import CONTROL, Kinds, MessageError
from thermofab.apps.serve.predictors import stream
from thermofab.apps.serve.sources import ReplaySource, Row, TailSource
from thermofab.apps.trading.portfolio.filters import filter_panel, fit_marginals
from thermofab.apps.trading.portfolio.live.build import learner, risk_predictor
from thermofab.apps.trading.portfolio.live.joined import JoinedSource
from thermofab.apps.trading.portfolio.live.message import RISK
from thermofab.apps.trading.portfolio.live.rows import RiskPredictor, RiskRows, Watched, closes_by_day
from thermofab.apps.trading.portfolio.panel import Panel
from thermofab.apps.trading.portfolio.weights import Weights
from thermofab.apps.trading.scores import kupiec
from thermofab.hw.spec import SpecError

KINDS = Kinds((*CONTROL, RISK))
SYMBOLS, SHARES = ("AAA", "BBB", "CCC"), np.array([0.5, 0.4, -0.2])
DRAWS = 1000


@pytest.fixture(scope="module")
def panel():
    return made_panel(640, 3)


@pytest.fixture(scope="module")
def rows(panel):
    first = panel.dates[0] - np.timedelta64(1, "D")
    closes = 100 * np.exp(np.vstack([np.zeros(3), np.cumsum(panel.returns, axis=0)]))
    return closes_by_day(SYMBOLS, np.append(first, panel.dates), closes)


LEARNT = {}


def once(learn, symbols):
    """Forecasters are values: what is learnt from the same days is kept."""

    def learn_once(dates, returns):
        key = symbols, len(dates), returns.tobytes()
        if key not in LEARNT:
            LEARNT[key] = learn(dates, returns)
        return LEARNT[key]

    return learn_once


def model_of(rows, again=False, **changes):
    """A model that learns from 600 days; ``again`` if from anew."""
    given: dict[str, Any] = {
        "topic": "book",
        "weights": Weights(SYMBOLS, SHARES, 1000.0),
        "until": rows[600].date,
        "draws": DRAWS,
    }
    given |= {"model": "static", "device": "native"} | changes
    watched = Watched(**given)
    learn = learner(watched.weights.symbols, "native", "static", "gjr", watched.draws)
    return RiskRows(watched, learn if again else once(learn, watched.weights.symbols), "replay", "made")


def messages(rows, model=None, known=None):
    """What a predictor says of all rows, after the message ``known``."""
    with ThreadPoolExecutor(1) as pool:
        predictor = RiskPredictor(ReplaySource("book", rows, "made", 1e9), model or model_of(rows), pool)
        if known is not None:
            predictor.resume(known)

        async def collect():
            made = []
            while (data := await predictor.next()) is not None:
                made.append(data)
            return made

        return asyncio.run(collect())


@pytest.fixture(scope="module")
def said(rows):
    return messages(rows)


def test_messages_follow_their_schema_and_score_the_forecast_before(said, panel):
    assert [data["as_of"] for data in said] == [str(day) for day in panel.dates[599:]]
    for k, data in enumerate(said):
        text = KINDS.encode({"type": "portfolio_risk", "data": data | {"sequence": k + 1, "previous": k}})
        assert len(text) < 4000
    assert said[0]["scored"] is None and said[0]["record"]["days"] == 0 and said[0]["record"]["since"] is None
    profits = np.expm1(panel.returns[600:]) @ SHARES
    hits = np.zeros(3, dtype=int)
    for before, data, profit in zip(said, said[1:], profits):
        scored, levels = data["scored"], before["forecast"]["levels"]
        assert scored["profit"] == pytest.approx(profit) and 0 < scored["pit"] < 1
        assert [one["var"] for one in scored["beyond"]] == [one["var"] for one in levels]
        hits += [one["hit"] for one in scored["beyond"]]
        assert [one["hit"] for one in scored["beyond"]] == [profit < -one["var"] for one in levels]
        assert [one["breaches"] for one in data["record"]["levels"]] == hits.tolist()
    last = said[-1]["record"]
    assert last["days"] == 40 and last["since"] == said[1]["as_of"] and sum(last["pit"]["bins"]) == 40
    assert last["levels"][2]["kupiec"] == pytest.approx(kupiec(np.arange(40) < hits[2], 0.05))
    es = {one["level"]: one["es"] for one in said[-1]["forecast"]["levels"]}[0.025]
    assert sum(one["es"] for one in said[-1]["positions"]) == pytest.approx(es)
    assert said[-1]["money"] == 1000 and said[-1]["model"]["fits"] == 1 and said[-1]["model"]["days"] == 600


def test_the_filter_takes_the_steps_of_the_whole_series(said, rows, panel):
    """Online variances are those of the filter run over all days at once."""
    # The panel of the closes as they are, which differ in the last digits from those that the returns came from.
    closes = np.array([[row.values[name.lower()] for name in SYMBOLS] for row in rows])
    streamed = Panel(SYMBOLS, panel.dates, np.log(closes[1:] / closes[:-1]))
    whole = filter_panel(streamed, fit_marginals(streamed.rows(0, 600)))
    for data, variances in zip(said, whole.variances[600:]):
        assert [one["volatility"] for one in data["positions"]] == pytest.approx(np.sqrt(252 * variances))


def test_the_same_stream_and_seed_say_the_same(said, rows):
    assert messages(rows[:620]) == said[:20]
    other = messages(rows[:605], model_of(rows, seed=1))
    assert other[0]["forecast"] != said[0]["forecast"] and other[0]["model"]["basis"] != said[0]["model"]["basis"]


def test_a_restart_goes_on_without_counting_twice(said, rows):
    known = json.loads(json.dumps(said[17] | {"sequence": 18, "previous": 17}))
    assert messages(rows, known=known) == said[18:]
    later = model_of(rows, until=rows[630].date)
    assert messages(rows, later, known)[-1] == said[-1], "the first fit is the journal's, whatever the options say"
    anew = messages(rows, model_of(rows, seed=1), known)
    assert len(anew) == 40 - 17 and anew[-1]["record"]["days"] == 40 - 17 - 1 + 18


def test_a_journal_holds_every_message_once_over_a_restart(rows, said, tmp_path):
    """A server killed between two messages: the second one reads the journal and ends with the same record."""

    async def run(rows):
        journal = Journal(tmp_path / "journal.sqlite")
        manager = ConnectionManager(journal, KINDS, Limits())
        with ThreadPoolExecutor(1) as pool:
            predictor = RiskPredictor(ReplaySource("book", rows, "made", 1e9), model_of(rows, again=True), pool)
            newest = journal.newest(1, "book")
            if newest:
                predictor.resume(json.loads(newest[0][2])["data"])
            await stream(predictor, manager)
        kept = [json.loads(text)["data"] for _, _, text in journal.read(1, 100)]
        await manager.close()
        return kept

    assert len(asyncio.run(run(rows[:610]))) == 10
    kept = asyncio.run(run(rows))
    assert [data["sequence"] for data in kept] == list(range(1, 42))
    numbers = ("sequence", "previous")
    assert [{k: v for k, v in data.items() if k not in numbers} for data in kept] == json.loads(json.dumps(said))


def test_refits_come_on_their_days(rows):
    made = messages(rows[:611], model_of(rows, refit=5))
    assert [data["model"]["fits"] for data in made] == [1] * 5 + [2] * 5 + [3]
    assert made[5]["model"]["fitted"] == made[5]["as_of"] and made[5]["model"]["days"] == 605
    assert messages(rows[:611], model_of(rows, refit=5), made[6]) == made[7:]


def test_a_restart_of_the_daily_machine_says_the_same(rows):
    """Its walk keeps tables between draws; what days say must not depend on which days were drawn."""
    pair = Weights(("AAA", "BBB"), np.array([0.5, 0.5]))
    learn = once(learner(pair.symbols, "native", "daily", "gjr", DRAWS), "daily")

    def model():
        watched = Watched("book", pair, rows[600].date, draws=DRAWS, model="daily", device="native")
        return RiskRows(watched, learn, "replay", "made")

    said = messages(rows[:608], model())
    (forecaster,) = [made for key, made in LEARNT.items() if key[0] == "daily"]
    assert forecaster.walk.before is None, "draws left something in the walk"
    assert len(said) == 8 and messages(rows[:608], model(), said[3]) == said[4:]


def with_prices(row, **changes):
    return Row(row.date, {**row.values, **changes})


def test_prices_that_cannot_be_are_left_out_and_said(rows, said):
    typo = [*rows[:610], with_prices(rows[610], aaa=1000 * rows[610].values["aaa"]), *rows[611:615]]
    made = messages(typo)
    assert len(made) == 14 and made[-1]["left_out"]["rows"] == 1
    assert made[-1]["left_out"]["last"].startswith(f"{rows[610].date}: AAA is 1e+03 times what it was before")
    expected = np.sqrt(252) * 0.01
    assert all(one["volatility"] < 20 * expected for one in made[-1]["positions"])
    split = rows[:610] + [with_prices(row, bbb=row.values["bbb"] / 4) for row in rows[610:620]]
    made = messages(split)
    assert len(made) == 19 and made[-1]["left_out"]["rows"] == 1, "the second day after a split is the new level"
    assert made[-1]["positions"][1]["price"] == pytest.approx(rows[619].values["bbb"] / 4)
    missing = [*rows[:605], Row(rows[605].date, {"aaa": 1.0, "bbb": 2.0}), *rows[606:608]]
    made = messages(missing)
    assert len(made) == 7 and made[-1]["left_out"]["last"] == f"{rows[605].date}: no price of CCC."
    assert said[0]["left_out"] == {"rows": 0, "last": None}


def test_one_asset_is_streamed_by_its_own_model(rows):
    """The fabric's conditional distribution of one asset; its online state is that of a fit's own last day."""
    single = Weights(("BBB",), np.array([1.0]))
    model = model_of(rows, weights=single, model="one asset")
    made = messages([Row(row.date, {"close": row.values["bbb"]}) for row in rows[:606]], model)
    assert len(made) == 6 and made[-1]["assets"] == ["BBB"] and made[-1]["record"]["days"] == 5
    for k, data in enumerate(made):
        KINDS.encode({"type": "portfolio_risk", "data": data | {"sequence": k + 1, "previous": k}})
        (one,) = data["positions"]
        level = data["forecast"]["levels"][1]
        assert one["es"] == pytest.approx(level["es"]) and level["es"] > level["var"] > 0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda d: d["positions"].reverse(), "positions are of CCC, BBB, AAA, assets AAA, BBB, CCC"),
        (lambda d: d["record"]["levels"].pop(), "of the same levels"),
        (lambda d: d["forecast"]["levels"][0].update(es=0.0), "ES at 0.01 is below VaR"),
        (lambda d: d["positions"][0].update(es=1.0), "they sum to ES"),
        (lambda d: d["record"].update(days=7), "PITs of 7 days; one each"),
        (lambda d: d.update(as_of="yesterday"), "at data.as_of"),
        (lambda d: d["forecast"].update(volatility=float("nan")), "data.forecast.volatility is not a finite number"),
        (lambda d: d.update(further=1), "Additional properties"),
    ],
)
def test_messages_that_contradict_themselves_are_refused(said, change, sentence):
    data = json.loads(json.dumps(said[20])) | {"sequence": 1, "previous": 0}
    change(data)
    with pytest.raises(MessageError, match=sentence):
        KINDS.encode({"type": "portfolio_risk", "data": data})


def test_joined_files_give_the_days_of_all(tmp_path):
    (tmp_path / "A.csv").write_text("Date,Close,Adj Close\n2020-01-01,9,1\n2020-01-02,9,2\n2020-01-03,9,3\n")
    (tmp_path / "B.csv").write_text("Date,Close\n2020-01-02,20\n2020-01-03,30\n2020-01-06,60\n")
    tails = [TailSource(name, tmp_path / f"{name}.csv", closes=True) for name in "AB"]
    source = JoinedSource("book", tails, "A, B")

    async def collect():
        return [row async for row in source.rows(None)]

    days = [datetime.date(2020, 1, 2), datetime.date(2020, 1, 3)]
    assert asyncio.run(collect()) == [Row(days[0], {"a": 2.0, "b": 20.0}), Row(days[1], {"a": 3.0, "b": 30.0})]
    assert source.kind == "tail"


def test_files_that_grow_are_followed(tmp_path, panel):
    """A day is published once every file has it, and not before."""
    days = np.append(panel.dates[0] - np.timedelta64(1, "D"), panel.dates)
    for k, name in enumerate(SYMBOLS):
        write_prices(tmp_path, name, days[:602], panel.returns[:601, k])
    weights = tmp_path / "book.txt"
    weights.write_text("symbol,weight\nAAA,0.5\nBBB,0.5\nCCC,0.1\n")

    def grow(name, k):
        close = 100 * np.exp(panel.returns[:602, k].sum())
        with (tmp_path / f"{name}.csv").open("a") as file:
            file.write(f"{days[602]},{close:.10g}\n")

    async def run():
        with ThreadPoolExecutor(1) as pool:
            made = risk_predictor(weights, tmp_path, pool, follow=True, device="native", draws=DRAWS)
            first = await made.next()
            for k, name in enumerate(SYMBOLS[:2]):
                grow(name, k)
            coming = asyncio.ensure_future(made.next())
            await asyncio.sleep(1.1)
            assert not coming.done()
            grow("CCC", 2)
            return first, await asyncio.wait_for(coming, 10)

    first, second = asyncio.run(run())
    assert (present(first)["as_of"], present(second)["as_of"]) == (str(days[601]), str(days[602]))
    assert present(first)["model"]["until"] == present(first)["as_of"] and present(second)["record"]["days"] == 1
    assert present(second)["source"] == {"kind": "tail", "name": "AAA.csv, BBB.csv, CCC.csv"}


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"until": "1999-01-01"}, "the last day learnt from leaves 500 returns to learn from"),
        ({"until": "soon"}, "is a day such as 2015-12-31, got 'soon'"),
        ({"refit": 0}, "refit is a number of days, 1 at least, got 0"),
        ({"draws": 100}, "100 draws have fewer than ten below the 0.01 quantile; take 1000 at least"),
        ({"kind": "weekly"}, "got 'weekly'"),
    ],
)
def test_what_cannot_be_streamed_is_refused(tmp_path, panel, options, sentence):
    for k, name in enumerate(SYMBOLS):
        write_prices(
            tmp_path, name, np.append(panel.dates[0] - np.timedelta64(1, "D"), panel.dates), panel.returns[:, k]
        )
    (tmp_path / "book.txt").write_text("symbol,weight\nAAA,0.5\nBBB,0.5\n")
    with ThreadPoolExecutor(1) as pool, pytest.raises(SpecError, match=sentence):
        risk_predictor(tmp_path / "book.txt", tmp_path, pool, device="native", **options)
