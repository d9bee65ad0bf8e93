"""Trees: from copies of every spin to trees of relays, their roots and their colours.

A sweep of a relay fabric takes, for every colour, the width of a field and two clocks per level of that colour's
tallest tree. So trees are grown breadth first from a middle of the copies, copies that carry nothing are left out, and
roots that share a draw unit are kept apart in colour like roots that are coupled.
"""

from collections import deque
from collections.abc import Iterable, Sequence

import numpy as np

from thermofab.compiler.ir.hosting import Hosting
from thermofab.compiler.ir.stages import Copies, Paired, Placed, Placement
from thermofab.hw.spec.clocks import order_clocks
from thermofab.hw.spec.colouring import compact_colours, graph_colouring
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.order import IDLE, NO_PARENT, Order
from thermofab.hw.spec.topology import Topology

# Fields of the real fabric that the fabric of a program's own graph shares: all that fixes the integers.
_SHARED = (
    *("weight_bits", "bias_bits", "table_bits", "threshold_bits", "dither_bits"),
    *("min_shift", "word_bits", "levels", "rng"),
)


def on_trees(stage: Paired, found: Sequence[Placement], name: str) -> Placed:
    """The program on the fabric of its own graph, hosted by the candidate whose sweep takes fewest clocks.

    Args:
        found: copies of every spin, connected, an edge of the fabric between those of coupled spins.
        name: of the pass, for the log.
    """
    width = stage.fabric.bias_bits + 2  # of a field, near enough to compare candidates
    made = [hosting(stage, one.copies) for one in found]
    clocks = [order_clocks(stage.fabric, one.order, width) for one in made]
    best = int(np.argmin(clocks))
    host, placement = made[best], found[best]
    height = int(host.order.heights.max())
    did = (
        f"{len(found)} candidate{'s' * (len(found) > 1)}; {sum(map(len, host.trees))} sites of "
        f"{stage.fabric.topology.name} in {stage.n} trees of height up to {height}, {host.order.n_colours} colours"
    )
    identity = Placement(tuple((k,) for k in range(stage.n)), placement.method)
    return stage.to(Placed, name, did, fabric=own_fabric(stage, host), placements=(identity,), hosting=host)


def own_fabric(stage: Paired, host: Hosting) -> FabricSpec:
    """The fabric of the program's own graph: a site per spin, in the order that the trees are updated."""
    spec = host.fabric
    topology = Topology.from_edges(
        f"spins on {spec.topology.name}",
        stage.n,
        stage.edges,
        coordinates=spec.topology.coordinates[host.roots],
        colours=host.order.colours[host.roots],
    )
    return FabricSpec(topology, **{name: getattr(spec, name) for name in _SHARED})


def hosting(stage: Paired, copies: Copies) -> Hosting:
    """Trees of ``copies`` on the stage's fabric, the carriers of the couplings between them, and colours."""
    spec, topology = stage.fabric, stage.fabric.topology
    grown = _grown(topology, copies, spec.draw_units)
    depth = np.zeros(topology.n_sites, dtype=np.int64)
    parents = np.full(topology.n_sites, NO_PARENT)
    for tree in grown:
        for site, (parent, level) in tree.items():
            parents[site], depth[site] = parent, level
    carriers = _carriers(topology, copies, stage.edges, depth)
    trees = _pruned(grown, topology.edges[carriers].reshape(-1).tolist())
    heights = np.array([max(depth[list(sites)]) for sites in trees], dtype=np.int64)
    colours = _colours(stage, trees, heights)
    of_site = np.full(topology.n_sites, IDLE)
    kept = np.zeros(topology.n_sites, dtype=bool)
    for sites, colour in zip(trees, colours.tolist()):
        of_site[list(sites)] = colour
        kept[list(sites)] = True
    return Hosting(spec, trees, Order(of_site, np.where(kept, parents, NO_PARENT)), carriers)


def _grown(topology: Topology, copies: Copies, units: np.ndarray) -> list[dict[int, tuple[int, int]]]:
    """Parent and depth of every site of every tree, sites in order of depth. The root is a copy from which none is far;
    of those as good, one whose draw unit has fewest roots so far.
    """
    near, made = topology.neighbour_table[0].tolist(), []
    roots_in = np.zeros(int(units.max()) + 1, dtype=np.int64)
    for sites in copies:
        among = set(sites)
        trees = [_breadth_first(site, among, near) for site in sites]
        heights = [max(level for _, level in tree.values()) for tree in trees]
        _, _, best = min((height, roots_in[units[site]], k) for k, (height, site) in enumerate(zip(heights, sites)))
        roots_in[units[sites[best]]] += 1
        made.append(trees[best])
    return made


def _breadth_first(root: int, among: set[int], near: list[list[int]]) -> dict[int, tuple[int, int]]:
    found = {root: (NO_PARENT, 0)}
    queue = deque([root])
    while queue:
        site = queue.popleft()
        for other in near[site]:
            if other in among and other not in found:
                found[other] = (site, found[site][1] + 1)
                queue.append(other)
    return found


def _carriers(topology: Topology, copies: Copies, edges: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """int64 ``[m]``: of the fabric edges between the copies of two coupled spins, the one nearest their roots."""
    n = len(copies)
    owner = np.full(topology.n_sites, -1, dtype=np.int64)
    for k, sites in enumerate(copies):
        owner[list(sites)] = k
    ends = np.sort(owner[topology.edges.astype(np.int64)], axis=1)
    usable = np.flatnonzero((ends[:, 0] >= 0) & (ends[:, 0] != ends[:, 1]))
    cost = depth[topology.edges[usable]].sum(axis=1)
    codes = ends[usable, 0] * n + ends[usable, 1]
    ranked = np.lexsort((cost, codes))
    first, index = np.unique(codes[ranked], return_index=True)
    wanted = edges[:, 0] * n + edges[:, 1]
    return usable[ranked[index[np.searchsorted(first, wanted)]]].astype(np.int64)


def _pruned(grown: list[dict[int, tuple[int, int]]], carrying: Iterable[int]) -> Copies:
    """The sites of every tree, root first, without those below which no site carries a coupling."""
    busy, trees = set(carrying), []
    for tree in grown:
        kept = {next(iter(tree))}
        for site in tree:
            if site in busy:
                while site not in kept:
                    kept.add(site)
                    site = tree[site][0]
        trees.append(tuple(site for site in tree if site in kept))
    return tuple(trees)


def _colours(stage: Paired, trees: Copies, heights: np.ndarray) -> np.ndarray:
    """int64 ``[n]``: coupled spins, and roots of one draw unit, apart; tall trees together where that can be."""
    units = stage.fabric.draw_units[[sites[0] for sites in trees]]
    shared = [pair for group in _groups(units) for pair in _pairs(group)]
    apart = np.unique(np.concatenate([stage.edges, np.array(shared, dtype=np.int64).reshape(-1, 2)]), axis=0)
    colours = compact_colours(graph_colouring(len(trees), apart))
    near: list[set[int]] = [set() for _ in trees]
    for i, j in apart.tolist():
        near[i].add(j)
        near[j].add(i)
    return compact_colours(_gathered(colours.tolist(), near, heights.tolist()))


def _gathered(colours: list[int], near: list[set[int]], heights: list[int]) -> np.ndarray:
    """The colouring with the tallest trees of a colour moved to others as tall, where all of them can go."""
    members = [[k for k, colour in enumerate(colours) if colour == c] for c in range(max(colours) + 1)]
    top = [max(heights[k] for k in group) for group in members]
    for c in sorted(range(len(members)), key=lambda c: top[c]):
        tallest = [k for k in members[c] if heights[k] == top[c] > 0]
        moves: dict[int, int] = {}
        for k in tallest:
            taken = {moves.get(other, colours[other]) for other in near[k]}
            open_to = [d for d in range(len(members)) if d != c and top[d] >= heights[k] and d not in taken]
            if not open_to:
                break
            moves[k] = open_to[0]
        if len(moves) == len(tallest):
            for k, colour in moves.items():
                colours[k] = colour
                members[colour].append(k)
            members[c] = [k for k in members[c] if k not in moves]
            top[c] = max((heights[k] for k in members[c]), default=0)
    return np.array(colours)


def _groups(units: np.ndarray) -> list[list[int]]:
    by_unit: dict[int, list[int]] = {}
    for k, unit in enumerate(units.tolist()):
        by_unit.setdefault(unit, []).append(k)
    return list(by_unit.values())


def _pairs(group: list[int]) -> list[tuple[int, int]]:
    return [(i, j) for i in group for j in group if i < j]
