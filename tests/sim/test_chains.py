"""Chains of every simulator: however sweeps are cut into calls, and whatever is kept, the bits are those of one run."""

import networkx
import numpy as np
import pytest

from tests.present import present
from thermofab.hw.spec import Counts, Schedule, fabric, open_device
from thermofab.sim.chains import Request, Tally
from thermofab.sim.conformance import random_image
from thermofab.sim.holding import simulator

SPECS = {
    "lattice": fabric("g8-5x9"),
    "torus": fabric("g4-4x6-torus", weight_bits=14, bias_bits=20),
    "graph": fabric(networkx.random_regular_graph(3, 14, seed=1), profile="fine"),
}
DEVICES = [("native", {}), ("native", {"plain": True}), ("jax-xla", {})]
SCHEDULE = Schedule(3, 70, 2, ((2, 1), (1, 3)), 2)


def loaded(name: str, spec, **options):
    device = simulator(open_device(name, spec, **options), "this test")
    rng = np.random.default_rng(spec.n_sites)
    device.load(random_image(rng, spec))
    return device


@pytest.fixture(scope="module", params=SPECS)
def expected(request):
    """The reference's samples of two replicas, and the fabric."""
    spec = SPECS[request.param]
    return spec, loaded("reference", spec).run(SCHEDULE, replicas=2)


def energies_of(samples) -> np.ndarray:
    image, s = samples.image, 2 * samples.sites.astype(np.int64) - 1
    i, j = image.fabric.topology.edges.T
    return -(s @ image.biases) - (s[:, :, i] * s[:, :, j]) @ image.weights


@pytest.mark.parametrize("replicas", [2, 40])
@pytest.mark.parametrize(("name", "options"), DEVICES, ids=lambda value: str(value))
def test_counts_states_and_energies_are_those_of_the_samples(name, options, replicas, expected):
    spec, reference = expected
    if name == "jax-xla" and (replicas > 2 or spec is SPECS["torus"]):
        pytest.skip("compiled for few shapes only; tests/sim/test_soak.py has more")
    device = loaded(name, spec, **options)
    samples = device.run(SCHEDULE, replicas=replicas)
    assert np.array_equal(samples.sites[:2], reference.sites)
    counted, counts = device.accumulate(SCHEDULE, replicas=replicas), Counts.of(samples)
    assert np.array_equal(counted.ones, counts.ones) and np.array_equal(counted.both, counts.both)
    assert (counted.samples, counted.ledger.sites_read) == (SCHEDULE.n_samples, 0)
    chains, chosen = device.start(replicas=replicas), np.array([5, 0, 5, spec.n_sites - 1])
    kept = chains.sample(Request(70, 0, 2, 2, chosen, energies=True), phases=SCHEDULE.phases)
    assert np.array_equal(present(kept.states), samples.sites[:, :, chosen])
    assert np.array_equal(present(kept.energies), energies_of(samples))


@pytest.mark.parametrize(("name", "options"), DEVICES, ids=lambda value: str(value))
def test_pieces_of_a_run_are_the_run(name, options, expected):
    spec, reference = expected
    if name == "jax-xla" and spec is SPECS["torus"]:
        pytest.skip("one lattice is enough")
    chains = loaded(name, spec, **options).start(replicas=2)
    tally = Tally.empty(2, spec.n_sites, spec.topology.n_edges)
    chains.advance(SCHEDULE.phases[:2])
    chains.advance(SCHEDULE.phases[2:])
    first = present(chains.sample(Request(30, 0, 2, 2, True), tally).states)
    assert np.array_equal(chains.states(), first[:, -1])
    rest = present(chains.sample(Request(40, 2, 2, 2, True), tally).states)
    assert np.array_equal(np.concatenate([first, rest], axis=1), reference.sites)
    counts = Counts.of(reference)
    assert tally.samples == 70
    assert np.array_equal(tally.ones, counts.ones) and np.array_equal(tally.both, counts.both)


@pytest.mark.parametrize("replicas", [2, 40])
@pytest.mark.parametrize(("name", "options"), DEVICES, ids=lambda value: str(value))
def test_replaced_states_go_on_with_the_same_generators(name, options, replicas, expected):
    spec, _ = expected
    if name == "jax-xla" and replicas > 2:
        pytest.skip("compiled for one number of replicas only")
    reference = loaded("reference", spec).start(replicas=2)
    chains = loaded(name, spec, **options).start(replicas=replicas)
    other = np.random.default_rng(1).random((replicas, spec.n_sites)) < 0.5
    for running in (reference, chains):
        running.advance([(3, 0)])
        running.set_states(other[:2] if running is reference else other)
        running.advance([(2, 1)])
    assert np.array_equal(chains.states()[:2], reference.states())


def test_counters_run_over_bytes_and_words():
    """1,000 samples: more than a byte counts, more than one span of the kernel's history, and an odd rest."""
    spec = SPECS["lattice"]
    schedule = Schedule(1, 1000, 1)
    counts = [loaded(name, spec).accumulate(schedule, replicas=3) for name in ("native", "jax-xla")]
    exact = Counts.of(loaded("native", spec).run(schedule, replicas=3))
    for counted in counts:
        assert np.array_equal(counted.ones, exact.ones) and np.array_equal(counted.both, exact.both)
