"""Problem: a distribution over discrete states that methods are compared on, with what each of them needs of it."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import networkx
import numpy as np

from thermofab.compiler import compile, exact, fabric_of
from thermofab.hw.spec import DiscreteModel, IsingModel, Program, SpecError

MOST_STATES = 2**16


@dataclass(frozen=True, eq=False)
class Pairs:
    """log P(x) = const + Σ_i unary[i, x_i] + ½ Σ_i Σ_d tables[i, d, x_i, x_neighbours[i, d]], β included.

    Attributes:
        unary: float64 ``[n, q]``, -1e9 for a state that a node does not have.
        neighbours: int64 ``[n, d]``, padded with 0.
        tables: float64 ``[n, d, q, q]``, zero where padded.
        colours: nodes that no table joins, together all nodes.
    """

    unary: np.ndarray
    neighbours: np.ndarray
    tables: np.ndarray
    colours: tuple[np.ndarray, ...]


@dataclass(frozen=True, eq=False)
class Problem:
    """A model and its program.

    Attributes:
        name: short, for tables.
        program: the model on a fabric; its nodes are the model's.
        said: what was asked and what is sampled, in words.
    """

    name: str
    program: Program
    said: str

    @property
    def model(self) -> IsingModel | DiscreteModel:
        return self.program.model

    @property
    def sizes(self) -> tuple[int, ...]:
        """States of every node."""
        return tuple(int(q) or 2 for q in self.model.categories)

    @property
    def spins(self) -> bool:
        """Whether every node is a spin."""
        return not np.any(self.model.categories)

    @cached_property
    def truth(self) -> np.ndarray | None:
        """Probability of every state, float64 ``[states]``, the first node most significant; ``None`` above 2^16."""
        if np.sum(np.log2(self.sizes)) > np.log2(MOST_STATES):
            return None
        return exact(self.program).probabilities

    @cached_property
    def pairs(self) -> Pairs:
        """The model as tables of nodes and pairs of nodes.

        Raises:
            SpecError: it has terms of three nodes or more.
        """
        return _pairs(self.model, self.sizes)

    @cached_property
    def fields(self) -> tuple[np.ndarray, np.ndarray]:
        """Of spins: biases float64 ``[n]`` and couplings float64 ``[n, d]`` to ``pairs.neighbours``, β included."""
        pairs = self.pairs
        bias = (pairs.unary[:, 1] - pairs.unary[:, 0]) / 2
        return bias, pairs.tables[..., 1, 1]


def problem_of(source: Any, name: str, said: str) -> Problem:
    """A program as it is; a model, or anything that :func:`thermofab.compile` takes, on the fabric of its own graph."""
    if isinstance(source, Program):
        return Problem(name, source, said)
    return Problem(name, compile(source, fabric_of(source, profile="fine")), said)


def _pairs(model: IsingModel | DiscreteModel, sizes: tuple[int, ...]) -> Pairs:
    n, q = len(sizes), max(sizes)
    unary = np.where(np.arange(q) < np.array(sizes)[:, None], 0.0, -1e9)
    joint: dict[tuple[int, int], np.ndarray] = {}
    for members, table in _terms(model):
        padded = np.zeros((q,) * len(members))
        padded[tuple(slice(size) for size in table.shape)] = model.beta * table
        if len(members) == 1:
            unary[members[0]] += padded
        elif len(members) == 2:
            i, j = members
            padded = padded if i < j else padded.T
            pair = (min(i, j), max(i, j))
            joint[pair] = joint.get(pair, 0.0) + padded
        elif len(members) > 2:
            raise SpecError(f"this model has a term of {len(members)} nodes, and plain Gibbs sampling here has pairs.")
    near: list[list[tuple[int, np.ndarray]]] = [[] for _ in range(n)]
    for (i, j), table in joint.items():
        near[i].append((j, table))
        near[j].append((i, table.T))
    degree = max(1, max(len(row) for row in near))
    neighbours, tables = np.zeros((n, degree), np.int64), np.zeros((n, degree, q, q))
    for i, row in enumerate(near):
        for d, (j, table) in enumerate(row):
            neighbours[i, d], tables[i, d] = j, table
    graph = networkx.empty_graph(n)
    graph.add_edges_from(joint)
    colour = networkx.greedy_color(graph)
    classes = (np.array([k for k in range(n) if colour[k] == c]) for c in range(max(colour.values()) + 1))
    return Pairs(unary, neighbours, tables, tuple(classes))


def _terms(model: IsingModel | DiscreteModel):
    """``(nodes, table)`` of every term: table[x_1, …] is -E of it."""
    spin = np.array([-1.0, 1.0])
    if isinstance(model, IsingModel):
        yield from (((k,), b * spin) for k, b in enumerate(model.biases))
        yield from (((i, j), w * np.outer(spin, spin)) for (i, j), w in zip(model.edges.tolist(), model.couplings))
        return
    for factor in model.factors:
        for spins, variables, weights in zip(factor.spins.tolist(), factor.categories.tolist(), factor.weights):
            table = np.asarray(weights)
            for _ in spins:
                table = np.multiply.outer(table, spin)
            yield (*variables, *spins), table
