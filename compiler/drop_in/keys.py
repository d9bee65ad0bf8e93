"""Seeds of JAX keys."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.hw.spec.errors import CompileError
from thermofab.hw.spec.seeding import GOLDEN, mix64


def seed_of(key: Any) -> int:
    """64 bits of a JAX key: its two words side by side; longer keys (other generators) are hashed.

    Raises:
        CompileError: an array of keys was given.
    """
    return int(seeds_of(np.asarray(words_of(key))[None])[0])


def words_of(key: Any) -> jax.Array:
    """The words of one key, typed or raw: uint32 ``[words]``."""
    raw = jnp.asarray(key)
    words = jax.random.key_data(raw) if jnp.issubdtype(raw.dtype, jax.dtypes.prng_key) else raw
    if words.ndim != 1 or words.dtype != jnp.uint32:
        raise CompileError(
            f"key must be one JAX key, got {words.dtype} of shape {words.shape}; split it and loop, or use jax.vmap."
        )
    return words


def seeds_of(words: np.ndarray) -> np.ndarray:
    """Seeds uint64 ``[B]`` of keys uint32 ``[B, words]``."""
    seeds = np.zeros(len(words), dtype=np.uint64)
    for word in words.astype(np.uint64).T:
        if words.shape[1] <= 2:
            seeds = seeds << np.uint64(32) | word
        else:
            seeds = mix64((seeds ^ word) + np.uint64(GOLDEN))
    return seeds
