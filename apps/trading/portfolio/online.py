"""Forecasters: the next day's returns, drawn; and a step of the filters for every day that comes, with no fit between.

A forecaster is a value: a step gives the next one. What a day's draws depend on is the days before it and a seed.
"""

from copy import copy
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from thermofab.apps.trading.encoding import WEEK
from thermofab.apps.trading.fitted import State
from thermofab.apps.trading.portfolio.filters import Filtered, Marginal
from thermofab.apps.trading.portfolio.joint import JointModel, JointWalk
from thermofab.apps.trading.series import SeriesModel
from thermofab.hw.spec import SpecError


class Forecaster(Protocol):
    """The day after the days it has seen."""

    @property
    def volatilities(self) -> np.ndarray:
        """Of every asset, of the next day: float64 ``[d]``."""
        ...

    def draw(self, seed: int) -> np.ndarray:
        """Log returns of the next day, float64 ``[draws, d]``."""
        ...

    def advance(self, returns: np.ndarray) -> "Forecaster":
        """The forecaster a day later, after log returns float64 ``[d]``."""
        ...


@dataclass(frozen=True, eq=False)
class JointForecaster:
    """Several assets: each one's filter, and a joint model of their standardised returns.

    Attributes:
        marginals: one an asset.
        variances: of the next day, float64 ``[d]``.
        walk: of the joint model, as many paths as there are draws.
        draws: how many.
    """

    marginals: tuple[Marginal, ...]
    variances: np.ndarray
    walk: JointWalk
    draws: int

    @classmethod
    def after(cls, joint: JointModel, history: Filtered, draws: int) -> "JointForecaster":
        """The day after the days of ``history``."""
        return cls(history.marginals, history.variances[-1], joint.walk(history.z, draws), draws)

    @property
    def volatilities(self) -> np.ndarray:
        return np.sqrt(self.variances)

    def draw(self, seed: int) -> np.ndarray:
        u = copy(self.walk).draw(seed)  # a walk may keep what a draw found; days must not depend on which were drawn
        z = np.stack([one.quantile(column) for one, column in zip(self.marginals, u.T)], axis=1)
        return self._means + self.volatilities * z

    def advance(self, returns: np.ndarray) -> "JointForecaster":
        z = (np.asarray(returns) - self._means) / self.volatilities
        steps = [float(m.volatility.step(v, r)) for m, v, r in zip(self.marginals, self.variances, returns)]
        walk = self.walk.advance(np.tile(z, (self.draws, 1)))
        return JointForecaster(self.marginals, np.array(steps), walk, self.draws)

    @property
    def _means(self) -> np.ndarray:
        return np.array([one.volatility.mean for one in self.marginals])


@dataclass(frozen=True, eq=False)
class SingleForecaster:
    """One asset: the day that :class:`~thermofab.apps.trading.series.SeriesModel` samples.

    Attributes:
        model: a fitted model; it is shared by all steps.
        state: what the next day depends on, of one path.
        draws: how many.
    """

    model: SeriesModel
    state: State
    draws: int

    @classmethod
    def after(cls, model: SeriesModel, draws: int) -> "SingleForecaster":
        """The day after the days that ``model`` was fitted on.

        Raises:
            SpecError: it has not been fitted.
        """
        if model.fitted is None:
            raise SpecError("this model has not learnt anything yet; call fit(prices).")
        return cls(model, model.fitted.last, draws)

    @property
    def volatilities(self) -> np.ndarray:
        return np.sqrt(self.state.variance)

    def draw(self, seed: int) -> np.ndarray:
        whole = State(np.resize(self.state.variance, self.draws), np.resize(self.state.week, (self.draws, WEEK)))
        return self.model.step(whole, seed)[0][:, None]

    def advance(self, returns: np.ndarray) -> "SingleForecaster":
        fitted = self.model.fitted
        assert fitted is not None
        z = (np.asarray(returns) - fitted.volatility.mean) / np.sqrt(self.state.variance)
        week = np.concatenate([self.state.week[:, 1:], z[:, None]], axis=1)
        return SingleForecaster(
            self.model, State(fitted.volatility.step(self.state.variance, returns), week), self.draws
        )
