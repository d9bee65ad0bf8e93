"""A lower bound on the least eigenvalue of a symmetric matrix that holds whatever the rounding of floats did."""

import numpy as np
from scipy.sparse import csc_matrix, csr_matrix, diags_array
from scipy.sparse.linalg import splu

DENSE = 8000  # rows up to which a dense factor is made
_UNIT = np.finfo(np.float64).eps / 2


def least_eigenvalue_above(matrix: csr_matrix, shift: float) -> float | None:
    """A number that no eigenvalue lies below: about ``-shift``, if a Cholesky factor of ``matrix + shift·I`` is found.

    Proof: with L D Lᵀ of positive D, computed, A = L D Lᵀ + R, so λ(A) ≥ -‖R‖. The product is taken again and compared
    with A, and what rounding may have hidden in it is added, |L| D |Lᵀ| times n+2 units.

    Returns:
        the number, or ``None`` where no factor was found: an eigenvalue lies below, or is too close.
    """
    n = len(matrix.indptr) - 1
    shifted = (matrix + shift * diags_array(np.ones(n))).tocsr()
    sparse = n > DENSE or shifted.nnz < 8 * n
    norm = _sparse_residual(shifted) if sparse else _dense_residual(shifted)
    if norm is None:
        return None
    # The shift itself was added in floats.
    added = 4 * _UNIT * (abs(shift) + float(np.abs(matrix.diagonal()).max(initial=0.0)))
    return -shift - norm - added


def _dense_residual(matrix: csr_matrix) -> float | None:
    full = matrix.toarray()
    try:
        lower = np.linalg.cholesky(full)
    except np.linalg.LinAlgError:
        return None
    rest = np.abs(full - lower @ lower.T).sum(axis=1).max()
    size = np.abs(lower)
    return _rounded_up(float(rest), float((size @ size.sum(axis=0)).max()), len(full))


def _sparse_residual(matrix: csr_matrix) -> float | None:
    try:
        factor = splu(
            csc_matrix(matrix), permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
        )
    except RuntimeError:  # singular
        return None
    pivots = factor.U.diagonal()
    if not np.array_equal(factor.perm_r, factor.perm_c) or np.any(pivots <= 0):
        return None
    lower, order = csr_matrix(factor.L), np.argsort(factor.perm_c)
    rest = csr_matrix(matrix)[order][:, order] - lower @ diags_array(pivots) @ lower.T
    size = abs(lower)
    above = size @ (pivots * np.asarray(size.sum(axis=0)).ravel())
    return _rounded_up(float(abs(rest).sum(axis=1).max()), float(above.max()), len(matrix.indptr) - 1)


def _rounded_up(rest: float, size: float, n: int) -> float:
    """‖R‖ at most, by its largest row sum: as computed, and what sums of n products of this size may have lost."""
    lost = (n + 4) * _UNIT / (1 - (n + 4) * _UNIT)
    return rest * (1 + lost) + 2 * lost * (size * (1 + lost) + rest)
