"""A day on the fabric: the machine as it is programmed and clamped for that day, drawn freely or under conditions.

A condition holds some assets between two of their own quantiles. Their nodes are clamped, in every chain to states
drawn from the exact, enumerated distribution of these nodes within the condition, so the fabric's draws of all
other assets need no weights. Where a condition ends inside a state, a chain's weight is the part of its cell that is
within, by the copula that decodes; conditions beyond the outermost edge are of this kind.
"""

from dataclasses import dataclass

import numpy as np

from thermofab.apps.trading.portfolio.cells import EDGES, box
from thermofab.apps.trading.portfolio.copula import box_probabilities
from thermofab.apps.trading.portfolio.decoding import decode
from thermofab.apps.trading.portfolio.machine import PortfolioMachine
from thermofab.hw.spec import Ledger, SpecError

RAREST = 1e-5  # probability of a condition


@dataclass(frozen=True, eq=False)
class Conditional:
    """Draws under a condition.

    Attributes:
        u: float64 ``[n, d]``.
        weights: float64 ``[n]``, summing to 1.
        probability: of the condition.
        ledger: what the run cost.
    """

    u: np.ndarray
    weights: np.ndarray
    probability: float
    ledger: Ledger

    @property
    def effective(self) -> float:
        """Effective number of draws, 1/Σ weight²."""
        return float(1 / (self.weights**2).sum())


@dataclass(frozen=True, eq=False)
class Day:
    """``machine`` with its market bits bool ``[k]``, and the copula that decodes within cells."""

    machine: PortfolioMachine
    market: np.ndarray
    correlation: np.ndarray
    degrees: float

    def conditional(self, low: np.ndarray, high: np.ndarray, draws: int, seed: int) -> Conditional:
        """Draws with every asset between ``low`` and ``high``, float64 ``[d]``; 0 and 1 hold nothing.

        Raises:
            SpecError: bounds in the wrong order or outside 0…1, or a condition too rare to be sampled.
        """
        low, high, d = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64), self.machine.assets
        if low.shape != (d,) or high.shape != (d,) or not np.all((low >= 0) & (low < high) & (high <= 1)):
            raise SpecError(f"a condition gives {d} assets a lower below an upper quantile, from 0 to 1 each.")
        held = np.flatnonzero((low > 0) | (high < 1))
        within = (EDGES[None, :-1] < high[:, None]) & (EDGES[None, 1:] > low[:, None])
        chance = self.held_distribution(held)
        for place, asset in enumerate(held):
            chance = np.moveaxis(np.moveaxis(chance, place, -1) * within[asset], -1, place)
        total = float(chance.sum())
        if total < RAREST:
            raise SpecError(
                f"the condition has a probability of {total:.2g} under the model; conditions rarer than {RAREST:g} are "
                "not sampled. Hold fewer assets, or hold them less far out."
            )
        rng = np.random.default_rng([seed, 4])
        numbers = rng.choice(chance.size, size=draws, p=(chance / total).reshape(-1))
        chosen = np.stack(np.unravel_index(numbers, chance.shape), axis=1) if len(held) else np.zeros((draws, 0), int)
        clamped = {int(asset): chosen[:, place] for place, asset in enumerate(held)}
        market = np.broadcast_to(self.market, (draws, len(self.market)))
        states, ledger = self.machine.draw(draws, seed, market, clamped)
        u, _ = decode(states, self.correlation, self.degrees, seed, (low, high))
        part = self._part(states, low, high)
        if not part.sum() > 0 or total * part.mean() < RAREST:
            raise SpecError(
                f"the condition has a probability of {total * part.mean():.2g} under the model; conditions rarer than "
                f"{RAREST:g} are not sampled. Hold fewer assets, or hold them less far out."
            )
        return Conditional(u, part / part.sum(), total * float(part.mean()), ledger)

    def held_distribution(self, assets: np.ndarray) -> np.ndarray:
        """The exact distribution of some assets' states, float64 ``[8] * len(assets)``."""
        chance = np.exp(self.machine.log_probabilities(self.market))
        return chance.sum(axis=tuple(k for k in range(self.machine.assets) if k not in set(assets.tolist())))

    def _part(self, states: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """How much of its cell's probability is within the bounds, float64 ``[n]``; 1 where no edge is cut."""
        cells, number = np.unique(states, axis=0, return_inverse=True)
        start, end = box(cells)
        cut = np.any((start < low) | (end > high), axis=1)
        part = np.ones(len(cells))
        if np.any(cut):
            whole, _ = box_probabilities(self.correlation, self.degrees, start[cut], end[cut])
            inner, _ = box_probabilities(
                self.correlation, self.degrees, np.maximum(start[cut], low), np.minimum(end[cut], high)
            )
            part[cut] = np.minimum(inner / whole, 1.0)
        return part[number.reshape(-1)]
