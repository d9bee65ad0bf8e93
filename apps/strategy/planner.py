"""Plans for a stream: joint over the symbols streamed, from the newest prediction of each.

Nothing is predicted for days further ahead than the model looks, so day d counts the prediction p for a share
``memory``^(d-1) and nothing known, 1/8 each, for the rest. What the last plan chose for its first day is what is held.
"""

import threading
from collections.abc import Sequence

import numpy as np

from thermofab.apps.strategy.config import ALLOCATIONS
from thermofab.apps.strategy.names import STRATEGIES
from thermofab.apps.strategy.plan import Plan, PlanSampler
from thermofab.apps.strategy.plan_problem import PlanProblem, PlanTerms
from thermofab.hw.spec import Device, SpecError

MOST_SYMBOLS = 4
TERMS = PlanTerms(cost=0.25, limit=1.5, penalty=4.0)


class Planner:
    """Plans; predictors of several symbols share one, from several threads.

    Args:
        symbols: all that will be streamed.
        days: days ahead.
        device: where plans are sampled.
        terms: costs, limit, temperature.
        memory: see above, in [0, 1].
        allocations: shares by strategy.
        replicas: chains.

    Raises:
        SpecError: no or repeated symbols, more than four, or a memory outside [0, 1].
    """

    def __init__(
        self,
        symbols: Sequence[str],
        days: int = 3,
        device: str | Device = "jax",
        terms: PlanTerms = TERMS,
        memory: float = 0.7,
        allocations: tuple[tuple[float, float], ...] = ALLOCATIONS,
        replicas: int = 256,
    ) -> None:
        if not symbols or len(set(symbols)) != len(symbols):
            raise SpecError(f"a planner has different symbols, at least one; got {', '.join(symbols) or 'none'}.")
        if len(symbols) > MOST_SYMBOLS:
            raise SpecError(
                f"a joint plan is for at most {MOST_SYMBOLS} symbols, whose tables grow with their pairs; got "
                f"{len(symbols)}. Stream the rest without a plan (--device none)."
            )
        if not 0 <= memory <= 1:
            raise SpecError(f"memory is in [0, 1], got {memory!r}.")
        self.symbols, self.days, self.terms = tuple(symbols), days, terms
        self._memory, self._allocations = memory, allocations
        self._sampler = PlanSampler(len(symbols), days, device=device, replicas=replicas)
        self._known = np.full((len(symbols), len(STRATEGIES)), 1 / len(STRATEGIES))
        self._held: np.ndarray | None = None
        self._lock = threading.Lock()

    def plan(self, symbol: str, probabilities: np.ndarray, seed: int = 0) -> Plan:
        """The plan after a prediction of one symbol.

        Args:
            symbol: whose.
            probabilities: float ``[8]``.
            seed: of the samples.

        Raises:
            SpecError: an unknown symbol.
        """
        if symbol not in self.symbols:
            raise SpecError(f"this planner is for {', '.join(self.symbols)}; got {symbol!r}.")
        with self._lock:
            self._known[self.symbols.index(symbol)] = probabilities
            share = self._memory ** np.arange(self.days)[None, :, None]
            ahead = share * self._known[:, None] + (1 - share) / len(STRATEGIES)
            problem = PlanProblem(self.symbols, ahead, self.terms, self._held, self._allocations)
            plan = self._sampler.sample(problem, seed)
            self._held = np.array(self._allocations)[plan.chosen[:, 0]]
        return plan
