"""DiscreteModel: a model of spins and categorical variables with terms of any order, in the user's units."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.hw.spec.digest import frozen_array
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.model import Vartype, check_vartype, portable_label
from thermofab.hw.spec.reals import real_array, real_number
from thermofab.hw.spec.topology import label_from_json


@dataclass(frozen=True, eq=False)
class Factor:
    r"""Terms -W_r[c_1, …, c_m] · s_1 ⋯ s_k of one shape, a row r each (THRML's ``DiscreteEBMFactor``).

    Attributes:
        spins: int32 ``[rows, k]``, node indices of the spins.
        categories: int32 ``[rows, m]``, node indices of the categorical variables.
        weights: float64 ``[rows, q_1, …, q_m]``, one axis for every categorical variable.
    """

    spins: np.ndarray
    categories: np.ndarray
    weights: np.ndarray

    def __post_init__(self) -> None:
        weights = frozen_array(real_array("a factor's weights", self.weights), np.float64)
        rows = len(weights)
        object.__setattr__(self, "weights", weights)
        for name in ("spins", "categories"):
            raw = np.asarray(getattr(self, name))
            object.__setattr__(self, name, frozen_array(raw.reshape(rows, raw.shape[-1]), np.int32))
        if weights.ndim != 1 + self.categories.shape[1]:
            raise SpecError(
                f"the weights of a factor over {self.categories.shape[1]} categorical variables need an axis for the "
                f"rows and one for each of these, got shape {weights.shape}."
            )
        if not np.all(np.isfinite(weights)):
            raise SpecError("a factor's weights must be finite numbers.")

    @property
    def order(self) -> int:
        return self.spins.shape[1] + self.categories.shape[1]


@dataclass(frozen=True, eq=False)
class DiscreteModel:
    r"""P(x) ∝ exp(-β E(x)),  E(x) = offset - Σ_factors Σ_rows W[c_1, …, c_m] s_1 ⋯ s_k.

    A state holds one integer per node: 0 or 1 for a spin of -1 or +1, and 0…q-1 for a categorical variable of q states.

    Attributes:
        nodes: hashable names, unique; index k below means ``nodes[k]``.
        categories: int32 ``[n]``: 0 for a spin, q ≥ 1 for a categorical variable of q states.
        factors: the terms.
        offset: added to every energy; no effect on the distribution.
        beta: inverse temperature.
        vartype: how the source writes the states of spins: ``"SPIN"`` for ±1, ``"BINARY"`` for 0 and 1. No effect on
            the energy of a state or on the distribution.
    """

    nodes: tuple[Hashable, ...]
    categories: np.ndarray
    factors: tuple[Factor, ...]
    offset: float = 0.0
    beta: float = 1.0
    vartype: Vartype = "SPIN"

    def __post_init__(self) -> None:
        object.__setattr__(self, "nodes", tuple(self.nodes))
        object.__setattr__(self, "categories", frozen_array(self.categories, np.int32).reshape(-1))
        object.__setattr__(self, "factors", tuple(self.factors))
        for name in ("offset", "beta"):
            object.__setattr__(self, name, real_number(name, getattr(self, name)))
        check_vartype(self.vartype)
        n = len(self.nodes)
        if n == 0:
            raise SpecError("a model needs at least one node.")
        if len(set(self.nodes)) != n or len(self.categories) != n:
            raise SpecError(f"a model of {n} nodes needs distinct nodes, and an entry of categories for each.")
        if not (np.isfinite(self.offset) and np.isfinite(self.beta) and self.beta > 0):
            raise SpecError(f"offset must be finite and beta positive, got {self.offset} and {self.beta}.")
        for factor in self.factors:
            members = np.concatenate([factor.spins, factor.categories], axis=1)
            if members.size and (members.min() < 0 or members.max() >= n):
                raise SpecError(f"a factor names node {int(members.max())} of a model of {n} nodes.")
            ordered = np.sort(members, axis=1)
            if np.any(ordered[:, 1:] == ordered[:, :-1]):
                row = int(np.argmax(np.any(ordered[:, 1:] == ordered[:, :-1], axis=1)))
                raise SpecError(
                    f"a term names one node twice, nodes {members[row].tolist()}; s·s = 1, so write it without."
                )
            if np.any(self.categories[factor.spins] != 0):
                raise SpecError("a factor lists a categorical variable among its spins.")
            sizes = np.array(factor.weights.shape[1:], dtype=np.int32)
            if np.any(self.categories[factor.categories] != sizes):
                raise SpecError(f"a factor's weights have {sizes.tolist()} states where its nodes have others.")

    @property
    def n_nodes(self) -> int:
        return len(self.nodes)

    def log_weight(self) -> np.ndarray:
        """-β(E - offset) of every state: float64, one axis per node, in order; 2 entries per spin, q per variable."""
        shape = tuple(int(q) or 2 for q in self.categories)
        total = np.zeros(shape)
        for factor in self.factors:
            for spins, variables, weights in zip(factor.spins.tolist(), factor.categories.tolist(), factor.weights):
                term = self.beta * _aligned(weights, variables, len(shape))
                for k in spins:
                    term = term * _aligned(np.array([-1.0, 1.0]), [k], len(shape))
                total += term
        return total

    def energies(self, states: np.ndarray) -> np.ndarray:
        """E of integer (or, without categorical variables, bool) states ``[..., n]``; returns float64 ``[...]``."""
        x = np.asarray(states).astype(np.int64)
        if x.shape[-1] != self.n_nodes:
            raise SpecError(f"states of a model of {self.n_nodes} nodes need as many columns, got shape {x.shape}.")
        total = np.full(x.shape[:-1], self.offset)
        for factor in self.factors:
            rows = np.arange(len(factor.weights))
            chosen = factor.weights[(rows, *(x[..., column] for column in factor.categories.T))]
            total = total - (chosen * np.prod(2 * x[..., factor.spins] - 1, axis=-1)).sum(axis=-1)
        return total

    def to_json(self) -> dict[str, Any]:
        """JSON-ready dictionary; nodes that are not labels (THRML node objects) become their index."""
        return {
            "nodes": [portable_label(node, k) for k, node in enumerate(self.nodes)],
            "categories": self.categories.tolist(),
            "factors": [
                {"spins": f.spins.tolist(), "categories": f.categories.tolist(), "weights": f.weights.tolist()}
                for f in self.factors
            ],
            "offset": self.offset,
            "beta": self.beta,
            "vartype": self.vartype,
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> "DiscreteModel":
        factors = tuple(factor_of(f["spins"], f["categories"], f["weights"]) for f in data["factors"])
        nodes = tuple(label_from_json(label) for label in data["nodes"])
        categories, vartype = np.array(data["categories"]), data.get("vartype", "SPIN")
        return DiscreteModel(nodes, categories, factors, data["offset"], data["beta"], vartype)


def factor_of(spins: Sequence[Any], categories: Sequence[Any], weights: Any) -> Factor:
    """A factor from nested lists, of which a row may be empty."""
    rows = len(spins)

    def table(lists: Sequence[Any]) -> np.ndarray:
        return np.array([list(row) for row in lists], dtype=np.int32).reshape(rows, -1 if rows else 0)

    return Factor(table(spins), table(categories), weights)


def _aligned(values: np.ndarray, axes: Sequence[int], n: int) -> np.ndarray:
    """``values`` with its axes put at ``axes`` of an array of ``n`` axes, the others of extent 1."""
    order = sorted(range(len(axes)), key=lambda k: axes[k])
    shape = [1] * n
    for k in order:
        shape[axes[k]] = values.shape[k]
    return values.transpose(order).reshape(shape)
