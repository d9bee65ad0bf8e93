"""The Ising router on RouteLLM's weak/strong answers: what its temperature costs, and whether its propensities hold.

python benchmarks/routing/ising.py [DATA] → docs/results/routing_ising.json

Qualities are those of the tuned logistic regression, 5 folds. For every price λ and temperature T the chance of the
dear model is enumerated from the compiled integers and tables; mean cost and quality follow exactly, and with them the
curve. At T → 0 it is the logistic router's; at higher T more prompts go to the model that looks worse, which is what
later learning is paid with. Then 2,000 prompts are drawn on the device, and an estimate of the quality of always asking
the dear model is made from the drawn choices alone, weighted by inverse propensity. With two models sets of both are
the only k = 2; as no text of answers is in the data they are scored as if the right answer were always recognised.
"""

import argparse
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from data import COSTS, DEFAULT, read_responses
from results import write_results

from thermofab.apps.console import steps
from thermofab.apps.routing.contenders import logistic
from thermofab.apps.routing.embedding import LatentText
from thermofab.apps.routing.evaluation import Curve, curve, folds, interval, resamples
from thermofab.apps.routing.ising import SetSampler, numbers

TEMPERATURES = (0.01, 0.03, 0.1, 0.3)
PRICES = np.concatenate([np.linspace(-0.1, 0.5, 25), [1.0, 2.0]])
DRAWN = 2000


def chances(sampler: SetSampler, predicted: np.ndarray, price: float, temperature: float) -> np.ndarray:
    """Probability of the dear model for every prompt, float64 ``[N]``."""
    scores = (predicted - price * COSTS) / temperature
    # Only the difference matters, and its rounding is the converters': a few hundred kinds of prompts are left.
    half = np.clip((scores[:, 1] - scores[:, 0]) / 2, -6, 6)
    kinds, of_row = np.unique(np.round(half, 2), return_inverse=True)
    return sampler.distribution(np.stack([-kinds, kinds], axis=1), 1)[of_row, 2]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="?", default=DEFAULT)
    given = parser.parse_args()
    data = read_responses(given.data)
    predicted = np.zeros_like(data.quality)
    sampler = SetSampler(2)
    result: dict[str, Any] = {"data": given.data.name, "temperatures": {}}
    with steps(5 + len(TEMPERATURES), False) as step:
        for number, (kept, held) in enumerate(folds(len(data.prompts), 5), 1):
            step(f"fold {number} of 5")
            embedding = LatentText().fit([data.prompts[k] for k in kept])
            train, test = (embedding.embed([data.prompts[k] for k in rows]) for rows in (kept, held))
            predicted[held] = logistic().fit(train, data.quality[kept]).predict(test)
        parts = {"gsm8k": data.subjects == "gsm8k", "mmlu": data.subjects != "gsm8k"}
        result["logistic"] = {
            name: curve(predicted[rows], data.quality[rows], COSTS).apgr for name, rows in parts.items()
        }
        for temperature in TEMPERATURES:
            step(f"temperature {temperature}")
            dear = np.array([chances(sampler, predicted, price, temperature) for price in PRICES])
            row = {}
            for name, rows in parts.items():
                quality = data.quality[rows]
                cost = dear[:, rows].mean(axis=1)
                value = ((1 - dear[:, rows]) * quality[:, 0] + dear[:, rows] * quality[:, 1]).mean(axis=1)
                order = np.argsort(cost, kind="stable")
                ends = quality.mean(axis=0)
                whole = Curve(
                    np.concatenate([[0.0], cost[order], [1.0]]), np.concatenate([ends[:1], value[order], ends[1:]])
                )
                row[name] = whole.apgr
            result["temperatures"][str(temperature)] = row
    scores = (predicted[:DRAWN] - 0.1 * COSTS) / 0.1
    begun = time.perf_counter()
    draws = sampler.draw(scores, 1, seed=5)
    seconds = time.perf_counter() - begun
    expected = sampler.distribution(scores, 1)[np.arange(DRAWN), numbers(draws.sets)]
    dear = draws.sets[:, 1]
    weighted = dear * data.quality[:DRAWN, 1] / draws.propensities
    spread = [float((weights @ weighted) / weights.sum()) for weights in resamples(DRAWN, 400)]
    result["drawn"] = {
        "prompts": DRAWN,
        "share_of_dear": float(dear.mean()),
        "propensities_are_the_enumerated_ones": bool(np.allclose(draws.propensities, expected)),
        "dear_quality_by_inverse_propensity": float(weighted.mean()),
        "interval": interval(np.array(spread)),
        "dear_quality": float(data.quality[:DRAWN, 1].mean()),
        "milliseconds_per_prompt": 1e3 * seconds / DRAWN,
    }
    result["pair_if_the_right_answer_is_recognised"] = {
        name: {"cost": 1.0, "quality": float(data.quality[rows].max(axis=1).mean())} for name, rows in parts.items()
    }
    for key in ("logistic", "temperatures", "drawn", "pair_if_the_right_answer_is_recognised"):
        print(key, result[key])
    print(write_results("routing_ising", result))


if __name__ == "__main__":
    main()
