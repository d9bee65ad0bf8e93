"""All events at once: a Boltzmann distribution over their 2^E outcomes, sampled on a fabric.

    P(n | x) ∝ exp(Σ_i (a·g_i(x) + b_i) n_i + Σ_{i<j} P_ij n_i n_j),     n_i ∈ {0, 1},

g the log-odds of the events' own forecasts. a, b and P are fitted by maximum likelihood over enumerated outcomes, with
a penalty on P; so P holds what the events have in common beyond what x says of each. With P = 0 it would be independent
events. On the fabric the fields are per chain (:class:`FieldLayout`), so one program serves all x.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from thermofab.hw.spec import Device, Schedule, SpecError

if TYPE_CHECKING:
    pass

BITS, LARGEST = 9, 6.0
SWEEPS = 24


@dataclass(frozen=True, eq=False)
class Joint:
    """Fitted parameters: a, b float ``[E]``, and P ``[E, E]``, symmetric with a diagonal of 0."""

    scale: float
    bias: np.ndarray
    pairs: np.ndarray

    def fields(self, log_odds: np.ndarray) -> np.ndarray:
        """a·g + b, float64 ``[N, E]``."""
        return self.scale * log_odds + self.bias

    def exact(self, log_odds: np.ndarray) -> np.ndarray:
        """float64 ``[N, 2^E]``; event i is bit i of an outcome's number."""
        return _probabilities(self.fields(log_odds), self.pairs)

    @staticmethod
    def independent(events: int) -> "Joint":
        return Joint(1.0, np.zeros(events), np.zeros((events, events)))


def fit_joint(log_odds: np.ndarray, outcomes: np.ndarray, penalty: float = 1.0) -> Joint:
    """The most likely parameters.

    Args:
        log_odds: g on rows that the forecasts were not fitted to, float ``[N, E]``.
        outcomes: bool ``[N, E]``.
        penalty: Σ penalty·P_ij² is added to the negative log-likelihood, and the same for b.

    Raises:
        SpecError: shapes that do not match.
    """
    if log_odds.shape != outcomes.shape or log_odds.ndim != 2:
        raise SpecError(f"log-odds and outcomes [N, E] expected, got {log_odds.shape} and {outcomes.shape}.")
    events = log_odds.shape[1]
    ends = np.array(list(combinations(range(events), 2)), dtype=np.int64).reshape(-1, 2)
    members = _members(events)
    both = members[:, ends[:, 0]] * members[:, ends[:, 1]]
    seen = outcomes.astype(np.float64)
    seen_both = seen[:, ends[:, 0]] * seen[:, ends[:, 1]]

    def loss(theta: np.ndarray) -> tuple[float, np.ndarray]:
        scale, bias, pairs = theta[0], theta[1 : 1 + events], theta[1 + events :]
        fields = scale * log_odds + bias
        energies = fields @ members.T + both @ pairs
        top = energies.max(axis=1, keepdims=True)
        weights = np.exp(energies - top)
        totals = weights.sum(axis=1, keepdims=True)
        expected = weights / totals
        value = (np.log(totals) + top).sum() - (fields * seen).sum() - (seen_both @ pairs).sum()
        off = expected @ members - seen
        gradient = np.concatenate(
            [[(off * log_odds).sum()], off.sum(axis=0), (expected @ both).sum(axis=0) - seen_both.sum(axis=0)]
        )
        held = theta.copy()
        held[0] = 0.0
        return value + penalty * float(held @ held), gradient + 2 * penalty * held

    start = np.concatenate([[1.0], np.zeros(events + len(ends))])
    theta = minimize(loss, start, jac=True, method="L-BFGS-B").x
    pairs = np.zeros((events, events))
    pairs[ends[:, 0], ends[:, 1]] = pairs[ends[:, 1], ends[:, 0]] = theta[1 + events :]
    return Joint(float(theta[0]), theta[1 : 1 + events], pairs)


class JointSampler:
    """Samples of outcomes on a device; compiled once for E events.

    Args:
        events: E, at least 2.
        device: a name for :func:`~thermofab.hw.spec.open_device`, or an open device of the layout's fabric.
    """

    def __init__(self, events: int, device: str | Device = "native") -> None:
        from thermofab.compiler import compile
        from thermofab.models.hybrid.fields import DeviceFields, FieldLayout

        if events < 2:
            raise SpecError(f"a joint sample is of at least 2 events, got {events}.")
        self.layout = FieldLayout(events, tuple(combinations(range(events), 2)), BITS, LARGEST / (2**BITS - 1))
        program = compile(self.layout.ising(), self.layout.fabric(), seed=0, keep_zero=True)
        self._fields: DeviceFields = DeviceFields(program, self.layout, device)

    def sample(self, joint: Joint, log_odds: np.ndarray, count: int, *, seed: int) -> np.ndarray:
        """Outcomes bool ``[count, E]``, each from a chain of its own.

        Args:
            joint: the parameters.
            log_odds: g of one forecast, float ``[E]``.
            count: chains.
            seed: of the run.
        """
        from thermofab.models.hybrid.selection import selection_couplings, selection_fields

        fields = selection_fields(joint.fields(log_odds[None]), joint.pairs.sum(axis=1), 0, 0.0)
        couplings = selection_couplings(joint.pairs[tuple(np.array(self.layout.edges).T)], 0.0)
        held = fields.clip(-LARGEST, LARGEST).repeat(count, axis=0)
        spins = self._fields.sample(held, Schedule(SWEEPS, 1), seed=seed, weights=couplings)
        return spins[:, 0] > 0


def _members(events: int) -> np.ndarray:
    """float64 ``[2^E, E]``: events of every outcome."""
    return (np.arange(2**events)[:, None] >> np.arange(events) & 1).astype(np.float64)


def _probabilities(fields: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    members = _members(fields.shape[1])
    energies = fields @ members.T + np.einsum("si,ij,sj->s", members, pairs, members) / 2
    weights = np.exp(energies - energies.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)
