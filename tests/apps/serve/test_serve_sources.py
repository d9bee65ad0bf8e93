"""Sources and predictors: order, pace, growing files, resuming, what is declared a mock."""

import asyncio
import datetime
import math
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.present import present
from thermofab.apps.serve.predictors import SourcePredictor
from thermofab.apps.serve.sources import MockSource, ReplaySource, Row, TailSource, price_rows
from thermofab.hw.spec import SpecError


def days(count, start="2020-01-01"):
    first = datetime.date.fromisoformat(start)
    return [Row(first + datetime.timedelta(k), {"close": 100.0 + k}) for k in range(count)]


async def collected(rows, count=None):
    found = []
    async for row in rows:
        found.append(row)
        if len(found) == count:
            break
    return found


def test_a_replay_keeps_its_pace_after_its_backlog():
    series = days(12)
    began = time.monotonic()
    assert asyncio.run(collected(ReplaySource("S", series, "s", speed=50.0, backlog=6).rows(None))) == series
    assert 5 / 50 <= time.monotonic() - began < 5
    began = time.monotonic()
    assert asyncio.run(collected(ReplaySource("S", series, "s", speed=0.1).rows(series[-1].date))) == series
    assert time.monotonic() - began < 1, "rows that are known wait for nothing"
    with pytest.raises(SpecError, match="above 0"):
        ReplaySource("S", series, "s", speed=0.0)


def test_prices_that_ship_are_rows():
    rows = price_rows("^GSPC")
    assert len(rows) > 5000 and rows[0].date == datetime.date(1999, 1, 4) and rows[0].values["close"] > 1000


def test_a_growing_file_is_read_in_whole_lines(tmp_path, caplog):
    path = tmp_path / "SPY.csv"
    path.write_text("Date,Close\n2020-01-01,1.5\n2020-01-02,nan\n2020-01-03,x\n2020-01-04,2")

    async def follow():
        rows = TailSource("SPY", path, poll_seconds=0.01).rows(None)
        found = [await anext(rows)]
        with path.open("a") as file:
            file.write(".5\n2020-01-03,9\n2020-01-05,3,4\n")
        found.append(await asyncio.wait_for(anext(rows), 5))
        path.write_text("Date,Close\n2020-01-04,2.5\n2020-01-06,4\n")
        return [*found, await asyncio.wait_for(anext(rows), 5)]

    found = asyncio.run(follow())
    assert [(row.date.day, row.values["close"]) for row in found] == [(1, 1.5), (4, 2.5), (6, 4.0)]
    reasons = [record.reason for record in caplog.records]
    assert any("not a finite number" in reason for reason in reasons)
    assert any("is not after" in reason for reason in reasons)


def test_a_folder_is_read_in_the_order_of_names_and_looked_at_again(tmp_path):
    for day in (2, 1):
        (tmp_path / f"2020-01-0{day}.csv").write_text(f"Date,Close\n2020-01-0{day},{day}\n")

    async def follow():
        rows = TailSource("SPY", tmp_path, poll_seconds=0.01).rows(None)
        found = [await anext(rows), await anext(rows)]
        (tmp_path / "2020-01-03.csv").write_text("Date,Close\n2020-01-03,3\n")
        return [*found, await asyncio.wait_for(anext(rows), 5)]

    assert [row.date.day for row in asyncio.run(follow())] == [1, 2, 3]
    with pytest.raises(SpecError, match="there is no file or folder"):
        TailSource("SPY", tmp_path / "none")


def test_a_mock_says_so_and_is_the_same_every_time():
    source = MockSource(speed=math.inf, days=50)
    first, second = (asyncio.run(collected(source.rows(None))) for _ in range(2))
    assert source.kind == "mock" and first == second and len(first) == 50
    assert all(row.date.weekday() < 5 for row in first)


class Recording:
    """A model that notes what it is given and on which thread."""

    message_type = "trm_prediction"

    def __init__(self, fail_on=None):
        self.seen, self.threads, self._fail_on = [], set(), fail_on

    def observe(self, row):
        self.threads.add(threading.current_thread().name)
        self.seen.append(row.date.day)

    def predict(self):
        if self.seen[-1] == self._fail_on:
            self._fail_on = None
            raise ArithmeticError("once")
        return None if self.seen[-1] < 3 else {"day": self.seen[-1]}


def test_a_predictor_runs_its_model_off_the_loop_and_resumes_after_what_is_known():
    async def run(model, known):
        predictor = SourcePredictor(ReplaySource("S", days(6), "s", math.inf), model, pool)
        if known:
            predictor.resume({"as_of": known})
        found = []
        while (data := await predictor.next()) is not None:
            found.append(data["day"])
        return found

    with ThreadPoolExecutor(1, thread_name_prefix="pool") as pool:
        model = Recording()
        assert asyncio.run(run(model, None)) == [3, 4, 5, 6]
        assert all(name.startswith("pool") for name in model.threads)
        model = Recording()
        assert asyncio.run(run(model, "2020-01-04")) == [5, 6] and model.seen == [1, 2, 3, 4, 5, 6]


def test_a_model_that_fails_once_goes_on_and_sees_no_row_twice():
    async def run(model):
        predictor = SourcePredictor(ReplaySource("S", days(6), "s", math.inf), model, pool)
        with pytest.raises(ArithmeticError):
            while True:
                assert present(await predictor.next())["day"] == 3
        return [present(await predictor.next())["day"] for _ in range(2)]

    with ThreadPoolExecutor(1) as pool:
        model = Recording(fail_on=4)
        assert asyncio.run(run(model)) == [5, 6] and model.seen == [1, 2, 3, 4, 5, 6]
