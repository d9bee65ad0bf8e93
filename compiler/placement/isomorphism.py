"""Graph isomorphism by individualisation and refinement, for programs that fill their fabric in another order.

Colour refinement gives nodes and sites a colour by the colours around them, over and over; nodes correspond to sites of
equal colour. Where a colour is shared, one of its nodes is tied to one of its sites and refinement goes on
(McKay & Piperno, https://doi.org/10.1016/j.jsc.2013.09.003). Colours are 64-bit hashes; the map found is checked, so a
collision can only lose it.
"""

import numpy as np

from thermofab.compiler.placement.direct import edge_numbers
from thermofab.hw.spec.seeding import GOLDEN, mix64
from thermofab.hw.spec.topology import Topology

# Sites tried for a node; in a fabric with symmetry any will do.
_ALTERNATIVES = 8


def isomorphism(n_nodes: int, edges: np.ndarray, topology: Topology, budget: int = 200) -> np.ndarray | None:
    """Site of every node, int64 ``[n]``, such that model edges are the fabric's edges, all of them; ``None`` if there
    is no such map or ``budget`` refinements did not show one.
    """
    if n_nodes != topology.n_sites or len(edges) != topology.n_edges:
        return None
    pairs = edges.astype(np.int64), topology.edges.astype(np.int64)
    start = tuple(_refined(np.zeros(n_nodes, dtype=np.uint64), part) for part in pairs)
    stack = [start]
    while stack and budget > 0:
        nodes, sites = stack.pop()
        names, counts = np.unique(nodes, return_counts=True)
        site_names, site_counts = np.unique(sites, return_counts=True)
        if not (np.array_equal(names, site_names) and np.array_equal(counts, site_counts)):
            continue
        if len(names) == n_nodes:
            found = np.empty(n_nodes, dtype=np.int64)
            found[np.argsort(nodes)] = np.argsort(sites)
            if np.all(edge_numbers(topology, found[pairs[0]].reshape(-1, 2)) >= 0):
                return found
            continue
        shared = names[counts > 1]
        # A small class ties down most for the fewest alternatives.
        colour = shared[np.argmin(counts[counts > 1])]
        tied = _refined(_individual(nodes, int(np.flatnonzero(nodes == colour)[0])), pairs[0])
        for site in np.flatnonzero(sites == colour)[:_ALTERNATIVES][::-1].tolist():
            stack.append((tied, _refined(_individual(sites, site), pairs[1])))
            budget -= 1
    return None


def _individual(colours: np.ndarray, member: int) -> np.ndarray:
    changed = colours.copy()
    changed[member] = mix64(changed[member : member + 1] ^ np.uint64(GOLDEN))[0]
    return changed


def _refined(colours: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Colours refined until their number stays the same."""
    count = len(np.unique(colours))
    while True:
        mixed = mix64(colours + np.uint64(GOLDEN))
        around = np.zeros_like(colours)
        np.add.at(around, edges[:, 0], mixed[edges[:, 1]])
        np.add.at(around, edges[:, 1], mixed[edges[:, 0]])
        colours = mix64(mixed ^ (around + np.uint64(GOLDEN)))
        now = len(np.unique(colours))
        if now == count:
            return colours
        count = now
