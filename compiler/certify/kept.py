"""The stationary law of the samples a program keeps: those in which the sites of all its checks agree."""

from collections.abc import Sequence

import numpy as np

from thermofab.compiler.certify.enumeration import marginal
from thermofab.compiler.certify.stationary import stationary_law
from thermofab.hw.spec.image import FREE
from thermofab.hw.spec.program import Program


def kept_law(
    program: Program, clamps: np.ndarray, sites: Sequence[int], accuracy: float = 1e-10
) -> tuple[np.ndarray, float]:
    """The integer program's law over free ``sites`` given that all checks hold, float64 ``[2^k]``, and the share kept.

    Sites and checked sites together are at most 20; ``clamps`` int8 ``[N]`` as for :func:`stationary_law`.
    """
    free = [site for pair in program.checks for site in pair if clamps[site] == FREE]
    every = list(dict.fromkeys([*sites, *free]))
    law = stationary_law(program, clamps, sites=every, accuracy=accuracy).probabilities
    if program.checks:
        codes, place = np.arange(len(law)), {site: len(every) - 1 - k for k, site in enumerate(every)}
        bits = {site: codes >> at & 1 for site, at in place.items()}
        for pair in program.checks:
            a, b = (bits[site] if site in bits else int(clamps[site]) for site in pair)
            law = np.where(a == b, law, 0.0)
    share = float(law.sum())
    return marginal(law / share, len(every), list(range(len(sites)))), share
