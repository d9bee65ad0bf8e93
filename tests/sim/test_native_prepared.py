"""What the native device keeps from one run to the next is never taken for another image's or other clamps'."""

import numpy as np
import pytest

import thermofab as fab
from thermofab.hw.spec import FREE, Image, Schedule
from thermofab.hw.spec.activation import sigmoid_table


def image_of(spec, seed):
    rng = np.random.default_rng(seed)
    return Image(
        fabric=spec,
        weights=rng.integers(-40, 40, spec.topology.n_edges),
        biases=rng.integers(-20, 20, spec.n_sites),
        tables=np.tile(sigmoid_table(spec, 0.02, 2), (spec.levels, 1)),
        shift=2,
        clamps=np.full(spec.n_sites, FREE),
        seed=seed,
    )


@pytest.mark.parametrize("replicas", [1, 40], ids=["sites in lanes", "replicas in lanes"])
def test_runs_after_others_have_the_bits_of_first_runs(replicas):
    spec, plan = fab.fabric("g4-6x6"), Schedule(3, 4, 1)
    images = [image_of(spec, seed) for seed in (1, 2)]
    clamps = [np.full(spec.n_sites, FREE, dtype=np.int8) for _ in range(3)]
    clamps[1][4:9], clamps[2][4:9] = 1, 0  # the same sites, other values
    kept = fab.open_device("native", spec)
    for image in (images[0], images[1], images[0].with_seed(3)):
        for clamp in (*clamps, clamps[0]):
            kept.load(image)
            fresh = fab.open_device("native", spec)
            fresh.load(image)
            again, first = (d.run(plan, replicas=replicas, clamp=clamp, seed=7).sites for d in (kept, fresh))
            assert np.array_equal(again, first)


@pytest.mark.parametrize("architecture", ["systolic", "relay"])
def test_another_seed_makes_the_image_that_would_be_built_anew(architecture):
    image = image_of(fab.fabric("g4-4x4", architecture=architecture), 1)
    _ = image.digest  # kept, and not to be kept for the other seed
    changed, built = image.with_seed(9), image.replace(seed=9)
    assert changed == built and changed != image and changed.seed == 9
    if architecture == "relay":
        assert changed.merged.image == built.merged.image
