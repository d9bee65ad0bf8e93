r"""The semidefinite bound of Goemans and Williamson, from unit vectors that descend and a multiplier that is proven.

For symmetric C with zero diagonal and any y,

    min_s sᵀ C s  ≥  n · λ_min(C + diag y) - Σ y,        s_i = ±1,

and the best y gives the optimum of the semidefinite relaxation. The mixing method (Wang, Chang, Kolter,
https://arxiv.org/abs/1706.00476) minimises Σ C_ij v_i·v_j over unit vectors v_i of √(2n) dimensions (48 at most), one
colour of the graph at a time, v_i ← -g_i/|g_i| with g_i = Σ_j C_ij v_j; at its fixed point y_i = |g_i| is that y.
However far it got, what is returned holds: the eigenvalue is bounded by a factor of the matrix
(:mod:`thermofab.apps.optimise.factorised`).
"""

from typing import Any

import numpy as np
from scipy.sparse import csr_matrix, diags_array
from scipy.sparse.linalg import ArpackNoConvergence, eigsh

from thermofab.apps.optimise.factorised import least_eigenvalue_above
from thermofab.hw.spec.colouring import graph_colouring

_LOOSE: Any = 1e-6  # relative tolerance of the estimated eigenvalue
_TOLERANCE = 1e-9  # of a sweep's relative gain, at which vectors are at rest
# Dimensions, far beyond the rank of the optimum of any graph measured; products of a whole descent, and sweeps of it.
_MOST_RANK, _WORK, _FEWEST = 48, 5e9, 300
_SLACKS = (1e-7, 3e-6, 1e-4, 3e-3, 1e-1)  # of the largest y, tried in turn for the factor


def quadratic_bound(matrix: csr_matrix, sweeps: int = 2000) -> float:
    """A number that sᵀ C s is never below, over s = ±1; ``matrix`` is symmetric with zero diagonal."""
    y = multipliers(matrix, sweeps)
    pairs = (matrix + diags_array(y)).tocsr()
    n, scale = len(y), float(max(y.max(initial=0.0), 1e-300))
    guess = _least_eigenvalue(pairs)
    # The trivial bound -Σ|C_ij| too, by Gershgorin: it needs no factor.
    rows = np.asarray(abs(matrix).sum(axis=1)).ravel()
    best = -float(rows.sum()) * (1 + 1e-12)
    for slack in _SLACKS:
        least = least_eigenvalue_above(pairs, slack * scale - guess)
        if least is not None:
            exact = n * least - float(y.sum())
            return max(best, exact - 1e-13 * (n * abs(least) + float(np.abs(y).sum())))
    return best


def multipliers(matrix: csr_matrix, sweeps: int, seed: int = 0) -> np.ndarray:
    """y of the module's formula, float64 ``[n]``."""
    n = len(matrix.indptr) - 1
    rank = min(int(np.ceil(np.sqrt(2 * n))) + 1, _MOST_RANK)
    sweeps = min(sweeps, max(_FEWEST, int(_WORK / (rank * max(1, matrix.nnz)))))
    vectors = np.random.default_rng(seed).normal(size=(n, rank))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    upper = matrix.tocoo()
    pairs = np.stack([upper.row, upper.col], axis=1)[upper.row < upper.col]
    colours = np.asarray(graph_colouring(n, pairs))
    parts = [(sites, matrix[sites]) for sites in (np.flatnonzero(colours == c) for c in np.unique(colours))]
    y, last = np.zeros(n), np.inf
    for _ in range(sweeps):
        for sites, rows in parts:
            pull = rows @ vectors
            size = np.linalg.norm(pull, axis=1)
            y[sites] = size
            held = size > 0
            vectors[sites[held]] = -pull[held] / size[held, None]
        total = -float(y.sum())
        if last - total <= _TOLERANCE * abs(total):
            break
        last = total
    return np.linalg.norm(matrix @ vectors, axis=1)


def _least_eigenvalue(matrix: csr_matrix) -> float:
    """About the least eigenvalue; a poor guess loosens the bound, or costs another factor, and nothing else."""
    n = len(matrix.indptr) - 1
    if n <= 500:
        return float(np.linalg.eigvalsh(matrix.toarray())[0])
    # Turned over, so that it is the largest and its tolerance is relative to the matrix, not to a number near 0.
    top = float(np.asarray(abs(matrix).sum(axis=1)).max())
    turned: Any = (top * diags_array(np.ones(n)) - matrix).tocsr()
    try:
        return top - float(eigsh(turned, 1, which="LA", tol=_LOOSE, maxiter=500, v0=_start(n))[0][0])
    except ArpackNoConvergence as halted:
        return top - float(max(halted.eigenvalues, default=top))


def _start(n: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=n)
