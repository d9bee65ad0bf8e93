"""The daily machine: tables reprogrammed every day from the DCC-t copula's correlations of that day.

A day's tables are the projection of the t copula with the filtered correlations, found from those of the day before,
and the same residual every day. Weights of the fabric change daily; nothing is clamped. All paths of a simulation share
the fabric's tables: beyond the first day they are those of the paths' mean correlations, while decoding within cells
knows every path's own. The state-clamped machine has no such limit.
"""

from dataclasses import dataclass, field, replace

import numpy as np

from thermofab.apps.trading.portfolio.cells import cell_numbers, checked_assets, encode
from thermofab.apps.trading.portfolio.clamped import fit_clamped
from thermofab.apps.trading.portfolio.correlation import Dynamic, unit
from thermofab.apps.trading.portfolio.day import Day
from thermofab.apps.trading.portfolio.decoding import decode, log_density_within
from thermofab.apps.trading.portfolio.filters import Filtered, Marginal
from thermofab.apps.trading.portfolio.machine import PortfolioMachine
from thermofab.apps.trading.portfolio.projection import PairCells, project
from thermofab.apps.trading.portfolio.tables import Tables
from thermofab.hw.spec import Device, Ledger

CLOSE = 1e-5  # of a day's projection: .0001 nats a day and less


@dataclass(frozen=True)
class DailyFitter:
    """``device`` is where the fitted model draws."""

    device: str | Device = "jax"
    name: str = "machine, reprogrammed daily"

    def fit(self, learnt: Filtered) -> "DailyModel":
        """Fitted to the days of ``learnt``, 250 at least, of 2 to 6 assets.

        The residual is that of the state-clamped tables, which follow the correlations as a day's tables do: that of
        the static ones would also make up for their not following.
        """
        checked_assets(learnt.u.shape[1])
        fitted = fit_clamped(learnt.u)
        start, tables, dynamic = fitted.start, fitted.tables, fitted.dynamic
        flat = Tables.flat(learnt.u.shape[1])
        residual = replace(flat, single=tables.single - start.single, pair=tables.pair - start.pair)
        cells, last = PairCells(dynamic.degrees), dynamic.correlations(learnt.u)[-1]
        machine = PortfolioMachine(sum_of(project(cells.of(last)), residual), self.device)
        return DailyModel(dynamic, learnt.marginals, cells, residual, machine, self.name)


def sum_of(tables: Tables, residual: Tables) -> Tables:
    """Both, added."""
    return replace(tables, single=tables.single + residual.single, pair=tables.pair + residual.pair)


@dataclass(frozen=True, eq=False)
class DailyModel:
    """``dynamic`` forecasts correlations, whose projection and the ``residual`` are put on ``machine``."""

    dynamic: Dynamic
    marginals: tuple[Marginal, ...]
    cells: PairCells
    residual: Tables
    machine: PortfolioMachine
    name: str = "machine, reprogrammed daily"

    def projected(self, correlation: np.ndarray, before: Tables | None = None) -> Tables:
        """The tables of correlations float64 ``[d, d]``, without the residual, searched for from ``before``."""
        return project(self.cells.of(correlation), before, CLOSE)

    def programmed(self, projected: Tables) -> PortfolioMachine:
        """The machine with a day's tables and the residual."""
        return self.machine.holding(sum_of(projected, self.residual))

    def log_densities(self, z: np.ndarray, u: np.ndarray, first: int) -> np.ndarray:
        """See :class:`~thermofab.apps.trading.portfolio.joint.JointModel`."""
        correlations = self.dynamic.correlations(u)[first:-1]
        states = encode(u[first:])
        made, _ = log_density_within(u[first:], states, correlations, self.dynamic.degrees)
        tables, numbers = None, cell_numbers(states)
        for day, correlation in enumerate(correlations):
            tables = self.projected(correlation, tables)
            made[day] += self.programmed(tables).log_probabilities().reshape(-1)[numbers[day]]
        return made

    def walk(self, z: np.ndarray, paths: int) -> "DailyWalk":
        """Paths that each filter their own correlations, on tables of the mean."""
        last = self.dynamic.states(self.uniforms(z))[-1]
        return DailyWalk(self, np.broadcast_to(last, (paths, *last.shape)))

    def today(self, z: np.ndarray) -> Day:
        """The fabric on the day after days ``z``, float64 ``[n, d]``."""
        correlation = self.dynamic.correlations(self.uniforms(z))[-1]
        machine = self.programmed(self.projected(correlation))
        return Day(machine, np.zeros(0, bool), correlation, self.dynamic.degrees)

    def draw_days(self, z: np.ndarray, first: int, samples: int, seed: int) -> np.ndarray:
        """See :class:`~thermofab.apps.trading.portfolio.joint.DrawsDays`."""
        made, tables = np.empty((len(z) - first, samples, z.shape[1])), None
        for k, correlation in enumerate(self.dynamic.correlations(self.uniforms(z))[first:-1]):
            tables = self.projected(correlation, tables)
            day = int(np.random.SeedSequence([seed, first + k]).generate_state(1)[0])
            states, _ = self.programmed(tables).draw(samples, day)
            made[k] = decode(states, correlation, self.dynamic.degrees, day)[0]
        return made

    def uniforms(self, z: np.ndarray) -> np.ndarray:
        """u of standardised returns ``[n, d]``."""
        return np.stack([m.uniform(column) for m, column in zip(self.marginals, z.T)], axis=1)


@dataclass(eq=False)
class DailyWalk:
    """``states`` float64 ``[paths, d, d]`` of the correlation filter; ``before``, the last tables projected;
    ``ledger`` is that of the last draw."""

    model: DailyModel
    states: np.ndarray
    before: Tables | None = None
    ledger: Ledger | None = field(default=None)

    def draw(self, seed: int) -> np.ndarray:
        """u float64 ``[paths, d]``."""
        correlations = unit(self.states)
        self.before = self.model.projected(unit(self.states.mean(axis=0)), self.before)
        cells, self.ledger = self.model.programmed(self.before).draw(len(self.states), seed)
        return decode(cells, correlations, self.model.dynamic.degrees, seed)[0]

    def advance(self, z: np.ndarray) -> "DailyWalk":
        """Every path's filter a day later."""
        return DailyWalk(self.model, self.model.dynamic.step(self.states, self.model.uniforms(z)), self.before)
