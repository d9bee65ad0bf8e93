"""Peers: joint models by the usual means, all on the same filters as the fabric's, and forecasts without a filter."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import ndtr, stdtr

from thermofab.apps.trading.portfolio.copula import Copula, fit_copula, likeliest_degrees, log_densities_of
from thermofab.apps.trading.portfolio.correlation import Dynamic, ewma_covariances, fit_dynamic, unit
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
    """A copula that stays: its own :class:`JointModel`, and its walk of ``paths`` paths."""

    name: str
    copula: Copula
    paths: int = 0

    def log_densities(self, z: np.ndarray, u: np.ndarray, first: int) -> np.ndarray:
        return self.copula.log_density(u[first:])

    def walk(self, z: np.ndarray, paths: int) -> "StaticCopula":
        return StaticCopula(self.name, self.copula, paths)

    def draw(self, seed: int) -> np.ndarray:
        return self.copula.draws(self.paths, np.random.default_rng(seed))

    def advance(self, z: np.ndarray) -> "StaticCopula":
        return self

    def draw_days(self, z: np.ndarray, first: int, samples: int, seed: int) -> np.ndarray:
        matrix = self.copula.correlation
        return _draw_days(np.broadcast_to(matrix, (len(z) - first, *matrix.shape)), self.copula.degrees, samples, seed)


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
        return log_densities_of(u[first:], correlations, self.dynamic.degrees)

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


class Independent:
    """Assets that know nothing of each other."""

    name = "independent"

    def fit(self, learnt: Filtered) -> JointModel:
        return StaticCopula(self.name, Copula(np.eye(learnt.z.shape[1])))


class Gaussian:
    """The normal copula of maximum likelihood."""

    name = "Gaussian copula"

    def fit(self, learnt: Filtered) -> JointModel:
        return StaticCopula(self.name, fit_copula(learnt.u, "gaussian"))


class StudentT:
    """The t copula of maximum likelihood."""

    name = "t copula"

    def fit(self, learnt: Filtered) -> JointModel:
        return StaticCopula(self.name, fit_copula(learnt.u, "t"))


class ConstantT:
    """CCC-t (Bollerslev 1990 with t days): the correlation of z itself, and the likeliest ν given it."""

    name = "CCC-t"

    def fit(self, learnt: Filtered) -> JointModel:
        matrix = np.corrcoef(learnt.z.T)
        degrees = likeliest_degrees(learnt.u, np.broadcast_to(matrix, (len(learnt.u), *matrix.shape)))
        return StaticCopula(self.name, Copula(matrix, degrees))


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


JOINT_PEERS: tuple[JointFitter, ...] = (
    Independent(),
    Gaussian(),
    StudentT(),
    ConstantT(),
    DynamicT(),
    JointHistorical(),
)


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
