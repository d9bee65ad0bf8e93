"""The sweep in JAX, and the loops around it.

States are int8 masks, 0 for n = 0 and -1 for n = 1, so that the field is a sum of masked weights:
F = b + Σ w s = (b - Σ w) + Σ (2w & mask). Weights, biases, tables, clamps, shift and the number of sweeps are
arguments of the compiled functions; only the fabric, the number of replicas and the size of the sample buffer are
compiled in.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental.xla_metadata import set_xla_metadata

from thermofab.hw.spec import FabricSpec, Image
from thermofab.sim.functional.factors import FactorEnergies, factor_tables
from thermofab.sim.functional.layout import ArrayLayout, layout_of
from thermofab.sim.functional.randomness import Stepper, stepper


class Parameters(NamedTuple):
    """An image on the device; lists run over groups.

    ``weights`` (doubled) ``[slots, *shape]``; ``offsets`` (b - Σw), ``biases`` and ``clamped`` (-1 where clamped)
    ``[*shape, 1]``; ``factors``, one table per factor slot; ``entries``, the image's own tables of factors.
    """

    weights: list[jax.Array]
    offsets: list[jax.Array]
    biases: list[jax.Array]
    clamped: list[jax.Array]
    tables: jax.Array
    shift: jax.Array
    factors: list[list[jax.Array]]
    entries: jax.Array


class Carry(NamedTuple):
    """A batch of chains; lists run over groups. ``masks`` ``[*shape, R]``; ``rng`` the generators' state arrays."""

    masks: list[jax.Array]
    rng: list[list[jax.Array]]


class Counters(NamedTuple):
    """Samples in which sites were 1: ``ones`` ``[*shape, R]`` a group; ``both``, with a neighbour, a counted slot."""

    ones: list[jax.Array]
    both: list[list[jax.Array]]


class Kept(NamedTuple):
    """Buffers of samples: ``states`` ``[size, *shape, R]`` a group; ``some`` ``[size, chosen, R]``; ``energies``."""

    states: list[jax.Array]
    some: jax.Array | None
    energies: jax.Array | None


class Pace(NamedTuple):
    """When samples are taken: ``blocks`` times ``count`` of them, each after ``steps`` sweeps at β level ``level``, the
    very first after ``lead``."""

    blocks: int
    count: int
    lead: int
    steps: int
    level: int


@dataclass(frozen=True)
class Keeping:
    """What is kept of samples; a part of what is compiled.

    Attributes:
        size: samples that the buffers hold.
        states: of all sites.
        energies: of every sample.
        single: every sample comes one sweep after the last, the first included; samples are then unrolled as sweeps
            are.
    """

    size: int
    states: bool
    energies: bool
    single: bool


class Kernel:
    """The compiled functions of one fabric; made once a fabric by :func:`kernel_of`."""

    def __init__(self, spec: FabricSpec) -> None:
        self.spec = spec
        self.layout: ArrayLayout = layout_of(spec.topology)
        self.stepper: Stepper = stepper(spec)
        narrow = spec.field_max + 2**spec.dither_bits < 2**15
        self._field = jnp.int16 if narrow else jnp.int32
        self._word = jnp.uint16 if spec.word_bits == 16 else jnp.uint32
        self._address = jnp.uint8 if spec.table_size <= 2**8 else jnp.uint16
        self._activate = jax.jit(self._activation)
        self.advance = jax.jit(self._advance, donate_argnums=1)
        self._part = jax.jit(self._parted)
        self.sample = jax.jit(self._sample, static_argnames=("keeping",), donate_argnames=("carry", "counts"))
        self.pairs = counted_pairs(self.layout)

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
            biases=[jnp.asarray(b.astype(np.int32)[..., None]) for b in biases],
            clamped=[jnp.asarray(m[..., None]) for m in self.layout.scatter(-clamped.astype(np.int8))],
            tables=jnp.asarray(image.tables.astype(np.dtype(self._word))),
            shift=jnp.asarray(image.shift, dtype=self._field),
            factors=factor_tables([group.factors for group in self.layout.groups], image, integer),
            entries=jnp.asarray(image.factors, dtype=jnp.int32),
        )

    def traced_parameters(
        self, weights: jax.Array, biases: jax.Array, tables: jax.Array, shift: jax.Array, clamped: jax.Array
    ) -> Parameters:
        """As :meth:`parameters`, of arrays that may be traced, for a fabric without factors."""
        padded = jnp.append(weights, 0)
        by_slot = [padded[group.edges] for group in self.layout.groups]
        by_site = self.layout.spread(biases[None])
        return Parameters(
            weights=[(2 * w).astype(self._field) for w in by_slot],
            offsets=[(b - w.sum(axis=0)[..., None]).astype(self._field) for b, w in zip(by_site, by_slot)],
            biases=by_site,
            clamped=self.layout.spread(-clamped[None].astype(jnp.int8)),
            tables=tables.astype(self._word),
            shift=shift.astype(self._field),
            factors=[[] for _ in self.layout.groups],
            entries=jnp.zeros(0, jnp.int32),
        )

    def start(self, init: np.ndarray, keys: np.ndarray) -> Carry:
        """Chains from states bool ``[R, N]`` and SplitMix64 streams uint64 ``[R, N]``."""
        # One array up and one call to part it: an upload per group takes longer than the copies.
        masks = self.layout.scattered(-init.astype(np.int8))
        planes = np.stack([self.layout.scattered(state) for state in self.seeds(keys)])
        return self._part(masks, planes)

    def _parted(self, masks: jax.Array, planes: jax.Array) -> Carry:
        """Chains from masks ``[P, R]`` and generators' state arrays ``[words, P, R]`` of all places."""
        return Carry(self.layout.parts(masks), [list(group) for group in zip(*map(self.layout.parts, planes))])

    def seeds(self, keys: np.ndarray) -> list[np.ndarray]:
        """Generators' state arrays ``[R, N]`` from SplitMix64 streams uint64 ``[R, N]``."""
        return self.stepper.seed(keys)

    def masks(self, states: np.ndarray) -> list[jax.Array]:
        """States bool ``[R, N]`` as a chain holds them."""
        return jax.device_put(self.layout.parts(self.layout.scattered(-states.astype(np.int8))))

    def sweep(self, p: Parameters, table: jax.Array, carry: Carry) -> Carry:
        """One sweep: colours in order; within a colour every group from the same state."""
        masks, rng = list(carry.masks), list(carry.rng)
        for colour in range(self.spec.topology.n_colours):
            new = {}
            added = self.added(p, masks, colour)
            for g, neighbours in self.layout.neighbours(masks, colour):
                rng[g], word = self.stepper.step(rng[g])
                new[g] = self._update(p, g, table, masks[g], neighbours + added.get(g, []), word)
            for g, mask in new.items():
                masks[g] = mask
        return Carry(masks, rng)

    def _update(
        self, p: Parameters, g: int, table: jax.Array, mask: jax.Array, near: list[jax.Array], word: jax.Array
    ) -> jax.Array:
        return self.fire(p, g, table, mask, self._field_of(p, g, mask, near), word)

    def fire(
        self, p: Parameters, g: int, table: jax.Array, mask: jax.Array, field: jax.Array, word: jax.Array
    ) -> jax.Array:
        """New states from fields and words."""
        half = self.spec.table_size // 2
        dither = word.astype(self._field) & ((jnp.ones((), self._field) << p.shift) - 1)
        low, high = jnp.asarray(-half, self._field), jnp.asarray(half - 1, self._field)
        # lax.clamp, because jnp.clip is a function of its own, which XLA would make a loop of its own.
        address = (jax.lax.clamp(low, (field + dither) >> p.shift, high) + half).astype(self._address)
        # XLA on a CPU would compute the field inside the loop of the table look-up, which does not vectorise; a call
        # that is not inlined keeps the two apart (and has no effect on the result).
        with set_xla_metadata(inlineable="false"):
            return self._activate(table, p.clamped[g], mask, address, word)

    def added(self, p: Parameters, masks: Sequence[jax.Array], colour: int) -> dict[int, list[jax.Array]]:
        """For every group of ``colour`` that has factors, what each adds to its fields, ``[sites, R]``."""
        mine = [g for g, group in enumerate(self.layout.groups) if group.colour == colour and group.factors]
        if not mine:
            return {}
        everything = jnp.concatenate(masks) if len(masks) > 1 else masks[0]
        return {
            g: [slot.look_up(table, everything) for slot, table in zip(self.layout.groups[g].factors, p.factors[g])]
            for g in mine
        }

    def _field_of(self, p: Parameters, g: int, mask: jax.Array, near: list[jax.Array]) -> jax.Array:
        """The field, from the states of neighbours by slot and, after them, what factors add."""
        field, slots = jnp.broadcast_to(p.offsets[g], mask.shape), len(p.weights[g])
        for slot, neighbour in enumerate(near[:slots]):
            field = field + (p.weights[g][slot][..., None] & neighbour.astype(self._field))
        for added in near[slots:]:
            field = field + added
        return field

    def _activation(
        self, table: jax.Array, clamped: jax.Array, mask: jax.Array, address: jax.Array, word: jax.Array
    ) -> jax.Array:
        threshold = table.at[address].get(mode="promise_in_bounds")
        fresh = -((word >> (self.spec.word_bits - self.spec.threshold_bits)) < threshold).astype(jnp.int8)
        return (mask & clamped) | (fresh & ~clamped)

    def _advance(self, p: Parameters, carry: Carry, sweeps: jax.Array, level: jax.Array) -> Carry:
        return self.sweeps(p, p.tables[level], carry, sweeps)

    def sweeps(self, p: Parameters, table: jax.Array, carry: Carry, sweeps: jax.Array) -> Carry:
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

    def _sample(
        self,
        p: Parameters,
        carry: Carry,
        counts: Counters | None,
        chosen: jax.Array | None,
        pace: Pace,
        keeping: Keeping,
    ) -> tuple[Carry, Counters | None, Kept]:
        """Samples at ``pace``; what is kept of them is said by ``keeping`` and, of single sites, by their places
        ``chosen``. Every block writes into the same places of the buffers: with more than one, nothing but counts
        should be asked for. At most 127 samples of a block are counted, in bytes.
        """
        table, turn = p.tables[pace.level], self.stepper.rotation

        def sample(k: Any, loop: tuple[Carry, Counters | None, Kept], first: Any) -> tuple:
            c, bytes_, kept = loop
            if keeping.single:
                c = self.sweep(p, table, c)
            else:
                c = self.sweeps(p, table, c, jnp.where(first & (k == 0), pace.lead, pace.steps))
            if bytes_ is not None:
                bytes_ = self.count(c, bytes_)
            return c, bytes_, self._put_sample(p, c, kept, chosen, k)

        def several(q: Any, loop: tuple[Carry, Counters | None, Kept]) -> tuple:
            for k in range(turn):
                loop = sample(q * turn + k, loop, False)
            return loop

        def block(n: Any, loop: tuple[Carry, Counters | None, Kept]) -> tuple:
            c, counts, kept = loop
            bytes_ = None if counts is None else jax.tree.map(lambda x: jnp.zeros(x.shape, jnp.int8), counts)
            done, looped = 0, (c, bytes_, kept)
            if keeping.single and turn > 1:
                done = pace.count - pace.count % turn
                looped = jax.lax.fori_loop(0, pace.count // turn, several, looped)
            c, bytes_, kept = jax.lax.fori_loop(done, pace.count, lambda k, l: sample(k, l, n == 0), looped)
            if counts is not None:
                counts = jax.tree.map(lambda total, part: total + part.astype(jnp.int32), counts, bytes_)
            return c, counts, kept

        kept = self._buffers(keeping, carry, chosen)
        return jax.lax.fori_loop(0, pace.blocks, block, (carry, counts, kept))

    def _buffers(self, keeping: Keeping, carry: Carry, chosen: jax.Array | None) -> Kept:
        """Empty buffers for what is kept of ``keeping.size`` samples."""
        size, replicas = keeping.size, carry.masks[0].shape[-1]
        return Kept(
            [jnp.zeros((size, *m.shape), jnp.int8) for m in carry.masks] if keeping.states else [],
            None if chosen is None else jnp.zeros((size, len(chosen), replicas), jnp.int8),
            jnp.zeros((size, self._energy_parts, replicas), jnp.int32) if keeping.energies else None,
        )

    def _put_sample(self, p: Parameters, carry: Carry, kept: Kept, chosen: jax.Array | None, k: Any) -> Kept:
        """The buffers with sample ``k`` in them."""
        states = [_put(b, m, k) for b, m in zip(kept.states, carry.masks)]
        some = None if kept.some is None or chosen is None else _put(kept.some, self._take(carry, chosen), k)
        energies = None if kept.energies is None else _put(kept.energies, self.energies(p, carry), k)
        return Kept(states, some, energies)

    def _take(self, carry: Carry, places: jax.Array) -> jax.Array:
        flat = [m.reshape(-1, m.shape[-1]) for m in carry.masks]
        return jnp.concatenate(flat)[places]

    def counters(self, carry: Carry) -> Counters:
        """Zeros to count in."""
        ones = [jnp.zeros(m.shape, jnp.int32) for m in carry.masks]
        return Counters(
            ones, [[jnp.zeros(ones[g].shape, jnp.int32) for _ in slots] for g, slots in enumerate(self.pairs)]
        )

    def count(self, carry: Carry, counts: Counters) -> Counters:
        ones = [n - m for n, m in zip(counts.ones, carry.masks)]
        both = list(counts.both)
        for colour in range(self.spec.topology.n_colours):
            if not any(self.pairs[g] for g, group in enumerate(self.layout.groups) if group.colour == colour):
                continue
            for g, near in self.layout.neighbours(carry.masks, colour):
                both[g] = [n - (carry.masks[g] & near[slot]) for n, slot in zip(counts.both[g], self.pairs[g])]
        return Counters(ones, both)

    def flat_counts(self, counts: Counters) -> tuple[jax.Array, jax.Array]:
        """``(ones, both)`` by site ``[R, N]`` and by edge ``[R, E]``."""
        ones = self.layout.collect(counts.ones)
        both = jnp.zeros((self.spec.topology.n_edges, len(ones)), ones.dtype)
        for group, slots, counted in zip(self.layout.groups, self.pairs, counts.both):
            for slot, values in zip(slots, counted):
                real = np.nonzero(group.edges[slot] >= 0)
                both = both.at[group.edges[slot][real]].set(values[real])
        return ones, both.T

    @property
    def _energy_parts(self) -> int:
        """Sums of 32 bits that an energy is split into, so that none overflows."""
        largest = max(self.spec.field_max + self.spec.bias_max, 4 * self.spec.weight_max)
        places = sum(group.sites.size for group in self.layout.groups) + self.spec.topology.n_factors
        return -(-places // max(1, (2**31 - 1) // largest))

    def energies(self, p: Parameters, carry: Carry) -> jax.Array:
        """Parts of -2E, int32 ``[parts, R]``: -2E = Σ s_i (F_i + b_i) + 4 Σ V_f, F_i without what factors add."""
        terms = []
        for colour in range(self.spec.topology.n_colours):
            for g, near in self.layout.neighbours(carry.masks, colour):
                field = self._field_of(p, g, carry.masks[g], near).astype(jnp.int32) + p.biases[g]
                # Where no site is, weights and bias are zero, and so is the term.
                terms.append(jnp.where(carry.masks[g] != 0, field, -field).reshape(-1, field.shape[-1]))
        if self.spec.topology.factors:
            terms.append(4 * FactorEnergies(self.spec.topology, self.layout.places)(p.entries, carry.masks))
        flat, parts = jnp.concatenate(terms), self._energy_parts
        flat = jnp.pad(flat, ((0, -len(flat) % parts), (0, 0)))
        return flat.reshape(parts, -1, flat.shape[-1]).sum(axis=1, dtype=jnp.int32)


def _put(buffer: jax.Array, value: jax.Array, k: jax.Array) -> jax.Array:
    return jax.lax.dynamic_update_index_in_dim(buffer, value, k, 0)


def counted_pairs(layout: ArrayLayout) -> list[list[int]]:
    """For every group, slots whose edges make up all edges: those of both ends of an edge say the same."""
    seen: set[int] = set()
    chosen = []
    for group in layout.groups:
        mine = []
        for slot, edges in enumerate(group.edges):
            new = set(edges[edges >= 0].tolist())
            if new - seen:
                seen |= new
                mine.append(slot)
        chosen.append(mine)
    return chosen


def kernel_of(spec: FabricSpec) -> Kernel:
    """The kernel of a fabric; compiled functions live as long as it does."""
    return _kernel_of(spec, spec.topology.lattice is not None)


@lru_cache(maxsize=64)
def _kernel_of(spec: FabricSpec, _on_lattice: bool) -> Kernel:
    # As layouts: an equal fabric that was read from a file has another one.
    return Kernel(spec)
