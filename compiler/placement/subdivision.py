"""Disjoint wires: a layout without trunks for nodes of more than three edges, by negotiated routing.

A layout has no trunks exactly if it is a subdivision of the model's graph in the fabric: one root per node, and for
every edge a path between roots, no two paths sharing an inner site. Paths are found as FPGA routers find theirs: each
takes the cheapest way on its own, sites used twice grow dearer, until none is (McMurchie & Ebeling, PathFinder,
https://doi.org/10.1145/201310.201328). Free sites beyond the embedding's serve as well.
"""

import heapq
from collections.abc import Sequence
from random import Random

import numpy as np

from thermofab.compiler.ir.layout import Layout
from thermofab.compiler.placement.direct import edge_numbers
from thermofab.hw.spec.topology import Topology

_ROUNDS = 24
_STRIDE = 3


def disjoint_wires(
    edges: np.ndarray,
    clamped: np.ndarray,
    copies: Sequence[Sequence[int]],
    topology: Topology,
    method: str,
    spread: float = 1.0,
    budget: int = 300_000,
) -> Layout | None:
    """A layout of disjoint wires between roots chosen from ``copies``; ``None`` if none was found.

    A root is at first the best connected of a node's copies, nearest their middle, or the site ``spread`` times as far
    from the middle of all, as the fabric is drawn, that has neighbours enough; each time routing fails, the root of
    the node whose wires are most crowded moves to a site nearby, drawn from a generator of fixed seed. ``budget``
    bounds the sites looked at, so that the outcome does not depend on the machine's speed.
    """
    around = neighbours(topology)
    wanted = np.bincount(edges.reshape(-1), minlength=len(copies))
    roots = [_root(sites, around) for sites in copies]
    if spread > 1:
        roots = _drawn_apart(roots, wanted, topology, spread)
    if any(len(around[root]) < degree for root, degree in zip(roots, wanted.tolist())):
        return None
    draw = Random(0)
    while budget > 0:
        ends = [(roots[i], roots[j]) for i, j in edges.tolist()]
        paths, crowded, budget = _negotiate(ends, set(roots), around, budget)
        if not crowded:
            return subdivision_layout(edges, clamped, roots, paths, topology, f"{method}, disjoint wires")
        strain = [0] * len(roots)
        for (i, j), path in zip(edges.tolist(), paths):
            among = sum(site in crowded for site in path[1:-1])
            strain[i] += among
            strain[j] += among
        worst = max(range(len(roots)), key=lambda k: (strain[k], draw.random()))
        nearby = _within(roots[worst], around, _STRIDE)
        nearby = [site for site in nearby if site not in roots and len(around[site]) >= wanted[worst]]
        if not nearby:
            return None
        roots[worst] = draw.choice(nearby)
    return None


def neighbours(topology: Topology) -> list[list[int]]:
    """Sites around every site."""
    around: list[list[int]] = [[] for _ in range(topology.n_sites)]
    for a, b in topology.edges.tolist():
        around[a].append(b)
        around[b].append(a)
    return around


def _root(sites: Sequence[int], around: list[list[int]]) -> int:
    inside = set(sites)
    distance = []
    for start in sites:
        depth, frontier = {start: 0}, [start]
        for site in frontier:
            for other in around[site]:
                if other in inside and other not in depth:
                    depth[other] = depth[site] + 1
                    frontier.append(other)
        distance.append((-len(around[start]), sum(depth.values()), start))
    return min(distance)[2]


def _drawn_apart(roots: list[int], wanted: np.ndarray, topology: Topology, spread: float) -> list[int]:
    """Sites near ``spread`` times the roots' distances from their middle, those of most edges choosing first."""
    where = topology.coordinates[:, :2]
    low, high = where.min(axis=0), where.max(axis=0)
    picture = (where[roots] - where[roots].mean(axis=0)) * spread
    span = picture.max(axis=0) - picture.min(axis=0)
    shrink = np.minimum(1.0, (high - low) / np.maximum(span, 1e-9))
    half = span * shrink / 2
    picture = (picture - picture.min(axis=0)) * shrink - half
    picture += np.clip(where[roots].mean(axis=0), low + half, high - half)
    sites, taken = list(roots), set()
    for k in sorted(range(len(roots)), key=lambda k: (-wanted[k], k)):
        distance = np.sum((where - picture[k]) ** 2, axis=1) + 1e6 * (topology.degrees < wanted[k])
        sites[k] = next(site for site in np.argsort(distance, kind="stable").tolist() if site not in taken)
        taken.add(sites[k])
    return sites


def _within(start: int, around: list[list[int]], steps: int) -> list[int]:
    """Sites at most ``steps`` edges from ``start``, the nearest first."""
    depth, found = {start: 0}, [start]
    for site in found:
        if depth[site] < steps:
            for other in around[site]:
                if other not in depth:
                    depth[other] = depth[site] + 1
                    found.append(other)
    return found[1:]


def _negotiate(
    ends: list[tuple[int, int]], roots: set[int], around: list[list[int]], budget: int
) -> tuple[list[list[int]], set[int], int]:
    """Paths between ``ends`` through sites other than ``roots``; the sites two of them share (none on success; the ends
    where one has no path); what is left of the budget.
    """
    usage, history = [0] * len(around), [0.0] * len(around)
    paths: list[list[int]] = [[] for _ in ends]
    crowded: list[int] = []
    pressure = 0.5
    for _ in range(_ROUNDS):
        for k, (start, goal) in enumerate(ends):
            for site in paths[k][1:-1]:
                usage[site] -= 1
            path, looked = _cheapest(start, goal, roots, around, usage, history, pressure)
            budget -= looked
            if path is None or budget < 0:
                return paths, {start, goal}, budget
            paths[k] = path
            for site in path[1:-1]:
                usage[site] += 1
        crowded = [site for site, count in enumerate(usage) if count > 1]
        if not crowded:
            break
        for site in crowded:
            history[site] += usage[site] - 1
        pressure *= 1.5
    return paths, set(crowded), budget


def _cheapest(
    start: int,
    goal: int,
    roots: set[int],
    around: list[list[int]],
    usage: list[int],
    history: list[float],
    pressure: float,
) -> tuple[list[int] | None, int]:
    """Dijkstra from root to root through sites that are no root; also the number of sites looked at."""
    came, cost, heap, looked = {start: start}, {start: 0.0}, [(0.0, start)], 0
    while heap:
        so_far, site = heapq.heappop(heap)
        if so_far > cost[site]:
            continue
        if site == goal:
            path = [goal]
            while path[-1] != start:
                path.append(came[path[-1]])
            return path[::-1], looked
        for other in around[site]:
            looked += 1
            if other in roots and other != goal:
                continue
            step = 0.0 if other == goal else (1.0 + history[other]) * (1.0 + pressure * usage[other])
            if so_far + step < cost.get(other, float("inf")):
                cost[other], came[other] = so_far + step, site
                heapq.heappush(heap, (so_far + step, other))
    return None, looked


def subdivision_layout(
    edges: np.ndarray,
    clamped: np.ndarray,
    roots: list[int],
    paths: list[list[int]],
    topology: Topology,
    method: str,
) -> Layout:
    """The layout of ``paths`` from root to root that share no inner site."""
    copies = [[root] for root in roots]
    segments: list[tuple[int, int]] = []
    wire_of: list[int] = []
    for m, ((i, j), path) in enumerate(zip(edges.tolist(), paths)):
        # Inner sites stay free, so they are copies of a free node: of each end by halves, of one end if the other
        # is clamped.
        inner = path[1:-1]
        first = 0 if clamped[i] else len(inner) if clamped[j] else len(inner) // 2
        copies[i] += inner[:first]
        copies[j] += inner[first:]
        steps = list(zip(path, path[1:]))
        # The crossing leads: its sign is the coupling's.
        segments += steps[first : first + 1] + steps[:first] + steps[first + 1 :]
        wire_of += [m] * len(steps)
    none = np.zeros(0, dtype=np.int64)
    return Layout(
        copies=tuple(tuple(sites) for sites in copies),
        method=method,
        wire_of=np.array(wire_of, dtype=np.int64),
        wire_sites=edge_numbers(topology, np.array(segments, dtype=np.int64).reshape(-1, 2)),
        wire_ends=np.array([(roots[i], roots[j]) for i, j in edges.tolist()], dtype=np.int64).reshape(-1, 2),
        trunk_sites=none,
        trunk_ends=none.reshape(0, 2),
        trunk_loads=np.zeros(0),
        trunk_couplings=np.zeros(0),
    )
