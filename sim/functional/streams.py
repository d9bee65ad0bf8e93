"""Where random bits start, in XLA: the hashes of :mod:`thermofab.hw.spec.seeding` on pairs of uint32 arrays.

JAX has no uint64 unless it is told to, so a 64-bit word is its low and its high half.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.hw.spec.seeding import GOLDEN, INITIAL_STATE_INDEX, MASK64

_ROUNDS = ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB))  # shift, factor; SplitMix64's
_LAST_SHIFT = 31


class Words(NamedTuple):
    """64-bit words: ``low`` and ``high`` halves, uint32 of one shape."""

    low: jax.Array
    high: jax.Array

    def plus(self, value: int) -> "Words":
        low = self.low + np.uint32(value & 0xFFFFFFFF)
        carry = (low < self.low).astype(jnp.uint32)
        return Words(low, self.high + np.uint32(value >> 32) + carry)

    def times(self, value: int) -> "Words":
        low, high = np.uint32(value & 0xFFFFFFFF), np.uint32(value >> 32)
        return Words(self.low * low, _high_product(self.low, low) + self.low * high + self.high * low)

    def shifted(self, bits: int) -> "Words":
        """To the right, by less than 32."""
        return Words(self.low >> bits | self.high << (32 - bits), self.high >> bits)

    def differing(self, other: "Words") -> "Words":
        """Exclusive or."""
        return Words(self.low ^ other.low, self.high ^ other.high)


def site_streams(seeds: jax.Array, n_sites: int) -> Words:
    """The stream of every site of replica 0 under every seed, ``[R, N]``, as
    :func:`~thermofab.hw.spec.seeding.site_keys` gives them; ``seeds`` are uint32 ``[R, 2]``, the high half first.
    """
    # mix((mix((mix(seed + G) ^ replica) + G) ^ site) + G)
    roots = _mixed(_mixed(Words(seeds[:, 1:], seeds[:, :1]).plus(GOLDEN)).plus(GOLDEN))
    sites = jnp.arange(n_sites, dtype=jnp.uint32)[None, :]
    return _mixed(Words(roots.low ^ sites, jnp.broadcast_to(roots.high, (len(seeds), n_sites))).plus(GOLDEN))


def drawn_states(streams: Words) -> jax.Array:
    """The states that a run starts from where none are given: bool, of the streams' shape."""
    return _output(streams, INITIAL_STATE_INDEX).high >= np.uint32(2**31)


def seeded_words(streams: Words, state_words: int) -> jax.Array:
    """A generator's states, uint32 ``[R, N, state_words]``, as :func:`thermofab.hw.rng.base.seed_words` gives them."""
    outputs = (state_words + 1) // 2

    def drawn(start: jax.Array) -> jax.Array:
        words = [half for k in range(outputs) for half in _output(streams, start + k)]
        return jnp.stack(words[:state_words], axis=-1)

    def dead(loop: tuple[jax.Array, jax.Array]) -> jax.Array:
        return jnp.any(jnp.all(loop[1] == 0, axis=-1))

    def again(loop: tuple[jax.Array, jax.Array]) -> tuple[jax.Array, jax.Array]:
        start, states = loop
        zero = jnp.all(states == 0, axis=-1, keepdims=True)
        return start + outputs, jnp.where(zero, drawn(start), states)

    first = jnp.asarray(0, jnp.uint32)
    return jax.lax.while_loop(dead, again, (first + outputs, drawn(first)))[1]


def _output(streams: Words, index: int | jax.Array) -> Words:
    """Output number ``index`` of the streams: mix(stream + (index + 1)·G)."""
    if isinstance(index, int):
        return _mixed(streams.plus((index + 1) * GOLDEN & MASK64))
    count = jnp.asarray(index + 1, jnp.uint32)
    step = Words(count, jnp.zeros_like(count)).times(GOLDEN)
    low = streams.low + step.low
    return _mixed(Words(low, streams.high + step.high + (low < step.low).astype(jnp.uint32)))


def _mixed(words: Words) -> Words:
    for bits, factor in _ROUNDS:
        words = words.differing(words.shifted(bits)).times(factor)
    return words.differing(words.shifted(_LAST_SHIFT))


def _high_product(a: jax.Array, b: np.uint32) -> jax.Array:
    """The high half of the 64-bit product, by halves of 16 bits."""
    half = np.uint32(0xFFFF)
    low, high = a & half, a >> 16
    b_low, b_high = b & half, b >> np.uint32(16)
    crossed, other = low * b_high, high * b_low
    carried = (low * b_low >> 16) + (crossed & half) + (other & half)
    return high * b_high + (crossed >> 16) + (other >> 16) + (carried >> 16)
