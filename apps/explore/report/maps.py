"""Fabric maps: where a program sits on a fabric, as places and lines that page and picture draw alike.

A map is of the region around the sites that are used, of small fabrics of all there is. On a torus the region may cross
the seam: the fabric is cut where no site is used, and a line that would still run across the picture becomes a stub at
either end.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from thermofab.apps.explore.workloads import Workload
from thermofab.apps.pages.places import on_paper, site_places, within_picture
from thermofab.hw.spec import IsingModel, Topology

GRAIN = 20  # units of a map per distance between neighbouring sites
_WHOLE = 160  # sites up to which a fabric is shown as a whole
_MOST_IDLE, _MOST_COUPLINGS = 900, 700
_MARGIN = 1.2  # neighbouring distances around the used sites


def fabric_map(topology: Topology, on: Workload, copies: Sequence[Sequence[int]]) -> dict[str, Any]:
    """A fabric's region that carries a workload.

    Args:
        topology: the fabric's.
        on: the workload.
        copies: the sites of every node; of a workload whose nodes are several spins, of every spin.

    Returns:
        ``sites``, ``[x, y, node, site]`` each, node -1 where it is idle; ``joins``, ``couplings`` and ``stubs``: lines
        ``[x, y, x, y]`` between sites of one node, between sites of coupled nodes, and where either crosses the seam;
        ``size``, width and height; ``of``, all sites of the fabric; ``unlisted``, idle sites and couplings left out
        because there are too many to be told apart; ``what``, whether numbers are of ``"nodes"`` or ``"spins"``: of
        these it is not known which are coupled, and ``couplings`` is empty.
    """
    node_of = np.full(topology.n_sites, -1)
    for node, sites in enumerate(copies):
        node_of[list(sites)] = node
    full, period = site_places(topology, node_of >= 0)
    places = on_paper(full)
    used = np.flatnonzero(node_of >= 0)
    low, high = places[used].min(axis=0) - _MARGIN, places[used].max(axis=0) + _MARGIN
    near = np.all((places >= low) & (places <= high), axis=1) | (topology.n_sites <= _WHOLE)
    idle = np.flatnonzero((node_of < 0) & near)
    left_out = max(0, len(idle) - _MOST_IDLE)
    idle = np.zeros(0, dtype=int) if left_out else idle
    shown = np.concatenate([idle, used])
    corner = places[shown].min(axis=0) - 0.7
    at = np.rint((places - corner) * GRAIN).astype(int)
    joins, couplings = _lines(topology, node_of, _coupled(on) if len(copies) == on.model.n_nodes else set())
    dropped = max(0, len(couplings) - _MOST_COUPLINGS)
    couplings = couplings[:0] if dropped else couplings
    straight, stubs = within_picture(joins, full, period)
    thin, more = within_picture(couplings, full, period)
    ends = np.array([stub[1:] for stub in stubs + more]).reshape(-1, 2, 2)
    ends = np.rint((ends - corner) * GRAIN).astype(int)
    return {
        "sites": [[*map(int, at[k]), int(node_of[k]), int(k)] for k in shown],
        "joins": [[*map(int, at[i]), *map(int, at[j])] for i, j in joins[straight]],
        "couplings": [[*map(int, at[i]), *map(int, at[j])] for i, j in couplings[thin]],
        "stubs": ends.reshape(-1, 4).tolist(),
        "size": [int(extent) for extent in at[shown].max(axis=0) + round(0.7 * GRAIN)],
        "of": topology.n_sites,
        "unlisted": [left_out, dropped],
        "what": "nodes" if len(copies) == on.model.n_nodes else "spins",
    }


def _lines(topology: Topology, node_of: np.ndarray, coupled: set[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """Edges within a node, and edges between sites of coupled nodes, int ``[K, 2]`` each."""
    edges = np.concatenate([topology.edges, *(_pairs(factor) for factor in topology.factors)]).astype(int)
    a, b = node_of[edges].T
    both = (a >= 0) & (b >= 0)
    across = np.array([(min(i, j), max(i, j)) in coupled for i, j in zip(a.tolist(), b.tolist())], dtype=bool)
    return edges[both & (a == b)], np.unique(edges[both & (a != b) & across], axis=0)


def _pairs(sites: Sequence[int]) -> np.ndarray:
    i, j = np.triu_indices(len(sites), 1)
    return np.array(sites)[np.stack([i, j], axis=1)]


def _coupled(on: Workload) -> set[tuple[int, int]]:
    """Pairs of nodes, smaller first, that share a term of the energy."""
    if isinstance(on.model, IsingModel):
        return {(min(i, j), max(i, j)) for i, j in on.model.edges.tolist()}
    members = [
        [*spins, *categories]
        for factor in on.model.factors
        for spins, categories in zip(factor.spins.tolist(), factor.categories.tolist())
    ]
    return {(int(min(i, j)), int(max(i, j))) for row in members for i, j in _pairs(row)}
