"""The distribution that an image's integers stand for: P ∝ exp(step · (Σ b s + Σ w s s + 2 Σ V)), an ideal activation.

What rounding to integers costs is its distance from the real-valued model's; what the table costs is the distance of
:func:`~thermofab.compiler.distributions.stationary.stationary_distribution` from it.
"""

from collections.abc import Sequence

import numpy as np

from thermofab.compiler.distributions.enumeration import log_weights, marginal, normalised, states
from thermofab.hw.spec.factors import factor_addresses
from thermofab.hw.spec.image import FREE, Image


def integer_distribution(
    image: Image, clamps: np.ndarray, members: Sequence[int], sites: Sequence[int], step: float
) -> np.ndarray:
    """P of the free ``sites``, float64 ``[2^len(sites)]``, the first the most significant bit; ``members`` are all free
    sites that are coupled to any of them, these included, and ``clamps`` int8 ``[N]`` those of a run.
    """
    topology, place = image.fabric.topology, {site: k for k, site in enumerate(members)}
    biases = image.biases[list(members)].astype(np.float64)
    edges, couplings = [], []
    for (i, j), w in zip(topology.edges.tolist(), image.weights.tolist()):
        if not w or (i not in place and j not in place):
            continue
        if i in place and j in place:
            edges.append((place[i], place[j]))
            couplings.append(w)
        else:
            inner, outer = (i, j) if i in place else (j, i)
            if clamps[outer] != FREE:
                biases[place[inner]] += w if clamps[outer] == 1 else -w
    n = len(members)
    total = log_weights(n, step * biases, np.array(edges).reshape(-1, 2), step * np.array(couplings, dtype=float))
    if np.any(image.factors):
        bits = np.broadcast_to(clamps == 1, (2**n, topology.n_sites)).astype(np.int64)
        bits[:, list(members)] = states(n)
        addresses = factor_addresses(topology.factors, bits)
        total = total + 2 * step * image.factors[addresses].sum(axis=1)
    return marginal(normalised(total)[0], n, [place[site] for site in sites])
