"""Enumeration: log Z, moments and the visible distribution of a small machine, exactly (float64).

Hidden nodes that no edge joins are summed out in closed form, so that of an RBM only the visible states are enumerated.
States of k nodes are numbered with the first node as the most significant bit.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from thermofab.hw.spec import SpecError, to_spins
from thermofab.models.boltzmann.machine import BoltzmannMachine, checked_data, log_2cosh

LARGEST = 20


def all_states(n: int) -> np.ndarray:
    """bool ``[2^n, n]``."""
    return (np.arange(2**n)[:, None] >> np.arange(n)[::-1] & 1).astype(bool)


def numbers_of(states: np.ndarray) -> np.ndarray:
    """int64 ``[...]``: the number of each state bool ``[..., n]``."""
    return states.astype(np.int64) @ (1 << np.arange(states.shape[-1])[::-1])


@dataclass(frozen=True, eq=False)
class Enumerated:
    """The distribution of a machine whose *kept* nodes are at most 20: the visible ones if no edge joins two hidden
    nodes, else all.

    Attributes:
        machine: whose distribution it is.
        kept: int64 ``[k]``, the nodes that are enumerated.
        log_z: ln Σ_s exp(Σ b s + Σ J s s), over all nodes.
        distribution: float64 ``[2^k]``, P of every state of the kept nodes.
        means: float64 ``[2^k, n]``, E[s | state of the kept nodes] of every node.
    """

    machine: BoltzmannMachine
    kept: np.ndarray
    log_z: float
    distribution: np.ndarray
    means: np.ndarray

    @staticmethod
    def of(machine: BoltzmannMachine) -> "Enumerated":
        """Enumerate.

        Raises:
            SpecError: more than 20 nodes would have to be enumerated.
        """
        c = machine.connections
        kept = c.visible if c.hidden_apart else np.arange(c.n_nodes)
        if len(kept) > LARGEST:
            raise SpecError(
                f"enumeration of {len(kept)} nodes needs 2^{len(kept)} states; at most {LARGEST} nodes are enumerated. "
                "Take log_partition, which samples."
            )
        rest = np.setdiff1d(np.arange(c.n_nodes), kept)
        s = _spins(len(kept))
        matrix, biases = machine.matrix(), np.asarray(machine.biases, dtype=np.float64)
        fields = biases[rest] + s @ matrix[np.ix_(kept, rest)]
        inner = 0.5 * np.einsum("ki,ki->k", s @ matrix[np.ix_(kept, kept)], s)
        log_weight = s @ biases[kept] + inner + log_2cosh(fields).sum(axis=1)
        top = log_weight.max()
        weight = np.exp(log_weight - top)
        means = np.empty((len(s), c.n_nodes))
        means[:, kept], means[:, rest] = s, np.tanh(fields)
        return Enumerated(machine, kept, float(np.log(weight.sum()) + top), weight / weight.sum(), means)

    def moments(self, distribution: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """E[s_i] float64 ``[n]`` and E[s_i s_j] of the edges ``[m]``, under this distribution of the kept nodes or
        another ``[2^k]``.
        """
        distribution = self.distribution if distribution is None else distribution
        i, j = self.machine.connections.edges.T
        return distribution @ self.means, ((self.means * distribution[:, None]).T @ self.means)[i, j]

    def visible_distribution(self) -> np.ndarray:
        """float64 ``[2^v]``: P(v), the first visible node the most significant bit."""
        return np.bincount(
            self._visible_codes(), weights=self.distribution, minlength=2**self.machine.connections.n_visible
        )

    def completed(self, data: np.ndarray) -> np.ndarray:
        """float64 ``[2^k]``: mean over the data bool ``[N, v]`` of the distribution of the kept nodes given each v."""
        c = self.machine.connections
        codes = numbers_of(checked_data(c, data))
        wanted = np.bincount(codes, minlength=2**c.n_visible) / len(codes)
        return self.distribution * (wanted / self.visible_distribution())[self._visible_codes()]

    def log_likelihood(self, data: np.ndarray) -> float:
        """Mean ln P(v) over data bool ``[N, v]``, in nats."""
        codes = numbers_of(checked_data(self.machine.connections, data))
        return float(np.mean(np.log(self.visible_distribution()[codes])))

    def _visible_codes(self) -> np.ndarray:
        places = np.searchsorted(np.sort(self.kept), self.machine.connections.visible)
        return numbers_of(all_states(len(self.kept))[:, np.argsort(self.kept)[places]])


@lru_cache(maxsize=4)
def _spins(n: int) -> np.ndarray:
    return to_spins(all_states(n)).astype(np.float64)


def visible_marginal(machine: BoltzmannMachine, distribution: np.ndarray) -> np.ndarray:
    """The marginal over the visible nodes, float64 ``[2^v]``, of a distribution over all nodes ``[2^n]``."""
    c = machine.connections
    codes = numbers_of(all_states(c.n_nodes)[:, c.visible])
    return np.bincount(codes, weights=distribution, minlength=2**c.n_visible)


def kl_divergence(wanted: np.ndarray, got: np.ndarray) -> float:
    """KL(wanted ‖ got) = Σ p ln(p/q), in nats; infinite where ``got`` is 0 and ``wanted`` is not."""
    p, q = np.asarray(wanted, dtype=np.float64), np.asarray(got, dtype=np.float64)
    seen = p > 0
    with np.errstate(divide="ignore"):
        return float(np.sum(p[seen] * (np.log(p[seen]) - np.log(q[seen]))))
