"""xoshiro128+: Blackman & Vigna, "Scrambled linear pseudorandom number generators" (ACM TOMS 47 (2021) 36).

A 128-bit linear engine whose output is scrambled by an addition; a 16-bit word is the upper half of the output,
since the lowest bits are the linear ones.
"""

from typing import Any

from thermofab.hw.rng.base import low32


class _Xoshiro128P:
    name = "xoshiro128+"
    state_words = 4

    def step(self, state: tuple[Any, ...], word_bits: int) -> tuple[tuple[Any, ...], Any]:
        s0, s1, s2, s3 = state
        output = low32(s0 + s3)
        t = low32(s1 << 9)
        s2 = s2 ^ s0
        s3 = s3 ^ s1
        s1 = s1 ^ s2
        s0 = s0 ^ s3
        s2 = s2 ^ t
        s3 = low32(s3 << 11) | (s3 >> 21)
        return (s0, s1, s2, s3), output >> (32 - word_bits)


XOSHIRO128P = _Xoshiro128P()
