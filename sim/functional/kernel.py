"""The sweep in JAX, and the loops around it.

States are int8 masks, 0 for n = 0 and -1 for n = 1, so that the field is a sum of masked weights:
F = b + Σ w s = (b - Σ w) + Σ (2w & mask). Weights, biases, tables, clamps, shift and the number of sweeps are
arguments of the compiled functions; only the fabric, the number of replicas and the size of the sample buffer are
compiled in.
"""

from functools import lru_cache
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.xla_metadata import set_xla_metadata

from thermofab.hw.spec import FabricSpec, Image
from thermofab.sim.functional.layout import Layout, layout_of
from thermofab.sim.functional.randomness import Stepper, stepper


class Parameters(NamedTuple):
    """An image on the device; lists run over groups.

    ``weights`` (doubled) ``[slots, *shape]``, ``offsets`` (b - Σw) and ``clamped`` (-1 where clamped) ``[*shape, 1]``.
    """

    weights: list[jax.Array]
    offsets: list[jax.Array]
    clamped: list[jax.Array]
    tables: jax.Array
    shift: jax.Array


class Carry(NamedTuple):
    """A batch of chains; lists run over groups. ``masks`` ``[*shape, R]``; ``rng`` the generators' state arrays."""

    masks: list[jax.Array]
    rng: list[list[jax.Array]]


class Kernel:
    """The compiled functions of one fabric; made once a fabric by :func:`kernel_of`."""

    def __init__(self, spec: FabricSpec) -> None:
        self.spec = spec
        self.layout: Layout = layout_of(spec.topology)
        self.stepper: Stepper = stepper(spec)
        narrow = spec.field_max + 2**spec.dither_bits < 2**15
        self._field = jnp.int16 if narrow else jnp.int32
        self._word = jnp.uint16 if spec.word_bits == 16 else jnp.uint32
        self._activate = jax.jit(self._activation)
        self.advance = jax.jit(self._advance, donate_argnums=1)
        self.record = jax.jit(self._record, static_argnums=2, donate_argnums=1)

    def parameters(self, image: Image, clamped: np.ndarray) -> Parameters:
        """Device arrays of an image."""
        integer = np.dtype(self._field)
        padded = np.append(image.weights, 0)
        weights = [padded[group.edges].astype(integer) for group in self.layout.groups]
        biases = self.layout.scatter(image.biases)
        return Parameters(
            weights=[jnp.asarray(2 * w) for w in weights],
            offsets=[
                jnp.asarray((b - w.sum(axis=0, dtype=np.int64)).astype(integer)[..., None])
                for b, w in zip(biases, weights)
            ],
            clamped=[jnp.asarray(m[..., None]) for m in self.layout.scatter(-clamped.astype(np.int8))],
            tables=jnp.asarray(image.tables.astype(np.dtype(self._word))),
            shift=jnp.asarray(image.shift, dtype=self._field),
        )

    def start(self, init: np.ndarray, keys: np.ndarray) -> Carry:
        """Chains from states bool ``[R, N]`` and SplitMix64 streams uint64 ``[R, N]``."""
        masks = [jnp.asarray(m) for m in self.layout.scatter(-init.astype(np.int8))]
        states = [self.layout.scatter(state) for state in self.stepper.seed(keys)]
        return Carry(masks, [[jnp.asarray(state[g]) for state in states] for g in range(len(masks))])

    def sweep(self, p: Parameters, table: jax.Array, carry: Carry) -> Carry:
        """One sweep: colours in order; within a colour every group from the same state."""
        masks, rng = list(carry.masks), list(carry.rng)
        for colour in range(self.spec.topology.n_colours):
            new = {}
            for g, neighbours in self.layout.neighbours(masks, colour):
                rng[g], word = self.stepper.step(rng[g])
                new[g] = self._update(p, g, table, masks[g], neighbours, word)
            for g, mask in new.items():
                masks[g] = mask
        return Carry(masks, rng)

    def _update(
        self, p: Parameters, g: int, table: jax.Array, mask: jax.Array, near: list[jax.Array], word: jax.Array
    ) -> jax.Array:
        field = jnp.broadcast_to(p.offsets[g], mask.shape)
        for slot, neighbour in enumerate(near):
            field = field + (p.weights[g][slot][..., None] & neighbour.astype(self._field))
        # XLA on a CPU would compute the field inside the loop of the table look-up, which does not vectorise; a call
        # that is not inlined keeps the two apart (and has no effect on the result).
        with set_xla_metadata(inlineable="false"):
            return self._activate(table, p.shift, p.clamped[g], mask, field, word)

    def _activation(
        self, table: jax.Array, shift: jax.Array, clamped: jax.Array, mask: jax.Array, field: jax.Array, word: jax.Array
    ) -> jax.Array:
        spec, half = self.spec, self.spec.table_size // 2
        dither = word.astype(self._field) & ((jnp.ones((), self._field) << shift) - 1)
        address = jnp.clip((field + dither) >> shift, -half, half - 1) + half
        threshold = table.at[address.astype(jnp.uint16)].get(mode="promise_in_bounds")
        fresh = -((word >> (spec.word_bits - spec.threshold_bits)) < threshold).astype(jnp.int8)
        return (mask & clamped) | (fresh & ~clamped)

    def _advance(self, p: Parameters, carry: Carry, sweeps: jax.Array, level: jax.Array) -> Carry:
        return self._sweeps(p, p.tables[level], carry, sweeps)

    def _sweeps(self, p: Parameters, table: jax.Array, carry: Carry, sweeps: jax.Array) -> Carry:
        """``sweeps`` sweeps, unrolled by the generator's rotation."""
        turn = self.stepper.rotation

        def unrolled(_, c: Carry) -> Carry:
            for _ in range(turn):
                c = self.sweep(p, table, c)
            return c

        carry = jax.lax.fori_loop(0, sweeps // turn, unrolled, carry)
        if turn == 1:
            return carry
        return jax.lax.fori_loop(0, sweeps % turn, lambda _, c: self.sweep(p, table, c), carry)

    def _record(
        self, p: Parameters, carry: Carry, size: int, count: jax.Array, steps: jax.Array, level: jax.Array
    ) -> tuple[Carry, list[jax.Array]]:
        """``count`` times: ``steps`` sweeps, then write the state into the next place of a buffer of ``size``."""
        table = p.tables[level]
        buffers = [jnp.zeros((size, *m.shape), jnp.int8) for m in carry.masks]

        def body(k, loop):
            c, kept = loop
            c = self._sweeps(p, table, c, steps)
            return c, [jax.lax.dynamic_update_index_in_dim(b, m, k, 0) for b, m in zip(kept, c.masks)]

        return jax.lax.fori_loop(0, count, body, (carry, buffers))


@lru_cache(maxsize=64)
def kernel_of(spec: FabricSpec) -> Kernel:
    """The kernel of a fabric; compiled functions live as long as it does."""
    return Kernel(spec)
