"""BoltzmannMachine: the parameters of P(s) ∝ exp(Σ b_i s_i + Σ J_ij s_i s_j), s = ±1, as an Equinox module.

The module is the float master copy that an optimiser changes; :meth:`BoltzmannMachine.ising` is what gets compiled.
"""

from collections.abc import Hashable, Mapping

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from thermofab.hw.spec import IsingModel, SpecError, to_spins
from thermofab.models.boltzmann.connections import Connections, restricted


class BoltzmannMachine(eqx.Module):
    r"""P(s) ∝ exp(Σ_i b_i s_i + Σ_(i,j) J_ij s_i s_j),  s_i = ±1.

    Attributes:
        biases: float32 ``[n]``, in the order of ``connections.nodes``.
        couplings: float32 ``[m]``, in the order of ``connections.edges``.
        connections: the graph; static.
    """

    biases: jax.Array
    couplings: jax.Array
    connections: Connections = eqx.field(static=True)

    @staticmethod
    def of(connections: Connections, biases, couplings) -> "BoltzmannMachine":
        """From arrays of any float type, refused where their lengths do not fit or an entry is not finite."""
        b, j = np.asarray(biases, dtype=np.float32), np.asarray(couplings, dtype=np.float32)
        for name, values, count in (("biases", b, connections.n_nodes), ("couplings", j, connections.n_edges)):
            if values.shape != (count,):
                raise SpecError(f"{name} must have shape ({count},) for this machine, got {values.shape}.")
            if not np.all(np.isfinite(values)):
                where = int(np.argmax(~np.isfinite(values)))
                raise SpecError(f"{name}[{where}] is {values[where]}; every parameter must be a finite number.")
        return BoltzmannMachine(jnp.asarray(b), jnp.asarray(j), connections)

    @staticmethod
    def zeros(connections: Connections) -> "BoltzmannMachine":
        return BoltzmannMachine.of(connections, np.zeros(connections.n_nodes), np.zeros(connections.n_edges))

    @staticmethod
    def random(connections: Connections, scale: float = 0.05, seed: int = 0, data=None) -> "BoltzmannMachine":
        """Couplings normal of deviation ``scale``; biases 0, those of visible nodes atanh of their means in ``data``
        (bool ``[N, v]``, half a count added to each side), so that training need not learn them first.
        """
        couplings = scale * np.random.default_rng(seed).standard_normal(connections.n_edges)
        biases = np.zeros(connections.n_nodes)
        if data is not None:
            states = checked_data(connections, data)
            biases[connections.visible] = np.arctanh((2 * states.sum(axis=0) - len(states)) / (len(states) + 1.0))
        return BoltzmannMachine.of(connections, biases, couplings)

    def ising(self) -> IsingModel:
        """The model to compile; ``keep_zero=True`` keeps couplings that are 0 trainable."""
        c = self.connections
        return IsingModel(c.nodes, np.asarray(self.biases), c.edges, np.asarray(self.couplings))

    def matrix(self) -> np.ndarray:
        """J as a symmetric float64 ``[n, n]`` with a diagonal of zeros."""
        n, (i, j) = self.connections.n_nodes, self.connections.edges.T
        matrix = np.zeros((n, n))
        matrix[i, j] = matrix[j, i] = np.asarray(self.couplings, dtype=np.float64)
        return matrix

    def log_weights(self, states) -> np.ndarray:
        """Σ b s + Σ J s s of states bool ``[..., n]``: float64 ``[...]``."""
        return -self.ising().energies(np.asarray(states))

    def given(self, values: Mapping[Hashable, bool]) -> tuple["BoltzmannMachine", float]:
        """The machine over the other nodes given some nodes' values, and what is added to ln Σ of its weights.

        The visible nodes left stay visible; where none is, all nodes left are.
        """
        c = self.connections
        index = {node: k for k, node in enumerate(c.nodes)}
        unknown = [node for node in values if node not in index]
        if unknown:
            raise SpecError(f"{unknown[0]!r} is not a node of this machine.")
        fixed = np.array([index[node] for node in values], dtype=np.int64)
        s = np.zeros(c.n_nodes)
        s[fixed] = to_spins(np.array([bool(v) for v in values.values()]))
        left = np.setdiff1d(np.arange(c.n_nodes), fixed)
        fields = np.asarray(self.biases, dtype=np.float64) + self.matrix() @ s
        constant = s @ np.asarray(self.biases, dtype=np.float64) + 0.5 * s @ self.matrix() @ s
        inside = np.isin(c.edges, left).all(axis=1)
        seen = np.isin(left, c.visible)
        inner = Connections(
            tuple(c.nodes[k] for k in left),
            np.searchsorted(left, c.edges[inside]),
            np.flatnonzero(seen) if seen.any() else np.arange(len(left)),
        )
        return BoltzmannMachine.of(inner, fields[left], np.asarray(self.couplings)[inside]), float(constant)


def checked_data(connections: Connections, data) -> np.ndarray:
    """Data vectors as bool ``[N, v]``, refused if their width or values do not fit."""
    states = np.asarray(data)
    if states.ndim != 2 or states.shape[1] != connections.n_visible or not len(states):
        raise SpecError(f"data must have shape (N, {connections.n_visible}) with N ≥ 1, got {states.shape}.")
    if states.dtype != np.bool_ and not np.all((states == 0) | (states == 1)):
        raise SpecError("data must be bool, or 0 and 1; threshold grey images to bits first.")
    return states.astype(bool)


def log_2cosh(x: np.ndarray) -> np.ndarray:
    """ln 2cosh x, without overflow."""
    size = np.abs(x)
    return size + np.log1p(np.exp(-2 * size))


def from_binary_rbm(weights, visible_biases, hidden_biases) -> BoltzmannMachine:
    r"""The spin machine with the distribution of a 0/1 RBM, P(v,h) ∝ exp(vᵀWh + aᵀv + cᵀh), of ``weights`` ``[v, h]``.

    With v = (1+s)/2 and h = (1+t)/2: J = W/4, b_v = a/2 + ΣⱼW_ij/4, b_h = c/2 + ΣᵢW_ij/4; the two exponents differ by
    the constant ΣW/4 + Σa/2 + Σc/2. scikit-learn's ``BernoulliRBM`` has W = ``components_.T``,
    a = ``intercept_visible_``, c = ``intercept_hidden_``.
    """
    w = np.asarray(weights, dtype=np.float64)
    a, c = np.asarray(visible_biases, dtype=np.float64), np.asarray(hidden_biases, dtype=np.float64)
    if w.ndim != 2 or a.shape != w.shape[:1] or c.shape != w.shape[1:]:
        raise SpecError(
            f"a 0/1 RBM has weights [v, h] and biases [v] and [h], got shapes {w.shape}, {a.shape} and {c.shape}."
        )
    biases = np.concatenate([a / 2 + w.sum(axis=1) / 4, c / 2 + w.sum(axis=0) / 4])
    return BoltzmannMachine.of(restricted(*w.shape), biases, (w / 4).reshape(-1))


def to_binary_rbm(machine: BoltzmannMachine) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Inverse of :func:`from_binary_rbm`: weights float64 ``[v, h]``, visible and hidden biases."""
    c = machine.connections
    if c.n_visible == c.n_nodes or c != restricted(c.n_visible, c.n_nodes - c.n_visible):
        raise SpecError("only a machine made by restricted(visible, hidden) has the form of a 0/1 RBM.")
    w = 4 * np.asarray(machine.couplings, dtype=np.float64).reshape(c.n_visible, -1)
    b = np.asarray(machine.biases, dtype=np.float64)
    return w, 2 * b[: c.n_visible] - w.sum(axis=1) / 2, 2 * b[c.n_visible :] - w.sum(axis=0) / 2
