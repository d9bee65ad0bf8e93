"""The static machine: one set of pair tables for all days.

Tables start as the projection of the t copula fitted to the days learnt from
(:mod:`~thermofab.apps.trading.portfolio.projection`); a residual on them is fitted, as far as time-ordered
cross-validation bears it out (:mod:`~thermofab.apps.trading.portfolio.residual`).
"""

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from thermofab.apps.trading.portfolio.cells import cell_numbers, checked_assets, encode
from thermofab.apps.trading.portfolio.copula import Copula, fit_copula
from thermofab.apps.trading.portfolio.day import Day
from thermofab.apps.trading.portfolio.decoding import decode, log_density_within
from thermofab.apps.trading.portfolio.filters import Filtered
from thermofab.apps.trading.portfolio.machine import PortfolioMachine
from thermofab.apps.trading.portfolio.projection import projected_tables
from thermofab.apps.trading.portfolio.residual import chosen_prior, with_residual
from thermofab.hw.spec import Device, Ledger


@dataclass(frozen=True)
class StaticFitter:
    """``device`` is where the fitted model draws."""

    device: str | Device = "jax"
    name: str = "machine, static"

    def fit(self, learnt: Filtered) -> "StaticModel":
        """Fitted to the days of ``learnt``, 250 at least, of 2 to 6 assets."""
        checked_assets(learnt.u.shape[1])
        copula, none = fit_copula(learnt.u), np.zeros((len(learnt), 0), dtype=bool)
        tables = with_residual(projected_tables(copula), encode(learnt.u), none, chosen_prior(learnt.u))
        return StaticModel(copula, PortfolioMachine(tables, self.device), self.name)


@dataclass(frozen=True, eq=False)
class StaticModel:
    """``copula`` decodes within the cells that ``machine`` draws."""

    copula: Copula
    machine: PortfolioMachine
    name: str = "machine, static"

    @cached_property
    def log_cells(self) -> np.ndarray:
        """log P of all cells on the fabric, float64 ``[8] * d``."""
        return self.machine.log_probabilities()

    def log_densities(self, z: np.ndarray, u: np.ndarray, first: int) -> np.ndarray:
        """See :class:`~thermofab.apps.trading.portfolio.joint.JointModel`."""
        states = encode(u[first:])
        inside, _ = log_density_within(u[first:], states, self.copula.correlation, self.copula.degrees)
        return self.log_cells.reshape(-1)[cell_numbers(states)] + inside

    def walk(self, z: np.ndarray, paths: int) -> "StaticWalk":
        """Paths whose days are drawn one like the other."""
        return StaticWalk(self, paths)

    def today(self, z: np.ndarray) -> Day:
        """The fabric on the day after days ``z``, float64 ``[n, d]``."""
        return Day(self.machine, np.zeros(0, bool), self.copula.correlation, self.copula.degrees)

    def draw_days(self, z: np.ndarray, first: int, samples: int, seed: int) -> np.ndarray:
        """See :class:`~thermofab.apps.trading.portfolio.joint.DrawsDays`."""
        days = len(z) - first
        return StaticWalk(self, days * samples).draw(seed).reshape(days, samples, -1)


@dataclass(eq=False)
class StaticWalk:
    """``ledger`` is that of the last draw."""

    model: StaticModel
    paths: int
    ledger: Ledger | None = field(default=None)

    def draw(self, seed: int) -> np.ndarray:
        """u float64 ``[paths, d]``."""
        states, self.ledger = self.model.machine.draw(self.paths, seed)
        return decode(states, self.model.copula.correlation, self.model.copula.degrees, seed)[0]

    def advance(self, z: np.ndarray) -> "StaticWalk":
        """The same model a day later."""
        return StaticWalk(self.model, self.paths)
