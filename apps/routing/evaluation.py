"""How good a router is at every price: cost–quality curves, APGR, AIQ, controls and intervals.

A router is judged by its predicted qualities. At willingness to pay λ it sends a prompt to the model of largest
predicted quality minus λ times cost; λ from ∞ to 0 gives a curve of mean cost and mean quality. With two models the
curve is that of thresholds on the difference of the two predictions, and is computed exactly.

APGR   area under the performance gap recovered, (quality - cheapest's)/(dearest's - cheapest's), over the cost between
       the cheapest model's and the dearest's as 0…1. Mixing two models at random gives .5.
AIQ    area under the non-decreasing convex hull of the curve, in units of quality.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import SpecError


@dataclass(frozen=True)
class Curve:
    """Points by rising cost: ``cost`` is 0 (all to the cheapest) … 1 (all to the dearest), ``quality`` a mean."""

    cost: np.ndarray
    quality: np.ndarray

    def at(self, cost: float) -> float:
        """Quality at a cost, by mixing the two points beside it at random."""
        return float(np.interp(cost, self.cost, self.quality))

    @property
    def area(self) -> float:
        """Mean quality over all costs."""
        return float(np.trapezoid(self.quality, self.cost) / (self.cost[-1] - self.cost[0]))

    @property
    def apgr(self) -> float:
        cheap, dear = self.quality[0], self.quality[-1]
        return float((self.area - cheap) / (dear - cheap)) if dear != cheap else float("nan")

    @property
    def aiq(self) -> float:
        """Area under the non-decreasing convex hull."""
        cost, quality = hull(self.cost, self.quality)
        return float(np.trapezoid(quality, cost) / (cost[-1] - cost[0]))


def hull(cost: np.ndarray, quality: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Upper convex hull of points, never falling: what mixing at random and never paying for worse can reach."""
    order = np.lexsort((-quality, cost))
    kept: list[tuple[float, float]] = []
    for x, y in zip(cost[order], np.maximum.accumulate(quality[order])):
        if kept and x == kept[-1][0]:
            continue
        while len(kept) > 1 and (kept[-1][1] - kept[-2][1]) * (x - kept[-2][0]) <= (y - kept[-2][1]) * (
            kept[-1][0] - kept[-2][0]
        ):
            kept.pop()
        kept.append((float(x), float(y)))
    points = np.array(kept)
    return points[:, 0], points[:, 1]


def check(predicted: np.ndarray, quality: np.ndarray, costs: np.ndarray) -> None:
    """
    Raises:
        SpecError: shapes that do not match, fewer than two models, or costs that are all the same.
    """
    if predicted.shape != quality.shape or predicted.ndim != 2 or predicted.shape[1] < 2:
        raise SpecError(f"predictions and qualities [N, K ≥ 2] expected, got {predicted.shape} and {quality.shape}.")
    if costs.shape != (predicted.shape[1],) or costs.min() == costs.max():
        raise SpecError(f"one cost per model expected, not all the same, got {costs}.")
    if not (np.isfinite(predicted).all() and np.isfinite(quality).all()):
        raise SpecError("evaluation needs every prediction and every quality to be finite.")


def curve(predicted: np.ndarray, quality: np.ndarray, costs: np.ndarray, weights: np.ndarray | None = None) -> Curve:
    """The curve of a router.

    Args:
        predicted: ``[N, K]``, what the router believes.
        quality: ``[N, K]``, what came of it.
        costs: ``[K]``.
        weights: of the rows, ``[N]``; ones by default.

    Prompts that a router cannot tell apart (equal predictions) are taken in random order, in expectation.

    Raises:
        SpecError: see :func:`check`.
    """
    check(predicted, quality, costs)
    weights = np.ones(len(quality)) if weights is None else weights
    if len(costs) == 2:
        return _two(predicted, quality, costs, weights)
    low, high = int(costs.argmin()), int(costs.argmax())
    scaled = (costs - costs[low]) / (costs[high] - costs[low])
    points = [(0.0, _mean(quality[:, low], weights))]
    for choices in willingness(predicted, scaled):
        points.append((_mean(scaled[choices], weights), _mean(quality[np.arange(len(quality)), choices], weights)))
    points.append((1.0, _mean(quality[:, high], weights)))
    cost, value = np.array(sorted(points)).T
    return Curve(cost, value)


def willingness(predicted: np.ndarray, costs: np.ndarray, levels: int = 61) -> Iterator[np.ndarray]:
    """Choices int ``[N]`` at each willingness to pay, dearest λ first."""
    for price in np.concatenate([np.geomspace(20, 1e-3, levels - 1), [0.0]]):
        yield np.argmax(predicted - price * costs, axis=1)


def _mean(values: np.ndarray, weights: np.ndarray) -> float:
    return float(weights @ values / weights.sum())


def _two(predicted: np.ndarray, quality: np.ndarray, costs: np.ndarray, weights: np.ndarray) -> Curve:
    low, high = int(costs.argmin()), int(costs.argmax())
    score = predicted[:, high] - predicted[:, low]
    order = np.argsort(-score, kind="stable")
    gains = (quality[:, high] - quality[:, low]) * weights
    last = np.append(np.flatnonzero(np.diff(score[order])), len(order) - 1)
    total = weights.sum()
    cost = np.concatenate([[0.0], weights[order].cumsum()[last] / total])
    gained = np.concatenate([[0.0], gains[order].cumsum()[last] / total])
    return Curve(cost, _mean(quality[:, low], weights) + gained)


def shuffled(choices: np.ndarray, quality: np.ndarray) -> float:
    """Expected quality of the router's own choices dealt to the prompts at random: same cost, no skill."""
    shares = np.bincount(choices, minlength=quality.shape[1]) / len(choices)
    return float(shares @ quality.mean(axis=0))


def resamples(rows: int, repeats: int, seed: int = 0) -> Iterator[np.ndarray]:
    """Bootstrap weights float ``[rows]``, the same for every router, so that differences are paired."""
    random = np.random.default_rng(seed)
    for _ in range(repeats):
        yield np.bincount(random.integers(0, rows, rows), minlength=rows).astype(float)


def bootstrap(
    predicted: np.ndarray, quality: np.ndarray, costs: np.ndarray, repeats: int = 200, seed: int = 0
) -> np.ndarray:
    """APGR and AIQ of each resample, ``[repeats, 2]``."""
    found = (curve(predicted, quality, costs, weights) for weights in resamples(len(quality), repeats, seed))
    return np.array([(one.apgr, one.aiq) for one in found])


def interval(values: np.ndarray, share: float = 0.95) -> tuple[float, float]:
    """Percentile interval."""
    low, high = np.quantile(values, [(1 - share) / 2, (1 + share) / 2])
    return float(low), float(high)


def calibration_error(confidence: np.ndarray, right: np.ndarray, bins: int = 15) -> float:
    """ECE: mean distance of confidence and share of right answers over bins of equal counts."""
    order = np.argsort(confidence, kind="stable")
    parts = [part for part in np.array_split(order, bins) if len(part)]
    return float(sum(len(p) * abs(confidence[p].mean() - right[p].mean()) for p in parts) / len(order))


def folds(rows: int, parts: int = 5, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Rows to train on and rows held out, in turn, at random."""
    return folds_of(np.arange(rows), parts, seed)


def folds_of(groups: np.ndarray, parts: int, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """The same with whole groups held out: no group has rows on both sides.

    Raises:
        SpecError: fewer groups than parts.
    """
    names, group = np.unique(groups, return_inverse=True)
    if len(names) < parts:
        raise SpecError(f"{parts} parts need as many groups, got {len(names)}.")
    part = np.random.default_rng(seed).permutation(len(names)) % parts
    return [(np.flatnonzero(part[group] != k), np.flatnonzero(part[group] == k)) for k in range(parts)]
