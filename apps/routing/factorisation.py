"""Matrix factorisation: prompts and models in one space of few dimensions, quality the sigmoid of their product."""

from typing import Self

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.preprocessing import StandardScaler

from thermofab.apps.routing.quality import check_quality


class FactorisedQuality:
    """Log-odds of model k on features x are v_k·(W x) + b_k, with W ``[rank, F]``, fitted by L-BFGS with a ridge.

    Args:
        rank: dimensions of the common space.
        ridge: on W and v, per row of training.
        seed: of the start.
    """

    def __init__(self, rank: int = 1, ridge: float = 0.1, seed: int = 0):
        self.rank, self.ridge, self.seed = rank, ridge, seed

    def fit(self, features: np.ndarray, quality: np.ndarray) -> Self:
        features, quality = check_quality(features, quality)
        self.scaler = StandardScaler().fit(features)
        x, seen, target = self._scaled(features), ~np.isnan(quality), np.nan_to_num(quality)
        models, width = quality.shape[1], features.shape[1]
        split = np.cumsum([self.rank * width, models * self.rank])

        def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
            w, v, b = np.split(flat, split)
            w, v = w.reshape(self.rank, width), v.reshape(models, self.rank)
            inner = x @ w.T
            logits = inner @ v.T + b
            error = seen * (expit(logits) - target)
            value = (seen * (np.logaddexp(0, logits) - target * logits)).sum() / len(x)
            value += self.ridge * ((w**2).sum() + (v**2).sum()) / 2
            gradient = (v.T @ error.T @ x / len(x) + self.ridge * w, error.T @ inner / len(x) + self.ridge * v)
            return value, np.concatenate([*(part.ravel() for part in gradient), error.sum(axis=0) / len(x)])

        start = np.random.default_rng(self.seed).normal(0, 0.1, split[1] + models)
        found = minimize(loss, start, jac=True, method="L-BFGS-B", options={"maxiter": 200}).x
        w, v, self.biases = np.split(found, split)
        self.weights = v.reshape(models, self.rank) @ w.reshape(self.rank, width)
        return self

    def predict(self, features: np.ndarray) -> np.ndarray:
        return expit(self._scaled(np.asarray(features, np.float64)) @ self.weights.T + self.biases)

    def _scaled(self, features: np.ndarray) -> np.ndarray:
        return np.clip(self.scaler.transform(features), -4, 4)
