"""IsingModel: the pairwise spin model a program was written as, in the user's units."""

from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np

from thermofab.hw.spec.digest import frozen_array
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.reals import real_array, real_number
from thermofab.hw.spec.topology import label_from_json, label_to_json

# How a program's source writes the two states of a spin: -1 and +1, or 0 and 1.
Vartype = Literal["SPIN", "BINARY"]


@dataclass(frozen=True, eq=False)
class IsingModel:
    r"""P(s) ∝ exp(-β E(s)),  E(s) = offset - Σ_i b_i s_i - Σ_(i,j) J_ij s_i s_j,  s_i = ±1.

    Attributes:
        nodes: hashable names, unique; index k below means ``nodes[k]``.
        biases: float64 ``[n]``.
        edges: int32 ``[m, 2]``, i < j, sorted, unique.
        couplings: float64 ``[m]``.
        offset: added to every energy; no effect on the distribution.
        beta: inverse temperature.
        vartype: how the source writes states: ``"SPIN"`` for ±1, ``"BINARY"`` for 0 and 1. No effect on the energy of a
            state or on the distribution; :meth:`thermofab.Samples.to_dimod` gives states as the source does.
    """

    nodes: tuple[Hashable, ...]
    biases: np.ndarray
    edges: np.ndarray
    couplings: np.ndarray
    offset: float = 0.0
    beta: float = 1.0
    vartype: Vartype = "SPIN"

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(self.nodes))
        object.__setattr__(self, "biases", frozen_array(real_array("biases", self.biases), np.float64).reshape(-1))
        object.__setattr__(self, "edges", frozen_array(np.asarray(self.edges).reshape(-1, 2), np.int32))
        object.__setattr__(
            self, "couplings", frozen_array(real_array("couplings", self.couplings), np.float64).reshape(-1)
        )
        for name in ("offset", "beta"):
            object.__setattr__(self, name, real_number(name, getattr(self, name)))
        check_vartype(self.vartype)
        n = len(self.nodes)
        if n == 0:
            raise SpecError("a model needs at least one node.")
        if len(set(self.nodes)) != n:
            raise SpecError("a model's nodes must be distinct.")
        if len(self.biases) != n:
            raise SpecError(f"a model of {n} nodes needs {n} biases, got {len(self.biases)}.")
        if len(self.couplings) != len(self.edges):
            raise SpecError(f"a model of {len(self.edges)} edges needs as many couplings, got {len(self.couplings)}.")
        for name in ("biases", "couplings"):
            values = getattr(self, name)
            if not np.all(np.isfinite(values)):
                where = int(np.argmax(~np.isfinite(values)))
                raise SpecError(f"{name}[{where}] is {values[where]}; every bias and coupling must be a finite number.")
        if not (np.isfinite(self.offset) and np.isfinite(self.beta) and self.beta > 0):
            raise SpecError(f"offset must be finite and beta positive, got {self.offset} and {self.beta}.")
        if len(self.edges):
            if np.any(self.edges[:, 0] >= self.edges[:, 1]) or self.edges.min() < 0 or self.edges.max() >= n:
                raise SpecError("a model's edges join two different nodes, the smaller index first.")
            steps = np.diff(self.edges[:, 0].astype(np.int64) * n + self.edges[:, 1])
            if np.any(steps < 0):
                raise SpecError("a model's edges must be sorted.")
            if np.any(steps == 0):
                raise SpecError("a model lists an edge twice; sum the couplings.")

    @property
    def n_nodes(self) -> int:
        return len(self.nodes)

    @property
    def categories(self) -> np.ndarray:
        """int32 ``[n]``, all 0: every node is a spin (as :class:`thermofab.hw.spec.discrete.DiscreteModel` has it)."""
        return np.zeros(self.n_nodes, dtype=np.int32)

    def log_weight(self) -> np.ndarray:
        """-β(E - offset) of every state: float64 ``[2] * n``."""
        n, spin = self.n_nodes, np.array([-1.0, 1.0])
        total = np.zeros((2,) * n)
        for k, bias in enumerate(self.biases.tolist()):
            total += self.beta * bias * spin.reshape((1,) * k + (2,) + (1,) * (n - 1 - k))
        for (i, j), coupling in zip(self.edges.tolist(), self.couplings.tolist()):
            shape = [2 if k in (i, j) else 1 for k in range(n)]
            total += self.beta * coupling * np.multiply.outer(spin, spin).reshape(shape)
        return total

    def with_weights(self, biases: np.ndarray, couplings: np.ndarray) -> "IsingModel":
        """The same graph with other weights."""
        return replace(self, biases=biases, couplings=couplings)

    def energies(self, spins: np.ndarray) -> np.ndarray:
        """E of states; ``spins`` is bool or 0/1, or ±1 signed, ``[..., n]``; returns float64 ``[...]``."""
        s = to_spins(spins).astype(np.float64)
        pair = s[..., self.edges[:, 0]] * s[..., self.edges[:, 1]]
        return self.offset - s @ self.biases - pair @ self.couplings

    def to_json(self) -> dict[str, Any]:
        """JSON-ready dictionary; nodes that are not labels (THRML node objects) become their index."""
        return {
            "nodes": [portable_label(node, k) for k, node in enumerate(self.nodes)],
            "biases": self.biases.tolist(),
            "edges": self.edges.tolist(),
            "couplings": self.couplings.tolist(),
            "offset": self.offset,
            "beta": self.beta,
            "vartype": self.vartype,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> "IsingModel":
        return IsingModel(**{**data, "nodes": tuple(label_from_json(label) for label in data["nodes"])})


def check_vartype(vartype: str) -> None:
    """Refuse anything that is not a :data:`Vartype`.

    Raises:
        SpecError: it is not.
    """
    if vartype not in get_args(Vartype):
        raise SpecError(f"vartype must be one of {', '.join(map(repr, get_args(Vartype)))}, got {vartype!r}.")


def to_spins(states: np.ndarray) -> np.ndarray:
    """±1 int8 from bool or 0/1 states; ±1 states pass unchanged."""
    states = np.asarray(states)
    if states.dtype.kind == "i" and states.size and states.min() < 0:
        return states.astype(np.int8)
    return (2 * states.astype(np.int8) - 1).astype(np.int8)


def portable_label(node: Hashable, index: int) -> Any:
    """A JSON form of a node: its label, or its index if it is an object without one."""
    try:
        return label_to_json(node)
    except SpecError:
        return index
