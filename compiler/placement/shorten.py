"""Shorten: fewer sites for a layout of disjoint wires, by moving one node at a time.

A node's wires are taken up; every free site that its neighbours' roots can reach is a root it might have, at a cost of
at least Σ (distance - 1) inner sites; one of them, the likelier the cheaper, is wired anew, wire by wire. The search is
simulated annealing in the number of sites (Kirkpatrick, Gelatt & Vecchi,
https://doi.org/10.1126/science.220.4598.671). The layout stays a subdivision of the model's graph throughout, so the
certificate stays what it was.
"""

from collections.abc import Iterable
from random import Random

import numpy as np

from thermofab.compiler.ir.layout import Layout
from thermofab.compiler.placement.subdivision import neighbours, subdivision_layout
from thermofab.hw.spec.topology import Topology

# Temperatures in sites, and how many sites more than before a move may cost.
_HOT, _COLD = 0.6, 0.15
_REACH = 2


def shortened(
    layout: Layout, edges: np.ndarray, clamped: np.ndarray, topology: Topology, moves: int | None = None, seed: int = 0
) -> Layout:
    """A layout without trunks of no more sites than ``layout``, which has none; unchanged if a clamped node has
    several copies. The work is counted in ``moves`` tried (20 a node, at most 2,000), so every machine finds the same.
    """
    n = len(layout.copies)
    if layout.n_sites == n or copied_clamps(layout, clamped):
        return layout
    wires = _Wires(layout, edges, topology, seed)
    wires.search(min(20 * n, 2000) if moves is None else moves)
    better = subdivision_layout(edges, clamped, wires.roots, wires.paths, topology, layout.method)
    return min(layout, better, key=lambda x: (x.n_sites, x.wire_lengths.max(initial=0)))


def copied_clamps(layout: Layout, clamped: np.ndarray) -> bool:
    """Whether a clamped node has several copies: its wires then do not start at one root."""
    return any(clamped[k] and len(sites) > 1 for k, sites in enumerate(layout.copies))


def roots_and_paths(layout: Layout, edges: np.ndarray, topology: Topology) -> tuple[list[int], list[list[int]]]:
    """Root of every node, and the sites along every wire from the root of the edge's first node to the other's."""
    return [sites[0] for sites in layout.copies], _paths(layout, topology, edges.tolist())


class _Wires:
    """Roots and paths between them, changed in place."""

    def __init__(self, layout: Layout, edges: np.ndarray, topology: Topology, seed: int) -> None:
        self.around = neighbours(topology)
        # Padded with the site itself, which never is one step further than it is.
        self.table = np.array(
            [[*sites, *[site] * (topology.max_degree - len(sites))] for site, sites in enumerate(self.around)]
        )
        self.degrees = topology.degrees
        self.edges = edges.tolist()
        self.roots, self.paths = roots_and_paths(layout, edges, topology)
        self.of: list[list[int]] = [[] for _ in self.roots]
        for m, (i, j) in enumerate(self.edges):
            self.of[i].append(m)
            self.of[j].append(m)
        self.free = np.ones(topology.n_sites, dtype=bool)
        self.free[[*self.roots, *_inner(self.paths)]] = False
        self.draw = Random(seed)

    def search(self, moves: int) -> None:
        """Annealing by heat bath, T falling with every move."""
        sites = best = len(_inner(self.paths))
        kept = list(self.roots), list(self.paths)
        movable = [k for k in range(len(self.roots)) if self.of[k]]
        for move in range(moves):
            if best == 0:
                break
            warmth = _HOT * (_COLD / _HOT) ** (move / moves)
            sites += self._move(self.draw.choice(movable), warmth)
            if sites < best:
                best, kept = sites, (list(self.roots), list(self.paths))
        self.roots, self.paths = kept

    def _move(self, k: int, warmth: float) -> int:
        """Moves node k, or does not; the change in sites."""
        old, root = [self.paths[m] for m in self.of[k]], self.roots[k]
        before = _inner(old)
        goals = [self.roots[j if i == k else i] for i, j in (self.edges[m] for m in self.of[k])]
        self.free[[root, *before]] = True
        found = self._wires_from_anywhere(goals, len(before) + _REACH, warmth)
        if found is None:
            self.free[[root, *before]] = False
            return 0
        self.roots[k] = found[0][0]
        for m, path in zip(self.of[k], found):
            self.paths[m] = path if self.edges[m][0] == k else path[::-1]
        after = _inner(found)
        self.free[[self.roots[k], *after]] = False
        return len(after) - len(before)

    def _wires_from_anywhere(self, goals: list[int], most: int, warmth: float) -> list[list[int]] | None:
        """Wires to ``goals`` of at most ``most`` inner sites from a root drawn with probability ∝ e^{-least cost/T}."""
        fields = [self._distances(goal, most + 1) for goal in goals]
        least = np.stack(fields).sum(axis=0, dtype=np.int64) - len(goals)
        able = np.flatnonzero(self.free & (least <= most) & (self.degrees >= len(goals)))
        if not len(able):
            return None
        share = np.cumsum(np.exp((least[able].min() - least[able]) / warmth))
        root = int(able[np.searchsorted(share, self.draw.random() * share[-1], side="right")])
        return self._wired(root, goals, fields, most)

    def _distances(self, start: int, most: int) -> np.ndarray:
        """Distance of free sites from ``start`` up to ``most``, 99 beyond: int8 ``[N]``."""
        depth = np.full(len(self.free), 99, dtype=np.int8)
        depth[start] = 0
        frontier = np.array([start])
        for steps in range(1, most + 1):
            beyond = self.table[frontier].reshape(-1)
            beyond = beyond[self.free[beyond] & (depth[beyond] == 99)]
            if not len(beyond):
                break
            depth[beyond] = steps
            frontier = np.unique(beyond) if len(beyond) < len(depth) else np.flatnonzero(depth == steps)
        return depth

    def _wired(self, root: int, goals: list[int], fields: list[np.ndarray], most: int) -> list[list[int]] | None:
        """Disjoint paths from ``root``, laid one after another in a random order, each as short as may be."""
        paths: list[list[int]] = [[] for _ in goals]
        self.free[root] = False
        left, laid = most, [root]
        for k in self.draw.sample(range(len(goals)), len(goals)):
            path = self._descent(root, goals[k], fields[k]) or self._path(root, goals[k], left + 1)
            if path is None or len(path) - 2 > left:
                left = -1
                break
            paths[k] = path
            left -= len(path) - 2
            laid += path[1:-1]
            self.free[path[1:-1]] = False
        self.free[laid] = True
        return paths if left >= 0 else None

    def _descent(self, start: int, goal: int, field: np.ndarray) -> list[int] | None:
        """A path along which the distance from ``goal`` falls; ``None`` where wires laid since are in the way."""
        path = [start]
        for steps in range(int(field[start]) - 1, 0, -1):
            onward = [site for site in self.around[path[-1]] if field[site] == steps and self.free[site]]
            if not onward:
                return None
            path.append(self.draw.choice(onward))
        return [*path, goal]

    def _path(self, start: int, goal: int, most: int) -> list[int] | None:
        """A shortest path through free sites, of at most ``most`` edges."""
        came, frontier = {start: start}, [start]
        for _ in range(most):
            beyond = []
            for site in frontier:
                for other in self.around[site]:
                    if other == goal:
                        path = [goal, site]
                        while path[-1] != start:
                            path.append(came[path[-1]])
                        return path[::-1]
                    if other not in came and self.free[other]:
                        came[other] = site
                        beyond.append(other)
            frontier = beyond
        return None


def _inner(paths: Iterable[list[int]]) -> list[int]:
    return [site for path in paths for site in path[1:-1]]


def _paths(layout: Layout, topology: Topology, edges: list[list[int]]) -> list[list[int]]:
    segments: list[list[tuple[int, int]]] = [[] for _ in edges]
    for m, ends in zip(layout.wire_of.tolist(), topology.edges[layout.wire_sites].tolist()):
        segments[m].append(ends)
    paths = []
    for (i, _), parts in zip(edges, segments):
        path = [layout.copies[i][0]]
        while parts:
            here = next(part for part in parts if path[-1] in part)
            parts = [part for part in parts if part is not here]
            path.append(here[0] if here[1] == path[-1] else here[1])
        paths.append(path)
    return paths
