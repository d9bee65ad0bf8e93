"""Generators in XLA: a state array a group, and a step that yields one word a site.

Any generator runs through its own ``step`` on uint32 arrays. LFSR64 with 16-bit words, the default, has a lowering of
its own: the 64-bit window is four uint16 planes used as a ring, so a step reads two planes and writes one.
"""

from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.hw.rng.base import Generator, seed_words
from thermofab.hw.spec import FabricSpec, generator


class Stepper(Protocol):
    """A generator's lowering."""

    def seed(self, keys: np.ndarray) -> np.ndarray:
        """``[words, R, N]`` states from SplitMix64 streams uint64 ``[R, N]``."""
        ...

    def step(self, state: jax.Array, clock: jax.Array) -> tuple[jax.Array, jax.Array]:
        """``(state, word)``; ``clock`` counts the steps taken so far."""
        ...


class _AnyGenerator:
    def __init__(self, source: Generator, word_bits: int) -> None:
        self._source, self._word_bits = source, word_bits

    def seed(self, keys: np.ndarray) -> np.ndarray:
        return np.moveaxis(seed_words(self._source, keys), -1, 0)

    def step(self, state: jax.Array, clock: jax.Array) -> tuple[jax.Array, jax.Array]:
        words, word = self._source.step(tuple(state), self._word_bits)
        return jnp.stack(words), word.astype(jnp.uint16 if self._word_bits == 16 else jnp.uint32)


class _LFSR64Ring:
    """Plane (clock mod 4) holds the oldest 16 bits of the window, the next plane the following 16, and so on."""

    def __init__(self, source: Generator) -> None:
        self._source = source

    def seed(self, keys: np.ndarray) -> np.ndarray:
        words = seed_words(self._source, keys)
        planes = np.stack([words & 0xFFFF, words >> 16], axis=-1).reshape(*keys.shape, 4)
        return np.moveaxis(planes.astype(np.uint16), -1, 0)

    def step(self, state: jax.Array, clock: jax.Array) -> tuple[jax.Array, jax.Array]:
        oldest = jax.lax.rem(clock, 4)
        old = jax.lax.dynamic_index_in_dim(state, oldest, keepdims=False)
        then = jax.lax.dynamic_index_in_dim(state, jax.lax.rem(clock + 1, 4), keepdims=False)
        word = old
        for tap in (1, 3, 4):
            word = word ^ (old >> tap) ^ (then << (16 - tap))
        return jax.lax.dynamic_update_index_in_dim(state, word, oldest, 0), word


def stepper(spec: FabricSpec) -> Stepper:
    """The lowering of the fabric's generator."""
    source = generator(spec.rng)
    if source.name == "lfsr64" and spec.word_bits == 16:
        return _LFSR64Ring(source)
    return _AnyGenerator(source, spec.word_bits)
