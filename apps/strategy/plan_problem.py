"""What a joint plan is the answer to: strategies of several symbols over several days, and what each combination costs.

A plan x has a strategy x_{s,d} for every symbol s and day d. With model probabilities p, shares a(x) = (SPY, TLT) of a
strategy, its share of equity e(x) and the shares h_s held now, P(x) ∝ exp(-E(x)/T) and

    E(x) = - Σ_{s,d} ln p_{s,d}(x_{s,d}) + cost·[Σ_s |a(x_{s,1}) - h_s|₁ + Σ_{s,d>1} |a(x_{s,d}) - a(x_{s,d-1})|₁]
           + penalty·Σ_d Σ_{s<t} max(0, e(x_{s,d}) + e(x_{t,d}) - limit).

At T = 1, without costs and limits, every (s, d) is an independent draw from the model's soft-max.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from thermofab.apps.strategy.config import ALLOCATIONS, StrategyConfig
from thermofab.apps.strategy.names import STRATEGIES
from thermofab.hw.spec import SpecError

FLOOR = 1e-4  # smallest probability that counts: a smaller one would take the fabric's resolution from the rest


@dataclass(frozen=True)
class PlanTerms:
    """What a plan is charged for, in nats.

    Attributes:
        cost: of a whole capital bought or sold; see :func:`cost_in_nats`.
        limit: equity that two symbols may hold together, 2 or more for no limit.
        penalty: of a whole capital above the limit.
        temperature: T.

    Raises:
        SpecError: a number outside its range.
    """

    cost: float = 0.0
    limit: float = 2.0
    penalty: float = 0.0
    temperature: float = 1.0

    def __post_init__(self) -> None:
        for name in ("cost", "limit", "penalty"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                raise SpecError(f"{name} of a plan must be finite and at least 0, got {value!r}.")
        if not 0 < self.temperature < np.inf:
            raise SpecError(f"the temperature of a plan must be finite and above 0, got {self.temperature!r}.")


@dataclass(frozen=True, eq=False)
class PlanProblem:
    """One decision.

    Attributes:
        symbols: S names.
        probabilities: of the model, float64 ``[S, D, 8]``; rows sum to 1 and are floored at 1e-4.
        terms: costs, limit, temperature.
        held: shares of SPY and TLT held now, float64 ``[S, 2]``; ``None`` makes the first day free.
        allocations: shares by strategy.

    Raises:
        SpecError: shapes that do not fit, or rows that are no probabilities.
    """

    symbols: tuple[str, ...]
    probabilities: np.ndarray
    terms: PlanTerms = PlanTerms()
    held: np.ndarray | None = None
    allocations: tuple[tuple[float, float], ...] = ALLOCATIONS

    def __post_init__(self) -> None:
        p = np.asarray(self.probabilities, dtype=np.float64)
        if p.ndim != 3 or p.shape[0] != len(self.symbols) or p.shape[2] != len(STRATEGIES) or not p.size:
            raise SpecError(
                f"probabilities of a plan have shape [symbols, days, {len(STRATEGIES)}] with {len(self.symbols)} "
                f"symbols; got {list(p.shape)}."
            )
        if not np.all(p >= 0) or np.any(np.abs(p.sum(axis=2) - 1) > 1e-6):
            raise SpecError("probabilities of a plan are at least 0 and sum to 1 over the eight strategies.")
        if len(set(self.symbols)) != len(self.symbols):
            raise SpecError(f"symbols of a plan are different names, got {', '.join(self.symbols)}.")
        floored = np.maximum(p, FLOOR)
        object.__setattr__(self, "probabilities", floored / floored.sum(axis=2, keepdims=True))
        if self.held is not None:
            held = np.asarray(self.held, dtype=np.float64)
            if held.shape != (len(self.symbols), 2) or not np.all(np.isfinite(held)):
                raise SpecError(f"held shares have shape [{len(self.symbols)}, 2] (SPY, TLT); got {list(held.shape)}.")
            object.__setattr__(self, "held", held)

    @property
    def days(self) -> int:
        return self.probabilities.shape[1]

    @cached_property
    def fields(self) -> np.ndarray:
        """Log-weights of single strategies over T, float64 ``[S, D, 8]``: model, and the way from what is held."""
        fields = np.log(self.probabilities)
        if self.held is not None:
            fields = fields.copy()
            fields[:, 0] -= self.terms.cost * np.abs(self._shares[None] - self.held[:, None]).sum(axis=2)
        return fields / self.terms.temperature

    @cached_property
    def moves(self) -> np.ndarray:
        """Log-weights over T of a symbol's strategies on two successive days, float64 ``[8, 8]``."""
        return -self.terms.cost * self.distances / self.terms.temperature

    @cached_property
    def limits(self) -> np.ndarray:
        """Log-weights over T of two symbols' strategies on one day, float64 ``[8, 8]``."""
        equity = self._shares[:, 0]
        over = np.maximum(0, equity[:, None] + equity[None] - self.terms.limit)
        return -self.terms.penalty * over / self.terms.temperature

    @cached_property
    def distances(self) -> np.ndarray:
        """|a(x) - a(y)|₁, float64 ``[8, 8]``: what is bought and sold between two strategies."""
        return np.abs(self._shares[:, None] - self._shares[None]).sum(axis=2)

    @property
    def _shares(self) -> np.ndarray:
        return np.array(self.allocations)

    def log_weights(self, plans: np.ndarray) -> np.ndarray:
        """-E/T of plans int ``[…, S, D]``, float64 ``[…]``."""
        s, d = np.indices(plans.shape[-2:])
        total = self.fields[s, d, plans].sum(axis=(-1, -2))
        total = total + self.moves[plans[..., :-1], plans[..., 1:]].sum(axis=(-1, -2))
        for a in range(len(self.symbols)):
            for b in range(a):
                total = total + self.limits[plans[..., a, :], plans[..., b, :]].sum(axis=-1)
        return total

    def turnover(self, plans: np.ndarray) -> np.ndarray:
        """What plans int ``[…, S, D]`` buy and sell, in capitals, the way from what is held included."""
        total = self.distances[plans[..., :-1], plans[..., 1:]].sum(axis=(-1, -2))
        if self.held is not None:
            first = np.abs(self._shares[plans[..., 0]] - self.held).sum(axis=(-1, -2))
            total = total + first
        return total

    def equity(self, plans: np.ndarray) -> np.ndarray:
        """Shares of equity of plans int ``[…, S, D]``, float64 of the same shape."""
        return self._shares[plans, 0]

    def factors(self, nodes: list[Any]) -> list[Any]:
        """The THRML program: a ``CategoricalEBMFactor`` for fields, one for moves, one for limits.

        Args:
            nodes: S·D ``CategoricalNode``, by symbol, then day.
        """
        import jax.numpy as jnp
        from thrml.block_management import Block
        from thrml.models.discrete_ebm import CategoricalEBMFactor

        number = np.arange(len(nodes)).reshape(len(self.symbols), self.days)
        made = [CategoricalEBMFactor([Block(nodes)], jnp.asarray(self.fields.reshape(len(nodes), -1)))]

        def pairs(a: np.ndarray, b: np.ndarray, table: np.ndarray) -> None:
            if a.size:
                blocks = [Block([nodes[k] for k in ends.flat]) for ends in (a, b)]
                made.append(CategoricalEBMFactor(blocks, jnp.tile(jnp.asarray(table), (a.size, 1, 1))))

        pairs(number[:, :-1], number[:, 1:], self.moves)
        later, earlier = np.tril_indices(len(self.symbols), -1)
        pairs(number[earlier], number[later], self.limits)
        return made


def cost_in_nats(config: StrategyConfig) -> float:
    """The cost of trading in the units of log-probabilities: soft labels count ``soft_temperature`` as one nat."""
    return config.cost / config.soft_temperature
