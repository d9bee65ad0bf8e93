"""Graph: the nodes, edges and hidden nodes of a machine, checked once, and the order that the compiler has edges in."""

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from thermofab.hw.spec import SpecError


@dataclass(frozen=True, eq=False)
class Graph:
    """Nodes and edges in the user's order.

    Attributes:
        nodes: hashable names, unique; index k below means ``nodes[k]``.
        edges: pairs of nodes as they were given.
        hidden_nodes: the nodes without data, as they were given.
    """

    nodes: tuple[Hashable, ...]
    edges: tuple[tuple[Hashable, Hashable], ...]
    hidden_nodes: tuple[Hashable, ...]

    @staticmethod
    def of(nodes: Iterable[Hashable], edges: Iterable, hidden_nodes: Iterable[Hashable] | None) -> "Graph":
        """Checked.

        Raises:
            SpecError: a node stands twice, an edge or a hidden node names a node that is not there, an edge stands
                twice or joins a node to itself, or every node is hidden.
        """
        named, hidden = tuple(nodes), tuple(hidden_nodes or ())
        pairs = tuple((u, v) for u, v in edges)
        known = set(named)
        if not named:
            raise SpecError("a Boltzmann machine needs at least one node.")
        if len(known) != len(named):
            raise SpecError("a Boltzmann machine's nodes must be distinct.")
        for what, listed in (("an edge", [node for pair in pairs for node in pair]), ("hidden_nodes", hidden)):
            unknown = [node for node in listed if node not in known]
            if unknown:
                raise SpecError(f"{what} names {unknown[0]!r}, which is not among the {len(named)} nodes.")
        loops = [u for u, v in pairs if u == v]
        if loops:
            raise SpecError(f"node {loops[0]!r} is joined to itself; s·s = 1, remove that edge.")
        if len({frozenset(pair) for pair in pairs}) != len(pairs):
            raise SpecError("an edge is listed twice; each pair of nodes has one quadratic weight.")
        if len(set(hidden)) != len(hidden):
            raise SpecError("hidden_nodes names a node twice.")
        if len(hidden) == len(named):
            raise SpecError("every node is hidden; a machine needs at least one visible node.")
        return Graph(named, pairs, hidden)

    @cached_property
    def index(self) -> dict[Hashable, int]:
        return {node: k for k, node in enumerate(self.nodes)}

    @cached_property
    def edge_index(self) -> dict[frozenset, int]:
        return {frozenset(pair): k for k, pair in enumerate(self.edges)}

    @cached_property
    def ends(self) -> np.ndarray:
        """int64 ``[m, 2]``: the indices of every edge's two nodes."""
        return np.array([[self.index[u], self.index[v]] for u, v in self.edges], dtype=np.int64).reshape(-1, 2)

    @cached_property
    def hidden(self) -> np.ndarray:
        """int64 ``[h]``: indices of the hidden nodes, ascending."""
        return np.array(sorted(self.index[node] for node in self.hidden_nodes), dtype=np.int64)

    @cached_property
    def visible(self) -> np.ndarray:
        """int64 ``[v]``: indices of the other nodes, ascending: the columns of a data vector."""
        return np.setdiff1d(np.arange(len(self.nodes)), self.hidden)

    @cached_property
    def hidden_apart(self) -> bool:
        """Whether no edge joins two hidden nodes, so that they are independent given the visible ones."""
        return not np.isin(self.ends, self.hidden).all(axis=1).any()

    @cached_property
    def order(self) -> np.ndarray:
        """int64 ``[m]``: the edges in the order of an :class:`IsingModel`, sorted by their smaller index first."""
        low, high = np.sort(self.ends, axis=1).T
        return np.lexsort((high, low))

    @cached_property
    def sorted_ends(self) -> np.ndarray:
        """int64 ``[m, 2]``: the edges of an :class:`IsingModel`."""
        return np.sort(self.ends, axis=1)[self.order]
