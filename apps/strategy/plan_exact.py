"""Exact distribution of a plan, without a fabric: what samples are compared with.

Days form a chain whose states are the combinations of all symbols' strategies, 8^S of them; two passes along it give
marginals, one gives the best plan. Practical for up to three symbols, any number of days.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from thermofab.apps.strategy.plan_problem import PlanProblem
from thermofab.hw.spec import SpecError

MOST_SYMBOLS = 3


@dataclass(frozen=True, eq=False)
class ExactPlan:
    """The distribution of a plan.

    Attributes:
        marginals: of every strategy, float64 ``[S, D, 8]``.
        best: the most probable plan, int64 ``[S, D]``.
        log_z: ln Σ exp(-E/T).
    """

    marginals: np.ndarray
    best: np.ndarray
    log_z: float


def exact_plan(problem: PlanProblem) -> ExactPlan:
    """Marginals, the best plan and ln Z.

    Raises:
        SpecError: more than three symbols.
    """
    count, days = len(problem.symbols), problem.days
    if count > MOST_SYMBOLS:
        raise SpecError(
            f"a plan of {count} symbols has 8^{count} states per day; {MOST_SYMBOLS} symbols are enumerated."
        )
    states = np.array(list(product(range(problem.fields.shape[2]), repeat=count)))  # [8^S, S]
    own = np.stack([problem.fields[np.arange(count), d, states].sum(axis=1) for d in range(days)])
    for a in range(count):
        for b in range(a):
            own += problem.limits[states[:, a], states[:, b]]
    step: np.ndarray = sum((problem.moves[np.ix_(states[:, s], states[:, s])] for s in range(count)), np.zeros(()))
    forward, best_so_far = [own[0]], own[0]
    back = np.zeros((days, len(states)), dtype=np.int64)
    for d in range(1, days):
        forward.append(own[d] + _log_sum(forward[-1][:, None] + step, 0))
        ways = best_so_far[:, None] + step
        back[d], best_so_far = ways.argmax(axis=0), own[d] + ways.max(axis=0)
    backward = [np.zeros(len(states))]
    for d in range(days - 1, 0, -1):
        backward.insert(0, _log_sum(step + (own[d] + backward[0])[None], 1))
    log_z = float(_log_sum(forward[-1], 0))
    marginals: np.ndarray = np.zeros(problem.fields.shape)
    strategies = marginals.shape[2]
    for d in range(days):
        share = np.exp(forward[d] + backward[d] - log_z)
        for s in range(count):
            marginals[s, d] = np.bincount(states[:, s], share, minlength=strategies)
    path = [int(best_so_far.argmax())]
    for d in range(days - 1, 0, -1):
        path.insert(0, int(back[d, path[0]]))
    return ExactPlan(marginals, states[path].T, log_z)


def _log_sum(values: np.ndarray, axis: int) -> np.ndarray:
    """ln Σ exp along an axis; all values are finite here."""
    top = values.max(axis=axis, keepdims=True)
    return np.log(np.exp(values - top).sum(axis=axis)) + top.squeeze(axis)
