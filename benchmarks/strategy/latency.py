"""How long a prediction takes, cold and warm, and the memory of a process that makes them.

python benchmarks/strategy/latency.py

Writes docs/results/strategy_latency.json. *Cold* is a new process: from its start to the first prediction, imports and
reading of the model included; and the first prediction alone. *Warm*: after 20 predictions. The full-sized model, 512
units a layer, is the documents' shape with untrained weights, which take as long as trained ones; the demonstration
model has 64. Features come from a store of made-up prices, as long as the documents' (SQLite, seven symbols, 5,000
days), and are read anew for every prediction.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import ROOT, write_results

SIZES = {"512 units": 512, "64 units": 64}
COLD, WARM = 5, 140


def made_store(path: Path, days: int = 5000) -> None:
    """Seven symbols and VIX, random walks."""
    import pandas

    from thermofab.apps.market.prices import bars_of
    from thermofab.apps.market.store import HistoricalDataManager

    store, rng = HistoricalDataManager(path), np.random.default_rng(0)
    dates = pandas.bdate_range("2000-01-03", periods=days)
    for symbol in ("SPY", "TLT", "IEF", "GLD", "QQQ", "VEA", "VWO", "VIX"):
        closes = 50 * np.exp(np.cumsum(rng.normal(0.0002, 0.01, days)))
        frame = pandas.DataFrame({"Date": dates, "Close": closes, "Volume": rng.integers(1_000_000, 5_000_000, days)})
        store.ingest(bars_of(frame, symbol, traded=symbol != "VIX"))


def made_model(path: Path, width: int) -> None:
    from thermofab.apps.strategy.checkpoint import StrategyModel, save_strategy_model
    from thermofab.apps.strategy.config import TRMConfig, TRMModelConfig
    from thermofab.models.trm.classifier import TinyRecursiveModel
    from thermofab.models.trm.normaliser import Normaliser

    config = TRMConfig(TRMModelConfig(hidden_dim=width, mask_inputs=True))
    normaliser = Normaliser((0.0,) * 10, (1.0,) * 10)
    save_strategy_model(path, StrategyModel(TinyRecursiveModel(config.model), normaliser, 1.0, config))


def child(store: str, model: str, plan: str, repeats: int) -> None:
    """One process: milliseconds of every prediction and its parts, as JSON on standard output."""
    import asyncio

    process = psutil.Process()
    begun = process.create_time()
    from thermofab.apps.strategy.observations import StoreObservations
    from thermofab.apps.strategy.planner import Planner
    from thermofab.apps.strategy.predictor import TRMStreamingPredictor

    planner = Planner(["SPY"]) if plan == "plan" else None
    predictor = TRMStreamingPredictor(60, model, observations=StoreObservations(store), planner=planner)
    before = process.memory_info().rss
    made: dict[str, list[float]] = {"extract": [], "predict": [], "whole": []}

    async def run() -> None:
        for k in range(repeats):
            at = time.perf_counter()
            assert await predictor.predict_streaming() is not None
            made["whole"].append(1000 * (time.perf_counter() - at))
            if k == 0:
                made["start"] = [1000 * (time.time() - begun)]
            at = time.perf_counter()
            features = await predictor.extract_features()
            made["extract"].append(1000 * (time.perf_counter() - at))
            at = time.perf_counter()
            predictor.predict(features)
            made["predict"].append(1000 * (time.perf_counter() - at))

    asyncio.run(run())
    predictor.close()
    memory = process.memory_info().rss / 2**20
    print(json.dumps(made | {"megabytes": [memory], "loaded": [before / 2**20]}))


def run(store: Path, model: Path, plan: bool, repeats: int) -> dict[str, list[float]]:
    words = [sys.executable, __file__, "child", str(store), str(model), "plan" if plan else "none", str(repeats)]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=True)
    return json.loads(done.stdout)


def quantiles(values: list[float]) -> dict[str, float]:
    return {name: round(float(np.quantile(values, share)), 2) for name, share in (("p50", 0.5), ("p99", 0.99))}


def main() -> None:
    rows: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "prices.db"
        made_store(store)
        for name, width in SIZES.items():
            model = Path(folder) / f"model{width}"
            made_model(model, width)
            for plan in (False, True):
                cold = [run(store, model, plan, 1) for _ in range(COLD)]
                warm = run(store, model, plan, WARM)
                key = name + (" and a plan" if plan else "")
                rows[key] = {
                    "from_process_start": quantiles([made["start"][0] for made in cold]),
                    "cold": quantiles([made["whole"][0] for made in cold]),
                    "warm": quantiles(warm["whole"][20:]),
                    "warm_extract": quantiles(warm["extract"][20:]),
                    "warm_predict": quantiles(warm["predict"][20:]),
                    "megabytes": round(warm["megabytes"][0]),
                    "megabytes_before": round(warm["loaded"][0]),
                }
                print(key, rows[key], flush=True)
    about = {"unit": "milliseconds", "cold_runs": COLD, "warm_runs": WARM - 20, "documents": "250 to 600 ms, 50 MB"}
    print(write_results("strategy_latency", about | {"rows": rows}))


if __name__ == "__main__":
    if sys.argv[1:2] == ["child"]:
        child(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5]))
    else:
        main()
