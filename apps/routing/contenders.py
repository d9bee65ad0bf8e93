"""Every quality model that is compared with every other, by name. Add a row, and evaluation and pages take it up."""

from collections.abc import Callable

import numpy as np

from thermofab.apps.routing.factorisation import FactorisedQuality
from thermofab.apps.routing.quality import (
    LengthQuality,
    LogisticQuality,
    NeighbourQuality,
    QualityModel,
    tuned,
)
from thermofab.apps.routing.recursion import RecursionConfig, RecursiveQuality


class Tuned:
    """The best of some candidates by log loss on a fifth held out, as a quality model of its own."""

    def __init__(self, candidates: tuple[Callable[[], QualityModel], ...]):
        self.candidates = candidates

    def fit(self, features: np.ndarray, quality: np.ndarray) -> "Tuned":
        self.model = tuned(self.candidates, features, quality)
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        return self.model.predict(features)


class RandomQuality:
    """Knows nothing, not even which model is better: every prompt is the same, so choices are drawn at random."""

    def fit(self, features: np.ndarray, quality: np.ndarray) -> "RandomQuality":
        self.models = quality.shape[1]
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        return np.full((len(features), self.models), 0.5)


def neighbours() -> QualityModel:
    return Tuned(tuple(lambda k=k: NeighbourQuality(k) for k in (25, 50, 100, 200)))


def logistic() -> QualityModel:
    return Tuned(tuple(lambda c=c: LogisticQuality(c) for c in (0.0003, 0.001, 0.003, 0.01, 0.1)))


def factorised() -> QualityModel:
    return Tuned(tuple(lambda r=r, c=c: FactorisedQuality(r, c) for r in (1, 2) for c in (0.02, 0.05, 0.1)))


def single_step() -> QualityModel:
    return RecursiveQuality(RecursionConfig(max_inner_steps=1, max_outer_steps=1))


def every_step() -> QualityModel:
    return RecursiveQuality(RecursionConfig(halt_threshold=1 - 1e-9))


CONTENDERS: tuple[tuple[str, Callable[[], QualityModel]], ...] = (
    ("random", RandomQuality),
    ("prompt length", LengthQuality),
    ("nearest neighbours", neighbours),
    ("logistic", logistic),
    ("matrix factorisation", factorised),
    ("single step", single_step),
    ("TRM, every step", every_step),
    ("TRM", RecursiveQuality),
)
"""``random`` cannot tell prompts apart; its curve is mixing at random, from all cheapest to all dearest."""
