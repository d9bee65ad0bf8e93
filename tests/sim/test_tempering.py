"""Parallel tempering: the enumerated distribution at every rung, the same run on every simulator, and what exchange is
for."""

import signal
from typing import Any

import networkx
import numpy as np
import pytest

from thermofab.hw.spec import DeviceError, Image, SpecError, fabric, open_device
from thermofab.sim.tempering import Ladder, temper
from thermofab.sim.tempering.opened import open_ladders

STEP, SHIFT = 1 / 64, 2
BETAS = (2.0, 1.3, 0.8, 0.4)


def image_of(graph, weights, biases, betas=BETAS, seed=3):
    spec = fabric(graph, levels=len(betas))
    ladder, tables = Ladder.of(spec, STEP, SHIFT, betas)
    image = Image(spec, np.asarray(weights), np.asarray(biases), tables, SHIFT, np.full(spec.n_sites, -1), seed)
    return ladder, image


def frustrated():
    """Eight spins, couplings of both signs."""
    graph = networkx.random_regular_graph(3, 8, seed=2)
    rng = np.random.default_rng(4)
    return image_of(graph, rng.choice([-1, 1], 12) * rng.integers(30, 60, 12), rng.integers(-12, 13, 8))


def ferromagnet(betas=(1.6, 1.1, 0.7, 0.4, 0.2)):
    """A 4×4 torus so cold at one end that its magnetisation does not turn over."""
    spec = fabric("g4-4x4", levels=len(betas))
    return image_of("g4-4x4", np.full(spec.topology.n_edges, 64), np.zeros(16, int), betas)


def opened(name, image, **options):
    device = open_device(name, image.fabric, **options)
    device.load(image)
    return device


def enumerated(image, scale):
    """Boltzmann's distribution exp(-κE), float64 ``[2^N]``, site 0 the lowest bit."""
    s = 2 * (np.arange(2**image.fabric.n_sites)[:, None] >> np.arange(image.fabric.n_sites) & 1) - 1
    i, j = image.fabric.topology.edges.T
    exponent = scale * (s @ image.biases + (s[:, i] * s[:, j]) @ image.weights)
    distribution = np.exp(exponent - exponent.max())
    return distribution / distribution.sum()


def test_every_rung_has_its_enumerated_distribution():
    """TV ≤ ½√(K/n) + t + d, with n samples, K = 256 states, t = 0.02 and d = 0.004 for the tables' own error.

    Samples 16 sweeps apart on eight spins are all but independent; were a quarter of them worth nothing, the chance of
    a TV that much above its mean would still be below exp(-2·0.75·n·t²) = exp(-38).
    """
    ladder, image = frustrated()
    done = temper(
        opened("native", image), ladder, rounds=500, sweeps=16, warmup=20, replicas=128, keep=range(len(BETAS))
    )
    n = 500 * 128
    for rung, scale in enumerate(ladder.scales):
        codes = done.states[rung].reshape(-1, 8) @ (1 << np.arange(8))
        found = np.bincount(codes, minlength=256) / n
        distance = 0.5 * np.abs(found - enumerated(image, scale)).sum()
        assert distance <= 0.5 * np.sqrt(256 / n) + 0.02 + 0.004, (rung, distance)
    assert np.all((done.accepted > 0.05) & (done.accepted < 1))


def test_the_same_run_on_every_simulator_and_again():
    ladder, image = frustrated()
    asked: dict[str, Any] = dict(rounds=6, sweeps=3, warmup=2, replicas=3, keep=(0, 2), seed=9)
    expected = temper(opened("reference", image), ladder, **asked)
    for name, options in (("native", {}), ("native", {"plain": True}), ("jax-xla", {})):
        got = temper(opened(name, image, **options), ladder, **asked)
        for field in ("states", "energies", "accepted", "walkers"):
            assert np.array_equal(getattr(got, field), getattr(expected, field)), (name, field)
    other = temper(opened("native", image), ladder, **{**asked, "seed": 10})
    assert not np.array_equal(other.states, expected.states)


@pytest.mark.rtl
def test_the_same_run_on_fabrics_behind_registers():
    """Compiled RTL, and a board behind a serial line."""
    from thermofab.sim.rtl.board import simulated_board

    ladder, image = ferromagnet((1.2, 0.8, 0.5))
    image = image.replace(biases=np.arange(-8, 8), clamps=np.where(np.arange(16) == 3, 1, -1))
    asked: dict[str, Any] = dict(rounds=5, sweeps=2, warmup=1, replicas=2, keep=(0, 2), seed=5)
    expected = temper(opened("reference", image), ladder, **asked)
    assert 0 < expected.accepted.mean() < 1

    def check(device):
        got = temper(device, ladder, **asked)
        for field in ("states", "energies", "accepted", "walkers"):
            assert np.array_equal(getattr(got, field), getattr(expected, field)), field

    check(opened("rtl", image))
    with simulated_board(image.fabric) as board:
        check(opened(f"serial://{board}", image))


def test_a_device_that_can_neither_hold_chains_nor_place_them_is_named():
    class Sealed:
        pass

    ladder, _ = frustrated()
    with pytest.raises(SpecError, match=r"^tempering needs a device whose chains can be held, a simulator's, or whose"):
        temper(Sealed(), ladder, rounds=1, sweeps=1)  # pyright: ignore[reportArgumentType]


def test_energies_are_those_of_the_states_and_walkers_move():
    ladder, image = ferromagnet()
    done = temper(opened("native", image), ladder, rounds=300, sweeps=4, replicas=4, keep=range(5))
    s = 2 * done.states.astype(int) - 1
    i, j = image.fabric.topology.edges.T
    assert np.array_equal(done.energies, -64 * (s[..., i] * s[..., j]).sum(axis=-1))
    assert np.array_equal(np.sort(done.walkers, axis=0), np.broadcast_to(np.arange(5)[:, None, None], (5, 4, 300)))
    assert done.round_trips > 4


def test_exchange_turns_over_what_sweeps_alone_cannot():
    """The cold rung starts all up. Alone it stays so; tempered, up and down are equally likely (9 standard errors of
    128 independent ladders: chance below 1e-15)."""
    ladder, image = ferromagnet()
    asked: dict[str, Any] = dict(rounds=60, sweeps=5, warmup=200, replicas=128, init=np.ones(16, bool))
    for exchange, low, high in ((False, 0.95, 1.01), (True, 0.5 - 0.4, 0.5 + 0.4)):
        done = temper(opened("native", image), ladder, exchange=exchange, **asked)
        up = (done.states[0, :, -1].mean(axis=1) > 0.5).mean()
        assert low <= up <= high, (exchange, up)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rounds": 0}, r"^rounds must be an integer of at least 1, got 0\.$"),
        ({"sweeps": 1.5}, r"^sweeps must be an integer of at least 1, got 1\.5\.$"),
        ({"ladder": Ladder((0, 9), (1.0, 0.5))}, r"^the ladder uses β levels \(0, 9\), but this fabric holds"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    ladder, image = frustrated()
    with pytest.raises(SpecError, match=message):
        temper(opened("native", image), **{"ladder": ladder, "rounds": 2, "sweeps": 1, **changes})


def test_without_exchange_held_chains_stay_on_their_rungs():
    """The kernel's bits, and every walker where it began."""
    ladder, image = frustrated()
    asked: dict[str, Any] = dict(rounds=5, sweeps=2, replicas=3, keep=range(4), exchange=False)
    held, kernel = (temper(opened(name, image), ladder, **asked) for name in ("reference", "native"))
    assert np.array_equal(held.states, kernel.states) and np.array_equal(held.energies, kernel.energies)
    assert not held.accepted.any() and np.array_equal(
        held.walkers[..., -1], np.repeat(np.arange(4)[:, None], 3, axis=1)
    )


@pytest.mark.parametrize(
    ("levels", "scales", "message"),
    [
        ((0, 1), (1.0,), r"^a ladder needs one scale per level and at least one, got 2 and 1\.$"),
        ((), (), r"^a ladder needs one scale per level and at least one, got 0 and 0\.$"),
        ((0, 1), (1.0, -0.5), r"^scales of a ladder must be finite and not negative, got \(1\.0, -0\.5\)\.$"),
        ((0,), (np.inf,), r"^scales of a ladder must be finite and not negative, got \(inf,\)\.$"),
    ],
)
def test_malformed_ladders_are_refused(levels, scales, message):
    with pytest.raises(SpecError, match=message):
        Ladder(levels, scales)


def test_few_ladders_have_no_r_hat():
    ladder, image = ferromagnet()
    found = temper(opened("native", image), ladder, rounds=40, sweeps=2, replicas=3).mixing()
    assert np.isnan(found.r_hat) and not any("R-hat" in complaint for complaint in found.complaints)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs interval timers")
def test_interrupted_ladders_are_lost_and_say_so():
    ladder, image = ferromagnet()
    ladders = open_ladders(opened("native", image), ladder, replicas=4)

    def interrupt(*_):
        raise InterruptedError

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.2)
        with pytest.raises(InterruptedError):
            ladders.run(1, 1, 10**12, ())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    with pytest.raises(DeviceError, match=r"^these ladders were interrupted in mid-run, so their state is lost; start"):
        ladders.run(1, 1, 0, (0,))


def test_a_ladder_longer_than_the_tables_is_refused():
    with pytest.raises(SpecError, match=r"^5 rungs need as many tables, and this fabric holds 4; raise"):
        Ladder.of(fabric("g4-3x3"), STEP, SHIFT, (1, 0.9, 0.8, 0.7, 0.6))
