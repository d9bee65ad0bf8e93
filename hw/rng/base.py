"""What generators share: words of 32 bits, and seeding. What a generator is: :mod:`thermofab.hw.spec.generators`."""

from typing import Any

import numpy as np

from thermofab.hw.spec.generators import Generator
from thermofab.hw.spec.seeding import stream_word

MASK32 = 0xFFFFFFFF


def low32(value: Any) -> Any:
    """``value`` modulo 2^32; uint32 arrays are that already."""
    return value & MASK32 if isinstance(value, int) else value


def masked(value: Any, mask: int) -> Any:
    """``value & mask`` for a mask of up to 32 bits: JAX takes plain integers up to 2^31 - 1 only."""
    return value & (mask if isinstance(value, int) else np.uint32(mask))


def seed_words(generator: Generator, keys: np.ndarray) -> np.ndarray:
    """Seeded states: uint32 ``[*keys.shape, state_words]``.

    Words come from the SplitMix64 streams ``keys`` (uint64), low half first; while a state is all zero (a fixed
    point of linear generators) it takes the next outputs instead.
    """
    outputs = (generator.state_words + 1) // 2
    state = _draw(keys, 0, generator.state_words, outputs)
    start = outputs
    while True:
        dead = state[..., 0] == 0
        for k in range(1, generator.state_words):
            dead &= state[..., k] == 0
        if not dead.any():
            return state
        state[dead] = _draw(keys[dead], start, generator.state_words, outputs)
        start += outputs


def _draw(keys: np.ndarray, start: int, words: int, outputs: int) -> np.ndarray:
    drawn = np.stack([stream_word(keys, start + k) for k in range(outputs)], axis=-1)
    return drawn.astype("<u8", copy=False).view("<u4")[..., :words]
