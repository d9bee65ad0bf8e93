"""What a random number generator is: one object for the integer model, the simulators and the gateware.

A generator's state is a tuple of 32-bit words. ``step`` uses only ``& | ^ << >> +``, :func:`low32` and
:func:`masked`, so the same lines run on Python integers, numpy ``uint32`` arrays and JAX ``uint32`` arrays.
"""

from typing import Any, Protocol

import numpy as np

from thermofab.hw.spec.seeding import stream_word

MASK32 = 0xFFFFFFFF


def low32(value: Any) -> Any:
    """``value`` modulo 2^32; uint32 arrays are that already."""
    return value & MASK32 if isinstance(value, int) else value


def masked(value: Any, mask: int) -> Any:
    """``value & mask`` for a mask of up to 32 bits: JAX takes plain integers up to 2^31 - 1 only."""
    return value & (mask if isinstance(value, int) else np.uint32(mask))


class Generator(Protocol):
    """A generator, one instance per kind (stateless; the state is passed in).

    Attributes:
        name: as in ``FabricSpec.rng``.
        state_words: 32-bit words of state.
        window: its state is the last bits drawn, the oldest lowest, so that a step shifts the word drawn in at the
            top. Hardware then loads a state by shifting words in, through the same path.
    """

    name: str
    state_words: int
    window: bool

    def step(self, state: tuple[Any, ...], word_bits: int) -> tuple[tuple[Any, ...], Any]:
        """``(next state, word)`` with a fresh word of ``word_bits`` (16 or 32) bits."""
        ...

    def create(self, word_bits: int) -> Any:
        """Amaranth component: combinational ``state`` in; ``next`` and ``word`` out."""
        ...


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
