"""Where random bits start: SplitMix64 hashes of (program seed, replica, site).

SplitMix64 is Steele, Lea & Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014): the k-th output of
the stream with state h is mix(h + (k+1)·G). Generators seeded by consecutive integers are ruinous for sampling
(docs/contract.md), hashed ones are not. For a fixed seed and replica the hash is a bijection of the site.
"""

import operator
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from thermofab.hw.spec.errors import SpecError

GOLDEN = 0x9E3779B97F4A7C15
MASK64 = 2**64 - 1
# Index in a site's stream of the word whose top bit is the site's initial state: no generator seeds that far.
INITIAL_STATE_INDEX = 255


_BLOCK = 2**15  # numbers mixed at a time: they and what is in between stay in a processor's cache


def mix64(x: np.ndarray, plus: int = 0) -> np.ndarray:
    """SplitMix64's output function of ``x + plus``, a bijection of uint64, elementwise."""
    x = np.asarray(x, dtype=np.uint64)
    mixed = np.empty(x.shape, dtype=np.uint64)
    given, taken = x.reshape(-1), mixed.reshape(-1)
    for first in range(0, x.size, _BLOCK):
        out = taken[first : first + _BLOCK]
        np.add(given[first : first + _BLOCK], np.uint64(plus & MASK64), out=out)
        shifted = out >> np.uint64(30)
        out ^= shifted
        for factor, bits in ((0xBF58476D1CE4E5B9, 27), (0x94D049BB133111EB, 31)):
            out *= np.uint64(factor)
            np.right_shift(out, np.uint64(bits), out=shifted)
            out ^= shifted
    return mixed


def checked_seed(seed: Any) -> int:
    """A seed as a Python integer.

    Raises:
        SpecError: it is no integer (those of numpy will do), or not in 0…2^64-1.
    """
    try:
        value = operator.index(seed)
    except TypeError:
        raise SpecError(f"seed must be an integer in 0…2^64-1, got {seed!r}.") from None
    if not 0 <= value <= MASK64:
        raise SpecError(f"seed must lie in 0…2^64-1, got {value}.")
    return value


def site_keys(seed: int | np.ndarray, replicas: Sequence[int] | np.ndarray, n_sites: int) -> np.ndarray:
    """The stream of every site: uint64 ``[R, N]``, ``mix((mix((mix(seed + G) ^ replica) + G) ^ site) + G)``.

    ``seed`` is one for all replicas, or uint64 ``[R]``, one per replica.
    """
    return Streams.of(seed, replicas, n_sites).keys


@dataclass(frozen=True, eq=False)
class Streams:
    """The streams of all sites, hashed as far as the replica: a device that hashes the sites itself needs no more.

    Attributes:
        roots: uint64 ``[R]``, ``mix((mix(seed + G) ^ replica) + G)``.
        sites: int64 ``[N]``, the numbers of the sites.
    """

    roots: np.ndarray
    sites: np.ndarray

    @staticmethod
    def of(seed: int | np.ndarray, replicas: Sequence[int] | np.ndarray, n_sites: int) -> "Streams":
        """As :func:`site_keys`."""
        seeds = np.array([seed & MASK64] if isinstance(seed, int) else seed, dtype=np.uint64)
        by_seed = mix64(seeds, GOLDEN)
        roots = mix64(by_seed ^ np.asarray(replicas, dtype=np.uint64), GOLDEN)
        return Streams(roots, np.arange(n_sites, dtype=np.int64))

    def of_sites(self, sites: np.ndarray) -> "Streams":
        """The streams of some of these sites, by their places in :attr:`sites`."""
        return replace(self, sites=np.ascontiguousarray(self.sites[sites]))

    @cached_property
    def keys(self) -> np.ndarray:
        """uint64 ``[R, N]``."""
        return mix64(self.roots[:, None] ^ self.sites.astype(np.uint64)[None, :], GOLDEN)


def stream_word(keys: np.ndarray, index: int) -> np.ndarray:
    """Output number ``index`` of the SplitMix64 streams ``keys``."""
    return mix64(keys, (index + 1) * GOLDEN)


def initial_states(keys: np.ndarray) -> np.ndarray:
    """The states a run starts from where none are given: bool, of the shape of ``keys``."""
    return stream_word(keys, INITIAL_STATE_INDEX) >= np.uint64(2**63)
