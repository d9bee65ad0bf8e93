"""Joint models of a day's standardised returns: what the fabric's machine and every copula peer are held to.

A joint model knows nothing of volatilities: it gives the copula of the next day's z given the days before, as a density
and as draws of u. Marginals (:mod:`thermofab.apps.trading.portfolio.filters`) turn u into z, and z into returns.
"""

from typing import Protocol, runtime_checkable

import numpy as np

from thermofab.apps.trading.portfolio.filters import Filtered


class JointWalk(Protocol):
    """The next day of each of R paths."""

    def draw(self, seed: int) -> np.ndarray:
        """u float64 ``[R, d]`` in (0, 1)."""
        ...

    def advance(self, z: np.ndarray) -> "JointWalk":
        """The walk a day later, after standardised returns ``z`` float64 ``[R, d]``."""
        ...


class JointModel(Protocol):
    """A fitted model."""

    @property
    def name(self) -> str: ...

    def log_densities(self, z: np.ndarray, u: np.ndarray, first: int) -> np.ndarray:
        """Log copula density in nats, float64 ``[n - first]``: of day k given days 0 … k - 1, for k from ``first``.

        Rows 0 … ``first`` - 1 of ``z`` and ``u``, float64 ``[n, d]``, are days before the first that is scored.
        """
        ...

    def walk(self, z: np.ndarray, paths: int) -> JointWalk:
        """``paths`` paths, all with the history ``z`` float64 ``[n, d]``."""
        ...


class JointFitter(Protocol):
    """How a model is fitted."""

    @property
    def name(self) -> str: ...

    def fit(self, learnt: Filtered) -> JointModel: ...


@runtime_checkable
class DrawsDays(Protocol):
    """A model that draws many days at once faster than one after another."""

    def draw_days(self, z: np.ndarray, first: int, samples: int, seed: int) -> np.ndarray:
        """u float64 ``[n - first, samples, d]``: of day k given days 0 … k - 1 of ``z``, for k from ``first``."""
        ...


def draw_days(model: JointModel, z: np.ndarray, first: int, samples: int, seed: int) -> np.ndarray:
    """One-day draws of many days: u float64 ``[n - first, samples, d]``; row z[k] is never seen by day k's draws."""
    if isinstance(model, DrawsDays):
        return model.draw_days(z, first, samples, seed)
    made = np.empty((len(z) - first, samples, z.shape[1]))
    for k in range(first, len(z)):
        day = int(np.random.SeedSequence([seed, k]).generate_state(1)[0])
        made[k - first] = model.walk(z[:k], samples).draw(day)
    return made
