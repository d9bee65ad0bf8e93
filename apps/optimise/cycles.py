r"""The bound of odd cycles: tight or nearly so on sparse graphs, where the semidefinite one is far off.

A cut meets every cycle an even number of times, so for a cycle C and an odd part F of it its edges x ∈ {0, 1} obey

    x(F) - x(C∖F) ≤ |F| - 1.

The linear program max w·x over 0 ≤ x ≤ 1 and these is solved by HiGHS, with the cycles that it violates found as
shortest paths between the two copies of a node in a doubled graph (Barahona and Mahjoub 1986,
https://doi.org/10.1007/BF02592023) and added in rounds. For any multipliers λ ≥ 0 of inequalities a_k·x ≤ r_k no cut is
above Σ λ_k r_k + Σ_e max(0, w_e - Σ_k λ_k a_ke): what is returned is this sum, whatever the solver did.
"""

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_matrix, vstack
from scipy.sparse.csgraph import dijkstra

_ROUNDS = 100
_LEAST = 1e-4  # violation of a cycle that is worth adding
_PAD = 1e-9  # added to lengths: edges of length 0 would not be edges
_CHUNK = 2**22  # distances held at a time


def cut_bound(n: int, edges: np.ndarray, weights: np.ndarray, rounds: int = _ROUNDS) -> float:
    """A number that Σ w_e over the edges between two sides of a graph never exceeds.

    Args:
        n: nodes.
        edges: int ``[m, 2]``, no loops, none twice.
        weights: float64 ``[m]``.
        rounds: of adding cycles.
    """
    m = len(edges)
    best = float(np.maximum(weights, 0).sum())
    if not m:
        return 0.0
    x = (weights > 0).astype(float)
    rows, sides = csr_matrix((0, m)), np.zeros(0)
    for _ in range(rounds):
        more, right = violated(n, edges, x)
        if not len(right):
            break
        rows, sides = csr_matrix(vstack([rows, more])), np.r_[sides, right]
        solved = linprog(-weights, A_ub=rows, b_ub=sides, bounds=(0, 1), method="highs")
        if solved.x is None:
            break
        x = np.clip(solved.x, 0, 1)
        prices = np.maximum(0, -solved.ineqlin.marginals)
        best = min(best, priced(rows, sides, prices, weights))
        # Inequalities with room to spare are found again if they are needed.
        tight = solved.ineqlin.residual < 1e-6
        rows, sides = csr_matrix(rows[tight]), sides[tight]
    return best + 1e-12 * float(np.abs(weights).sum())


def priced(rows: csr_matrix, sides: np.ndarray, prices: np.ndarray, weights: np.ndarray) -> float:
    """The sum of the module's text, and what rounding of its terms may have lost."""
    left = weights - rows.T @ prices
    spent = float(prices @ sides)
    size = spent + float((abs(rows).T @ prices).sum()) + float(np.abs(weights).sum())
    return spent + float(np.maximum(left, 0).sum()) + 1e-14 * size


def violated(n: int, edges: np.ndarray, x: np.ndarray) -> tuple[csr_matrix, np.ndarray]:
    """Inequalities of odd cycles that ``x`` violates: rows ``[k, m]`` and right-hand sides ``[k]``; at most the worst
    through every node.
    """
    m = len(edges)
    i, j = edges.T
    ends = [(i, j, x), (i + n, j + n, x), (i, j + n, 1 - x), (i + n, j, 1 - x)]
    first, second = (np.concatenate([each[k] for each in ends]) for k in (0, 1))
    length = np.concatenate([each[2] for each in ends]) + _PAD
    doubled = csr_matrix((np.r_[length, length], (np.r_[first, second], np.r_[second, first])), shape=(2 * n, 2 * n))
    number = {(int(a), int(b)): e for e, (a, b) in enumerate(edges)}
    number |= {(b, a): e for (a, b), e in number.items()}
    found: dict[tuple[tuple[int, ...], tuple[int, ...]], None] = {}
    for start in range(0, n, max(1, _CHUNK // (2 * n))):
        sources = np.arange(start, min(n, start + max(1, _CHUNK // (2 * n))))
        distances, before = dijkstra(doubled, indices=sources, return_predecessors=True, limit=1 - _LEAST)
        for k in np.flatnonzero(np.isfinite(distances[np.arange(len(sources)), sources + n])):
            cycle = _walked(before[k], int(sources[k]), n, number)
            if cycle is not None:
                found[cycle] = None
    rows, columns, values, right = [], [], [], []
    for k, (odd, even) in enumerate(found):
        rows += [k] * (len(odd) + len(even))
        columns += [*odd, *even]
        values += [1.0] * len(odd) + [-1.0] * len(even)
        right.append(len(odd) - 1.0)
    return csr_matrix((values, (rows, columns)), shape=(len(found), m)), np.array(right)


def _walked(
    before: np.ndarray, source: int, n: int, number: dict[tuple[int, int], int]
) -> tuple[tuple[int, ...], tuple[int, ...]] | None:
    """F and C∖F of the shortest path to the other copy of ``source``; ``None`` if it takes an edge twice."""
    odd: list[int] = []
    even: list[int] = []
    at = source + n
    while at != source:
        last = int(before[at])
        (odd if (at < n) != (last < n) else even).append(number[at % n, last % n])
        at = last
    if len({*odd, *even}) < len(odd) + len(even):
        return None
    return tuple(sorted(odd)), tuple(sorted(even))
