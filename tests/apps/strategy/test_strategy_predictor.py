"""The streaming predictor: what it says, refuses, waits for, and sends; streams of rows; the commands."""

# Observations are stand-ins, and wrong arguments are refused.
# pyright: reportArgumentType=false

import asyncio
import datetime
import json
import logging
import pickle
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
from websockets.sync.client import connect

from tests.present import present
from thermofab.apps.serve.app import create_app
from thermofab.apps.serve.journal import Journal
from thermofab.apps.serve.messages import Kinds
from thermofab.apps.serve.prediction import PREDICTION
from thermofab.apps.serve.server import serving
from thermofab.apps.serve.sources import Row
from thermofab.apps.strategy.broadcast import broadcast_trm_predictions
from thermofab.apps.strategy.checkpoint import StrategyModel, save_strategy_model
from thermofab.apps.strategy.config import StrategyConfig, TRMConfig, TRMModelConfig
from thermofab.apps.strategy.demo_model import LAST_TRAINED, demo_config
from thermofab.apps.strategy.demo_rows import demo_observations, demo_rows
from thermofab.apps.strategy.drift import DriftMonitor
from thermofab.apps.strategy.features import MarketFeatureExtractor
from thermofab.apps.strategy.live import shown
from thermofab.apps.strategy.names import STRATEGIES
from thermofab.apps.strategy.observations import Observation, ReplayedObservations, StoreObservations
from thermofab.apps.strategy.outcomes import best, paths, utilities_of
from thermofab.apps.strategy.planner import Planner
from thermofab.apps.strategy.predictor import TRMStreamingPredictor
from thermofab.apps.strategy.rows import StrategyRows
from thermofab.apps.strategy.window import RowWindow
from thermofab.hw.spec import SpecError
from thermofab.models.trm.classifier import TinyRecursiveModel
from thermofab.models.trm.normaliser import Normaliser

KINDS = Kinds([PREDICTION])
FEATURES = [14.5, -0.02, -0.05, 1.1, 0.45, 0.28, 1.3, 0.99, 0.03, 0.95]  # the documents' example
NORMALISER = Normaliser(tuple([0.5] * 10), tuple([2.0] * 10))


@pytest.fixture(scope="module")
def model() -> StrategyModel:
    config = TRMConfig(TRMModelConfig(hidden_dim=16, mask_inputs=True), strategies=demo_config().strategies)
    return StrategyModel(TinyRecursiveModel(config.model), NORMALISER, 0.7, config, {"name": "a test's"})


class Days:
    """Observations that a test controls."""

    kind, name = "replay", "a test's"

    def __init__(self, features=FEATURES, wait: threading.Event | None = None):
        self.features, self.wait, self.asked = features, wait, 0

    def latest(self):
        self.asked += 1
        if self.wait is not None:
            self.wait.wait(20)
        if isinstance(self.features, Exception):
            raise self.features
        day = datetime.date(2020, 1, 1) + datetime.timedelta(self.asked)
        return Observation(np.array(self.features, dtype=float), day, 100.0)


def checked(data):
    """Every message is what the schema says."""
    KINDS.encode({"type": "trm_prediction", "data": data})
    return data


def test_the_documents_keys_and_the_schema(model):
    predictor = TRMStreamingPredictor(60, model=model)
    made = checked(predictor.predict(np.array(FEATURES)))
    documented = {
        "timestamp", "strategy_id", "strategy_name", "confidence", "probabilities", "raw_features",
        "normalized_features", "halt_probability", "model_metadata",
    }  # fmt: skip
    assert documented <= set(made) and made["raw_features"] == FEATURES
    assert made["model_metadata"] == {
        "recursion_cycles": 3, "latent_steps": 6, "effective_depth": 42, "model_hash": model.digest, "name": "a test's",
    }  # fmt: skip
    p, halting, normalised = model.probabilities(np.array([FEATURES]))
    assert list(made["probabilities"]) == list(STRATEGIES)
    assert list(made["probabilities"].values()) == pytest.approx(p[0].tolist())
    assert made["confidence"] == pytest.approx(p[0].max()) and made["strategy_id"] == p[0].argmax()
    assert made["halt_probability"] == pytest.approx(float(halting[0]))
    assert made["normalized_features"] == pytest.approx(normalised[0].tolist())
    assert predictor.predict(FEATURES)["sequence"] == 2 and predictor.history[0] is made


def test_absent_features_are_flagged_and_seen_by_the_model(model):
    predictor = TRMStreamingPredictor(60, model=model)
    some = [*FEATURES]
    some[0], some[6] = float("nan"), None  # pyright: ignore[reportCallIssue]
    made, whole = checked(predictor.predict(some)), predictor.predict(FEATURES)
    assert [k for k, gone in enumerate(made["feature_mask"]) if gone] == [0, 6]
    assert made["raw_features"][6] is None and made["normalized_features"][0] is None
    at_the_mean = [0.5 if gone else value for gone, value in zip(made["feature_mask"], FEATURES)]
    assert made["probabilities"] != predictor.predict(at_the_mean)["probabilities"] != whole["probabilities"]


@pytest.mark.parametrize(
    "features, sentence",
    [
        ([*FEATURES[:9], float("inf")], "signal_quality_score is infinite"),
        (FEATURES[:9], "got 9"),
        ([float("nan")] * 10, "all ten features are absent"),
        ("ten", "features are 10 numbers"),
        ({"vix": 1}, "features are 10 numbers"),
    ],
)
def test_bad_features_are_refused(model, features, sentence):
    with pytest.raises(SpecError, match=sentence):
        TRMStreamingPredictor(60, model=model).predict(features)


def test_files(model, tmp_path):
    save_strategy_model(tmp_path / "m", model)
    predictor = TRMStreamingPredictor(model_path=tmp_path / "m.safetensors")
    assert predictor.model.digest == model.digest
    (tmp_path / "n.json").write_text(json.dumps({"mean": [0.0] * 10, "std": [1.0] * 10}))
    other = TRMStreamingPredictor(model_path=tmp_path / "m", normalization_path=tmp_path / "n.json")
    made = other.predict([1.0] * 10)
    assert made["normalized_features"] == pytest.approx([1.0] * 10)
    assert made["model_metadata"]["model_hash"] != model.digest, "another normaliser is another model"
    for name in ("m.pkl", "m.pt"):
        (tmp_path / name).write_bytes(pickle.dumps({}))
        with pytest.raises(SpecError, match="is a pickle, which can run code"):
            TRMStreamingPredictor(model_path=tmp_path / name)
        with pytest.raises(SpecError, match="a normalisation is JSON"):
            TRMStreamingPredictor(model=model, normalization_path=tmp_path / name)
    for text, sentence in (("{}", "is no normalisation"), ('{"mean": [1], "std": [1]}', "has 1 means")):
        (tmp_path / "n.json").write_text(text)
        with pytest.raises(SpecError, match=sentence):
            TRMStreamingPredictor(model=model, normalization_path=tmp_path / "n.json")
    with pytest.raises(SpecError, match="there is no file"):
        TRMStreamingPredictor(model=model, normalization_path=tmp_path / "none.json")


@pytest.mark.parametrize("name", ["update_interval", "timeout", "history"])
def test_numbers_out_of_range(model, name):
    with pytest.raises(SpecError, match=f"{name} must be above 0"):
        TRMStreamingPredictor(**{name: 0}, model=model)
    with pytest.raises(SpecError, match="not both"):
        TRMStreamingPredictor(model=model, model_path="x")


def test_streaming_waits_no_longer_than_its_timeout(model, caplog):
    """One late extraction is waited for again, not started beside itself; then the stream goes on."""
    wait = threading.Event()
    days = Days(wait=wait)
    predictor = TRMStreamingPredictor(60, model=model, observations=days, timeout=0.1)

    async def run():
        began = time.monotonic()
        late = [await predictor.predict_streaming() for _ in range(2)]
        assert time.monotonic() - began < 5
        wait.set()
        predictor.timeout = 20
        return late, await predictor.predict_streaming()

    late, made = asyncio.run(run())
    assert late == [None, None] and days.asked == 1
    assert (
        present(checked(made))["as_of"] == "2020-01-02"
        and present(made)["price"] == 100.0
        and present(made)["source"]["kind"] == "replay"
    )
    assert sum("event=extraction_failed" in record.getMessage() for record in caplog.records) == 2
    assert "extraction takes longer than 0.1 s" in caplog.records[0].getMessage()
    predictor.close()


def test_what_fails_is_logged_and_none(model, caplog):
    predictor = TRMStreamingPredictor(60, model=model, observations=Days(SpecError("no store here")))
    assert asyncio.run(predictor.extract_features()) is None
    assert asyncio.run(predictor.predict_streaming()) is None
    assert "no store here" in caplog.records[0].getMessage()
    with pytest.raises(SpecError, match="no store here"):
        asyncio.run(predictor.next())  # a server counts it and tells its clients


def test_history_is_bounded_and_logs_are_structured(model, caplog):
    predictor = TRMStreamingPredictor(60, model=model, history=3)
    with caplog.at_level(logging.INFO, "thermofab.apps.strategy.predictor"):
        for _ in range(5):
            predictor.predict(FEATURES)
    assert [made["sequence"] for made in predictor.history] == [3, 4, 5]
    fields = dict(part.split("=") for part in caplog.records[-1].getMessage().split())
    assert fields["event"] == "prediction" and fields["sequence"] == "5" and fields["strategy"] in STRATEGIES
    predictor.resume({"sequence": 40})
    assert predictor.predict(FEATURES)["sequence"] == 41


class Manager:
    """A connection manager that fails once."""

    def __init__(self):
        self.sent = []

    async def broadcast(self, message):
        self.sent.append(message)
        if len(self.sent) == 1:
            raise OSError("once")


def test_broadcast_goes_on_whatever_a_manager_does(model, caplog):
    predictor, manager = TRMStreamingPredictor(0.01, model=model, observations=Days()), Manager()

    async def run():
        task = asyncio.create_task(broadcast_trm_predictions(predictor, manager))
        while len(manager.sent) < 3:
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(asyncio.wait_for(run(), 20))
    for number, message in enumerate(manager.sent[:3], 1):
        KINDS.encode(message)
        assert message["type"] == "trm_prediction" and message["data"]["sequence"] == number
    assert any("event=broadcast_failed" in record.getMessage() for record in caplog.records)


def test_a_server_streams_several_predictors(model, tmp_path):
    """The predictor as it is, for two symbols, with one joint plan over both."""
    planner = Planner(["A", "B"], days=2, device="reference", replicas=4)
    predictors = [
        TRMStreamingPredictor(0.05, model=model, observations=Days(), symbol=symbol, planner=planner)
        for symbol in ("A", "B")
    ]
    app = create_app(predictors, Journal(tmp_path / "j.sqlite"))
    with serving(app) as server, connect(f"{server.ws}/me?from=1") as client:
        found = []
        while {data["symbol"] for data in found} != {"A", "B"} or len(found) < 6:
            message = json.loads(client.recv(20))
            if message["type"] == "trm_prediction":
                found.append(checked(message["data"]))
    assert [data["sequence"] for data in found] == list(range(1, len(found) + 1))
    labels = [entry["label"].split(" day")[0] for entry in found[-1]["plan"]["allocation"]]
    assert labels == ["A", "A", "B", "B"] and found[-1]["plan"]["fabric"] == "pdit8-2x2"


def test_features_of_rows_are_those_of_a_store(store, frames):
    """The window's last day, from rows, is the extractor's, bit for bit."""
    config = MarketFeatureExtractor(store).config
    window = RowWindow(config)
    for k, day in enumerate(frames["SPY"]["Date"]):
        values = {"close": frames["SPY"]["Close"][k], "volume": float(frames["SPY"]["Volume"][k])}
        values |= {name.lower(): frames[name]["Close"][k] for name in config.symbols[1:]}
        values["vix"] = frames["VIX"]["CLOSE"][k]
        window.add(day.date(), values)
    seen = present(StoreObservations(store).latest())
    assert np.array_equal(window.features(), seen.features, equal_nan=True) and seen.as_of == window.date
    assert seen.stale and np.isfinite(seen.features).sum() == 9
    with pytest.raises(SpecError, match="is not after"):
        window.add(window.date, {"close": 1.0})
    with pytest.raises(SpecError, match="no close above 0"):
        window.add(window.date + datetime.timedelta(1), {"volume": 1.0})


def test_rows_are_predicted_and_judged(model):
    """Hits are counted against the labels of the same days, computed apart; nothing looks ahead."""
    days, rng = 120, np.random.default_rng(0)
    closes = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, days)))
    series = [Row(datetime.date(2020, 1, 1) + datetime.timedelta(k), {"close": float(c)}) for k, c in enumerate(closes)]
    rows = StrategyRows(model, "X", "replay", "made up", drift=DriftMonitor())
    said = []
    for row in series:
        rows.observe(row)
        said.append(rows.predict())
    first = model.config.features.history
    assert said[:first] == [None] * first and all(checked(numbered(data)) for data in said[first:])
    window = RowWindow(model.config.features, days)
    for row in series:
        window.add(row.date, row.values)
    truth = best(utilities_of(paths(window.panel(), model.config.strategies), model.config.strategies.risk_aversion))[0]
    judged = range(first, days - 5)
    assert said[-1]["realised"]["count"] == len(judged)
    assert said[-1]["realised"]["hits"] == sum(truth[k] == said[k]["strategy_id"] for k in judged)
    assert said[-1]["realised"]["baseline_hits"] == np.bincount(truth[list(judged)]).max()
    again = StrategyRows(model, "X", "replay", "made up", drift=DriftMonitor())
    for row in series[:80]:
        again.observe(row)
    assert present(again.predict()) | {"timestamp": ""} == said[79] | {"timestamp": ""}


def numbered(data):
    return data | {"sequence": 1, "previous": 0}


def test_allocations_with_bonds_are_judged_only_with_bonds(model):
    """Without TLT nothing is judged, rather than by a made-up price."""
    bonds = TRMConfig(model.config.model, strategies=StrategyConfig())
    other = StrategyModel(model.model, NORMALISER, 0.7, bonds)
    counts = []
    for beside in ({}, {"tlt": 90.0}):
        rows = StrategyRows(other, "X", "replay", "made up")
        for k in range(60):
            rows.observe(Row(datetime.date(2020, 1, 1) + datetime.timedelta(k), {"close": 100.0 + k % 7, **beside}))
        counts.append(present(rows.predict())["realised"]["count"])
    assert counts == [0, 5]


def test_the_demonstrations_days_follow_its_training():
    rows, seen = demo_rows(), demo_observations().latest()
    assert rows[60].date > LAST_TRAINED.astype(datetime.date) >= rows[59].date and len(rows) > 2000
    assert present(seen).as_of == rows[60].date and np.isnan(present(seen).features).tolist() == [
        k in (0, 6) for k in range(10)
    ]


def test_a_replay_ends(model):
    rows = [Row(datetime.date(2020, 1, 1) + datetime.timedelta(k), {"close": 100.0 + k}) for k in range(53)]
    days = ReplayedObservations(rows, model.config.features, "short", kind="mock")
    predictor = TRMStreamingPredictor(0.001, model=model, observations=days)

    async def run():
        found = []
        while (data := await predictor.next()) is not None:
            found.append(checked(data))
        return found

    found = asyncio.run(run())
    assert [data["as_of"] for data in found] == [row.date.isoformat() for row in rows[50:]]
    assert all(data["mock"] for data in found)


def test_the_console_block(model):
    made = TRMStreamingPredictor(60, model=model).predict([*FEATURES[:9], None])
    text = shown(made).splitlines()
    assert text[0] == text[-1] == "=" * 64
    top = max(made["probabilities"], key=made["probabilities"].get)
    row = next(line for line in text if line.startswith("  1. "))
    share = made["probabilities"][top]
    assert top in row and row.count("█") == round(36 * share) and row.endswith(f"{share:.2%}")
    assert "Absent features: 1" in text


def command(folder, *arguments):
    done = [sys.executable, "-m", "thermofab.apps.cli", "strategy", *map(str, arguments)]
    return subprocess.run(done, capture_output=True, text=True, cwd=folder)


def test_commands(model, store, tmp_path):
    save_strategy_model(tmp_path / "m", model)
    numbers = ",".join(map(str, FEATURES))
    made = command(tmp_path, "predict", "--features", numbers, "--model", "m", "--plan", "--json")
    assert made.returncode == 0, made.stderr
    assert checked(json.loads(made.stdout))["plan"]["fabric"] == "pdit8-1x3"
    made = command(
        tmp_path, "stream", "--model", "m", "--prices", store.path, "--interval", 0.05, "--count", 2, "--console"
    )
    assert made.returncode == 0 and made.stdout.count("  3. ") == 2, made.stderr
    made = command(tmp_path, "predict", "--features", "1,2,x", "--model", "m")
    assert made.returncode != 0 and "ten numbers with commas" in made.stderr
