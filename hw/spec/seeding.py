"""Where random bits start: SplitMix64 hashes of (program seed, replica, site).

SplitMix64 is Steele, Lea & Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014): the k-th output of
the stream with state h is mix(h + (k+1)·G). Generators seeded by consecutive integers are ruinous for sampling
(docs/contract.md), hashed ones are not. For a fixed seed and replica the hash is a bijection of the site.
"""

import operator
from collections.abc import Sequence
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
    seeds = np.array([seed & MASK64], dtype=np.uint64) if isinstance(seed, int) else np.asarray(seed, dtype=np.uint64)
    root = mix64(seeds, GOLDEN)
    by_replica = mix64(root ^ np.asarray(replicas, dtype=np.uint64), GOLDEN)
    return mix64(by_replica[:, None] ^ np.arange(n_sites, dtype=np.uint64)[None, :], GOLDEN)


def stream_word(keys: np.ndarray, index: int) -> np.ndarray:
    """Output number ``index`` of the SplitMix64 streams ``keys``."""
    return mix64(keys, (index + 1) * GOLDEN)


def initial_states(keys: np.ndarray) -> np.ndarray:
    """The states a run starts from where none are given: bool, of the shape of ``keys``."""
    return stream_word(keys, INITIAL_STATE_INDEX) >= np.uint64(2**63)
