"""Connections: the graph of a Boltzmann machine, and which of its nodes are visible.

    machine = BoltzmannMachine.zeros(restricted(64, 32))
    fabric = thermofab.fabric(machine.connections.topology())

Any graph will do. Makers here: fully visible, restricted, deep, and all edges of a fabric (or any other topology).
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, product
from typing import Any

import numpy as np

from thermofab.hw.spec import SpecError, Topology
from thermofab.hw.spec.colouring import graph_colouring
from thermofab.hw.spec.digest import digest_of, frozen_array
from thermofab.hw.spec.model import portable_label
from thermofab.hw.spec.topology import label_from_json


@dataclass(frozen=True, eq=False)
class Connections:
    """Nodes, edges, and the visible nodes.

    Attributes:
        nodes: hashable names, unique; index k below means ``nodes[k]``.
        edges: int32 ``[m, 2]``, i < j, sorted, unique.
        visible: int64 ``[v]``, indices of the visible nodes, in the order of a data vector.

    Equality and hash go by content.
    """

    nodes: tuple[Hashable, ...]
    edges: np.ndarray
    visible: np.ndarray

    def __post_init__(self) -> None:
        nodes = tuple(self.nodes)
        n = len(nodes)
        pairs = np.sort(np.asarray(self.edges, dtype=np.int64).reshape(-1, 2), axis=1)
        visible = np.asarray(self.visible, dtype=np.int64).reshape(-1)
        if len(set(nodes)) != n:
            raise SpecError("a Boltzmann machine's nodes must be distinct.")
        if len(pairs) and (pairs.min() < 0 or pairs.max() >= n):
            raise SpecError(f"an edge names a node outside 0…{n - 1}; edges are pairs of node indices.")
        if np.any(pairs[:, 0] == pairs[:, 1]):
            raise SpecError(f"node {pairs[pairs[:, 0] == pairs[:, 1]][0, 0]} is joined to itself; s·s = 1, remove it.")
        if len(np.unique(pairs, axis=0)) != len(pairs):
            raise SpecError("an edge is listed twice; each pair of nodes has one coupling.")
        if not len(visible):
            raise SpecError("a Boltzmann machine needs at least one visible node.")
        if len(set(visible.tolist())) != len(visible) or visible.min() < 0 or visible.max() >= n:
            raise SpecError(f"visible nodes must be distinct indices 0…{n - 1}, got {visible.tolist()[:8]}.")
        object.__setattr__(self, "nodes", nodes)
        object.__setattr__(self, "edges", frozen_array(pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))], np.int32))
        object.__setattr__(self, "visible", frozen_array(visible, np.int64))

    @property
    def n_nodes(self) -> int:
        return len(self.nodes)

    @property
    def n_edges(self) -> int:
        return len(self.edges)

    @property
    def n_visible(self) -> int:
        return len(self.visible)

    @cached_property
    def hidden(self) -> np.ndarray:
        """int64 ``[h]``: the other nodes, ascending."""
        return frozen_array(np.setdiff1d(np.arange(self.n_nodes), self.visible), np.int64)

    @cached_property
    def hidden_apart(self) -> bool:
        """Whether no edge joins two hidden nodes, so that they are independent given the visible ones."""
        inside = np.isin(self.edges, self.hidden).all(axis=1)
        return not bool(inside.any())

    @cached_property
    def colours(self) -> np.ndarray:
        """int64 ``[n]``: a proper colouring."""
        return frozen_array(graph_colouring(self.n_nodes, self.edges), np.int64)

    @cached_property
    def digest(self) -> str:
        return digest_of("connections", list(map(repr, self.nodes)), self.edges, self.visible)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Connections) and self.digest == other.digest

    def __hash__(self) -> int:
        return hash(self.digest)

    def topology(self, name: str = "boltzmann") -> Topology:
        """A fabric topology with one site per node and one edge per edge: a program on it needs no embedding."""
        return Topology.from_edges(name, self.n_nodes, self.edges, labels=self.nodes)

    def to_json(self) -> dict[str, Any]:
        return {
            "nodes": [portable_label(node, k) for k, node in enumerate(self.nodes)],
            "edges": self.edges.tolist(),
            "visible": self.visible.tolist(),
        }

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Connections":
        nodes = tuple(label_from_json(label) for label in data["nodes"])
        return Connections(nodes, np.array(data["edges"]), np.array(data["visible"]))


def fully_visible(n: int) -> Connections:
    """All pairs of ``n`` visible nodes 0…n-1."""
    return Connections(tuple(range(n)), np.array(list(combinations(range(n), 2))), np.arange(n))


def restricted(visible: int, hidden: int) -> Connections:
    """Nodes ``("v", i)``, then ``("h", j)``, as :func:`thermofab.rbm` names them; every v joined to every h."""
    return deep((visible, hidden), names=("v", "h"))


def deep(layers: Sequence[int], names: Sequence[str] | None = None) -> Connections:
    """Layers of nodes, each joined to all of the next; the first is visible.

    Nodes are ``(name, i)``; names are by default ``"v", "h1", "h2", …``.
    """
    if len(layers) < 2 or min(layers) < 1:
        raise SpecError(f"a deep machine has at least two layers of at least one node, got {tuple(layers)}.")
    names = ["v", *(f"h{k}" for k in range(1, len(layers)))] if names is None else names
    starts = np.concatenate([[0], np.cumsum(layers)]).tolist()
    nodes = [(name, i) for name, size in zip(names, layers, strict=True) for i in range(size)]
    edges = [
        pair for a, b, c in zip(starts[:-2], starts[1:-1], starts[2:]) for pair in product(range(a, b), range(b, c))
    ]
    return Connections(tuple(nodes), np.array(edges), np.arange(layers[0]))


def on_topology(topology: Topology, visible: Sequence[int] | None = None) -> Connections:
    """A node a site of a fabric's topology and all its edges; ``visible`` are sites, by default all of them.

    Nodes are named as the sites are: by the topology's labels, else by number.
    """
    nodes = tuple(range(topology.n_sites)) if topology.labels is None else topology.labels
    chosen = np.arange(topology.n_sites) if visible is None else np.asarray(visible)
    return Connections(nodes, topology.edges, chosen)
