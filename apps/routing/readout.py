"""Learning from one outcome at a time: discounted least squares a model, on top of a quality that is given."""

import numpy as np


class Readout:
    """For model k the correction θ_k·φ to a quality, θ_k least squares over past residuals that fade by ``keep``.

    An outcome of weight w changes A_k ← keep·A_k + w φφᵀ + (1 - keep)·ridge·I and b_k ← keep·b_k + w φ·residual;
    θ_k = A_k⁻¹ b_k. Only the model that answered changes. No randomness, so the same outcomes give the same bits.

    Args:
        models: K.
        width: of φ.
        keep: share of the past kept per outcome, in (0, 1].
        ridge: precision of the prior θ = 0.
    """

    def __init__(self, models: int, width: int, keep: float = 0.995, ridge: float = 5.0):
        self.keep, self.ridge = keep, ridge
        self.precision = np.tile(ridge * np.eye(width), (models, 1, 1))
        self.moment, self.weights = np.zeros((models, width)), np.zeros((models, width))

    def learn(self, model: int, features: np.ndarray, residual: float, weight: float) -> None:
        """One outcome: ``features [width]``, residual = actual quality - the quality given."""
        fresh = weight * np.outer(features, features) + (1 - self.keep) * self.ridge * np.eye(len(features))
        self.precision[model] = self.keep * self.precision[model] + fresh
        self.moment[model] = self.keep * self.moment[model] + weight * residual * features
        self.weights[model] = np.linalg.solve(self.precision[model], self.moment[model])

    def correct(self, features: np.ndarray) -> np.ndarray:
        """What is added to qualities: ``features [N, width]`` to ``[N, K]``."""
        return np.einsum("nw,kw->nk", features, self.weights)

    def doubt(self, features: np.ndarray) -> np.ndarray:
        """Standard error of each correction in units of an outcome's, ``[width]`` to ``[K]``; falls with outcomes."""
        return np.array([np.sqrt(features @ np.linalg.solve(one, features)) for one in self.precision])
