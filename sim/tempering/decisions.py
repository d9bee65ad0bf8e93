"""The random numbers of a tempering run: whether rungs exchange, and where the search for a cluster begins.

A word is hashed from the image's seed and from (round, rung, ladder) alone, so a run is fixed by its seed on every
device. Logarithms are made of additions, products and quotients, which IEEE 754 rounds the same everywhere; a
library's are not.
"""

import numpy as np

from thermofab.hw.spec.seeding import GOLDEN, MASK64, mix64, stream_word

# Indices in the image seed's stream of the words that decisions are hashed from; rungs' seeds come before them.
SWAP_INDEX = 2**20
START_INDEX = SWAP_INDEX + 1
_LN_2 = 0.6931471805599453


def root_of(seed: int) -> np.ndarray:
    """The stream of a run's seed, uint64 ``[1]``."""
    return np.array([(seed + GOLDEN) & MASK64], dtype=np.uint64)


def rung_seed(root: np.ndarray, rung: int) -> int:
    """Seed of a rung's chains."""
    return int(stream_word(root, rung)[0])


def hashed_words(root: np.ndarray, index: int, number: int, rung: int, ladders: np.ndarray) -> np.ndarray:
    """A word for every ladder of a rung in a round, uint64."""
    golden = np.uint64(GOLDEN)
    hashed = mix64((stream_word(root, index) ^ np.uint64(number)) + golden)
    hashed = mix64((hashed ^ np.uint64(rung)) + golden)
    return mix64((hashed ^ np.asarray(ladders, dtype=np.uint64)) + golden)


def log_of(values: np.ndarray) -> np.ndarray:
    """ln of float64 numbers in (0, 1): with m·2^e, 2 artanh((m - 1)/(m + 1)) + e ln 2, by its series to t^35."""
    m, exponent = np.frexp(values)
    t = (m - 1.0) / (m + 1.0)
    s = t * t
    total = np.zeros_like(s)
    for k in range(35, 0, -2):
        total = total * s + 1.0 / k
    return exponent * _LN_2 + 2.0 * t * total


def exchanged(root: np.ndarray, number: int, pair: int, scales: tuple[float, ...], energies: np.ndarray) -> np.ndarray:
    """Which ladders exchange the states of rungs ``pair`` and ``pair + 1`` in a round, bool ``[R]``.

    With probability min(1, exp((κ_k - κ_{k+1}) (E_k - E_{k+1}))), ``energies`` int64 ``[L, R]``.
    """
    words = hashed_words(root, SWAP_INDEX, number, pair, np.arange(energies.shape[1]))
    uniform = ((words >> np.uint64(11)).astype(np.float64) + 0.5) / 2**53
    gain = (scales[pair] - scales[pair + 1]) * (energies[pair] - energies[pair + 1]).astype(np.float64)
    return (gain >= 0) | (log_of(uniform) < gain)


def cluster_start(root: np.ndarray, number: int, rung: int, ladder: int, n_sites: int) -> int:
    """The site where the search for the cluster of a pair begins; ``ladder`` is the pair's first."""
    return int(hashed_words(root, START_INDEX, number, rung, np.array([ladder]))[0]) * n_sites >> 64
