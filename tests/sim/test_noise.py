"""Imperfect fabrics: off is exact, and every deviation does what it says, to within stated chances of a false alarm."""

import numpy as np
import pytest

from thermofab.hw.spec import DeviceError, Image, Schedule, SpecError, fabric, flip_probability, open_device
from thermofab.hw.spec.activation import sigmoid_table
from thermofab.sim.conformance import random_image
from thermofab.sim.functional.noise import NoiseModel

STEP, SHIFT = 1 / 64, 2


def free_sites(n=64, bias=20, **changes):
    """Sites without couplings: what each does depends on its own field only."""
    spec = fabric(f"g4-{n // 8}x8", levels=1, **changes)
    table = [sigmoid_table(spec, STEP, SHIFT)]
    return Image(
        spec, np.zeros(spec.topology.n_edges, int), np.full(n, bias), np.array(table), SHIFT, np.full(n, -1), seed=3
    )


def run(image, noise, samples=2000, replicas=32, **options):
    device = open_device("jax-xla", image.fabric, noise=noise, **options)
    device.load(image)
    return device.run(Schedule(3, samples), replicas=replicas)


def expected(image, field):
    return flip_probability(image.fabric, image.tables[0], image.shift, np.asarray(field))


@pytest.mark.parametrize("spec", [fabric("g4-4x4-torus", profile="fine", weight_bits=14, levels=2)])
def test_a_model_without_deviations_is_exact_and_no_model_is_the_device(spec):
    image = random_image(np.random.default_rng(0), spec)
    exact = open_device("reference", spec)
    exact.load(image)
    schedule = Schedule(3, 20, 2)
    expected = exact.run(schedule, replicas=2).sites
    for noise in (None, NoiseModel(seed=9)):
        device = open_device("jax", spec, noise=noise)
        device.load(image)
        assert np.array_equal(device.run(schedule, replicas=2).sites, expected)
        assert device.info().bit_exact == (noise is None)


def test_noise_is_named_where_samples_are_reported():
    noise = NoiseModel(offset=4.0, dead=0.25, seed=1)
    samples = run(free_sites(), noise, samples=1)
    assert samples.device == "jax-xla+noise(offset=4, dead=0.25, stuck=initial, seed=1)"


def test_offsets_and_gains_move_every_sites_field_as_drawn():
    """64 sites, 64,000 nearly independent draws each: 6.5 standard errors, chance below 64·1e-10."""
    noise, image = NoiseModel(offset=8.0, gain=0.2, seed=5), free_sites()
    gains, offsets = noise.gains_and_offsets(64)
    field = ((20 * gains) >> 14) + offsets
    found = run(image, noise).sites.mean(axis=(0, 1))
    p = expected(image, field)
    assert np.all(np.abs(found - p) < 6.5 * np.sqrt(p * (1 - p) / 64_000))
    assert offsets.std() > 4 and gains.std() > 0.1 * 2**14


def test_shape_and_skew_bend_the_table():
    image = free_sites(bias=90)
    for noise in (NoiseModel(shape=0.5), NoiseModel(skew=0.8)):
        bent = image.replace(tables=noise.tables(image.fabric, image.tables))
        p, plain = expected(bent, 90), expected(image, 90)
        found = run(image, noise).sites.mean()
        assert abs(found - p) < 6.5 * np.sqrt(p * (1 - p) / (64 * 64_000)) and abs(p - plain) > 0.01


def test_biased_bits_shift_the_threshold_as_their_distribution_says():
    """P(n = 1) at field 0: the chance that biased bits, highest first, are below the threshold, dither included."""
    for bias in (0.1, -0.25):
        image = free_sites(bias=0)
        q = (1 + round(abs(bias) * 2**12) / 2**12 * np.sign(bias)) / 2
        words = np.arange(2**16)
        ones = sum(words >> k & 1 for k in range(16))
        distribution = q**ones * (1 - q) ** (16 - ones)
        half = image.fabric.table_size // 2
        threshold = image.tables[0][((words & 3) >> SHIFT) + half]
        p = distribution[(words >> 4) < threshold].sum()
        found = run(image, NoiseModel(bias=bias), samples=1000).sites.mean()
        assert abs(found - p) < 6.5 * np.sqrt(max(p * (1 - p), 1e-12) / (64 * 32_000)) + 1e-9, (bias, found, p)


@pytest.mark.parametrize("relaxation", [0.5, 3.0])
def test_draws_stay_correlated_for_the_relaxation_time(relaxation):
    """Of a site at field 0: correlation exp(-k/τ) at lag k, 64·32·2,000 draws, 7 standard errors allowing for τ."""
    states = run(free_sites(bias=0), NoiseModel(relaxation=relaxation)).sites.astype(float) * 2 - 1
    for lag in (1, 2, 4):
        found = np.mean(states[:, lag:] * states[:, :-lag])
        assert abs(found - np.exp(-lag / relaxation)) < 7 * np.sqrt((1 + 2 * relaxation) / (64 * 64_000)), lag


@pytest.mark.parametrize("stuck", ["0", "1", "initial"])
def test_dead_sites_stay_where_they_are_stuck(stuck):
    image, noise = free_sites(), NoiseModel(dead=0.25, stuck=stuck, seed=2)
    sites, dead = run(image, noise, samples=50, replicas=4).sites, noise.dead_sites(64)
    assert dead.sum() == 16
    still = sites[:, :, dead]
    assert np.all(still == {"0": False, "1": True, "initial": still[:, :1]}[stuck])
    assert not np.any(np.all(sites[:, :, ~dead] == sites[:, :1, ~dead], axis=1))


def test_bits_do_not_depend_on_batches_but_on_the_seed():
    image, noise = free_sites(), NoiseModel(offset=2.0, relaxation=2.0, seed=7)
    runs = [run(image, noise, samples=20, replicas=5, batch=batch).sites for batch in (2, 8)]
    assert np.array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], run(image, NoiseModel(2.0, relaxation=2.0, seed=8), 20, 5).sites)


def test_impossible_models_are_named():
    with pytest.raises(SpecError, match=r"^dead of a noise model must be a number from 0 to 1, got 1\.5\.$"):
        NoiseModel(dead=1.5)
    with pytest.raises(SpecError, match=r"^stuck must be one of 0, 1, initial, got 'up'\.$"):
        NoiseModel(stuck="up")
    with pytest.raises(DeviceError, match=r"^shard and noise are for XLA; leave lowering out"):
        open_device("jax", fabric("g4-3x3"), lowering="native", noise=NoiseModel())
