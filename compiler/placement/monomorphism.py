"""Subgraph monomorphism by backtracking: one site per node, every model edge on a fabric edge."""

import heapq
from collections import deque
from dataclasses import replace
from itertools import combinations

import numpy as np

from thermofab.hw.spec.lattice import Lattice, LatticeRule
from thermofab.hw.spec.topology import Topology


def monomorphism(n_nodes: int, edges: np.ndarray, topology: Topology, budget: int) -> tuple[int, ...] | None:
    """Sites of the nodes, or ``None`` if there is no monomorphism or ``budget`` candidate sites did not show one.

    Nodes are placed in order of most placed neighbours, then of degree; a site must neighbour the sites of all
    placed neighbours, and have a free neighbour for each neighbour still to be placed.
    """
    near: list[list[int]] = [[] for _ in range(n_nodes)]
    for i, j in edges.tolist():
        near[i].append(j)
        near[j].append(i)
    around: list[set[int]] = [set() for _ in range(topology.n_sites)]
    for a, b in topology.edges.tolist():
        around[a].add(b)
        around[b].add(a)
    if impossible(near, around):
        return None
    order = _order(near)
    by_degree = sorted(range(topology.n_sites), key=lambda s: (len(around[s]), s))
    site: list[int] = [-1] * n_nodes
    taken = [False] * topology.n_sites
    stack = [_candidates(order[0], near, around, site, by_degree)]
    steps = 0
    while stack:
        node = order[len(stack) - 1]
        if site[node] >= 0:
            taken[site[node]] = False
            site[node] = -1
        advanced = False
        for candidate in stack[-1]:
            steps += 1
            if steps > budget:
                return None
            if taken[candidate] or len(around[candidate]) < len(near[node]):
                continue
            waiting = sum(site[other] < 0 for other in near[node])
            if waiting and sum(not taken[s] for s in around[candidate]) < waiting:
                continue
            site[node], taken[candidate] = candidate, True
            advanced = True
            break
        if not advanced:
            stack.pop()
            continue
        if len(stack) == n_nodes:
            return tuple(site)
        stack.append(_candidates(order[len(stack)], near, around, site, by_degree))
    return None


def within_sublattice(n_nodes: int, edges: np.ndarray, topology: Topology, budget: int) -> tuple[int, ...] | None:
    """A monomorphism into the fabric with only some of its lattice's bonds, ``None`` if none was found.

    Backtracking over a fabric of many bonds goes astray where a program is a lattice of few: with two of the bonds (in
    a fabric of two dimensions) it is led. All pairs of bonds that there are share the ``budget``.
    """
    lattice = topology.lattice
    if lattice is None or lattice.rule.cell != 1 or len(lattice.rule.bonds) <= lattice.rule.dimension:
        return None
    choices = list(combinations(lattice.rule.bonds, lattice.rule.dimension))
    for bonds in choices:
        kept = Lattice(LatticeRule(1, bonds), lattice.size, lattice.torus).edges()
        part = replace(topology, edges=kept, lattice=None)
        found = monomorphism(n_nodes, edges, part, max(budget // len(choices), 4 * n_nodes))
        if found is not None:
            return found
    return None


def impossible(near: list[list[int]], around: list[set[int]]) -> bool:
    """Degrees or odd cycles rule a monomorphism out."""
    wanted = sorted((len(x) for x in near), reverse=True)
    offered = sorted((len(x) for x in around), reverse=True)
    if len(wanted) > len(offered) or any(w > o for w, o in zip(wanted, offered)):
        return True
    return _bipartite([sorted(x) for x in around]) and not _bipartite(near)


def _bipartite(near: list[list[int]]) -> bool:
    colour = [-1] * len(near)
    for start in range(len(near)):
        if colour[start] >= 0:
            continue
        colour[start] = 0
        queue = deque([start])
        while queue:
            i = queue.popleft()
            for j in near[i]:
                if colour[j] < 0:
                    colour[j] = 1 - colour[i]
                    queue.append(j)
                elif colour[j] == colour[i]:
                    return False
    return True


def _order(near: list[list[int]]) -> list[int]:
    placed: list[int] = []
    done = [False] * len(near)
    links = [0] * len(near)
    heap = [(0, -len(others), k) for k, others in enumerate(near)]
    heapq.heapify(heap)
    while heap:
        minus_links, _, node = heapq.heappop(heap)
        if done[node] or -minus_links != links[node]:
            continue
        done[node] = True
        placed.append(node)
        for other in near[node]:
            links[other] += 1
            if not done[other]:
                heapq.heappush(heap, (-links[other], -len(near[other]), other))
    return placed


def _candidates(node: int, near: list[list[int]], around: list[set[int]], site: list[int], by_degree: list[int]):
    """Sites next to all placed neighbours, the least connected first."""
    anchors = [around[site[other]] for other in near[node] if site[other] >= 0]
    if not anchors:
        return iter(by_degree)
    common = set.intersection(*anchors)
    return iter(sorted(common, key=lambda s: (len(around[s]), s)))
