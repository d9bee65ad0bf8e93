"""Chains as arrays: pure functions inside jit, vmap and scan, the same bits in both lowerings as a device's run."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from thermofab.hw.spec import Counts, DeviceError, Schedule, fabric, open_device
from thermofab.sim.conformance import random_image
from thermofab.sim.functional.pure import Integers, PureSampler, State

SPECS = [fabric("g8-5x9")]
LOWERINGS = ["native", "xla"]


def image_of(spec):
    return random_image(np.random.default_rng(spec.n_sites), spec).replace(clamps=np.full(spec.n_sites, -1), seed=5)


@pytest.mark.parametrize("lowering", LOWERINGS)
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.topology.name}-{spec.rng}-{spec.word_bits}")
def test_jitted_pieces_are_a_devices_run(spec, lowering):
    image, sampler = image_of(spec), PureSampler(spec, lowering)

    @jax.jit
    def pieces(integers: Integers, state: State, schedule: jax.Array):
        state = sampler.advance(integers, state, schedule)
        return sampler.count(integers, state, samples=30, steps=2, level=1)

    state, ones, both = pieces(sampler.image(image), sampler.start(3, seed=5), jnp.array([[4, 2], [1, 0]]))
    device = open_device("reference", spec)
    device.load(image)
    # The device's first sample comes after its phases, the sampler's after two more sweeps.
    samples = device.run(Schedule(2, 30, 2, ((4, 2), (1, 0)), 1), replicas=3)
    counts = Counts.of(samples)
    assert np.array_equal(state.states, samples.sites[:, -1])
    assert np.array_equal(ones, counts.ones) and np.array_equal(both, counts.both)


@pytest.mark.parametrize("name", ["lfsr64", "xoshiro128+"])
def test_both_lowerings_hand_back_the_same_generators_clamped_sites_included(name):
    spec = fabric("g4-3x5", rng=name)
    image = image_of(spec).replace(clamps=np.arange(15) % 3 - 1)
    ends = []
    for lowering in LOWERINGS:
        sampler = PureSampler(spec, lowering)
        state = sampler.advance(sampler.image(image), sampler.start(2), jnp.array([[5, 0]]))
        # Sites clamped so far are free in what follows: their generators must have kept pace.
        state = sampler.advance(sampler.image(image_of(spec)), state, jnp.array([[3, 1]]))
        ends.append(state)
    assert np.array_equal(ends[0].states, ends[1].states) and np.array_equal(ends[0].rng, ends[1].rng)


def test_vmap_over_images_and_scan_over_time():
    spec = fabric("g4-4x4")
    images = [image_of(spec).replace(biases=np.full(16, bias)) for bias in (-40, 0, 40)]
    ends = []
    for lowering in LOWERINGS:
        sampler = PureSampler(spec, lowering)
        stacked = jax.tree.map(lambda *parts: jnp.stack(parts), *map(sampler.image, images))

        def trajectory(integers, sampler=sampler):
            def step(state, _):
                state = sampler.advance(integers, state, jnp.array([[2, 0]]))
                return state, state.states

            return jax.lax.scan(step, sampler.start(2, seed=5), None, length=6)[1]

        ends.append(jax.jit(jax.vmap(trajectory))(stacked))
    assert ends[0].shape == (3, 6, 2, 16) and np.array_equal(ends[0], ends[1])
    device = open_device("reference", spec)
    for k, image in enumerate(images):
        device.load(image)
        assert np.array_equal(device.run(Schedule(2, 6, 2), replicas=2).sites, ends[0][k].transpose(1, 0, 2))


def test_an_unknown_lowering_is_named():
    with pytest.raises(DeviceError, match=r"^lowering must be 'native', 'xla' or None, got 'gpu'\.$"):
        PureSampler(fabric("g4-3x3"), "gpu")
