"""The energy of a set of experts, as fields and couplings of spins.

    E(n) = -Σ_i g_i n_i - Σ_{i<j} P_ij n_i n_j + A (Σ_i n_i - k)²,     n_i ∈ {0, 1}, K experts.

With n = (1 + s)/2 and P(n) ∝ exp(-E), up to a constant,

    h_i = g_i/2 + Σ_j P_ij/4 + A(2k - K)/2,     J_ij = (P_ij - 2A)/4.

The arithmetic is that of NumPy arrays and of PyTorch tensors alike, so that a trained gate and a router share it.
"""

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

Numbers = TypeVar("Numbers", "np.ndarray", "Tensor")


def selection_fields(scores: Numbers, pair_sums: Numbers, k: float, cardinality: float) -> Numbers:
    """h.

    Args:
        scores: g, ``[…, K]``.
        pair_sums: Σ_j P_ij of every expert, ``[K]``.
        k: experts wanted.
        cardinality: A.
    """
    fields: Any = scores / 2 + pair_sums / 4
    return fields + cardinality * (2 * k - scores.shape[-1]) / 2


def selection_couplings(pairs: Numbers, cardinality: float) -> Numbers:
    """J, of the shape of ``pairs``."""
    couplings: Any = (pairs - 2 * cardinality) / 4
    return couplings
