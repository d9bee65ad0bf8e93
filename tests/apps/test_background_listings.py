"""The listings of ../shared/background, run with their imports mapped to our names; what cannot run is a table here.

The listings of a page run in order, in one namespace and one temporary folder, without a network. What a listing takes
from the program around it, such as a request or a socket's manager, is given by ``_given_*``.
"""

import ast
import asyncio
import inspect
import logging
import re
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.apps.background_imports import mapped

FOLDER = Path(__file__).resolve().parents[3] / "shared" / "background"
TRADING, TRLINKOS, PHASE_1 = "trading-integration-guide", "trlinkos-integration", "trm-phase-1-report"
ROUTING, STREAMING = "trm-routing-and-foresight", "trm-streaming-quick-start"
LIMIT = 60  # seconds per listing
SLOW = (TRADING,)  # whose listings train and measure for longer than 3 s
# By page and number: how the error begins, and why it stays.
FAILS: dict[tuple[str, int], tuple[str, str]] = {
    (ROUTING, 15): (
        "SpecError: the prompt is empty",
        "the request's arguments are left out as '...', which is no prompt",
    ),
    (STREAMING, 4): (
        "SpecError: trm_checkpoint.pkl is a pickle, which can run code",
        "pickles can run code when they are read, so a model is safetensors and JSON",
    ),
}
Names = dict[str, Any]


@cache
def listings(page: str) -> tuple[str, ...]:
    text = (FOLDER / f"{page}.md").read_text(encoding="utf-8")
    return tuple(re.findall(r"^```python\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE))


def made_store(start: str) -> None:
    """Two years of a made-up market as data/historical_market.db of the working folder."""
    import pandas

    from thermofab.apps.market.prices import bars_of
    from thermofab.apps.market.store import HistoricalDataManager

    random, store = np.random.default_rng(0), HistoricalDataManager()
    dates = pandas.bdate_range(start, periods=500)
    common = random.normal(0.0003, 0.01, len(dates))
    for symbol in ("SPY", "TLT", "IEF", "GLD", "QQQ", "VEA", "VWO"):
        closes = 90 * np.exp((common + random.normal(0, 0.006, len(dates))).cumsum())
        frame = pandas.DataFrame(
            {"Date": dates, "Close": closes, "Volume": random.integers(1_000_000, 5_000_000, len(dates))}
        )
        store.ingest(bars_of(frame, symbol))


def _given_trading() -> Names:
    import matplotlib

    from thermofab.apps.trading import EnergyBasedStrategyModel
    from thermofab.apps.trading.records import example_records, features_of

    matplotlib.use("Agg")
    model = EnergyBasedStrategyModel(device="native")
    model.train(example_records(80))
    return {
        "thrml_model": model,
        "samples": [features_of(record) for record in example_records(20)],
        "energy_fn": lambda sample: float(sample.sum()),
        "extract_features": features_of,
        "neural_network": _Network(),
        "preprocess": features_of,
        "combine_predictions": lambda record, prediction: prediction - record["thrml_energy"],
    }


class _Network:
    """A reader's own network: called, or by ``predict``."""

    def __call__(self, features: np.ndarray) -> float:
        return float(features.sum())

    predict = __call__


def _given_phase_1() -> Names:
    from thermofab.apps.strategy import HistoricalDataManager, StrategyLabeler, TRMConfig

    made_store("2007-01-01")
    return {
        "HistoricalDataManager": HistoricalDataManager,
        "StrategyLabeler": StrategyLabeler,
        "config": TRMConfig(),
        "start_date": "2008-01-01",
        "end_date": "2008-06-30",
    }


def _given_routing() -> Names:
    from thermofab.apps.foresight import ForesightContext
    from thermofab.apps.routing import ExecuteRequest, TaskType
    from thermofab.models.trm.refinement import create_trm_module

    random = np.random.default_rng(0)
    state = random.normal(size=112)
    return {
        "np": np,
        "ExecuteRequest": ExecuteRequest,
        "TaskType": TaskType,
        "ForesightContext": ForesightContext,
        "request": ExecuteRequest("What is a p-bit?"),
        "context": ForesightContext(("rain", "wind"), random.random((50, 2)) < 0.4),
        "state": state,
        "refinement_steps": create_trm_module().refine(state).steps,
    }


def _given_streaming() -> Names:
    made_store("2025-01-01")
    sent: list[dict[str, Any]] = []

    async def broadcast(message: dict[str, Any]) -> None:
        sent.append(message)

    return {
        "asyncio": asyncio,
        "logger": logging.getLogger("background"),
        "connection_manager": SimpleNamespace(broadcast=broadcast),
        "execute_strategy": sent.append,
        "DataStreamConfig": SimpleNamespace,
        "sent": sent,
    }


GIVEN: dict[str, Callable[[], Names]] = {
    TRADING: _given_trading, TRLINKOS: dict, PHASE_1: _given_phase_1, ROUTING: _given_routing,
    STREAMING: _given_streaming,
}  # fmt: skip


def _custom_energy(names: Names) -> None:
    from thermofab.apps.trading.energy import energy_model

    energy_model(names["custom_energy_fn"], 5)


def _tests_of_the_page(names: Names) -> None:
    names["test_trm_router_decision"]()


def _startup(names: Names) -> None:
    async def run() -> None:
        await names["startup"]()
        while not names["sent"]:
            await asyncio.sleep(0.01)

    asyncio.run(run())
    assert names["sent"][0]["type"] == "trm_prediction"


def _integrator(names: Names) -> None:
    streams: list[Any] = []
    whole = type("Whole", (names["AIDataStreamIntegrator"],), {"register_stream": lambda _, one: streams.append(one)})
    assert whole().trm_predictor.update_interval == 60 and len(streams) == 1


# What a listing defines and does not call is called, or it would show nothing.
CALLED: dict[tuple[str, int], Callable[[Names], None]] = {
    (TRADING, 13): _custom_energy, (ROUTING, 15): _tests_of_the_page,
    (STREAMING, 1): _startup, (STREAMING, 7): _integrator,
}  # fmt: skip


@contextmanager
def _confined() -> Iterator[None]:
    """In a temporary folder, without a network, and with logging as it was afterwards."""
    root, patch = logging.getLogger(), pytest.MonkeyPatch()
    level, handlers = root.level, root.handlers[:]

    def refused(*_: object) -> None:
        raise OSError("a listing has no network.")

    with TemporaryDirectory() as folder, patch.context() as patched:
        patched.chdir(folder)
        patched.setattr(socket.socket, "connect", refused)
        patched.setattr(socket, "getaddrinfo", refused)
        try:
            yield
        finally:
            root.setLevel(level)
            root.handlers[:] = handlers


def _late(*_: object) -> None:
    raise TimeoutError(f"the listing takes longer than {LIMIT} s.")


def _execute(source: str, page: str, number: int, names: Names) -> None:
    code = compile(mapped(source, page), f"{page} {number}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    before = signal.signal(signal.SIGALRM, _late)
    signal.alarm(LIMIT)
    try:
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(eval(code, names))
        else:
            exec(code, names)
        CALLED.get((page, number), lambda _: None)(names)
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


@cache
def outcomes(page: str) -> tuple[Exception | None, ...]:
    """What every listing of a page raised, in order."""
    found: list[Exception | None] = []
    with _confined():
        names = {"__name__": page} | GIVEN[page]()
        for number, source in enumerate(listings(page), 1):
            try:
                _execute(source, page, number, names)
                found.append(None)
            except Exception as error:
                found.append(error)
    return tuple(found)


def _cases() -> list[Any]:
    pages = [page for page in GIVEN if FOLDER.is_dir()]
    made = [(page, number) for page in pages for number in range(1, len(listings(page)) + 1)]
    return [
        pytest.param(page, number, id=f"{page}-{number}", marks=[pytest.mark.soak] if page in SLOW else [])
        for page, number in made
    ]


@pytest.mark.skipif(not FOLDER.is_dir(), reason="there is no ../shared/background beside the checkout")
@pytest.mark.parametrize("page, number", _cases())
def test_a_listing_runs_or_fails_as_listed(page, number):
    if page == STREAMING:
        from thermofab.apps.strategy.demo_model import demo_model_is_kept

        if not demo_model_is_kept():
            pytest.skip("the demonstration model takes a minute to train; 'thermofab strategy live' keeps it")
    error = outcomes(page)[number - 1]
    if (page, number) not in FAILS:
        if error is not None:
            raise error
        return
    said, reason = FAILS[page, number]
    assert error is not None, f"runs now: take it off the list of failures ({reason})."
    assert f"{type(error).__name__}: {error}".startswith(said), error
    pytest.xfail(reason)


@pytest.mark.skipif(not FOLDER.is_dir(), reason="there is no ../shared/background beside the checkout")
def test_every_page_and_listing_is_looked_at():
    assert {path.stem for path in FOLDER.glob("*.md")} == {*GIVEN, "README"}
    assert all(number <= len(listings(page)) for page, number in [*FAILS, *CALLED])
