"""A billion site updates on random fabrics: reference ≡ XLA ≡ native ≡ native without AVX-512, and other processors.

    pytest tests/sim/test_soak.py -m soak -s

The reference runs a stretch of every configuration; the simulators that are fast enough go on from there, and agree in
the states they end in and in what every sweep of every replica adds to the counts of all sites and edges.
"""

import numpy as np
import pytest

from thermofab.hw.spec import FREE, Schedule, open_device
from thermofab.sim.conformance import compare, families, random_case, random_fabric, random_image
from thermofab.sim.holding import simulator

pytestmark = pytest.mark.soak

UPDATES, REPLICAS = 80_000_000, 67
FAST = (("native", {}), ("native", {"plain": True}), ("jax-xla", {}))


@pytest.mark.parametrize("family", families())
def test_a_billion_updates(family):
    number = families().index(family)
    rng = np.random.default_rng([11, number])
    spec = random_fabric(rng, family)
    case = random_case(rng, family, 100_000, spec)
    for name in ("native", "jax-xla"):
        outcome = compare(name, case)
        assert outcome.differing == 0, outcome.first
    image = random_image(rng, spec).replace(clamps=np.full(spec.n_sites, FREE))
    schedule = Schedule(0, UPDATES // (spec.n_sites * REPLICAS), 1, level=spec.levels - 1)
    results = []
    for name, options in FAST:
        device = simulator(open_device(name, spec, **options), "this test")
        device.load(image)
        counts = device.accumulate(schedule, replicas=REPLICAS)
        chains = device.start(replicas=REPLICAS)
        chains.advance([(schedule.n_sweeps, schedule.level)])
        results.append((counts.ones, counts.both, chains.states()))
    for (name, options), result in zip(FAST[1:], results[1:]):
        for found, expected in zip(result, results[0]):
            assert np.array_equal(found, expected), (name, options, spec)
    updates = 2 * schedule.n_sweeps * REPLICAS * spec.n_sites
    print(f"\n{family}: {spec!r}, {updates:,} site updates on each of {len(FAST)} simulators: 0 differ", end="")


@pytest.mark.parametrize("processor", ["x86-64-v3", "x86-64"])
def test_kernels_for_lesser_processors_have_the_same_bits(processor):
    """AVX2, and SSE2 alone."""
    import platform

    if platform.machine() != "x86_64":
        pytest.skip("needs an x86-64 processor")
    for number, family in enumerate(("g12", "king", "graph", "cubic")):
        outcome = compare("native", random_case(np.random.default_rng([12, number]), family, 30_000))
        assert outcome.differing == 0
        case = random_case(np.random.default_rng([12, number]), family, 30_000)
        devices = [open_device("native", case.image.fabric, processor=p) for p in ("native", processor)]
        for device in devices:
            device.load(case.image)
        first, second = (device.run(case.schedule, replicas=70).sites for device in devices)
        assert np.array_equal(first, second)
