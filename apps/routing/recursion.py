"""RecursiveQuality: a small state z and an answer y (log-odds per model), refined in steps until it halts.

With x the standardised features, held to ±4, u = A x + a and g a learned gate in (0, 1),

    inner step   z ← (1 - g) z + g tanh(u + R z + S y),   candidate y + U z
    outer step   y ← the candidate; y starts at B x + b, the linear answer.

Every step gives a candidate, and training scores all of them, so refinement can stop anywhere. It stops once the
halting head, a logistic regression on what a step shows, gives more than ``halt_threshold`` to "going on would move no
quality by more than ``tolerance``". A temperature fitted on held-out rows calibrates the qualities.

The forward pass is NumPy, and needs no torch; training (``recursion_training.py``) loads it when called.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple, Self

import numpy as np

from thermofab.apps.routing.quality import check_quality
from thermofab.hw.spec import SpecError

LIMIT = 4.0


@dataclass(frozen=True)
class RecursionConfig:
    """Sizes, limits and training.

    Attributes:
        width: of the state z.
        max_inner_steps: updates of z an outer step.
        max_outer_steps: updates of y.
        halt_threshold: halting probability above which refinement stops.
        tolerance: change of a quality that is not worth another step.
        dropout: share of features left out in training.
        weight_decay, learning_rate, epochs, batch: of AdamW with one cycle.
        random_seed: of weights, order and dropout.

    Raises:
        SpecError: a number outside its range.
    """

    width: int = 32
    max_inner_steps: int = 5
    max_outer_steps: int = 3
    halt_threshold: float = 0.8
    tolerance: float = 0.03
    dropout: float = 0.4
    weight_decay: float = 0.2
    learning_rate: float = 3e-3
    epochs: int = 12
    batch: int = 256
    random_seed: int = 42

    def __post_init__(self) -> None:
        for name in ("width", "max_inner_steps", "max_outer_steps", "epochs", "batch"):
            if getattr(self, name) < 1:
                raise SpecError(f"{name} must be at least 1, got {getattr(self, name)}.")
        if not 0 < self.halt_threshold < 1:
            raise SpecError(f"halt_threshold must be in (0, 1), got {self.halt_threshold}.")
        if not 0 <= self.dropout < 1 or not 0 < self.tolerance < 1:
            raise SpecError("dropout must be in [0, 1) and tolerance in (0, 1).")
        if self.learning_rate <= 0 or self.weight_decay < 0:
            raise SpecError("learning_rate must be positive and weight_decay at least 0.")

    @property
    def steps(self) -> int:
        """Most steps there can be."""
        return self.max_inner_steps * self.max_outer_steps


class Step(NamedTuple):
    """One step of many rows: ``quality [N, K]``, ``halt [N]`` probability, ``change [N]`` of z, ``running [N]``."""

    quality: np.ndarray
    halt: np.ndarray
    change: np.ndarray
    running: np.ndarray


class Refinement(NamedTuple):
    """Where rows ended: ``quality [N, K]``, ``state [N, width]``, ``steps`` int ``[N]``, and every step taken."""

    quality: np.ndarray
    state: np.ndarray
    steps: np.ndarray
    trace: tuple[Step, ...]


class RecursiveQuality:
    """The quality model above; with one inner and one outer step it is the single-step baseline."""

    def __init__(self, config: RecursionConfig | None = None):
        self.config = config or RecursionConfig()
        self.arrays: dict[str, np.ndarray] = {}

    @property
    def fitted(self) -> bool:
        return bool(self.arrays)

    def fit(self, features: np.ndarray, quality: np.ndarray, weights: np.ndarray | None = None) -> Self:
        """Train on ``features [N, F]`` and ``quality [N, K]``, NaN where not observed.

        ``weights [N, K]`` scales what an observation counts: clipped inverse propensities of logged choices.

        Raises:
            SpecError: see :func:`check_quality`; fewer than 20 rows; weights of another shape, or negative.
        """
        from thermofab.apps.routing.recursion_training import train

        features, quality = check_quality(features, quality)
        if len(features) < 20:
            raise SpecError(f"training a recursion needs at least 20 rows, got {len(features)}.")
        weights = np.ones_like(quality) if weights is None else np.asarray(weights, float)
        if weights.shape != quality.shape or not (weights >= 0).all():
            raise SpecError(f"weights {list(quality.shape)} of at least 0 expected, got shape {list(weights.shape)}.")
        self.arrays = train(self.config, features, quality, weights)
        return self

    def start(self, features: int, prior: np.ndarray) -> Self:
        """Untrained: random state, answer at the log-odds of ``prior [K]``, for learning from outcomes alone."""
        random, width, models = np.random.default_rng(self.config.random_seed), self.config.width, len(prior)
        clipped = np.clip(prior, 0.02, 0.98)
        self.arrays = {
            "mean": np.zeros(features), "scale": np.ones(features), "A": random.normal(0, 1, (features, width)),
            "a": random.normal(0, 0.3, width), "R": random.normal(0, 0.5 / width**0.5, (width, width)),
            "S": np.zeros((models, width)), "g": np.full(width, 0.5), "U": np.zeros((width, models)),
            "B": np.zeros((features, models)), "b": np.log(clipped / (1 - clipped)), "temperature": np.ones(models),
            "halt": np.concatenate([[0.0, -50.0], np.zeros(3)]), "halt_bias": np.array([2.0]),
        }  # fmt: skip
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        return self.refine(features).quality

    def refine(self, features: np.ndarray, halting: bool = True, traced: bool = False) -> Refinement:
        """Refine rows.

        Args:
            features: ``[N, F]``.
            halting: stop each row where its head says so; else every row takes every step.
            traced: keep every step.

        Raises:
            SpecError: not fitted, or features of another width.
        """
        if not self.fitted:
            raise SpecError("the recursion must be fitted, or loaded, before it refines.")
        arrays, config = self.arrays, self.config
        features = np.asarray(features, np.float64)
        if features.ndim != 2 or features.shape[1] != len(arrays["mean"]):
            raise SpecError(f"features [N, {len(arrays['mean'])}] expected, got {list(features.shape)}.")
        x = self.standardised(features)
        drive, answer = x @ arrays["A"] + arrays["a"], x @ arrays["B"] + arrays["b"]
        gate, rows = arrays["g"], len(x)
        state, running = np.zeros((rows, config.width)), np.ones(rows, bool)
        quality = last = self.quality(answer)
        taken, trace, candidate = np.zeros(rows, int), [], answer
        for number in range(1, config.steps + 1):
            new = (1 - gate) * state + gate * np.tanh(drive + state @ arrays["R"] + answer @ arrays["S"])
            kept = running[:, None]
            change = np.sqrt(((new - state) ** 2).mean(axis=1))
            state = np.where(kept, new, state)
            candidate = np.where(kept, answer + new @ arrays["U"], candidate)
            quality = self.quality(candidate)
            taken += running
            halt = 1 / (
                1 + np.exp(-(step_features(quality, last, change, number) @ arrays["halt"] + arrays["halt_bias"]))
            )
            if traced:
                trace.append(Step(quality, halt, change, running.copy()))
            if halting:
                running &= halt <= config.halt_threshold
                if not running.any():
                    break
            if number % config.max_inner_steps == 0:
                answer = np.where(running[:, None], candidate, answer)
            last = quality
        return Refinement(quality, state, taken, tuple(trace))

    def standardised(self, features: np.ndarray) -> np.ndarray:
        """Features in standard deviations from training's mean, held to ±4."""
        return np.clip((features - self.arrays["mean"]) / self.arrays["scale"], -LIMIT, LIMIT)

    def first(self, features: np.ndarray) -> np.ndarray:
        """Qualities of the linear answer, before any step."""
        return self.quality(self.standardised(features) @ self.arrays["B"] + self.arrays["b"])

    def quality(self, answer: np.ndarray) -> np.ndarray:
        """Calibrated probabilities of log-odds."""
        # Rounded so that sums shared out differently in a batch and alone cannot part two equal decisions.
        return np.round(1 / (1 + np.exp(-np.clip(answer / self.arrays["temperature"], -30, 30))), 9)

    def with_threshold(self, halt_threshold: float) -> "RecursiveQuality":
        """The same weights, halting at another probability."""
        other = RecursiveQuality(replace(self.config, halt_threshold=halt_threshold))
        other.arrays = self.arrays
        return other

    def to_arrays(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Weights by name, and the configuration as JSON."""
        return dict(self.arrays), asdict(self.config)

    @staticmethod
    def from_arrays(arrays: Mapping[str, np.ndarray], config: Mapping[str, Any]) -> "RecursiveQuality":
        model = RecursiveQuality(RecursionConfig(**config))
        model.arrays = dict(arrays)
        return model


def step_features(quality: np.ndarray, last: np.ndarray, change: np.ndarray, number: int) -> np.ndarray:
    """What the halting head sees of a step, ``[N, 5]``: how far qualities and z moved, how sure the answer is, time."""
    moved = np.abs(quality - last).max(axis=1)
    doubt = (quality * (1 - quality)).mean(axis=1)
    return np.stack(
        [10 * moved, 10 * change, 4 * doubt, np.full(len(quality), number / 10), (moved < 0.01) * 1.0], axis=1
    )
