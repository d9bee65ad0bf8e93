"""Every router on RouteLLM's weak/strong answers: 5 folds, and folds that leave whole subjects out.

python benchmarks/routing/evaluate.py [DATA] [--parts 10] → docs/results/routing_evaluate.json

Embeddings and routers are fitted on the training folds only; predictions on the held-out folds are put together and
judged. Intervals are 95% percentile bootstraps over prompts, the same resamples for every router.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from data import COSTS, DEFAULT, MODELS, Responses, read_responses
from results import write_results

from thermofab.apps.console import steps
from thermofab.apps.routing.contenders import CONTENDERS
from thermofab.apps.routing.embedding import LatentText
from thermofab.apps.routing.evaluation import bootstrap, calibration_error, curve, folds, folds_of, interval
from thermofab.apps.routing.quality import log_loss

REPEATS = 200
GRID = np.linspace(0, 1, 21)


def predictions(data: Responses, parts: list[tuple[np.ndarray, np.ndarray]], step) -> tuple[dict, dict]:
    """Held-out predictions of every contender, and the seconds its fits took, embedding aside."""
    found = {name: np.zeros_like(data.quality) for name, _ in CONTENDERS}
    seconds = dict.fromkeys(found, 0.0)
    for number, (kept, held) in enumerate(parts, 1):
        step(f"fold {number} of {len(parts)}")
        embedding = LatentText().fit([data.prompts[k] for k in kept])
        train, test = (embedding.embed([data.prompts[k] for k in rows]) for rows in (kept, held))
        for name, make in CONTENDERS:
            begun = time.process_time()
            found[name][held] = make().fit(train, data.quality[kept]).predict(test)
            seconds[name] += time.process_time() - begun
    return found | {"oracle": data.quality}, seconds


def judge(predicted: np.ndarray, quality: np.ndarray, resampled: np.ndarray) -> dict[str, Any]:
    """The numbers of one router on some prompts."""
    found = curve(predicted, quality, COSTS)
    return {
        "apgr": found.apgr,
        "apgr_interval": interval(resampled[:, 0]),
        "aiq": found.aiq,
        "aiq_interval": interval(resampled[:, 1]),
        "at_half": found.at(0.5),
        "shuffled_at_half": float(quality.mean()),
        "log_loss": log_loss(np.clip(predicted, 1e-3, 1 - 1e-3), quality),
        "ece": max(calibration_error(predicted[:, k], quality[:, k]) for k in range(2)),
        "curve": [found.at(cost) for cost in GRID],
    }


def table(data: Responses, found: dict[str, np.ndarray], seconds: dict[str, float]) -> dict[str, Any]:
    mathematics = data.subjects == "gsm8k"
    whole: dict[str, Any] = {"fit_seconds": seconds}

    def gap(name: str, rows: np.ndarray) -> float:
        quality = data.quality[rows]
        return curve(found["TRM"][rows], quality, COSTS).apgr - curve(found[name][rows], quality, COSTS).apgr

    for part, rows in (("gsm8k", mathematics), ("mmlu", ~mathematics), ("all", mathematics | True)):
        quality = data.quality[rows]
        resampled = {name: bootstrap(p[rows], quality, COSTS, REPEATS) for name, p in found.items()}
        whole[part] = {
            "prompts": int(rows.sum()),
            "accuracy": dict(zip(MODELS, quality.mean(axis=0).tolist())),
            "routers": {name: judge(p[rows], quality, resampled[name]) for name, p in found.items()},
            "trm_minus": {
                name: {
                    "apgr": curve(found["TRM"][rows], quality, COSTS).apgr
                    - curve(found[name][rows], quality, COSTS).apgr,
                    "interval": interval(resampled["TRM"][:, 0] - resampled[name][:, 0]),
                }
                for name in found
                if name not in ("TRM", "oracle")
            },
        }
    return whole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=DEFAULT)
    parser.add_argument("--parts", type=int, default=10, help="folds of subjects")
    given = parser.parse_args()
    data = read_responses(given.data)
    settings = {"5-fold": folds(len(data.prompts), 5), "subjects": folds_of(data.subjects, given.parts)}
    whole: dict[str, Any] = {
        "data": given.data.name, "cost_grid": GRID.tolist(), "bootstraps": REPEATS, "folds_of_subjects": given.parts,
    }  # fmt: skip
    with steps(sum(map(len, settings.values())), False) as step:
        for name, parts in settings.items():
            whole[name] = table(data, *predictions(data, parts, step))
    for name in settings:
        for router, numbers in whole[name]["mmlu"]["routers"].items():
            apgr = [whole[name][part]["routers"][router]["apgr"] for part in ("gsm8k", "mmlu", "all")]
            print(f"{name:<9} {router:<21} APGR", *(f"{value:.3f}" for value in apgr), f"AIQ {numbers['aiq']:.4f}")
    print(write_results("routing_evaluate", whole))


if __name__ == "__main__":
    main()
