"""Obstacles: what keeps a program off a fabric whatever the fabric's size, and what helps instead.

Each is a proof about connected copies, as the searches place them, so none of these need run where one is found.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from thermofab.compiler.ir.lowered import Lowered
from thermofab.hw.spec.discrete import DiscreteModel
from thermofab.hw.spec.factors import LARGEST_FACTOR
from thermofab.hw.spec.reading import Reading
from thermofab.hw.spec.topology import Topology

_MOST = 5000  # nodes, and sites, of graphs that are looked into: a fraction of a second
_OWN = "the program's own fabric, thermofab.compiler.fabric_of(program)"


def obstacle(
    edges: np.ndarray,
    clamped: np.ndarray,
    topology: Topology,
    lowered: Lowered,
    readings: Sequence[Reading] | None = None,
) -> str | None:
    """Why no connected sites of ``topology`` can hold the program, and what to take instead.

    Args:
        edges: int64 ``[m, 2]``, the coupled spins, hidden ones included.
        clamped: bool ``[n]``, of every spin.
        topology: the fabric's.
        lowered: the program.
        readings: how its nodes are read from the spins; ``None`` where they are the spins.

    Returns:
        The rest of a sentence and one more, without a capital in front; ``None`` where nothing is known to stand in
        the way, and in graphs of more than 5000 spins or sites.
    """
    import networkx

    if max(len(clamped), topology.n_sites) > _MOST or not len(edges):
        return None
    program, fabric = networkx.Graph(edges.tolist()), topology.to_networkx()
    bits = _bits(lowered, readings)
    own = _OWN if _widest(lowered, bits) <= LARGEST_FACTOR else ""
    if topology.factors:
        joined = max(map(len, networkx.connected_components(fabric)))
        needed = max(map(len, networkx.connected_components(program)))
        if joined >= needed:
            return None
        reason, larger = _misfit(lowered, topology, bits)
        way = _take(own, larger, "a fabric whose edges join all sites, such as king, g12 or pegasus")
        return (
            f"{reason}, and its edges alone join no more than {joined} sites, where {needed} spins must be connected. "
            f"Take {way}."
        )
    if networkx.is_forest(fabric) and not networkx.is_forest(program):
        way = _take("a fabric with cycles, such as g12 or pegasus", own)
        return f"the program's graph has cycles, and the fabric's has none at any length. Take {way}."
    if not _planar(fabric) or _planar(program):
        return None
    program.remove_nodes_from(np.flatnonzero(clamped).tolist())
    way = _take("a fabric whose connections cross, such as king, g12 or pegasus", own)
    if _planar(program):
        return (
            "the program's graph is planar without its clamped nodes only, and the fabric's is planar at any size. "
            f"Give clamp= the values of these nodes, which then need no site, or take {way}."
        )
    return (
        f"the program's graph is not planar, and no planar fabric, such as this one, holds it at any size. Take {way}."
    )


def _take(*ways: str) -> str:
    """Those that there are, joined by "or"."""
    return ", or ".join(way for way in ways if way)


def _planar(graph: Any) -> bool:
    import networkx

    return networkx.check_planarity(graph)[0]


def _misfit(lowered: Lowered, topology: Topology, bits: np.ndarray) -> tuple[str, str]:
    """Why the fabric's factors hold no such program, and a larger fabric where that may help."""
    import networkx

    width, widest = _widest(lowered, bits), max(map(len, topology.factors))
    if width > widest:
        return f"a term of the program has {width} spins and the widest factor of the fabric {widest} sites", ""
    program, cells = networkx.Graph(list(_coupled(lowered))), _cells(topology)
    if cells is not None and all(2 * bits[node] == widest for node in program):
        # Where coupled nodes fill a factor between them each is a cell, and the program's graph lies in that of cells.
        whole = "the graph of the program's nodes"
        if networkx.is_bipartite(cells) and not networkx.is_bipartite(program):
            return f"{whole} has a cycle of odd length and that of the fabric's cells has none", ""
        if _planar(cells) and not _planar(program):
            return f"{whole} is not planar and that of the fabric's cells is", ""
    return (
        "not every term of the program has a factor of the fabric at one site per spin",
        "a larger fabric of this kind where its cells are coupled as the program's nodes are",
    )


def _coupled(lowered: Lowered) -> Iterator[tuple[int, int]]:
    """Pairs of nodes in one term."""
    model = lowered.model
    if not isinstance(model, DiscreteModel):
        yield from map(tuple, model.edges.tolist())
        return
    for factor in model.factors:
        for members in np.concatenate([factor.spins, factor.categories], axis=1).tolist():
            yield from combinations(members, 2)


def _bits(lowered: Lowered, readings: Sequence[Reading] | None) -> np.ndarray:
    """int64 ``[nodes]``: the spins that every node is read from."""
    if readings is None:
        return np.ones(lowered.model.n_nodes, dtype=np.int64)
    return np.array([len(reading.variables) for reading in readings], dtype=np.int64)


def _widest(lowered: Lowered, bits: np.ndarray) -> int:
    """Spins of the program's widest term."""
    model = lowered.model
    if not isinstance(model, DiscreteModel):
        return 2
    members = (np.concatenate([factor.spins, factor.categories], axis=1) for factor in model.factors)
    return max((int(bits[rows].sum(axis=1).max(initial=0)) for rows in members), default=0)


def _cells(topology: Topology) -> Any:
    """The graph of a fabric's cells (the sites that edges join), if every factor is two cells of one size."""
    import networkx

    cell = np.zeros(topology.n_sites, dtype=np.int64)
    parts = list(networkx.connected_components(topology.to_networkx()))
    for k, part in enumerate(parts):
        cell[list(part)] = k
    graph = networkx.empty_graph(len(parts))
    for row in topology.factors:
        ends = set(cell[list(row)].tolist())
        if len(ends) != 2 or any(2 * len(parts[k]) != len(row) for k in ends):
            return None
        graph.add_edge(*ends)
    return graph
