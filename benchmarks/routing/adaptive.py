"""Adaptive computation of the recursive router: steps against difficulty, quality against steps, latency, memory.

python benchmarks/routing/adaptive.py [DATA] → docs/results/routing_adaptive.json

A fifth of RouteLLM's prompts (``random``), and a tenth of the subjects (``subjects``), are held out. The same weights
are run at every fixed depth and with the halting head at several thresholds. Latency is that of ``route_request`` on
prompts not seen before, one at a time, on one thread.
"""

import argparse
import resource
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from data import COSTS, DEFAULT, Responses, read_responses
from results import write_results
from scipy.stats import rankdata

from thermofab.apps.console import steps as progress
from thermofab.apps.routing.embedding import LatentText
from thermofab.apps.routing.evaluation import curve, folds, folds_of, interval, resamples
from thermofab.apps.routing.providers import Catalogue, Model
from thermofab.apps.routing.quality import log_loss
from thermofab.apps.routing.recursion import RecursiveQuality
from thermofab.apps.routing.requests import ExecuteRequest
from thermofab.apps.routing.router import create_trm_router

THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95)
CATALOGUE = Catalogue((Model("open", "weak", 0.24, 0.24, 32768, 1.0), Model("vendor", "strong", 10, 30, 128000, 3.0)))


def depths(data: Responses, kept: np.ndarray, held: np.ndarray) -> dict[str, Any]:
    """Every fixed depth and every threshold on held-out prompts, and steps against difficulty."""
    embedding = LatentText().fit([data.prompts[k] for k in kept])
    train, test = (embedding.embed([data.prompts[k] for k in rows]) for rows in (kept, held))
    model, quality = RecursiveQuality().fit(train, data.quality[kept]), data.quality[held]
    full = model.refine(test, halting=False, traced=True).trace

    def judged(predicted: np.ndarray, steps: float) -> dict[str, float]:
        return {"steps": steps, "apgr": curve(predicted, quality, COSTS).apgr, "log_loss": log_loss(predicted, quality)}

    fixed = [judged(step.quality, float(number)) for number, step in enumerate(full, 1)]
    adaptive = {}
    for threshold in THRESHOLDS:
        out = model.with_threshold(threshold).refine(test)
        # The share of calls is the same for both: which half goes to the dear model?
        same = (_dear(out.quality) == _dear(full[-1].quality)).mean()
        one = judged(out.quality, float(out.steps.mean()))
        enough = [f["steps"] for f in fixed if f["log_loss"] <= one["log_loss"] and f["apgr"] >= one["apgr"]]
        adaptive[str(threshold)] = one | {
            "spread": float(out.steps.std()),
            "as_full_depth": float(same),
            "fixed_depth_as_good": min(enough, default=None),
        }
    out = model.refine(test)
    return {
        "held_out": len(held), "fixed": fixed, "adaptive": adaptive,
        "difficulty": difficulty(data, held, quality, out.steps, out.quality),
    }  # fmt: skip


def _dear(quality: np.ndarray) -> np.ndarray:
    gain = quality[:, 1] - quality[:, 0]
    return gain > np.median(gain)


def difficulty(
    data: Responses, held: np.ndarray, quality: np.ndarray, steps: np.ndarray, predicted: np.ndarray
) -> dict[str, Any]:
    """Steps against how often the subject's other prompts are failed, and against the prompt's own doubt."""
    subjects = data.subjects[held]
    failed = 1 - data.quality.mean(axis=1)
    total = {name: (failed[data.subjects == name].sum(), (data.subjects == name).sum()) for name in set(subjects)}
    hard = np.array([(total[s][0] - f) / (total[s][1] - 1) for s, f in zip(subjects, 1 - quality.mean(axis=1))])
    doubt = (predicted * (1 - predicted)).mean(axis=1)
    table = []
    for part in np.array_split(np.argsort(hard, kind="stable"), 5):
        table.append({"failed": float(hard[part].mean()), "steps": float(steps[part].mean()), "prompts": len(part)})
    drawn = [np.repeat(np.arange(len(held)), w.astype(int)) for w in resamples(len(held), 200)]
    return {
        "fifths": table,
        "rank_correlation": rank_correlation(hard, steps),
        "rank_correlation_interval": interval(np.array([rank_correlation(hard[d], steps[d]) for d in drawn])),
        "rank_correlation_doubt": rank_correlation(doubt, steps),
    }


def rank_correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])


def latency(data: Responses, kept: np.ndarray, held: np.ndarray, enable_trm: bool) -> dict[str, Any]:
    """Milliseconds a decision on 600 new prompts and again on the same (cached), and bytes of weights."""
    router = create_trm_router("prompt", enable_trm=enable_trm, catalogue=CATALOGUE, cache=600)
    begun = time.process_time()
    router.fit([ExecuteRequest(data.prompts[k]) for k in kept], data.quality[kept])
    trained = time.process_time() - begun
    asked = [ExecuteRequest(data.prompts[k]) for k in held[:700]]
    found: dict[str, Any] = {"fit_cpu_seconds": trained, "rows": len(kept)}
    for name, requests in (("warm-up", asked[600:]), ("new", asked[:600]), ("repeated", asked[:600])):
        wall, cpu = [], []
        for request in requests:
            begun, used = time.perf_counter(), time.process_time()
            router.route_request(request)
            wall.append(1e3 * (time.perf_counter() - begun))
            cpu.append(1e3 * (time.process_time() - used))
        quantiles = [float(q) for q in np.quantile(wall, [0.5, 0.99])]
        found[name] = {"p50": quantiles[0], "p99": quantiles[1], "cpu_p50": float(np.quantile(cpu, 0.5)),
                       "cpu_p99": float(np.quantile(cpu, 0.99))}  # fmt: skip
    begun = time.perf_counter()
    router.route_batch([replace(request, turn=1) for request in asked[:600]])
    found["batched_ms_each"] = 1e3 * (time.perf_counter() - begun) / 600
    found["recursion_bytes"] = int(sum(array.astype(np.float32).nbytes for array in router.recursion.arrays.values()))
    if isinstance(router.embedding, LatentText) and router.embedding.weights is not None:
        found["embedding_bytes"] = router.embedding.weights.nbytes
    found["steps"] = float(np.mean([d.metadata["trm_steps"] for d in router.route_batch(asked[:600])]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=DEFAULT)
    given = parser.parse_args()
    data = read_responses(given.data)
    kept, held = folds(len(data.prompts), 5)[0]
    whole: dict[str, Any] = {}
    with progress(4, False) as step:
        step("steps, prompts held out")
        whole["random"] = depths(data, kept, held)
        step("steps, subjects held out")
        whole["subjects"] = depths(data, *folds_of(data.subjects, 10)[0])
        step("latency, TRM")
        whole["latency"] = {"TRM": latency(data, kept, held, True)}
        step("latency, single step")
        whole["latency"]["single step"] = latency(data, kept, held, False)
    whole["peak_resident_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    for setting in ("random", "subjects"):
        for threshold, row in whole[setting]["adaptive"].items():
            print(setting, threshold, row)
        print(setting, whole[setting]["fixed"][-1], whole[setting]["difficulty"])
    print(whole["latency"])
    print(write_results("routing_adaptive", whole))


if __name__ == "__main__":
    main()
