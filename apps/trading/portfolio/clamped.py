"""The state-clamped machine: one set of tables for all days, and the day's market bits clamped.

Tables are fitted so that under every setting of the market bits their pair marginals are, as nearly as the fabric's
factors allow, the mean of the DCC-t copula's over the days of that setting; a residual that is the same under all of
them is fitted to the days themselves (:mod:`~thermofab.apps.trading.portfolio.residual`). Nothing is
reprogrammed from day to day: what is known of a day comes in by clamps, one per chain, so every path of a simulation
has its own.
"""

from dataclasses import dataclass, field

import numpy as np

from thermofab.apps.trading.portfolio.cells import cell_numbers, checked_assets, encode
from thermofab.apps.trading.portfolio.correlation import Dynamic, fit_dynamic, unit
from thermofab.apps.trading.portfolio.day import Day
from thermofab.apps.trading.portfolio.decoding import decode, log_density_within
from thermofab.apps.trading.portfolio.filters import Filtered, Marginal
from thermofab.apps.trading.portfolio.fitting import Evidence, Prior, fit_tables
from thermofab.apps.trading.portfolio.machine import PortfolioMachine
from thermofab.apps.trading.portfolio.projection import PairCells, project
from thermofab.apps.trading.portfolio.remembered import remembered
from thermofab.apps.trading.portfolio.residual import chosen_prior, with_residual
from thermofab.apps.trading.portfolio.states import LEVELS, MarketBits, market_bits
from thermofab.apps.trading.portfolio.tables import Tables
from thermofab.hw.spec import Device, Ledger

_GAUGE = Prior(1e-3)  # enough to fix what the distribution does not
_ITERATIONS = 80


@dataclass(frozen=True)
class ClampedFitter:
    """``device`` is where the fitted model draws; ``levels`` are those of the market bits' directions."""

    device: str | Device = "jax"
    levels: tuple[int, ...] = LEVELS
    name: str = "machine, state-clamped"

    def fit(self, learnt: Filtered) -> "ClampedModel":
        """Fitted to the days of ``learnt``, 250 at least, of 2 to 6 assets."""
        checked_assets(learnt.u.shape[1])
        fitted = fit_clamped(learnt.u, self.levels)
        dynamic, bits, tables = fitted.dynamic, fitted.bits, fitted.tables
        machine = PortfolioMachine(tables, self.device)
        return ClampedModel(dynamic, learnt.marginals, bits, machine, self.name)


@dataclass(frozen=True, eq=False)
class Clamped:
    """What the fit found: the correlation filter, the market bits, the tables from copulas alone (``start``) and with
    the residual (``tables``)."""

    dynamic: Dynamic
    bits: MarketBits
    start: Tables
    tables: Tables


@remembered
def fit_clamped(u: np.ndarray, levels: tuple[int, ...] = LEVELS) -> Clamped:
    """Fitted to uniforms float64 ``[n, d]`` in the order of their days."""
    dynamic = fit_dynamic(u)
    correlations = dynamic.correlations(u)[:-1]
    bits = market_bits(correlations, levels)
    start = clamped_tables(correlations, dynamic.degrees, bits)
    tables = with_residual(start, encode(u), bits(correlations), chosen_prior(u))
    return Clamped(dynamic, bits, start, tables)


def clamped_tables(correlations: np.ndarray, degrees: float, bits: MarketBits) -> Tables:
    """Tables that under every setting of the bits are nearest to the t copulas of its days, whose correlations are
    ``[n, d, d]``."""
    cells = PairCells(degrees).of(correlations)
    settings, number = np.unique(bits(correlations), axis=0, return_inverse=True)
    number = number.reshape(-1)
    marginals = np.stack([cells[number == k].mean(axis=0) for k in range(len(settings))])
    flat, whole = Tables.flat(correlations.shape[-1], bits.count), project(cells.mean(axis=0))
    start = Tables(whole.single, whole.pair, flat.single_shift, flat.pair_shift)
    weights = np.bincount(number).astype(np.float64)
    return fit_tables(start, Evidence(settings, weights, marginals), _GAUGE, _ITERATIONS)


@dataclass(frozen=True, eq=False)
class ClampedModel:
    """``dynamic`` filters correlations; ``bits`` of them are clamped on ``machine``; within a cell the t copula of the
    filtered correlations decodes."""

    dynamic: Dynamic
    marginals: tuple[Marginal, ...]
    bits: MarketBits
    machine: PortfolioMachine
    name: str = "machine, state-clamped"

    def log_densities(self, z: np.ndarray, u: np.ndarray, first: int) -> np.ndarray:
        """See :class:`~thermofab.apps.trading.portfolio.joint.JointModel`."""
        correlations = self.dynamic.correlations(u)[first:-1]
        states = encode(u[first:])
        made, _ = log_density_within(u[first:], states, correlations, self.dynamic.degrees)
        settings, number = np.unique(self.bits(correlations), axis=0, return_inverse=True)
        for k, setting in enumerate(settings):
            days = number.reshape(-1) == k
            made[days] += self.machine.log_probabilities(setting).reshape(-1)[cell_numbers(states[days])]
        return made

    def walk(self, z: np.ndarray, paths: int) -> "ClampedWalk":
        """Paths that each filter their own correlations."""
        last = self.dynamic.states(self.uniforms(z))[-1]
        return ClampedWalk(self, np.broadcast_to(last, (paths, *last.shape)))

    def today(self, z: np.ndarray) -> Day:
        """The fabric on the day after days ``z``, float64 ``[n, d]``."""
        correlation = self.dynamic.correlations(self.uniforms(z))[-1]
        return Day(self.machine, self.bits(correlation), correlation, self.dynamic.degrees)

    def draw_days(self, z: np.ndarray, first: int, samples: int, seed: int) -> np.ndarray:
        """See :class:`~thermofab.apps.trading.portfolio.joint.DrawsDays`."""
        states = self.dynamic.states(self.uniforms(z))[first:-1]
        drawn = ClampedWalk(self, np.repeat(states, samples, axis=0)).draw(seed)
        return drawn.reshape(len(states), samples, -1)

    def uniforms(self, z: np.ndarray) -> np.ndarray:
        """u of standardised returns ``[n, d]``."""
        return np.stack([m.uniform(column) for m, column in zip(self.marginals, z.T)], axis=1)


@dataclass(eq=False)
class ClampedWalk:
    """``states`` float64 ``[paths, d, d]`` of the correlation filter; ``ledger`` is that of the last draw."""

    model: ClampedModel
    states: np.ndarray
    ledger: Ledger | None = field(default=None)

    def draw(self, seed: int) -> np.ndarray:
        """u float64 ``[paths, d]``."""
        correlations = unit(self.states)
        cells, self.ledger = self.model.machine.draw(len(self.states), seed, self.model.bits(correlations))
        return decode(cells, correlations, self.model.dynamic.degrees, seed)[0]

    def advance(self, z: np.ndarray) -> "ClampedWalk":
        """Every path's filter a day later."""
        return ClampedWalk(self.model, self.model.dynamic.step(self.states, self.model.uniforms(z)))
