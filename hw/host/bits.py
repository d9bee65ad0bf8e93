"""Bits in 32-bit words, as registers and sample streams hold them."""

import numpy as np

WORD = 32  # bits of a word of the host and of the stream


def pack_bits(bits: np.ndarray) -> np.ndarray:
    """bool ``[N]`` as uint32 ``[ceil(N/32)]``, site 0 in bit 0 of word 0."""
    padded = np.zeros(-(-len(bits) // WORD) * WORD, dtype=np.uint8)
    padded[: len(bits)] = bits
    return np.packbits(padded, bitorder="little").view("<u4").astype(np.uint32)


def unpack_bits(words: np.ndarray, count: int) -> np.ndarray:
    """uint32 ``[S, ceil(count/32)]`` as bool ``[S, count]``."""
    octets = np.ascontiguousarray(words.astype("<u4")).view(np.uint8)
    return np.unpackbits(octets, axis=-1, bitorder="little")[:, :count].astype(bool)
