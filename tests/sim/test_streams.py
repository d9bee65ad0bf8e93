"""Seeding in XLA is the contract's: streams, starting states and generators' states, also where these would be zero."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import generator, generator_names
from thermofab.hw.spec.seeding import GOLDEN, MASK64, initial_states, mix64, site_keys
from thermofab.sim.functional.streams import Words, drawn_states, seeded_words, site_streams

N_SITES = 300
SEEDS = np.array([0, 1, 2**32, 2**63, 2**64 - 1, 0x0123456789ABCDEF], dtype=np.uint64)


def words_of(values: np.ndarray) -> Words:
    return Words(jnp.asarray(values.astype(np.uint32)), jnp.asarray((values >> np.uint64(32)).astype(np.uint32)))


def whole(words: Words) -> np.ndarray:
    return np.asarray(words.low).astype(np.uint64) | np.asarray(words.high).astype(np.uint64) << np.uint64(32)


def unmixed(value: int) -> int:
    """The argument at which :func:`mix64` is ``value``: every round undone, the last first."""
    for bits, factor in ((31, 0x94D049BB133111EB), (27, 0xBF58476D1CE4E5B9), (30, 1)):
        shifted = value
        while shifted := shifted >> bits:
            value ^= shifted
        value = value * pow(factor, -1, 2**64) & MASK64
    return value


def test_streams_and_starting_states_of_seeds():
    pairs = jnp.stack(words_of(SEEDS)[::-1], axis=1)
    streams = jax.jit(site_streams, static_argnums=1)(pairs, N_SITES)
    keys = site_keys(SEEDS, np.zeros(len(SEEDS), dtype=np.int64), N_SITES)
    assert np.array_equal(whole(streams), keys)
    assert np.array_equal(drawn_states(streams), initial_states(keys))


@pytest.mark.parametrize("name", generator_names())
def test_generators_states_of_streams_that_start_at_zero(name):
    source = generator(name)
    # Streams whose first outputs, one, two or all of them, are words of which a state of zeros is made.
    firsts = [0, 0xDEADBEEF << 32, 1, 1 << 32]
    keys = np.array([(unmixed(first) - GOLDEN) & MASK64 for first in firsts] + [3, 2**64 - 1], dtype=np.uint64)[None]
    assert mix64(keys, GOLDEN)[0, : len(firsts)].tolist() == firsts
    ours = jax.jit(seeded_words, static_argnums=1)(words_of(keys), source.state_words)
    assert np.array_equal(ours, seed_words(source, keys))
    assert np.all(np.any(np.asarray(ours) != 0, axis=-1))
