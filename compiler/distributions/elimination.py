r"""Marginals of larger pairwise spin models, by summing spins out one after another.

The cost is 2^width of the order of summation, not 2^n, so hidden spins, wires and copies cost next to nothing. Terms
are scaled to at most 1, e^{J s t - |J|}, so that strong couplings keep their digits.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import opt_einsum

from thermofab.hw.spec.errors import SpecError

_LARGEST = 2**26  # entries of the largest intermediate


def marginal_distribution(
    n: int,
    biases: np.ndarray,
    edges: np.ndarray,
    couplings: np.ndarray,
    keep: Sequence[int],
    tables: Iterable[tuple[Sequence[int], np.ndarray]] = (),
) -> np.ndarray:
    """P of the spins ``keep``, float64 ``[2^len(keep)]``, the first the most significant bit, of
    P ∝ exp(Σ b_i s_i + Σ J_ij s_i s_j + Σ table[s…]) over ``n`` spins; a table is over the spins named with it, the
    first its first axis.

    Raises:
        SpecError: an intermediate table would have more than 2^26 entries.
    """
    operands: list = []
    for k in sorted({*np.flatnonzero(biases).tolist(), *keep}):
        operands += [np.exp(np.array([-biases[k], biases[k]]) - abs(biases[k])), [k]]
    for (i, j), coupling in zip(np.asarray(edges).reshape(-1, 2).tolist(), np.asarray(couplings).tolist()):
        same, other = np.exp(np.array([coupling, -coupling]) - abs(coupling))
        operands += [np.array([[same, other], [other, same]]), [i, j]]
    for spins, table in tables:
        operands += [np.exp(table - np.max(table)), list(spins)]
    _, path = opt_einsum.contract_path(*operands, list(keep), optimize="greedy")
    if path.largest_intermediate > _LARGEST:
        raise SpecError(
            f"the distribution of {len(keep)} of {n} spins needs a table of {path.largest_intermediate:.2g} entries."
        )
    distribution = opt_einsum.contract(*operands, list(keep), optimize="greedy").reshape(-1)
    return distribution / distribution.sum()
