"""The JAX simulator: nothing recompiles, replicas do not interfere, both layouts hold the same sites."""

import numpy as np
import pytest

from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import Schedule, Topology, fabric, generator, open_device
from thermofab.hw.spec.seeding import GOLDEN
from thermofab.sim.conformance import compare, random_case, random_fabric, random_image, states_of
from thermofab.sim.functional.kernel import kernel_of
from thermofab.sim.functional.layout import Gather, Stencil, gather_of, layout_of
from thermofab.sim.functional.randomness import stepper


def test_changing_the_image_or_the_schedule_does_not_recompile():
    rng = np.random.default_rng(0)
    spec = fabric("king-4x4")
    kernel, device = kernel_of(spec), open_device("jax-xla", spec)

    def run(schedule: Schedule) -> None:
        device.load(random_image(rng, spec))
        device.run(schedule, replicas=4, clamp=rng.choice([-1, 0, 1], 16))

    run(Schedule(3, 9, 2, ((4, 1),), 1))
    compiled = _compiled(kernel)
    for schedule in (Schedule(7, 9, 5), Schedule(0, 16, 1, ((1, 2), (9, 3)), 2), Schedule(50, 12, 3)):
        run(schedule)
    assert _compiled(kernel) == compiled


def test_a_dead_generator_is_replaced_as_the_reference_replaces_it():
    """The key whose first words are all zero: XLA's form of the generator begins where the integer one does."""
    keys = np.array([-GOLDEN % 2**64, 5], dtype=np.uint64)
    spec = fabric("g4-2x2", rng="lfsr64")
    words = seed_words(generator("lfsr64"), keys)
    assert words[0].any()
    planes = [np.asarray(plane) for plane in stepper(spec).seed(keys)]
    assert np.array_equal(np.stack(planes, axis=-1), words.astype("<u4").view("<u2"))


def test_a_replica_does_not_depend_on_the_batch():
    rng = np.random.default_rng(1)
    spec = fabric("g8-6x6")
    image, schedule = random_image(rng, spec), Schedule(2, 20, 1)
    runs = []
    for replicas, batch in ((13, 4), (13, 128), (3, 1)):
        device = open_device("jax-xla", spec, batch=batch)
        device.load(image)
        runs.append(device.run(schedule, replicas=replicas).sites)
    assert np.array_equal(runs[0], runs[1]) and np.array_equal(runs[0][:3], runs[2])


def test_more_samples_than_a_buffer_holds():
    rng = np.random.default_rng(2)
    spec = fabric("g4-3x3")
    case = random_case(rng, "g4", 9 * 3000, spec)
    assert compare("jax-xla", case).differing == 0 and case.schedule.n_samples > 256


@pytest.mark.parametrize("name", ["g4-5x7", "g8-10x10-torus", "king-6x6-torus", "chimera-2", "cubic-3x4x5", "z1-7x9"])
def test_lattices_take_the_stencil_form_and_it_equals_the_gather_form(name):
    made = fabric(name).topology
    assert isinstance(layout_of(made), Stencil)
    for layout in (layout_of(made), gather_of(made)):
        sites = np.concatenate([group.sites.reshape(-1) for group in layout.groups])
        assert np.array_equal(np.sort(sites[sites >= 0]), np.arange(made.n_sites))
        for group in layout.groups:
            real = group.sites >= 0
            assert np.array_equal((group.edges >= 0).sum(axis=0)[real], made.degrees[group.sites[real]])
    rng = np.random.default_rng(3)
    case = random_case(rng, name, 4000, random_fabric_of(rng, made))
    explicit = Topology("same", made.edges, made.colours, made.coordinates)
    assert explicit == made and isinstance(gather_of(explicit), Gather)
    assert compare("jax-xla", case, states_of("reference", case)).differing == 0


def _compiled(kernel) -> tuple[int, int]:
    return kernel.advance._cache_size(), kernel.sample._cache_size()


def random_fabric_of(rng, topology):
    drawn = random_fabric(rng, "g4")
    return fabric(topology, **{name: getattr(drawn, name) for name in ("weight_bits", "bias_bits", "rng", "word_bits")},
                  threshold_bits=8, dither_bits=drawn.dither_bits, min_shift=drawn.min_shift)  # fmt: skip
