"""Templates: embeddings of complete and complete bipartite graphs that are known by construction.

King. Let n wires run along the rows and swap neighbours by odd-even transposition: the pair of rows (p, p+1) swaps
between columns t and t+1 where p ≡ t mod 2. Swapping wires cross on the two diagonals of a square of sites, which are
all coupled. After n rounds the order is reversed, so every pair has met; the pairs that would swap last already met in
column 0, and those before them stand side by side in column n-2, so n rows and n-1 columns do. For two parts of a and
b nodes only wires of different parts swap, wherever one of the first part is above one of the second.

Chimera, Pegasus, Zephyr. Cliques along the bundles of parallel qubits, by polynomial search over them (Boothby, King &
Roy, https://doi.org/10.1007/s11128-015-1150-6), as ``minorminer.busclique`` has it.

Every template is checked before it is used: an embedding that is not one is dropped.
"""

from collections.abc import Iterator, Sequence

import networkx
import numpy as np

from thermofab.compiler.ir.stages import Copies
from thermofab.hw.spec.families import FAMILIES
from thermofab.hw.spec.topology import Topology

# A graph with fewer of the edges its parts could have is left to the search.
_DENSE = 0.4


def templates(n_nodes: int, edges: np.ndarray, topology: Topology) -> Iterator[tuple[str, Copies]]:
    """Method and copies of the templates that hold a graph of many edges."""
    graph = networkx.Graph(edges.tolist())
    linked = sorted(graph)
    parts = _parts(graph)
    found: list[tuple[str, list[Sequence[int]] | None]] = []
    if len(linked) == n_nodes and parts is not None and len(edges) >= _DENSE * len(parts[0]) * len(parts[1]):
        found.append(("biclique template", _king(topology, [*parts[0], *parts[1]], len(parts[0]))))
    if len(linked) == n_nodes and len(edges) >= _DENSE * n_nodes * (n_nodes - 1) / 2:
        found.append(("clique template", _king(topology, linked, None)))
        found.append(("clique template", _bundles(topology, linked)))
    for method, chains in found:
        if chains is not None and holds(chains, edges, topology):
            yield method, tuple(tuple(sorted(sites)) for sites in chains)


def holds(chains: Sequence[Sequence[int]], edges: np.ndarray, topology: Topology) -> bool:
    """Whether ``chains`` are disjoint and connected, with a fabric edge for every model edge."""
    owner = np.full(topology.n_sites, -1)
    for k, sites in enumerate(chains):
        if not len(sites) or np.any(owner[list(sites)] >= 0):
            return False
        owner[list(sites)] = k
    ends = owner[topology.edges.astype(np.int64)]
    whole = networkx.Graph(topology.edges[(ends[:, 0] == ends[:, 1]) & (ends[:, 0] >= 0)].tolist())
    whole.add_nodes_from(np.flatnonzero(owner >= 0).tolist())
    if networkx.number_connected_components(whole) != len(chains):
        return False
    ends = np.sort(ends, axis=1)
    joined = set((ends[:, 0] * len(chains) + ends[:, 1])[ends[:, 0] >= 0].tolist())
    return all(i * len(chains) + j in joined for i, j in edges.tolist())


def _parts(graph: networkx.Graph) -> tuple[list[int], list[int]] | None:
    if not graph or not networkx.is_connected(graph) or not networkx.is_bipartite(graph):
        return None
    left, right = networkx.bipartite.sets(graph)
    return sorted(left), sorted(right)


def _king(topology: Topology, nodes: list[int], first: int | None) -> list[Sequence[int]] | None:
    """Sites of every node, by node; ``first`` is how many of ``nodes`` make up the first part of two."""
    if topology.lattice is None or topology.lattice.rule != _rule("king"):
        return None
    rows, columns = topology.lattice.size
    n = len(nodes)
    wires = list(range(n))
    path: list[list[tuple[int, int]]] = [[] for _ in nodes]
    for column in range(n - 1):
        for row, wire in enumerate(wires):
            path[wire].append((row, column))
        for row in range(n - 1):
            above, below = wires[row], wires[row + 1]
            crosses = row % 2 == column % 2 if first is None else above < first <= below
            # A wire that came down into this row in this round has swapped already.
            if crosses and path[above][-1] == (row, column) and path[below][-1] == (row + 1, column):
                wires[row], wires[row + 1] = below, above
                path[above].append((row + 1, column + 1))
                path[below].append((row, column + 1))
        for wire in wires:
            if path[wire][-1][1] == column + 1:
                path[wire].pop()
    used = path if first is None else [_active(sites, w, path, first) for w, sites in enumerate(path)]
    top, left = (min(site[axis] for sites in used for site in sites) for axis in (0, 1))
    high, wide = (max(site[axis] for sites in used for site in sites) + 1 for axis in (0, 1))
    if high - top > rows or wide - left > columns:
        return None
    chains: list[Sequence[int]] = [()] * n
    for wire, sites in enumerate(used):
        chains[nodes[wire]] = [(row - top) * columns + column - left for row, column in sites]
    return chains


def _active(
    sites: list[tuple[int, int]], wire: int, path: list[list[tuple[int, int]]], first: int
) -> list[tuple[int, int]]:
    """The stretch of a wire along which it stands beside wires of the other part."""
    others = {site for w, other in enumerate(path) if (w < first) != (wire < first) for site in other}
    beside = [c for c, (row, column) in enumerate(sites) if {(row - 1, column), (row + 1, column)} & others]
    return sites[beside[0] : beside[-1] + 1] if beside else sites[:1]


def _rule(family: str) -> object:
    lattice = FAMILIES[family](f"{family}-2x2", (2, 2), False).lattice
    return None if lattice is None else lattice.rule


def _bundles(topology: Topology, nodes: list[int]) -> list[Sequence[int]] | None:
    family, _, size = topology.name.partition("-")
    if family not in ("chimera", "pegasus", "zephyr") or "torus" in size:
        return None
    import dwave.graphs as graphs
    from minorminer import busclique  # pyright: ignore[reportAttributeAccessIssue]

    extents = [int(extent) for extent in size.split("-")[0].split("x")]
    graph = getattr(graphs, f"{family}_graph")(*extents)
    # The generator's labels, in order, are the fabric's sites.
    site_of = {label: k for k, label in enumerate(sorted(graph.nodes))}
    # Without its cache of 0.2.22 the search asks for memory without end.
    found = busclique.find_clique_embedding(len(nodes), graph, seed=0)
    chains: list[Sequence[int]] = [()] * len(nodes)
    for place, chain in enumerate(found.values()):
        chains[nodes[place]] = [site_of[label] for label in chain]
    return chains if len(found) == len(nodes) and all(len(chain) for chain in chains) else None
