"""The stationary distribution of the samples a program keeps: those in which the sites of all its checks agree."""

from collections.abc import Sequence

import numpy as np

from thermofab.compiler.distributions.enumeration import marginal
from thermofab.compiler.distributions.stationary import stationary_distribution
from thermofab.hw.spec.image import FREE
from thermofab.hw.spec.program import Program


def kept_distribution(
    program: Program, clamps: np.ndarray, sites: Sequence[int], accuracy: float = 1e-10
) -> tuple[np.ndarray, float]:
    """The integer program's distribution over free ``sites`` given that all checks hold, float64 ``[2^k]``, and the
    share kept.

    Sites and checked sites together are at most 20; ``clamps`` int8 ``[N]`` as for :func:`stationary_distribution`.
    """
    free = [site for pair in program.checks for site in pair if clamps[site] == FREE]
    every = list(dict.fromkeys([*sites, *free]))
    distribution = stationary_distribution(program, clamps, sites=every, accuracy=accuracy).probabilities
    if program.checks:
        codes, place = np.arange(len(distribution)), {site: len(every) - 1 - k for k, site in enumerate(every)}
        bits = {site: codes >> at & 1 for site, at in place.items()}
        for pair in program.checks:
            a, b = (bits[site] if site in bits else int(clamps[site]) for site in pair)
            distribution = np.where(a == b, distribution, 0.0)
    share = float(distribution.sum())
    return marginal(distribution / share, len(every), list(range(len(sites)))), share
