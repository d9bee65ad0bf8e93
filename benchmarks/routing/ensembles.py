"""Sets of experts and cascades of them on a bank of real classifiers: quality against cost.

    python benchmarks/routing/ensembles.py [--splits 5] [--device native]

Two language models are too few for sets, and data with the answers of many are not at hand, so the experts here are
twelve classifiers of scikit-learn's digits. Each reads a window of the image (its cost: the pixels it reads) and was
trained on 250 images; the router sees a preview of 4 × 4 block means, and learns from 450 other images who is right on
what. Quality is the share of right answers on the rest. Splits differ in all three parts, windows stay.

Families: one expert; the k of the best scores (no couplings); sets drawn on the fabric, with pair terms from residual
co-correctness; cascades with and without pair terms; all experts. Strengths and prices are chosen on router rows only.
The area is that under the upper hull of a family's points over costs of 10 to 60 % of asking everyone.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from results import write_results  # noqa: E402

from thermofab.apps.routing.cascades import Cascade, run_cascade  # noqa: E402
from thermofab.apps.routing.ensembles import VoteCalibration, residual_pairs, vote  # noqa: E402
from thermofab.apps.routing.evaluation import hull  # noqa: E402
from thermofab.apps.routing.ising import SetSampler  # noqa: E402
from thermofab.apps.routing.quality import LogisticQuality  # noqa: E402

TRAINED_ON, ROUTED_ON, CLASSES = 250, 450, 10
LOW, HIGH = 0.1, 0.6
TEMPERATURE = 0.02
PRICES = (0.0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
STRENGTHS = (0.5, 1.0, 2.0, 4.0)
SIZES = (1, 2, 3, 4, 5, 6)
SURE = (0.7, 0.8, 0.9, 0.95, 0.98)
STAGES = (1, 2, 3, 5, 7)
# Windows of the 8 × 8 image: rows from, to, columns from, to.
WINDOWS = (
    (0, 4, 0, 4), (0, 4, 2, 6), (0, 4, 4, 8), (2, 6, 0, 4), (2, 6, 4, 8), (4, 8, 0, 4),
    (4, 8, 2, 6), (4, 8, 4, 8), (2, 6, 2, 6), (0, 8, 3, 5), (3, 5, 0, 8), (1, 7, 3, 7),
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Part:
    """Images the router works on: previews ``[N, 16]``, answers ``[N, K]``, right bool ``[N, K]``, truth ``[N]``."""

    previews: np.ndarray
    answers: np.ndarray
    right: np.ndarray
    truth: np.ndarray

    def rows(self, chosen: np.ndarray) -> "Part":
        return Part(self.previews[chosen], self.answers[chosen], self.right[chosen], self.truth[chosen])


def bank(split: int) -> tuple[Part, Part, np.ndarray]:
    """Router rows, test rows, costs as shares of asking everyone."""
    digits: Any = load_digits()
    images, truth = digits.images / 16, digits.target
    order = np.random.default_rng(split).permutation(len(images))
    learn, rest = order[:TRAINED_ON], order[TRAINED_ON:]
    kinds: tuple[Callable, ...] = (
        lambda: make_pipeline(StandardScaler(), LogisticRegression(max_iter=500)),
        lambda: KNeighborsClassifier(3),
        lambda: DecisionTreeClassifier(random_state=0),
        lambda: GaussianNB(var_smoothing=1e-2),
        lambda: RandomForestClassifier(20, random_state=0),
    )
    answers, pixels = np.empty((len(images), len(WINDOWS)), dtype=np.int64), []
    for expert, (top, bottom, left, right) in enumerate(WINDOWS):
        seen = images[:, top:bottom, left:right].reshape(len(images), -1)
        pixels.append(seen.shape[1])
        answers[:, expert] = kinds[expert % len(kinds)]().fit(seen[learn], truth[learn]).predict(seen)
    previews = images.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(len(images), 16)
    whole = Part(previews, answers, answers == truth[:, None], truth)
    return whole.rows(rest[:ROUTED_ON]), whole.rows(rest[ROUTED_ON:]), np.array(pixels) / sum(pixels)


Point = tuple[float, float]


def point(sets: np.ndarray, answers: np.ndarray, part: Part, costs: np.ndarray) -> Point:
    return float((sets @ costs).mean()), float((answers == part.truth).mean())


def voted(sets: np.ndarray, part: Part, quality: np.ndarray, costs: np.ndarray) -> Point:
    return point(sets, vote(part.answers, sets, quality, CLASSES).answers, part, costs)


def best(scores: np.ndarray, k: int) -> np.ndarray:
    sets = np.zeros(scores.shape, dtype=bool)
    np.put_along_axis(sets, np.argsort(-scores, axis=1)[:, :k], True, axis=1)
    return sets


def families(split: int, device: str) -> Iterator[tuple[str, Point]]:
    routed, test, costs = bank(split)
    half = np.arange(ROUTED_ON) % 2 == 0
    fitting, tuning = routed.rows(half), routed.rows(~half)
    learner = LogisticQuality(0.1).fit(fitting.previews, fitting.right.astype(float))
    tuned_quality = learner.predict(tuning.previews)
    # Pair terms from rows the learner was not fitted to; then strengths, prices and calibrations on the same rows.
    unit = residual_pairs(tuned_quality, tuning.right, 1.0)
    quality = LogisticQuality(0.1).fit(routed.previews, routed.right.astype(float)).predict(test.previews)
    samplers = {strength: SetSampler(len(costs), strength * unit, device=device) for strength in (0.0, *STRENGTHS)}
    everyone = np.ones(test.answers.shape, dtype=bool)
    yield "all experts", voted(everyone, test, quality, costs)
    yield "oracle", (float("nan"), float(test.right.any(axis=1).mean()))
    for expert in range(len(costs)):
        yield "one expert, always the same", (float(costs[expert]), float(test.right[:, expert].mean()))
    random = np.random.default_rng(split)
    for k in SIZES:
        yield "random sets", voted(best(random.random(quality.shape), k), test, quality, costs)

    def scores(predicted: np.ndarray, price: float) -> np.ndarray:
        return (predicted - price * costs / costs.max()) / TEMPERATURE

    for price in PRICES:
        of_test, of_tuning = scores(quality, price), scores(tuned_quality, price)
        yield "one expert by the prompt", voted(best(of_test, 1), test, quality, costs)
        for k in SIZES:
            yield "k best scores", voted(best(of_test, k), test, quality, costs)
            strength = max(
                STRENGTHS,
                key=lambda s, k=k, of=of_tuning: voted(
                    samplers[s].sets(of, k, seed=split), tuning, tuned_quality, costs
                )[1],
            )
            for name, chosen in (("sets on the fabric", strength), ("sets on the fabric, no pair terms", 0.0)):
                drawn = samplers[chosen].sets(of_test, k, seed=1000 + split)
                yield name, voted(drawn, test, quality, costs)
        for name, chosen in (("cascade on the fabric", 2.0), ("cascade, no pair terms", 0.0)):
            calibrations = tuple(stage_calibrations(samplers[chosen], of_tuning, tuning, tuned_quality, split))
            for sure in SURE:
                run = run_cascade(
                    Cascade(STAGES, sure, CLASSES), samplers[chosen], of_test, quality,
                    lambda rows, expert: test.answers[rows, expert], calibrations, seed=2000 + split,
                )  # fmt: skip
                yield name, point(run.asked, run.answers, test, costs)


def stage_calibrations(
    sampler: SetSampler, scores: np.ndarray, part: Part, quality: np.ndarray, seed: int
) -> Iterator[VoteCalibration]:
    """Of votes after every stage, had no row stopped."""
    asked = np.zeros(part.answers.shape, dtype=bool)
    for stage, size in enumerate(STAGES):
        asked = sampler.sets(scores, size, asked=asked, seed=seed + stage)
        votes = vote(part.answers, asked, quality, CLASSES)
        yield VoteCalibration(votes.confidence, votes.answers == part.truth)


def area(points: np.ndarray) -> float:
    """Mean height of the hull of points ``[n, 2]`` over LOW…HIGH; its first value counts below its cheapest point."""
    cost, value = hull(points[:, 0], points[:, 1])
    grid = np.linspace(LOW, HIGH, 200)
    return float(np.interp(grid, cost, value, left=0.1).mean())  # cheaper than any point: a guess among ten


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--splits", type=int, default=5)
    parser.add_argument("--device", default="native")
    arguments = parser.parse_args()
    points: dict[str, list[list[Point]]] = {}
    for split in range(arguments.splits):
        for name, found in families(split, arguments.device):
            while len(points.setdefault(name, [])) <= split:
                points[name].append([])
            points[name][split].append(found)
        print(f"split {split + 1}/{arguments.splits}", file=sys.stderr)
    table = {}
    for name, splits in points.items():
        array = np.array(splits)
        row = {"mean": array.mean(axis=0).round(4).tolist()}
        if array.shape[1] > 1:
            areas = [area(one) for one in array]
            row |= {"area": float(np.mean(areas)), "areas": areas}
        table[name] = row
        if "area" in row:
            print(f"{name:<36} {row['area']:.4f}  ({', '.join(f'{a:.4f}' for a in row['areas'])})")
        else:
            print(f"{name:<36} {row['mean']}")
    content = {"costs": {"low": LOW, "high": HIGH}, "splits": arguments.splits, "experts": len(WINDOWS)}
    print(write_results("routing_ensembles", content | {"families": table}))


if __name__ == "__main__":
    main()
