"""How far two draws of one site are from independent, exactly: LFSR64's words t and t + 4 share a linear relation.

Word t + 4 is w ^ w>>1 ^ w>>3 ^ w>>4 of the 20 bits w that begin at word t (the contract's recurrence), so it depends on
word t and the low 4 bits of word t + 1. Over all 2^20 of those, the two events that matter to a p-bit are counted:
word t is below a threshold T, word t + 4 is below a threshold T'.
"""

import numpy as np


def joint(threshold_bits: int = 12) -> np.ndarray:
    """Counts of (high bits of word t, high bits of word t + 4), over all 2^20 inputs."""
    window = np.arange(2**20, dtype=np.int64)
    first, later = window & 0xFFFF, (window ^ window >> 1 ^ window >> 3 ^ window >> 4) & 0xFFFF
    shift, size = 16 - threshold_bits, 2**threshold_bits
    return np.bincount((first >> shift) * size + (later >> shift), minlength=size**2).reshape(size, size)


def largest_covariance(counts: np.ndarray) -> float:
    """max over T, T' of |P(word t < T, word t+4 < T') - P(word t < T)·P(word t+4 < T')|."""
    below = counts.cumsum(0).cumsum(1) / counts.sum()
    return float(np.abs(below - below[:, -1:] * below[-1:, :]).max())


if __name__ == "__main__":
    for bits in (1, 2, 4, 6, 8, 12):
        print(f"threshold of {bits:>2} bits: largest covariance {largest_covariance(joint(bits)):.2e}")
