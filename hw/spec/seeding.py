"""Where random bits start: SplitMix64 hashes of (program seed, replica, site).

SplitMix64 is Steele, Lea & Flood, "Fast splittable pseudorandom number generators" (OOPSLA 2014): the k-th output of
the stream with state h is mix(h + (k+1)·G). Generators seeded by consecutive integers are ruinous for sampling
(docs/contract.md), hashed ones are not. For a fixed seed and replica the hash is a bijection of the site.
"""

from collections.abc import Sequence

import numpy as np

GOLDEN = 0x9E3779B97F4A7C15
MASK64 = 2**64 - 1
# Index in a site's stream of the word whose top bit is the site's initial state: no generator seeds that far.
INITIAL_STATE_INDEX = 255


def mix64(x: np.ndarray) -> np.ndarray:
    """SplitMix64's output function, a bijection of uint64, elementwise."""
    x = np.asarray(x, dtype=np.uint64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def site_keys(seed: int, replicas: Sequence[int] | np.ndarray, n_sites: int) -> np.ndarray:
    """The stream of every site: uint64 ``[R, N]``, ``mix((mix((mix(seed + G) ^ replica) + G) ^ site) + G)``."""
    golden = np.uint64(GOLDEN)
    root = mix64(np.array([(seed + GOLDEN) & MASK64], dtype=np.uint64))
    by_replica = mix64((root ^ np.asarray(replicas, dtype=np.uint64)) + golden)
    return mix64((by_replica[:, None] ^ np.arange(n_sites, dtype=np.uint64)[None, :]) + golden)


def stream_word(keys: np.ndarray, index: int) -> np.ndarray:
    """Output number ``index`` of the SplitMix64 streams ``keys``."""
    return mix64(keys + np.uint64(((index + 1) * GOLDEN) & MASK64))


def initial_states(keys: np.ndarray) -> np.ndarray:
    """The states a run starts from where none are given: bool, of the shape of ``keys``."""
    return (stream_word(keys, INITIAL_STATE_INDEX) >> np.uint64(63)).astype(bool)
