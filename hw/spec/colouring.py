"""Colourings: which sites may update together.

A fabric updates all sites of one colour at once, so no edge may join two sites of a colour. Lattices get a *linear*
colouring: site k of the cell at r has colour α·r + c_k in a small abelian group (periodic, hence cheap in hardware and
in stencil simulators), the smallest group that works; other graphs get a 2-colouring if they are bipartite, else
DSATUR (Brélaz 1979, https://doi.org/10.1145/359094.359101).
"""

import heapq
from collections import deque
from itertools import product

import numpy as np

Group = tuple[int, ...]
# Finite abelian groups Z_m1 × Z_m2 × …, by order: the first that admits a colouring is taken.
_GROUPS: tuple[Group, ...] = ((1,), (2,), (3,), (2, 2), (4,), (5,), (6,), (7,), (8,))


def linear_colouring(
    cell: int, bonds: tuple[tuple[int, int, tuple[int, ...]], ...], size: tuple[int, ...], torus: bool
) -> np.ndarray | None:
    """Smallest linear colouring of a lattice, as int array ``[*size, cell]``; ``None`` if there is none.

    ``bonds`` are ``(k, l, offset)``: site k of the cell at r is joined to site l of the cell at r + offset.
    """
    for group in _GROUPS:
        elements = list(product(*(range(m) for m in group)))
        for alpha in product(elements, repeat=len(size)):
            if torus and any(a * n % m for element, n in zip(alpha, size) for a, m in zip(element, group)):
                continue
            base = _cell_colours(group, alpha, cell, bonds)
            if base is not None:
                return _paint(group, alpha, base, size)
    return None


def _paint(group: Group, alpha: tuple[Group, ...], base: list[Group], size: tuple[int, ...]) -> np.ndarray:
    """Colour numbers of all sites: the group element α·r + c_k, read as a mixed-radix number."""
    axes = np.indices(size)
    colours = np.zeros((*size, len(base)), dtype=np.int64)
    for part, m in enumerate(group):
        position = sum((a[part] * axis for a, axis in zip(alpha, axes)), np.zeros(size, dtype=np.int64))
        colours = colours * m + (position[..., None] + np.array([c[part] for c in base])) % m
    return colours


def _cell_colours(group: Group, alpha: tuple[Group, ...], cell: int, bonds: tuple) -> list[Group] | None:
    """Group elements c_k for the sites of one cell with c_l - c_k + α·offset ≠ 0 on every bond."""
    elements = list(product(*(range(m) for m in group)))
    forbidden: list[list[tuple[int, Group]]] = [[] for _ in range(cell)]
    for k, l, offset in bonds:
        shift = [sum(a[part] * o for a, o in zip(alpha, offset)) % m for part, m in enumerate(group)]
        if k == l:
            if not any(shift):
                return None
            continue
        low, high, sign = (k, l, -1) if k < l else (l, k, 1)
        forbidden[high].append((low, tuple(sign * t % m for t, m in zip(shift, group))))
    colours: list[Group] = []

    def extend(k: int) -> bool:
        if k == cell:
            return True
        banned = {tuple((c + t) % m for c, t, m in zip(colours[low], turn, group)) for low, turn in forbidden[k]}
        for colour in elements if k else elements[:1]:
            if colour not in banned:
                colours.append(colour)
                if extend(k + 1):
                    return True
                colours.pop()
        return False

    return colours if extend(0) else None


_LARGE = 10_000  # sites from which a search by fronts is tried
_SITES_PER_FRONT = 30  # fewer on average, and the search site by site is as fast


def unique_pairs(pairs: np.ndarray, n: int) -> np.ndarray:
    """The different rows of int ``[k, 2]``, numbers below ``n``, sorted: what ``np.unique`` gives along an axis, in a
    tenth of its time.
    """
    codes = np.sort(pairs[:, 0].astype(np.int64) * n + pairs[:, 1], kind="stable")
    if np.any(codes[1:] == codes[:-1]):
        codes = codes[np.append(True, codes[1:] != codes[:-1])]
    return np.stack([codes // n, codes % n], axis=1).astype(pairs.dtype)


def graph_colouring(n_sites: int, edges: np.ndarray) -> np.ndarray:
    """Colour an explicit graph: two colours if bipartite, else DSATUR with ties broken by degree and index."""
    if (wide := _two_colouring_by_fronts(n_sites, edges)) is not None:
        return wide
    neighbours: list[list[int]] = [[] for _ in range(n_sites)]
    for i, j in edges.tolist():
        neighbours[i].append(j)
        neighbours[j].append(i)
    two = _two_colouring(neighbours)
    return two if two is not None else _dsatur(neighbours)


def _two_colouring_by_fronts(n_sites: int, edges: np.ndarray) -> np.ndarray | None:
    """As :func:`_two_colouring`, a front of the search at a time: for large graphs of few and wide fronts, as lattices
    are. ``None`` for others, and where two colours do not do.
    """
    if n_sites < _LARGE:
        return None
    ends = np.concatenate([edges, edges[:, ::-1]]).astype(np.int64)
    near = ends[np.argsort(ends[:, 0], kind="stable"), 1]
    degree = np.bincount(ends[:, 0], minlength=n_sites)
    first = np.cumsum(degree) - degree
    colours = np.where(degree == 0, 0, -1)
    start = 0
    for _ in range(n_sites // _SITES_PER_FRONT):
        ahead = np.flatnonzero(colours[start : start + _LARGE] < 0)
        if not len(ahead):
            start += _LARGE
            if start >= n_sites:
                return colours if np.all(colours[edges[:, 0]] != colours[edges[:, 1]]) else None
            continue
        start += int(ahead[0])
        front, colour = np.array([start]), 0
        colours[start] = 0
        for _ in range(n_sites // _SITES_PER_FRONT):
            spread = np.repeat(first[front] - np.cumsum(degree[front]) + degree[front], degree[front])
            seen = near[spread + np.arange(len(spread))]
            front, colour = np.unique(seen[colours[seen] < 0]), 1 - colour
            if not len(front):
                break
            colours[front] = colour
        else:
            return None
    return None


def _two_colouring(neighbours: list[list[int]]) -> np.ndarray | None:
    colours = np.full(len(neighbours), -1, dtype=np.int64)
    for start in range(len(neighbours)):
        if colours[start] >= 0:
            continue
        colours[start] = 0
        queue = deque([start])
        while queue:
            i = queue.popleft()
            for j in neighbours[i]:
                if colours[j] < 0:
                    colours[j] = 1 - colours[i]
                    queue.append(j)
                elif colours[j] == colours[i]:
                    return None
    return colours


def _dsatur(neighbours: list[list[int]]) -> np.ndarray:
    colours = np.full(len(neighbours), -1, dtype=np.int64)
    seen: list[set[int]] = [set() for _ in neighbours]
    heap = [(0, -len(near), i) for i, near in enumerate(neighbours)]
    heapq.heapify(heap)
    while heap:
        saturation, _, i = heapq.heappop(heap)
        if colours[i] >= 0 or -saturation != len(seen[i]):
            continue
        colour = next(c for c in range(len(neighbours)) if c not in seen[i])
        colours[i] = colour
        for j in neighbours[i]:
            if colours[j] < 0 and colour not in seen[j]:
                seen[j].add(colour)
                heapq.heappush(heap, (-len(seen[j]), -len(neighbours[j]), j))
    return colours


def compact_colours(colours: np.ndarray) -> np.ndarray:
    """Relabel colours to 0…C-1 in order of their value, dropping values that no site has."""
    _, compact = np.unique(colours.reshape(-1), return_inverse=True)
    return compact.reshape(-1).astype(np.int32)
