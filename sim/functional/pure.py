"""Chains as arrays: pure functions for use inside ``jax.jit``, ``vmap``, ``scan`` and training loops.

    sampler = PureSampler(spec)
    state = sampler.start(replicas=64, seed=0)
    state = sampler.advance(sampler.image(image), state, jnp.array([[100, 0]]))       # 100 sweeps at β level 0
    state, ones, both = sampler.count(sampler.image(image), state, samples=200, steps=1)

The image's integers are arguments too, so that a training step may compute them; nothing recompiles when they change.
A sampler is the native kernel through ``jax.ffi`` or XLA, with the same bits, which are also those of
:class:`~thermofab.hw.spec.device.Device.run`.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import DeviceError, FabricSpec, Image, UnsupportedError, generator
from thermofab.hw.spec.seeding import initial_states, site_keys
from thermofab.sim.functional.ffi import native_advance
from thermofab.sim.functional.kernel import Carry, Parameters, kernel_of
from thermofab.sim.functional.lowerings import LOWERINGS, fastest_lowering
from thermofab.sim.functional.streams import drawn_states, seeded_words, site_streams


class State(NamedTuple):
    """Chains: ``states`` uint8 ``[R, N]`` of 0 and 1; ``rng`` uint32 ``[R, N, words]``, as the contract writes them."""

    states: jax.Array
    rng: jax.Array


class Integers(NamedTuple):
    """An image: int32 ``weights`` ``[E]``, ``biases`` ``[N]``, ``tables`` ``[levels, 2A]``, ``shift`` ``[]``; uint8
    ``clamped`` ``[N]``, 1 where a site keeps its state."""

    weights: jax.Array
    biases: jax.Array
    tables: jax.Array
    shift: jax.Array
    clamped: jax.Array


class PureSampler:
    """Sweeps of one fabric as pure functions.

    Args:
        spec: the fabric.
        lowering: ``"native"`` or ``"xla"``; by default as ``device="jax"`` chooses.
    """

    def __init__(self, spec: FabricSpec, lowering: str | None = None) -> None:
        if lowering not in (None, *LOWERINGS):
            raise DeviceError(f"lowering must be 'native', 'xla' or None, got {lowering!r}.")
        if spec.topology.factors:
            raise UnsupportedError(
                "pure functions sweep pairwise fabrics only, and this one has factors; use open_device('jax', spec)."
            )
        if spec.programmed:
            raise UnsupportedError(
                f"pure functions sweep in a topology's order, and on a {spec.architecture} fabric the order is the "
                "image's; make a sampler of image.merged.image.fabric, and give it image.merged.image."
            )
        self.spec = spec
        self.lowering = lowering or fastest_lowering(spec)

    def start(self, replicas: int = 1, seed: int = 0, init: np.ndarray | None = None) -> State:
        """Chains that have not swept: states bool ``[N]`` or ``[R, N]``, by default drawn from the seed."""
        keys = site_keys(seed, np.arange(replicas), self.spec.n_sites)
        states = initial_states(keys) if init is None else np.broadcast_to(init, keys.shape)
        return State(jnp.asarray(states, jnp.uint8), jnp.asarray(seed_words(generator(self.spec.rng), keys)))

    def seeded(self, seeds: jax.Array, init: jax.Array | None = None) -> State:
        """As :meth:`start`, a chain per seed uint32 ``[R, 2]``, the high half first, each with the bits of replica 0
        under its seed; seeds and ``init`` bool ``[R, N]`` may be traced."""
        streams = site_streams(seeds, self.spec.n_sites)
        states = drawn_states(streams) if init is None else init
        return State(states.astype(jnp.uint8), seeded_words(streams, generator(self.spec.rng).state_words))

    def image(self, image: Image) -> Integers:
        """An image's integers. Clamped sites keep the states they are started with."""
        weights, biases, tables, shift = (
            jnp.asarray(part, jnp.int32) for part in (image.weights, image.biases, image.tables, image.shift)
        )
        return Integers(weights, biases, tables, shift, jnp.asarray(image.clamps >= 0, jnp.uint8))

    def advance(self, image: Integers, state: State, schedule: jax.Array) -> State:
        """Sweep: ``schedule`` int32 ``[P, 2]``, sweeps and β level in turn."""
        schedule = jnp.asarray(schedule, jnp.int32).reshape(-1, 2)
        if not len(schedule):
            return state
        if self.lowering == "native":
            return State(*native_advance(self.spec, state.states, state.rng, image, schedule, None)[:2])
        kernel, p = kernel_of(self.spec), self._parameters(image)

        def phase(k: jax.Array, carry: Carry) -> Carry:
            return kernel.sweeps(p, p.tables[schedule[k, 1]], carry, schedule[k, 0])

        return self._state(jax.lax.fori_loop(0, len(schedule), phase, self._carry(state)))

    def samples(
        self, image: Integers, state: State, count: int, steps: int, level: int, sites: np.ndarray
    ) -> tuple[State, jax.Array]:
        """The chains after ``count`` samples, ``steps`` sweeps apart, and the states of some sites in them, bool
        ``[R, count, k]``: the first sample is ``state``."""
        between = jnp.array([[steps, level]], jnp.int32)

        def seen(state: State) -> jax.Array:
            return state.states[:, sites] != 0

        def sample(state: State, _: None) -> tuple[State, jax.Array]:
            state = self.advance(image, state, between)
            return state, seen(state)

        last, later = jax.lax.scan(sample, state, None, length=count - 1)
        return last, jnp.concatenate([seen(state)[:, None], jnp.moveaxis(later, 0, 1)], axis=1)

    def count(
        self, image: Integers, state: State, samples: jax.Array | int, steps: jax.Array | int = 1, level: int = 0
    ) -> tuple[State, jax.Array, jax.Array]:
        """``samples`` times ``steps`` sweeps and a count: ``(state, ones, both)``, int32 ``[R, N]`` and ``[R, E]``,
        as in :class:`~thermofab.hw.spec.samples.Counts`."""
        asked = jnp.stack([jnp.asarray(part, jnp.int32) for part in (samples, steps, level)])
        if self.lowering == "native":
            none = jnp.zeros((0, 2), jnp.int32)
            states, rng, ones, both = native_advance(self.spec, state.states, state.rng, image, none, asked)
            return State(states, rng), ones, both
        kernel, p = kernel_of(self.spec), self._parameters(image)
        table = p.tables[asked[2]]

        def sample(_: jax.Array, loop: tuple) -> tuple:
            carry, counts = loop
            carry = kernel.sweeps(p, table, carry, asked[1])
            return carry, kernel.count(carry, counts)

        carry = self._carry(state)
        carry, counts = jax.lax.fori_loop(0, asked[0], sample, (carry, kernel.counters(carry)))
        return self._state(carry), *kernel.flat_counts(counts)

    def _parameters(self, image: Integers) -> Parameters:
        return kernel_of(self.spec).traced_parameters(*image)

    def _carry(self, state: State) -> Carry:
        kernel = kernel_of(self.spec)
        masks = kernel.layout.spread(-state.states.astype(jnp.int8))
        planes = [kernel.layout.spread(plane) for plane in kernel.stepper.planes(state.rng)]
        return Carry(masks, [[plane[g] for plane in planes] for g in range(len(masks))])

    def _state(self, carry: Carry) -> State:
        kernel = kernel_of(self.spec)
        planes = [kernel.layout.collect([rng[k] for rng in carry.rng]) for k in range(len(carry.rng[0]))]
        return State((kernel.layout.collect(carry.masks) != 0).astype(jnp.uint8), kernel.stepper.words(planes))
