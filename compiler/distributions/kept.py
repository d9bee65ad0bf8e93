"""The distribution of the samples a program keeps: those in which the sites of all its checks agree."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from thermofab.compiler.distributions.enumeration import marginal
from thermofab.compiler.distributions.integers import integer_distribution
from thermofab.compiler.distributions.stationary import coupled_sites, stationary_distribution
from thermofab.hw.spec.image import FREE, Image

Checks = Sequence[tuple[int, int]]


@dataclass(frozen=True, eq=False)
class Kept:
    """What an image samples over some sites, given that all checks hold.

    Attributes:
        sampled: float64 ``[2^k]``, the stationary distribution, table included.
        ideal: likewise, of the same integers with an ideal activation.
        share: of all samples, those in which the checks hold.
        error: estimated L1 error of ``sampled`` before samples are discarded.
        converged: whether that is small.
    """

    sampled: np.ndarray
    ideal: np.ndarray
    share: float
    error: float
    converged: bool


def kept_distribution(
    image: Image, checks: Checks, clamps: np.ndarray, sites: Sequence[int], step: float, level: int = 0
) -> Kept:
    """Over free ``sites``, of an image whose unit of weight stands for ``step`` at β level ``level``.

    Sites and checked sites together are at most 20; where the image has an order, they are roots. ``clamps`` int8
    ``[N]`` as for :func:`stationary_distribution`.
    """
    if image.order is not None:
        merged = image.merged
        image, clamps = merged.image, clamps[merged.roots]
        sites = np.searchsorted(merged.roots, sites).tolist()
    free = [site for pair in checks for site in pair if clamps[site] == FREE]
    every = list(dict.fromkeys([*sites, *free]))
    found = stationary_distribution(image, clamps, sites=every, level=level)
    members = sorted({*coupled_sites(image, clamps), *every})
    ideal = integer_distribution(image, clamps, members, every, step)
    agree = np.ones(len(ideal), dtype=bool)
    codes, place = np.arange(len(ideal)), {site: len(every) - 1 - k for k, site in enumerate(every)}
    bits = {site: codes >> at & 1 for site, at in place.items()}
    for pair in checks:
        a, b = (bits[site] if site in bits else int(clamps[site]) for site in pair)
        agree &= np.asarray(a == b)
    share = float(found.probabilities[agree].sum())

    def over_sites(distribution: np.ndarray) -> np.ndarray:
        kept = np.where(agree, distribution, 0.0)
        return marginal(kept / kept.sum(), len(every), list(range(len(sites))))

    # Of a small share the relative error is larger.
    error = found.error / max(share, 1e-300)
    return Kept(over_sites(found.probabilities), over_sites(ideal), share, error, found.converged)
