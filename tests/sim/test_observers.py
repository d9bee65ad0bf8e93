"""Observers: what they make of a stream in pieces is what numpy makes of all samples at once."""

import numpy as np
import pytest

from thermofab.hw.spec import Counts, Schedule, SpecError, fabric, open_device
from thermofab.sim import simulated
from thermofab.sim.conformance import random_image
from thermofab.sim.driven import integer_energies
from thermofab.sim.holding import simulator
from thermofab.sim.native.device import NativeDevice
from thermofab.sim.observers import Autocorrelation, AutocorrelationFunction, Energies, Fold, Histogram, SiteMoments

SPEC, SCHEDULE, REPLICAS = fabric("g4-4x5"), Schedule(5, 400, 2), 6
CHOSEN = (7, 2, 11)


def loaded(name):
    device = simulator(open_device(name, SPEC), "this test")
    device.load(random_image(np.random.default_rng(0), SPEC))
    return device


@pytest.fixture(scope="module")
def samples():
    return loaded("native").run(SCHEDULE, replicas=REPLICAS)


def energies_of(samples):
    s, image = 2 * samples.sites.astype(np.int64) - 1, samples.image
    i, j = SPEC.topology.edges.T
    return -(s @ image.biases) - (s[:, :, i] * s[:, :, j]) @ image.weights


@pytest.mark.parametrize("name", ["jax-xla", "native"])
def test_energies_of_factors_are_those_of_their_tables(name):
    """Red if a factor is left out, looked up at another address, or counted half."""
    spec = fabric("pdit4-2x3")
    device = simulator(open_device(name, spec), "this test")
    device.load(random_image(np.random.default_rng(2), spec))
    sites = device.run(SCHEDULE, replicas=2).sites
    exact = integer_energies(device.plan(SCHEDULE).image, sites).astype(float)
    energy = device.observe(SCHEDULE, [Energies()], replicas=2).results[0]
    assert np.allclose(energy.mean, exact.mean(axis=1)) and np.allclose(energy.variance, exact.var(axis=1))
    assert np.allclose(energy.heat_capacity(0.5), 0.25 * exact.var(axis=1))


def test_a_correlation_that_does_not_die_out_is_summed_to_the_last_lag():
    assert AutocorrelationFunction(np.array([1.0, 0.9, 0.8, 0.7]), 0.0, 1.0).time() == pytest.approx(0.5 + 2.4)
    assert AutocorrelationFunction(np.array([1.0, 0.0, 0.0, 0.0, 9.0]), 0.0, 1.0).time() == 0.5


@pytest.mark.parametrize("piece", [1, 37, 10**6], ids=lambda piece: f"pieces-of-{piece}")
@pytest.mark.parametrize("name", ["native", "jax-xla", "reference"])
def test_a_stream_in_pieces_is_the_whole(name, piece, samples, monkeypatch):
    if name != "native" and piece != 37:
        pytest.skip("one size of piece is enough")
    monkeypatch.setattr(simulated, "PIECE_BYTES", piece * REPLICAS * (SPEC.n_sites + 8))
    observers = [
        Energies(),
        Histogram(CHOSEN),
        Autocorrelation(lags=10),
        Autocorrelation(lags=3, sites=range(20)),
        SiteMoments(),
        Fold(lambda total, states: total + states.sum(axis=(0, 1)), np.zeros(20, np.int32)),
    ]
    observed = loaded(name).observe(SCHEDULE, observers, replicas=REPLICAS)
    energy, histogram, slow, spins, moments, fold = observed.results
    exact = energies_of(samples).astype(float)
    assert np.allclose(energy.mean, exact.mean(axis=1)) and np.allclose(energy.variance, exact.var(axis=1))
    codes = samples.sites[:, :, list(CHOSEN)] @ [1, 2, 4]
    assert np.array_equal(histogram, np.bincount(codes.reshape(-1), minlength=8))
    for found, series in ((slow, exact), (spins, 2 * samples.sites.mean(axis=2) - 1)):
        moved, n = series - series.mean(), series.shape[1]
        rho = [np.mean(moved[:, k:] * moved[:, : n - k]) for k in range(len(found.rho))]
        assert np.allclose(found.rho, np.array(rho) / rho[0], atol=1e-6) and found.rho[0] == 1
    counts = Counts.of(samples)
    assert np.array_equal(moments.ones, counts.ones) and np.array_equal(moments.both, counts.both)
    assert np.array_equal(fold, samples.sites.sum(axis=(0, 1)))
    assert observed.ledger.site_updates == samples.ledger.site_updates


def test_only_what_is_asked_for_is_read():
    read = [
        loaded("native").observe(SCHEDULE, [observer], replicas=REPLICAS).ledger.sites_read
        for observer in (Energies(), SiteMoments(), Histogram(CHOSEN))
    ]
    assert read == [0, 0, 3 * REPLICAS * SCHEDULE.n_samples]


def test_autocorrelation_of_independent_samples_is_none():
    """Sites without couplings: ρ(k) has standard deviation 1/√n; 6 of them, 8 lags: chance below 2e-8."""
    spec = fabric("g4-4x4")
    device = NativeDevice(spec)
    image = random_image(np.random.default_rng(1), spec)
    device.load(
        image.replace(weights=np.zeros(spec.topology.n_edges, int), biases=np.zeros(16, int), clamps=np.full(16, -1))
    )
    n = 20_000 * 8
    (found,) = device.observe(Schedule(2, 20_000), [Autocorrelation(8, sites=[5])], replicas=8).results
    assert np.all(np.abs(found.rho[1:]) < 6 / np.sqrt(n)) and abs(found.time() - 0.5) < 0.05


def test_bad_observers_are_named():
    with pytest.raises(SpecError, match=r"^an observer looks at site 20, but this fabric has sites 0…19\.$"):
        loaded("native").observe(SCHEDULE, [Histogram((3, 20))])
    with pytest.raises(SpecError, match=r"^a histogram is over 1 to 20 sites, got 21; use several"):
        Histogram(range(21))
    with pytest.raises(SpecError, match=r"^lags must be an integer of at least 1, got 0\.$"):
        Autocorrelation(0)
    with pytest.raises(SpecError, match=r"needs more than 5 samples per replica\.$"):
        loaded("native").observe(Schedule(0, 5), [Autocorrelation(5)])
