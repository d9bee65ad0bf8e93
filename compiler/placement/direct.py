"""Placements that need no search: node and site correspond by label, position or index."""

from collections.abc import Iterator, Sequence
from itertools import product, repeat
from typing import Any

import numpy as np

from thermofab.compiler.ir.stages import Paired, Placement
from thermofab.hw.spec.topology import Topology


def direct_placements(stage: Paired) -> Iterator[Placement]:
    """Every correspondence under which all model edges are fabric edges, the most explicit first."""
    topology = stage.fabric.topology
    return (
        Placement(tuple(zip(sites.tolist())), method)
        for method, sites in guesses(stage.names, topology)
        if np.all(edge_numbers(topology, sites[stage.edges]) >= 0)
    )


def edge_numbers(topology: Topology, pairs: np.ndarray) -> np.ndarray:
    """Fabric edge of every pair of sites, int64 ``[m]`` from ``[m, 2]`` in either order; -1 where there is none."""
    return code_places(topology.edges.astype(np.int64), pairs, topology.n_sites)


def code_places(edges: np.ndarray, pairs: np.ndarray, n: int) -> np.ndarray:
    """Row of ``edges`` (int64 ``[k, 2]``, sorted, i < j < n) for every pair in either order; -1 where there is none."""
    known = edges[:, 0] * n + edges[:, 1]
    # Of two columns: a reduction over an axis of two takes ten times as long.
    codes = np.minimum(pairs[:, 0], pairs[:, 1]) * n + np.maximum(pairs[:, 0], pairs[:, 1])
    if not len(known):
        return np.full(len(codes), -1)
    place = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    return np.where(known[place] == codes, place, -1)


def guesses(nodes: Sequence[Any], topology: Topology) -> Iterator[tuple[str, np.ndarray]]:
    """How nodes and sites may correspond, and the site of every node, int64 ``[n]``, whether or not edges fit."""
    for method, names in (("labels", topology.labels), ("positions", _positions(topology))):
        if names is None:
            continue
        site_of = dict(zip(names, range(topology.n_sites)))
        sites = np.fromiter(map(site_of.get, nodes, repeat(-1)), np.int64, len(nodes))
        if np.all(sites >= 0):
            yield f"same {method}", sites
    yield "same index", np.arange(len(nodes), dtype=np.int64)
    try:
        # A THRML program lists nodes block by block; THRML nodes sort by creation, which often is the fabric's order.
        order = sorted(range(len(nodes)), key=lambda k: nodes[k])
    except (TypeError, RuntimeError, ValueError):
        return
    sites = np.empty(len(nodes), dtype=np.int64)
    sites[order] = np.arange(len(nodes))
    yield "same order", sites


def _positions(topology: Topology) -> list[tuple[int, ...]] | None:
    """Integer lattice positions of the sites, where a cell has one site."""
    if topology.lattice is None or topology.lattice.rule.cell != 1:
        return None
    return list(product(*map(range, topology.lattice.size)))
