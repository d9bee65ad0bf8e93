"""Generators in XLA: a state array a group, and a step that yields one word per site.

Any generator runs through its own ``step`` on uint32 arrays. LFSR64 with 16-bit words, the default, has a lowering of
its own: its 64-bit window is four uint16 arrays, of which a step reads two and replaces one.
"""

from collections.abc import Sequence
from typing import Protocol

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import FabricSpec, generator
from thermofab.hw.spec.generators import Generator
from thermofab.hw.spec.seeding import stream_word


class Stepper(Protocol):
    """A generator's lowering.

    Attributes:
        rotation: steps after which every array of the state is a fresh one. A loop body that takes so many steps moves
            no array to another place; one that takes a single step copies the rest of the state.
    """

    rotation: int

    def seed(self, keys: np.ndarray) -> list[np.ndarray]:
        """State arrays ``[R, N]`` from SplitMix64 streams uint64 ``[R, N]``."""
        ...

    def step(self, state: Sequence[jax.Array]) -> tuple[list[jax.Array], jax.Array]:
        """``(state, word)``."""
        ...

    def planes(self, words: jax.Array) -> list[jax.Array]:
        """State arrays from the contract's words, uint32 ``[..., words]``."""
        ...

    def words(self, planes: Sequence[jax.Array]) -> jax.Array:
        """Inverse of :meth:`planes`."""
        ...


class _AnyGenerator:
    rotation = 1

    def __init__(self, source: Generator, word_bits: int) -> None:
        self._source, self._word_bits = source, word_bits

    def seed(self, keys: np.ndarray) -> list[np.ndarray]:
        return list(np.moveaxis(seed_words(self._source, keys), -1, 0))

    def step(self, state: Sequence[jax.Array]) -> tuple[list[jax.Array], jax.Array]:
        words, word = self._source.step(tuple(state), self._word_bits)
        return list(words), word.astype(jnp.uint16 if self._word_bits == 16 else jnp.uint32)

    def planes(self, words: jax.Array) -> list[jax.Array]:
        return [words[..., k] for k in range(words.shape[-1])]

    def words(self, planes: Sequence[jax.Array]) -> jax.Array:
        return jnp.stack(list(planes), axis=-1)


class _LFSR64Planes:
    """The window b[k…k+63] as four uint16 arrays, oldest first; a step drops the first and appends the word."""

    rotation = 4

    def __init__(self, source: Generator) -> None:
        self._source = source

    def seed(self, keys: np.ndarray) -> list[np.ndarray]:
        window = stream_word(keys, 0)
        if not window.all():  # An all-zero window takes the stream's next word.
            low, high = np.moveaxis(seed_words(self._source, keys).astype(np.uint64), -1, 0)
            window = low | (high << np.uint64(32))
        return list(np.moveaxis(window.astype("<u8").view("<u2").reshape(*window.shape, 4), -1, 0))

    def step(self, state: Sequence[jax.Array]) -> tuple[list[jax.Array], jax.Array]:
        oldest, then, *rest = state
        word = oldest
        for tap in (1, 3, 4):
            word = word ^ (oldest >> tap) ^ (then << (16 - tap))
        return [then, *rest, word], word

    def planes(self, words: jax.Array) -> list[jax.Array]:
        return [(words[..., k // 2] >> (16 * (k % 2))).astype(jnp.uint16) for k in range(4)]

    def words(self, planes: Sequence[jax.Array]) -> jax.Array:
        wide = [plane.astype(jnp.uint32) for plane in planes]
        return jnp.stack([wide[0] | (wide[1] << 16), wide[2] | (wide[3] << 16)], axis=-1)


def stepper(spec: FabricSpec) -> Stepper:
    """The lowering of the fabric's generator."""
    source = generator(spec.rng)
    if source.name == "lfsr64" and spec.word_bits == 16:
        return _LFSR64Planes(source)
    return _AnyGenerator(source, spec.word_bits)
