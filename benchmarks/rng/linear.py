"""Tests that linear generators are known to fail: linear complexity and ranks of binary matrices."""

import numpy as np
from scipy.stats import chi2

# Chance that a random square binary matrix over GF(2) lacks 0, 1, or more of full rank, for large sizes.
_LACK = np.array([0.2887880951, 0.5775761902, 0.1336357147])


def linear_complexity(bits: np.ndarray) -> int:
    """Length of the shortest linear recurrence that makes the sequence (Berlekamp and Massey); half the number of
    bits is what a random sequence has, give or take a few.
    """
    sequence = bits.tolist()
    c, b, length, shift = 1, 1, 0, 1
    window = 0  # the sequence so far, the latest bit lowest
    for n, bit in enumerate(sequence):
        window = window << 1 | bit
        if (window & c).bit_count() & 1:
            previous = c
            c ^= b << shift
            if 2 * length <= n:
                length, b, shift = n + 1 - length, previous, 1
            else:
                shift += 1
        else:
            shift += 1
    return length


def rank(rows: np.ndarray) -> int:
    """Rank over GF(2) of a square matrix of bits."""
    basis: dict[int, int] = {}
    for row in rows:
        value = int("".join(map(str, row.tolist())), 2)
        while value:
            top = value.bit_length()
            if top not in basis:
                basis[top] = value
                break
            value ^= basis[top]
    return len(basis)


def rank_p_value(bits: np.ndarray, size: int) -> float:
    """P-value of a χ² test on the ranks of as many ``size``² matrices as the bits make; 0 where one lacks 10 or more of
    full rank, which happens by chance once in 2^100.
    """
    count = len(bits) // size**2
    lacks = [size - rank(matrix) for matrix in bits[: count * size**2].reshape(count, size, size)]
    if max(lacks) >= 10:
        return 0.0
    seen = np.bincount(np.minimum(lacks, 2), minlength=3)
    return float(chi2.sf(np.sum((seen - count * _LACK) ** 2 / (count * _LACK)), 2))
