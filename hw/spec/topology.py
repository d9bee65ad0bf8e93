"""Topology: which sites a fabric has, which of them are coupled, and which may update together."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from thermofab.hw.spec.colouring import compact_colours, graph_colouring, linear_colouring
from thermofab.hw.spec.digest import digest_of, frozen_array
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.factors import FactorInputs, checked_factors, factor_inputs, factor_pairs, table_starts
from thermofab.hw.spec.lattice import Lattice, LatticeRule


@dataclass(frozen=True, eq=False)
class Topology:
    """An undirected, loop-free graph of sites with a proper colouring.

    Attributes:
        name: what :func:`thermofab.hw.spec.families.topology` calls it, or a name of the caller's.
        edges: int32 ``[E, 2]``, i < j, sorted, unique.
        colours: int32 ``[N]``, values 0…C-1, all used; no edge joins two sites of a colour.
        coordinates: float ``[N, ≥2]``, for drawing.
        lattice: the lattice it was made from, if any; simulators and systolic fabrics use it.
        labels: the node labels of the graph it was made from, if any.
        factors: groups of three to six sites that share a table (:mod:`thermofab.hw.spec.factors`), each ascending,
            in order; their sites all have different colours.

    Equality and hash go by content (:attr:`digest`), not by name or coordinates.
    """

    name: str
    edges: np.ndarray
    colours: np.ndarray
    coordinates: np.ndarray
    lattice: Lattice | None = None
    labels: tuple[Hashable, ...] | None = None
    factors: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        edges = frozen_array(np.asarray(self.edges).reshape(-1, 2), np.int32)
        colours = frozen_array(self.colours, np.int32)
        object.__setattr__(self, "edges", edges)
        object.__setattr__(self, "colours", colours)
        object.__setattr__(self, "coordinates", frozen_array(self.coordinates, np.float64))
        n = len(colours)
        if n == 0:
            raise SpecError(f"topology '{self.name}' has no sites; it needs at least one.")
        if len(self.coordinates) != n:
            raise SpecError(f"topology '{self.name}' has {n} sites but {len(self.coordinates)} coordinates.")
        if len(edges) and (edges.min() < 0 or edges.max() >= n):
            raise SpecError(f"topology '{self.name}' has an edge to a site outside 0…{n - 1}.")
        if np.any(edges[:, 0] >= edges[:, 1]):
            i, j = edges[np.argmax(edges[:, 0] >= edges[:, 1])]
            raise SpecError(f"topology '{self.name}': edge ({i}, {j}) is not written with the smaller site first.")
        numbers = edges[:, 0].astype(np.int64) * n + edges[:, 1]
        if np.any(np.diff(numbers) <= 0):
            if len(np.unique(numbers)) != len(numbers):
                raise SpecError(f"topology '{self.name}' lists an edge twice; each edge stands once.")
            raise SpecError(f"topology '{self.name}': edges must be sorted.")
        if colours.min() < 0 or not np.all(np.bincount(colours)):
            raise SpecError(f"topology '{self.name}': colours must be 0…C-1 with every colour used.")
        clash = colours[edges[:, 0]] == colours[edges[:, 1]]
        if np.any(clash):
            i, j = edges[np.argmax(clash)]
            raise SpecError(
                f"topology '{self.name}': coupled sites {i} and {j} share colour {colours[i]}; "
                "sites of one colour update together, so they must not be coupled."
            )
        object.__setattr__(self, "factors", checked_factors(self.name, n, self.factors))
        for row in self.factors:
            if len(set(colours[list(row)].tolist())) != len(row):
                raise SpecError(f"topology '{self.name}': two sites of factor {row} share a colour; give each its own.")

    @staticmethod
    def from_lattice(name: str, lattice: Lattice) -> "Topology":
        """A topology from a lattice rule, with the smallest linear colouring if one exists."""
        edges = lattice.edges()
        colours = linear_colouring(lattice.rule.cell, lattice.rule.bonds, lattice.size, lattice.torus)
        if colours is None:
            colours = graph_colouring(lattice.n_sites, edges)
        return Topology(name, edges, compact_colours(colours), lattice.coordinates(), lattice)

    @staticmethod
    def from_edges(
        name: str,
        n_sites: int,
        edges: Sequence[tuple[int, int]] | np.ndarray,
        coordinates: np.ndarray | None = None,
        labels: Sequence[Hashable] | None = None,
        colours: np.ndarray | None = None,
        factors: Sequence[Sequence[int]] = (),
    ) -> "Topology":
        """A topology from an explicit edge list (any order, either direction; duplicates are refused) and factors."""
        pairs = np.asarray(edges, dtype=np.int64).reshape(-1, 2)
        if np.any(pairs[:, 0] == pairs[:, 1]):
            loop = pairs[np.argmax(pairs[:, 0] == pairs[:, 1]), 0]
            raise SpecError(f"topology '{name}': site {loop} is coupled to itself; remove the self-loop.")
        pairs = np.sort(pairs, axis=1)
        unique = np.unique(pairs, axis=0)
        if len(unique) != len(pairs):
            raise SpecError(f"topology '{name}' lists an edge twice; each edge stands once.")
        if len(unique) and (unique.min() < 0 or unique.max() >= n_sites):
            raise SpecError(f"topology '{name}' has an edge to a site outside 0…{n_sites - 1}.")
        rows = checked_factors(name, n_sites, factors)
        if colours is None:
            apart = np.unique(np.concatenate([unique, factor_pairs(rows)]), axis=0)
            colours = compact_colours(graph_colouring(n_sites, apart))
        if coordinates is None:
            angle = 2 * np.pi * np.arange(n_sites) / max(n_sites, 1)
            coordinates = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return Topology(name, unique, colours, coordinates, None, None if labels is None else tuple(labels), rows)

    @staticmethod
    def from_networkx(graph: Any, name: str | None = None, factors: Sequence[Sequence[Hashable]] = ()) -> "Topology":
        """A topology from a simple undirected networkx graph; site k is the k-th node of ``graph.nodes``. ``factors``
        are groups of its nodes."""
        if graph.is_directed() or graph.is_multigraph():
            raise SpecError("a fabric topology is a simple undirected graph; convert with networkx.Graph(graph).")
        labels = tuple(graph.nodes)
        index = {label: k for k, label in enumerate(labels)}
        edges = [(index[a], index[b]) for a, b in graph.edges]
        position = [graph.nodes[label].get("pos") for label in labels]
        coordinates = None if any(p is None for p in position) else np.array(position, dtype=float)
        unknown = [node for factor in factors for node in factor if node not in index]
        if unknown:
            raise SpecError(f"factors name {unknown[0]!r}, which is not a node of the graph.")
        rows = [[index[node] for node in factor] for factor in factors]
        return Topology.from_edges(name or graph.name or "graph", len(labels), edges, coordinates, labels, None, rows)

    @property
    def n_sites(self) -> int:
        return len(self.colours)

    @property
    def n_edges(self) -> int:
        return len(self.edges)

    @property
    def n_factors(self) -> int:
        return len(self.factors)

    @cached_property
    def factor_starts(self) -> np.ndarray:
        """int64 ``[F + 1]``: where each factor's table begins in an image, and where the last one ends."""
        return table_starts(self.factors)

    @cached_property
    def factor_inputs(self) -> FactorInputs:
        """Every site of every factor, by site."""
        return factor_inputs(self.factors)

    @property
    def max_factors(self) -> int:
        """The most factors that a site is in."""
        return int(self.factor_inputs.slots.max()) + 1 if self.factors else 0

    @property
    def n_colours(self) -> int:
        return int(self.colours.max()) + 1

    @property
    def boundary(self) -> str:
        """``"torus"``, ``"open"``, or ``"graph"`` where there is no lattice."""
        return "graph" if self.lattice is None else ("torus" if self.lattice.torus else "open")

    @cached_property
    def degrees(self) -> np.ndarray:
        """int64 ``[N]``."""
        return np.bincount(self.edges.reshape(-1), minlength=self.n_sites)

    @property
    def max_degree(self) -> int:
        return int(self.degrees.max()) if self.n_sites else 0

    @cached_property
    def colour_classes(self) -> tuple[np.ndarray, ...]:
        """The site indices of each colour, ascending."""
        return tuple(np.flatnonzero(self.colours == c) for c in range(self.n_colours))

    @cached_property
    def neighbour_table(self) -> tuple[np.ndarray, np.ndarray]:
        """``(sites, edges)``, int32 ``[N, max_degree]`` each: neighbours of a site in ascending order and the
        indices of the edges to them; unused places hold -1.
        """
        sites = np.full((self.n_sites, self.max_degree), -1, dtype=np.int32)
        edge_of = np.full_like(sites, -1)
        ends = np.concatenate([self.edges, self.edges[:, ::-1]])
        index = np.tile(np.arange(self.n_edges, dtype=np.int32), 2)
        order = np.lexsort((ends[:, 1], ends[:, 0]))
        ends, index = ends[order], index[order]
        first = np.searchsorted(ends[:, 0], np.arange(self.n_sites))
        slot = np.arange(len(ends)) - first[ends[:, 0]]
        sites[ends[:, 0], slot] = ends[:, 1]
        edge_of[ends[:, 0], slot] = index
        return frozen_array(sites, np.int32), frozen_array(edge_of, np.int32)

    @cached_property
    def edge_index(self) -> dict[tuple[int, int], int]:
        """Edge number by ``(i, j)``, both directions."""
        index = {}
        for k, (i, j) in enumerate(self.edges.tolist()):
            index[i, j] = index[j, i] = k
        return index

    def to_networkx(self) -> Any:
        """The site graph as ``networkx.Graph`` over site indices."""
        import networkx

        graph = networkx.Graph(name=self.name)
        graph.add_nodes_from(range(self.n_sites))
        graph.add_edges_from(self.edges.tolist())
        return graph

    @cached_property
    def digest(self) -> str:
        parts = [self.n_sites, self.edges, self.colours] + ([self.factors] if self.factors else [])
        return digest_of("topology", *parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Topology) and self.digest == other.digest

    def __hash__(self) -> int:
        return int(self.digest[:16], 16)

    def __repr__(self) -> str:
        factors = f", {self.n_factors} factors" if self.factors else ""
        return f"Topology({self.name!r}, {self.n_sites} sites, {self.n_edges} edges{factors}, {self.n_colours} colours)"

    def to_json(self) -> dict[str, Any]:
        """JSON-ready dictionary; a lattice is stored as its rule, a graph as its edges."""
        data: dict[str, Any] = {"name": self.name, "digest": self.digest}
        if self.lattice is not None:
            data["lattice"] = {
                "cell": self.lattice.rule.cell,
                "bonds": [[k, l, list(offset)] for k, l, offset in self.lattice.rule.bonds],
                "size": list(self.lattice.size),
                "torus": self.lattice.torus,
            }
        else:
            data["edges"] = self.edges.tolist()
            data["colours"] = self.colours.tolist()
            data["coordinates"] = self.coordinates.tolist()
            if self.factors:
                data["factors"] = [list(row) for row in self.factors]
            if self.labels is not None:
                data["labels"] = [label_to_json(label) for label in self.labels]
        return data

    @staticmethod
    def from_json(data: dict[str, Any]) -> "Topology":
        """Inverse of :meth:`to_json`; raises ``SpecError`` if the content does not match the stored digest."""
        if "lattice" in data:
            raw = data["lattice"]
            rule = LatticeRule(raw["cell"], tuple((k, l, tuple(offset)) for k, l, offset in raw["bonds"]))
            made = Topology.from_lattice(data["name"], Lattice(rule, tuple(raw["size"]), raw["torus"]))
        else:
            labels = data.get("labels")
            made = Topology(
                data["name"],
                np.array(data["edges"], dtype=np.int32).reshape(-1, 2),
                np.array(data["colours"], dtype=np.int32),
                np.array(data["coordinates"], dtype=float),
                None,
                None if labels is None else tuple(label_from_json(label) for label in labels),
                tuple(tuple(row) for row in data.get("factors", ())),
            )
        if made.digest != data["digest"]:
            raise SpecError(
                f"topology '{data['name']}' does not match its digest {data['digest'][:12]}…; "
                "the file was changed, or written by an incompatible version."
            )
        return made


def label_to_json(label: Hashable) -> Any:
    """Labels survive JSON if they are strings, numbers, booleans, None or (nested) tuples of these."""
    if isinstance(label, tuple):
        return {"tuple": [label_to_json(part) for part in label]}
    if isinstance(label, (np.integer, np.floating)):
        return label.item()
    if label is None or isinstance(label, (str, int, float, bool)):
        return label
    raise SpecError(f"label {label!r} cannot be written as JSON; use strings, numbers or tuples as node labels.")


def label_from_json(label: Any) -> Hashable:
    return tuple(label_from_json(part) for part in label["tuple"]) if isinstance(label, dict) else label
