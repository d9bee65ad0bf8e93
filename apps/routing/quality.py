"""How likely each model is to be right on a prompt: the protocol, and the plain learners that any other has to beat.

Qualities are numbers 0…1 (share of the answer that is right), NaN where a model was not asked. All fits are
deterministic.
"""

from collections.abc import Callable, Sequence
from typing import Protocol, Self

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from thermofab.hw.spec import SpecError


class QualityModel(Protocol):
    """A learner of calibrated qualities."""

    def fit(self, features: np.ndarray, quality: np.ndarray) -> Self:
        """Learn from ``features [N, F]`` and ``quality [N, K]`` in 0…1, NaN where not observed."""
        ...

    def predict(self, features: np.ndarray) -> np.ndarray:
        """float64 ``[N, K]``: probability that each model's answer is right."""
        ...


def check_quality(features: np.ndarray, quality: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both as float64 matrices.

    Raises:
        SpecError: shapes that do not match, features not finite, qualities outside 0…1, a model never observed.
    """
    features, quality = np.asarray(features, np.float64), np.asarray(quality, np.float64)
    if features.ndim != 2 or quality.ndim != 2 or len(features) != len(quality) or not len(features):
        raise SpecError(f"features [N, F] and quality [N, K] expected, got {features.shape} and {quality.shape}.")
    if not np.isfinite(features).all():
        raise SpecError("features must be finite.")
    seen = quality[~np.isnan(quality)]
    if len(seen) and (seen.min() < 0 or seen.max() > 1):
        raise SpecError(f"a quality is in [0, 1], got one of {seen.min() if seen.min() < 0 else seen.max()}.")
    if np.isnan(quality).all(axis=0).any():
        raise SpecError(f"model {int(np.isnan(quality).all(axis=0).argmax())} was never observed.")
    return features, quality


class ConstantQuality:
    """Each model's mean: routes nothing by the prompt."""

    def fit(self, features: np.ndarray, quality: np.ndarray) -> Self:
        self.mean = np.nanmean(check_quality(features, quality)[1], axis=0)
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        return np.tile(self.mean, (len(features), 1))


class LogisticQuality:
    """One logistic regression per model on standardised features; ``penalty`` is C, chosen by :func:`tuned`."""

    def __init__(self, penalty: float = 0.01):
        self.penalty = penalty

    def fit(self, features: np.ndarray, quality: np.ndarray) -> Self:
        features, quality = check_quality(features, quality)
        self.scaler = StandardScaler().fit(features)
        scaled = self._scaled(features)
        weights = [_logistic(scaled, column, self.penalty) for column in quality.T]
        self.weights, self.biases = np.array([w for w, _ in weights]), np.array([b for _, b in weights])
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        return 1 / (1 + np.exp(-(self._scaled(np.asarray(features, np.float64)) @ self.weights.T + self.biases)))

    def _scaled(self, features: np.ndarray) -> np.ndarray:
        # A feature that hardly varied in training would be enormous on prompts of another kind.
        return np.clip(self.scaler.transform(features), -4, 4)


def _logistic(features: np.ndarray, quality: np.ndarray, penalty: float) -> tuple[np.ndarray, float]:
    """Weights and bias; a quality between 0 and 1 counts as both outcomes, by its share."""
    seen = ~np.isnan(quality)
    rows, target = features[seen], quality[seen]
    both = np.concatenate([target, 1 - target])
    kept = both > 0
    labels = np.repeat([1, 0], len(target))[kept]
    if len(set(labels)) == 1:
        return np.zeros(features.shape[1]), float(np.log((labels.sum() + 1) / (len(labels) - labels.sum() + 1)))
    model = LogisticRegression(C=penalty, max_iter=300).fit(np.concatenate([rows, rows])[kept], labels, both[kept])
    return model.coef_[0], float(model.intercept_[0])


class NeighbourQuality:
    """Mean over the k nearest rows by cosine, with one prior row of the mean; by far the simplest good router.

    Args:
        neighbours: rows averaged over.
        block: rows compared at a time.
    """

    def __init__(self, neighbours: int = 50, block: int = 1024):
        if neighbours < 1:
            raise SpecError(f"at least one neighbour, got {neighbours}.")
        self.neighbours, self.block = neighbours, block

    def fit(self, features: np.ndarray, quality: np.ndarray) -> Self:
        features, quality = check_quality(features, quality)
        self.centre = features.mean(axis=0)
        self.rows, self.seen = self._unit(features), ~np.isnan(quality)
        self.quality, self.mean = np.nan_to_num(quality), np.nanmean(quality, axis=0)
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        queries = self._unit(np.asarray(features, np.float64))
        parts = [self._near(queries[k : k + self.block]) for k in range(0, len(queries), self.block)]
        return np.concatenate(parts) if parts else np.empty((0, len(self.mean)))

    def leave_one_out(self) -> np.ndarray:
        """What each fitted row would be given if it were not there, float64 ``[N, K]``."""
        starts = range(0, len(self.rows), self.block)
        return np.concatenate([self._near(self.rows[k : k + self.block], k) for k in starts])

    def _near(self, queries: np.ndarray, first: int | None = None) -> np.ndarray:
        likeness = queries @ self.rows.T
        if first is not None:
            likeness[np.arange(len(queries)), first + np.arange(len(queries))] = -np.inf
        count = min(self.neighbours, len(self.rows))
        near = np.argpartition(-likeness, count - 1, axis=1)[:, :count]
        total = self.quality[near].sum(axis=1) + self.mean
        return total / (self.seen[near].sum(axis=1) + 1)

    def _unit(self, features: np.ndarray) -> np.ndarray:
        centred = (features - self.centre).astype(np.float32)
        return centred / np.maximum(1e-6, np.linalg.norm(centred, axis=1, keepdims=True))


class LengthQuality:
    """Logistic regression on one feature, by default the first statistic of the prompt (log characters).

    Args:
        column: of the features; negative counts from the end.
    """

    def __init__(self, column: int = -12):
        self.column, self.model = column, LogisticQuality(1.0)

    def fit(self, features: np.ndarray, quality: np.ndarray) -> Self:
        self.model.fit(self._one(features), quality)
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        return self.model.predict(self._one(features))

    def _one(self, features: np.ndarray) -> np.ndarray:
        return np.asarray(features)[:, self.column][:, None]


def log_loss(predicted: np.ndarray, quality: np.ndarray) -> float:
    """Mean cross-entropy in nats over what was observed."""
    seen = ~np.isnan(quality)
    p, q = np.clip(predicted[seen], 1e-6, 1 - 1e-6), quality[seen]
    return float(-(q * np.log(p) + (1 - q) * np.log1p(-p)).mean())


def tuned(
    candidates: Sequence[Callable[[], QualityModel]], features: np.ndarray, quality: np.ndarray, seed: int = 0
) -> QualityModel:
    """The candidate of least log loss on a fifth held out, fitted again on everything."""
    features, quality = check_quality(features, quality)
    order = np.random.default_rng(seed).permutation(len(features))
    held, kept = order[: len(order) // 5], order[len(order) // 5 :]
    losses = [log_loss(make().fit(features[kept], quality[kept]).predict(features[held]), quality[held])
              for make in candidates]  # fmt: skip
    return candidates[int(np.argmin(losses))]().fit(features, quality)
