"""Routing: trees inside the copies of every node, and the fabric edge that carries each model edge."""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from thermofab.compiler.ir.layout import Layout
from thermofab.compiler.placement.direct import edge_numbers
from thermofab.hw.spec.topology import Topology


@dataclass(frozen=True)
class Tree:
    """A node's copies in use: ``parent`` of every site but the root, ``attach`` site of every neighbour node,
    ``load``: for every site but the root, how many model edges its edge to the parent carries.
    """

    root: int
    parent: dict[int, int]
    attach: dict[int, int]
    load: dict[int, int]

    @property
    def cost(self) -> tuple[int, int]:
        """(trunk edges, sites): what the choice of a tree minimises."""
        return sum(load > 1 for load in self.load.values()), 1 + len(self.parent)


def route(
    edges: np.ndarray,
    magnitudes: np.ndarray,
    clamped: np.ndarray,
    copies: Sequence[Sequence[int]],
    topology: Topology,
    method: str,
) -> Layout:
    """Roots, trees and wires of a placement; trunks get coupling 0 until their strength is chosen.

    ``edges`` int ``[m, 2]`` and ``magnitudes`` |J| float64 ``[m]`` are the model's. Copies of a clamped node are all
    clamped and need no tree. For a node of at most three edges the tree always has a root without trunks: the
    median of its three attachments. Nodes of many edges choose first.
    """
    if set(map(len, copies)) == {1}:
        return _direct(edges, copies, topology, method)
    owner = {site: k for k, sites in enumerate(copies) for site in sites}
    around: dict[int, list[int]] = {site: [] for site in owner}
    for a, b in topology.edges.tolist():
        if a in owner and b in owner:
            around[a].append(b)
            around[b].append(a)
    near: list[list[int]] = [[] for _ in copies]
    for i, j in edges.tolist():
        near[i].append(j)
        near[j].append(i)
    trees: dict[int, Tree] = {}
    for k in sorted(range(len(copies)), key=lambda k: (bool(clamped[k]), -len(near[k]), -len(copies[k]), k)):
        allowed = {}
        for other in near[k]:
            if other in trees:
                sites = [s for s in around[trees[other].attach[k]] if owner[s] == k]
            else:
                sites = [s for s in copies[k] if any(owner[t] == other for t in around[s])]
            allowed[other] = set(sites)
        inside = {s: [t for t in around[s] if owner[t] == k] for s in copies[k]}
        trees[k] = _clamped_tree(copies[k], allowed) if clamped[k] else best_tree(sorted(copies[k]), inside, allowed)
    return _layout(edges, magnitudes, clamped, trees, topology, method)


def _direct(edges: np.ndarray, copies: Sequence[Sequence[int]], topology: Topology, method: str) -> Layout:
    sites = np.fromiter(chain.from_iterable(copies), np.int64, len(copies))
    ends = sites[edges].reshape(-1, 2)
    none = np.zeros(0, dtype=np.int64)
    return Layout(
        copies=tuple(map(tuple, copies)),
        method=method,
        wire_of=np.arange(len(edges)),
        wire_sites=edge_numbers(topology, ends),
        wire_ends=ends,
        trunk_sites=none,
        trunk_ends=none.reshape(0, 2),
        trunk_loads=np.zeros(0),
        trunk_couplings=np.zeros(0),
    )


def _clamped_tree(sites: Sequence[int], allowed: dict[int, set[int]]) -> Tree:
    attach = {other: min(choice) for other, choice in allowed.items()}
    root = min(attach.values(), default=min(sites))
    return Tree(root, {s: root for s in attach.values() if s != root}, attach, {})


def best_tree(sites: Sequence[int], inside: dict[int, list[int]], allowed: dict[int, set[int]]) -> Tree:
    """The tree with fewest trunks, then fewest sites, over all roots: disjoint paths where they exist, else the
    spanning trees that breadth-first search finds, each with every root.
    """
    best: Tree | None = None
    terminals = sorted(allowed)
    for root in sites:
        found = [_bfs_tree(root, inside, allowed)]
        for turn in range(len(terminals)):
            paths = _disjoint_paths(root, inside, allowed, terminals[turn:] + terminals[:turn])
            if paths is not None:
                found.append(paths)
                break
        for tree in found:
            if best is None or tree.cost < best.cost:
                best = tree
        if len(sites) == 1:
            break
    assert best is not None
    if best.cost[0]:
        for start in sites:
            tree = _bfs_tree(start, inside, allowed)
            for root in [tree.root, *tree.parent]:
                turned = _rerooted(tree, root)
                if turned.cost < best.cost:
                    best = turned
    return best


def _bfs_tree(root: int, inside: dict[int, list[int]], allowed: dict[int, set[int]]) -> Tree:
    parent, depth, queue = {}, {root: 0}, deque([root])
    while queue:
        site = queue.popleft()
        for other in inside[site]:
            if other not in depth:
                parent[other], depth[other] = site, depth[site] + 1
                queue.append(other)
    attach = {k: min(choice, key=lambda s: (depth[s], s)) for k, choice in allowed.items()}
    return _pruned(root, parent, attach)


def _pruned(root: int, parent: dict[int, int], attach: dict[int, int]) -> Tree:
    """Only the sites on a path from an attachment to the root, with their loads."""
    load: dict[int, int] = {}
    for site in attach.values():
        while site != root:
            load[site] = load.get(site, 0) + 1
            site = parent[site]
    return Tree(root, {site: parent[site] for site in sorted(load)}, attach, load)


def _rerooted(tree: Tree, root: int) -> Tree:
    parent = dict(tree.parent)
    path = [root]
    while path[-1] != tree.root:
        path.append(tree.parent[path[-1]])
    for below, above in zip(path, path[1:]):
        parent[above] = below
    parent.pop(root, None)
    return _pruned(root, parent, tree.attach)


def _disjoint_paths(
    root: int, inside: dict[int, list[int]], allowed: dict[int, set[int]], order: Sequence[int]
) -> Tree | None:
    """Shortest paths from the root to every terminal that share no site but the root, taken greedily in ``order``."""
    parent: dict[int, int] = {}
    attach: dict[int, int] = {}
    for terminal in order:
        if root in allowed[terminal]:
            attach[terminal] = root
            continue
        came = {root: root}
        queue, goal = deque([root]), None
        while queue and goal is None:
            site = queue.popleft()
            for other in inside[site]:
                if other in came or other in parent:
                    continue
                came[other] = site
                if other in allowed[terminal]:
                    goal = other
                    break
                queue.append(other)
        if goal is None:
            return None
        attach[terminal] = goal
        while goal != root:
            parent[goal] = came[goal]
            goal = came[goal]
    return _pruned(root, parent, attach)


def _layout(
    edges: np.ndarray,
    magnitudes: np.ndarray,
    clamped: np.ndarray,
    trees: dict[int, Tree],
    topology: Topology,
    method: str,
) -> Layout:
    segments: list[tuple[int, int]] = []
    wire_of: list[int] = []
    ends: list[tuple[int, int]] = []
    loads: dict[tuple[int, int], float] = {}
    for m, (i, j) in enumerate(edges.tolist()):
        path = [(trees[i].attach[j], trees[j].attach[i])]
        end = []
        for node, site in ((i, path[0][0]), (j, path[0][1])):
            tree = trees[node]
            while not clamped[node] and site != tree.root and tree.load[site] == 1:
                path.append((site, tree.parent[site]))
                site = tree.parent[site]
            end.append(site)
            while not clamped[node] and site != tree.root:
                trunk = (site, tree.parent[site])
                loads[trunk] = loads.get(trunk, 0.0) + magnitudes[m]
                site = tree.parent[site]
        segments += path
        wire_of += [m] * len(path)
        ends.append((end[0], end[1]))
    trunks = sorted(loads)
    pairs = np.array([(above, below) for below, above in trunks], dtype=np.int64).reshape(-1, 2)
    return Layout(
        copies=tuple((trees[k].root, *sorted(trees[k].parent)) for k in range(len(trees))),
        method=method,
        wire_of=np.array(wire_of, dtype=np.int64),
        wire_sites=edge_numbers(topology, np.array(segments, dtype=np.int64).reshape(-1, 2)),
        wire_ends=np.array(ends, dtype=np.int64).reshape(-1, 2),
        trunk_sites=edge_numbers(topology, pairs),
        trunk_ends=pairs,
        trunk_loads=np.array([loads[trunk] for trunk in trunks]),
        trunk_couplings=np.zeros(len(trunks)),
    )
