"""Population annealing: chains are resampled by their weights at every level (Hukushima & Iba 2003; Machta 2010).

A population of M goes from β to β' with weights w_i = exp(-(β' - β) u_i): ln Z grows by ln of their mean, and member i
has on average M w_i / Σw descendants, here by systematic resampling, ⌊…⌋ or ⌈…⌉ of them. The estimate of Z of one
population is unbiased, so populations annealed apart are averaged as weights are
(:func:`thermofab.sim.partition.annealed.log_mean`), and their spread is the error.
"""

import numpy as np


def descent(log_weights: np.ndarray, uniform: float) -> np.ndarray:
    """The parent of every member of the next population: int64 ``[M]``, ascending.

    Args:
        log_weights: float ``[M]``.
        uniform: a number of [0, 1), which places the comb of M teeth.
    """
    count = len(log_weights)
    w = np.exp(log_weights - np.max(log_weights))
    ends = np.cumsum(w)
    teeth = (np.arange(count) + uniform) / count * ends[-1]
    return np.minimum(np.searchsorted(ends, teeth, side="right"), count - 1)


def mean_square_family(families: np.ndarray) -> float:
    """ρ_t = M Σ n_k², n_k the share of the members that descend from the first member k; ``families`` int ``[M]``."""
    shares = np.unique(families, return_counts=True)[1] / len(families)
    return float(len(families) * np.sum(shares**2))
