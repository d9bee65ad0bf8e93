"""What the rounding of activation tables may come to in ln Z, to first order.

A table gives a site of field F the probability p(F) instead of σ(2βκF). Were it the only such site, the mean of the
exponent u = κE would change by -2κ F (p - σ); the sum over sites, integrated over β, is what is predicted. Sites whose
neighbours amplify it do worse by a factor: it is a sign of trouble, not a correction.
"""

import numpy as np
from scipy.sparse import coo_array
from scipy.special import expit

from thermofab.hw.spec import Image, flip_probability


def fields(image: Image, states: np.ndarray) -> np.ndarray:
    """F of every site, int64 ``[n, N]``, for states bool ``[n, N]`` of an image without an order."""
    top, spins = image.fabric.topology, 2 * states.astype(np.int64) - 1
    (i, j), weights = top.edges.T, image.weights.astype(np.int64)
    ends = np.concatenate([i, j]), np.concatenate([j, i])
    matrix = coo_array((np.tile(weights, 2), ends), shape=(top.n_sites, top.n_sites)).tocsr()
    found = image.biases.astype(np.int64) + (matrix @ spins.T).T
    for start, row in zip(top.factor_starts.tolist(), top.factors):
        code = states[:, list(row)] @ (1 << np.arange(len(row)))
        for place, site in enumerate(row):
            ones = code | 1 << place
            found[:, site] += image.factors[start + ones] - image.factors[start + (ones ^ 1 << place)]
    return found


def slope(image: Image, level: int, states: np.ndarray, free: np.ndarray, scale: float, beta: float) -> float:
    """First-order error of d ln Z / dβ at a level, in nats.

    Args:
        image: loaded, without an order.
        level: of the table.
        states: bool ``[n, N]``, samples.
        free: bool ``[N]``, sites that are not clamped.
        scale: κ.
        beta: of the level.
    """
    found = fields(image, states)[:, free]
    off = flip_probability(image.fabric, image.tables[level], image.shift, found) - expit(2 * beta * scale * found)
    return float((2 * scale * found * off).sum(axis=1).mean())
