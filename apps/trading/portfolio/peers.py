"""Peers: joint models by the usual means, all on the same filters as the fabric's, and forecasts without a filter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import ndtr, stdtr

from thermofab.apps.trading.portfolio.correlation import (
    DEGREES,
    Dynamic,
    checked_uniforms,
    ewma_covariances,
    fit_dynamic,
    log_copula,
    scores_of,
    unit,
)
from thermofab.apps.trading.portfolio.filters import Filtered, Marginal
from thermofab.apps.trading.portfolio.joint import JointFitter, JointModel

_CHUNK = 100  # days drawn at once


def elliptical_draws(roots: np.ndarray, degrees: float, samples: int, rng: np.random.Generator) -> np.ndarray:
    """u float64 ``[n, samples, d]`` of t copulas with Cholesky factors ``roots`` float64 ``[n, d, d]``."""
    n, d = len(roots), roots.shape[-1]
    x = rng.standard_normal((n, samples, d)) @ np.swapaxes(roots, -1, -2)
    if np.isinf(degrees):
        u = ndtr(x)
    else:
        u = stdtr(degrees, x / np.sqrt(rng.chisquare(degrees, (n, samples, 1)) / degrees))
    return np.clip(u, 1e-15, 1 - 1e-15)


@dataclass(frozen=True, eq=False)
class StaticCopula:
    """A t copula, or with infinite ``degrees`` a normal one, that stays: its own :class:`JointModel`, and its walk.

    Attributes:
        name: as tables say it.
        correlation: float64 ``[d, d]``.
        degrees: ν.
        paths: of a walk.
    """

    name: str
    correlation: np.ndarray
    degrees: float
    paths: int = 0

    def log_densities(self, z: np.ndarray, u: np.ndarray, first: int) -> np.ndarray:
        return log_copula(scores_of(u[first:], self.degrees), self.correlation, self.degrees)

    def walk(self, z: np.ndarray, paths: int) -> "StaticCopula":
        return StaticCopula(self.name, self.correlation, self.degrees, paths)

    def draw(self, seed: int) -> np.ndarray:
        root = np.linalg.cholesky(self.correlation)[None]
        return elliptical_draws(root, self.degrees, self.paths, np.random.default_rng(seed))[0]

    def advance(self, z: np.ndarray) -> "StaticCopula":
        return self

    def draw_days(self, z: np.ndarray, first: int, samples: int, seed: int) -> np.ndarray:
        correlations = np.broadcast_to(self.correlation, (len(z) - first, *self.correlation.shape))
        return _draw_days(correlations, self.degrees, samples, seed)


def _draw_days(correlations: np.ndarray, degrees: float, samples: int, seed: int) -> np.ndarray:
    made = np.empty((len(correlations), samples, correlations.shape[-1]))
    for start in range(0, len(made), _CHUNK):
        roots = np.linalg.cholesky(correlations[start : start + _CHUNK])
        rng = np.random.default_rng([seed, start])
        made[start : start + _CHUNK] = elliptical_draws(roots, degrees, samples, rng)
    return made


@dataclass(frozen=True, eq=False)
class DynamicCopula:
    """A t copula whose correlation follows :class:`~thermofab.apps.trading.portfolio.correlation.Dynamic`."""

    name: str
    dynamic: Dynamic
    marginals: tuple[Marginal, ...]

    def log_densities(self, z: np.ndarray, u: np.ndarray, first: int) -> np.ndarray:
        correlations = self.dynamic.correlations(u)[first:-1]
        return log_copula(scores_of(u[first:], self.dynamic.degrees), correlations, self.dynamic.degrees)

    def walk(self, z: np.ndarray, paths: int) -> "DynamicWalk":
        q = self.dynamic.states(self.uniforms(z))[-1]
        return DynamicWalk(self, np.broadcast_to(q, (paths, *q.shape)))

    def draw_days(self, z: np.ndarray, first: int, samples: int, seed: int) -> np.ndarray:
        correlations = self.dynamic.correlations(self.uniforms(z))[first:-1]
        return _draw_days(correlations, self.dynamic.degrees, samples, seed)

    def uniforms(self, z: np.ndarray) -> np.ndarray:
        return np.stack([m.uniform(column) for m, column in zip(self.marginals, z.T)], axis=1)


@dataclass(frozen=True, eq=False)
class DynamicWalk:
    """Paths, each with its own Q, float64 ``[R, d, d]``."""

    model: DynamicCopula
    states: np.ndarray

    def draw(self, seed: int) -> np.ndarray:
        roots = np.linalg.cholesky(unit(self.states))
        return elliptical_draws(roots, self.model.dynamic.degrees, 1, np.random.default_rng(seed))[:, 0]

    def advance(self, z: np.ndarray) -> "DynamicWalk":
        return DynamicWalk(self.model, self.model.dynamic.step(self.states, self.model.uniforms(z)))


@dataclass(frozen=True, eq=False)
class PastDays:
    """Joint filtered historical simulation: a past day's u, all assets' together. It has draws and no density."""

    name: str
    days: np.ndarray
    paths: int = 0

    def log_densities(self, z: np.ndarray, u: np.ndarray, first: int) -> np.ndarray:
        return np.full(len(u) - first, np.nan)

    def walk(self, z: np.ndarray, paths: int) -> "PastDays":
        return PastDays(self.name, self.days, paths)

    def draw(self, seed: int) -> np.ndarray:
        return self.days[np.random.default_rng(seed).integers(len(self.days), size=self.paths)]

    def advance(self, z: np.ndarray) -> "PastDays":
        return self

    def draw_days(self, z: np.ndarray, first: int, samples: int, seed: int) -> np.ndarray:
        return self.days[np.random.default_rng(seed).integers(len(self.days), size=(len(z) - first, samples))]


def fitted_degrees(u: np.ndarray, correlation: np.ndarray) -> float:
    """The likeliest ν of a t copula of ``correlation``."""

    def loss(inverse: float) -> float:
        nu = 1 / inverse
        return -float(np.mean(log_copula(scores_of(u, nu), correlation, nu)))

    found = minimize_scalar(loss, bounds=(1 / DEGREES[1], 1 / DEGREES[0]), method="bounded", options={"xatol": 1e-4})
    return float(1 / np.asarray(found.x))


class Independent:
    """Assets that know nothing of each other."""

    name = "independent"

    def fit(self, learnt: Filtered) -> JointModel:
        return StaticCopula(self.name, np.eye(learnt.z.shape[1]), np.inf)


class Gaussian:
    """The normal copula, its correlation that of normal scores."""

    name = "Gaussian copula"

    def fit(self, learnt: Filtered) -> JointModel:
        x = scores_of(checked_uniforms(learnt.u), np.inf)
        return StaticCopula(self.name, unit(x.T @ x / len(x)), np.inf)


class ConstantT:
    """CCC-t (Bollerslev 1990 with t days): the correlation of z itself, and the likeliest ν."""

    name = "CCC-t"

    def fit(self, learnt: Filtered) -> JointModel:
        correlation = np.corrcoef(learnt.z.T)
        return StaticCopula(self.name, correlation, fitted_degrees(checked_uniforms(learnt.u), correlation))


class DynamicT:
    """DCC-t: :func:`~thermofab.apps.trading.portfolio.correlation.fit_dynamic`."""

    name = "DCC-t"

    def fit(self, learnt: Filtered) -> JointModel:
        return DynamicCopula(self.name, fit_dynamic(learnt.u), learnt.marginals)


class JointHistorical:
    """Joint filtered historical simulation over the days learnt from."""

    name = "joint FHS"

    def fit(self, learnt: Filtered) -> JointModel:
        return PastDays(self.name, learnt.u)


JOINT_PEERS: tuple[JointFitter, ...] = (Independent(), Gaussian(), ConstantT(), DynamicT(), JointHistorical())


class DirectPeer(Protocol):
    """A forecast of returns that needs no filter and learns only from the days it is given."""

    @property
    def name(self) -> str: ...

    def draw(self, returns: np.ndarray, horizon: int, samples: int, seed: int) -> np.ndarray:
        """Log returns over the next ``horizon`` days, float64 ``[m, d]``, from past daily ones ``[n, d]``; m is
        ``samples`` or what there is."""
        ...


@dataclass(frozen=True)
class Historical:
    """The last ``window`` days themselves; over several days, all sums of so many in a row."""

    window: int

    @property
    def name(self) -> str:
        return f"historical-{self.window}"

    def draw(self, returns: np.ndarray, horizon: int, samples: int, seed: int) -> np.ndarray:
        return np.lib.stride_tricks.sliding_window_view(returns[-self.window :], horizon, axis=0).sum(axis=-1)


@dataclass(frozen=True)
class EwmaNormal:
    """RiskMetrics: normal returns of the EWMA covariance, which several days multiply."""

    decay: float = 0.94
    reach: int = 500  # days of which the first weighs 1e-13

    name = "EWMA normal"

    def draw(self, returns: np.ndarray, horizon: int, samples: int, seed: int) -> np.ndarray:
        covariance = horizon * ewma_covariances(returns[-self.reach :], self.decay)[-1]
        made = np.random.default_rng(seed).standard_normal((samples, returns.shape[1]))
        return made @ np.linalg.cholesky(covariance).T


DIRECT_PEERS: Sequence[DirectPeer] = (Historical(500), Historical(1000), EwmaNormal())
