"""Cluster moves and rounds in the kernel: the same bits as from held chains, exact distributions, what mixing says."""

from dataclasses import replace
from typing import Any

import networkx
import numpy as np
import pytest

from thermofab.hw.spec import Image, RefusedError, SpecError, UnsupportedError, fabric, open_device
from thermofab.sim.tempering import Ladder, adapted_ladder, temper
from thermofab.sim.tempering.clusters import Clusters
from thermofab.sim.tempering.decisions import log_of
from thermofab.sim.tempering.opened import open_ladders

FIELDS = ("states", "energies", "accepted", "walkers", "best_energies", "best_states")


def glass(n, degree, biases=False, levels=8, **widths):
    """A random regular graph with couplings ±3, 5 and 0, coldest rung first."""
    spec = fabric(networkx.random_regular_graph(degree, n, seed=n), levels=levels, **widths)
    rng = np.random.default_rng(n)
    weights = rng.choice([-3, 3, 0, 5], spec.topology.n_edges)
    fields = rng.integers(-3, 4, n) if biases else np.zeros(n, int)
    ladder, tables = Ladder.of(spec, 0.1, 0, np.geomspace(2.0, 0.1, levels).tolist())
    return ladder, Image(spec, weights, fields, tables, 0, np.full(n, -1), 11)


def opened(name, image, **options):
    device = open_device(name, image.fabric, **options)
    device.load(image)
    return device


@pytest.mark.parametrize(
    ("n", "degree", "replicas", "group", "biases", "widths"),
    [
        (20, 3, 4, 4, False, {}),
        (70, 5, 8, 2, True, {"rng": "lfsr32"}),
        (130, 4, 72, 8, False, {"rng": "xoshiro128+", "word_bits": 32}),
        (24, 3, 64, 64, False, {"dither_bits": 0, "threshold_bits": 16}),
    ],
)
def test_the_kernel_has_the_bits_of_held_chains(n, degree, replicas, group, biases, widths):
    """Two blocks of lanes and one, one thread and several, byte-wide fields and plain loops."""
    ladder, image = glass(n, degree, biases, **widths)
    asked: dict[str, Any] = dict(
        rounds=9, sweeps=2, warmup=3, replicas=replicas, keep=(0, 3, 7), group=group, cluster_rungs=5, seed=5
    )
    expected = temper(opened("jax-xla", image), ladder, **asked)
    assert np.all(expected.accepted > 0)
    for options in ({"threads": 1}, {"threads": 3}, {"threads": 2, "plain": True}):
        got = temper(opened("native", image, **options), ladder, **asked)
        for field in FIELDS:
            assert np.array_equal(getattr(got, field), getattr(expected, field)), (options, field)


@pytest.mark.parametrize(
    ("replicas", "group", "rungs", "biases", "clamped"),
    [
        (3, None, 70, True, False),  # rungs of two ladders share registers, and some lanes are idle
        (20, 4, 8, False, False),
        (8, 2, 11, True, True),
        (70, None, 5, False, True),
    ],
)
def test_rungs_that_share_registers_have_the_bits_of_held_chains(replicas, group, rungs, biases, clamped):
    """Couplings of one size, whose sites see few values."""
    spec = fabric(
        networkx.random_regular_graph(4, 40, seed=3), levels=rungs, dither_bits=0, threshold_bits=16, rng="lfsr32"
    )
    rng = np.random.default_rng(rungs)
    fields = rng.integers(-1, 2, 40) if biases else np.zeros(40, int)
    ladder, tables = Ladder.of(spec, 1.0, 0, np.geomspace(2.0, 0.1, rungs).tolist())
    image = Image(spec, rng.choice([-1, 1], spec.topology.n_edges), fields, tables, 0, np.full(40, -1), 11)
    clamp = np.full((replicas, 40), -1)
    if clamped:
        clamp[:, ::5] = 1 if group else rng.integers(0, 2, (replicas, 8))
    asked: dict[str, Any] = dict(
        rounds=7, sweeps=2, warmup=2, replicas=replicas, keep=(0, 3), group=group, seed=5, clamp=clamp
    )
    expected = temper(opened("jax-xla", image), ladder, **asked)
    for options in ({"threads": 1}, {"threads": 2}, {"plain": True}):
        got = temper(opened("native", image, **options), ladder, **asked)
        for field in FIELDS:
            assert np.array_equal(getattr(got, field), getattr(expected, field)), (options, field)


def test_cluster_moves_change_a_run_and_keep_the_sum_of_energies():
    ladder, image = glass(40, 4)
    clusters = Clusters.of(image, np.zeros(40, bool), 4, 1)
    states = np.random.default_rng(0).integers(0, 2, (8, 40)).astype(bool)
    root = np.array([7], dtype=np.uint64)
    turned = clusters.turned(root, 2, 0, states)
    ends = image.fabric.topology.edges.T

    def energies(sites):
        s = 2 * sites.astype(int) - 1
        return -(s[:, ends[0]] * s[:, ends[1]]) @ image.weights

    # Round 2 of a group of four pairs 0 with 3 and 1 with 2.
    pairs = [(0, 3), (1, 2), (4, 7), (5, 6)]
    assert np.any(turned != states)
    for one, other in pairs:
        assert energies(states)[[one, other]].sum() == energies(turned)[[one, other]].sum()
        assert np.array_equal(states[one] ^ states[other], turned[one] ^ turned[other])
    again = clusters.turned(root, 2, 0, turned)
    assert np.array_equal(again, states), "the same start finds the same cluster, and turns it back"


def distance(image, scale, states):
    """TV from exp(-κE)."""
    n = image.fabric.n_sites
    s = 2 * (np.arange(2**n)[:, None] >> np.arange(n) & 1) - 1
    i, j = image.fabric.topology.edges.T
    exponent = scale * (s @ image.biases + (s[:, i] * s[:, j]) @ image.weights)
    exact = np.exp(exponent - exponent.max())
    found = np.bincount(states.reshape(-1, n) @ (1 << np.arange(n)), minlength=2**n)
    return 0.5 * np.abs(found / found.sum() - exact / exact.sum()).sum()


@pytest.mark.parametrize("biases", [False, True])
def test_cluster_moves_leave_the_distribution(biases, monkeypatch):
    """TV ≤ ½√(K/n) + 0.02 + 0.004 of n samples of 256 states, as in test_tempering: false alarms below exp(-38). Cold
    rungs without exchange, so that a move that is not exact shows: turning a replica over as a whole in spite of biases
    does.
    """
    ladder, image = glass(8, 3, biases, levels=4)
    image = image.replace(biases=2 * image.biases)
    asked: dict[str, Any] = dict(rounds=2000, sweeps=1, warmup=50, replicas=128, keep=(0, 1), group=4, exchange=False)
    bound = 0.5 * np.sqrt(256 / (2000 * 128)) + 0.024

    def worst(**options):
        done = temper(opened("native", image), ladder, **asked, **options)
        return max(distance(image, ladder.scales[rung], done.states[rung]) for rung in (0, 1))

    assert worst() <= bound
    if biases:
        of = Clusters.of
        monkeypatch.setattr(Clusters, "of", lambda *arguments: replace(of(*arguments), fold=True))
        assert worst() > 1.5 * bound


def test_calls_continue_a_run():
    ladder, image = glass(30, 3)
    device = opened("native", image)
    whole = temper(device, ladder, rounds=10, sweeps=1, replicas=8, group=4, seed=3)
    parts = open_ladders(device, ladder, replicas=8, group=4, seed=3)
    first, second = parts.run(3, 1, 0, (0,)), parts.run(7, 1, 0, (0,))
    assert np.array_equal(np.concatenate([first.states, second.states], axis=2), whole.states)
    assert np.array_equal(second.walkers[..., -1], whole.walkers[..., -1])
    assert np.array_equal(second.best_states, whole.best_states)


def test_the_best_state_has_the_best_energy():
    ladder, image = glass(60, 4, biases=True)
    done = temper(opened("native", image), ladder, rounds=40, sweeps=1, replicas=70, keep=range(8))
    assert np.array_equal(done.best_energies <= done.energies.min(axis=(0, 2)), np.ones(70, bool))
    s = 2 * done.best_states.astype(int) - 1
    i, j = image.fabric.topology.edges.T
    assert np.array_equal(done.best_energies, -(s @ image.biases) - (s[:, i] * s[:, j]) @ image.weights)


def test_logarithms_are_those_of_the_library_to_the_last_places():
    values = np.random.default_rng(1).random(10_000)
    assert np.max(np.abs(log_of(values) / np.log(values) - 1)) < 1e-14


def test_a_ladder_is_placed_for_even_acceptance():
    """A 6×6 ferromagnetic torus: a geometric ladder across the transition is uneven, the adapted one is not."""
    spec = fabric("g4-6x6-torus", levels=12, rng="lfsr32")
    weights = np.full(spec.topology.n_edges, 8)
    image = Image(spec, weights, np.zeros(36, int), np.full((12, 256), 2048), 0, np.full(36, -1), 1)
    device = open_device("native", spec)
    adapted = adapted_ladder(device, image, 1 / 8, coldest=0.8, hottest=0.1, rungs=6, rounds=1000, replicas=64)
    assert adapted.betas[0] == 0.8 and adapted.betas[-1] == 0.1 and len(adapted.pilots) == 4
    done = temper(device, adapted.ladder, rounds=2000, sweeps=1, replicas=64)
    # 64,000 offers a pair: standard errors below 0.01 even at an autocorrelation of 20 rounds.
    assert done.accepted.max() - done.accepted.min() < 0.1
    assert done.require_mixed() is done and done.mixing().mixed
    chosen = adapted_ladder(device, image, 1 / 8, coldest=0.8, hottest=0.1, accepted=0.7)
    assert 6 <= len(chosen.betas) <= 12
    cases: list[tuple[dict[str, Any], str]] = [
        ({"rungs": 13}, r"^rungs must be an integer of 2…12, the levels of this fabric, got 13\.$"),
        ({"hottest": 0.9}, r"^β of the ends must satisfy 0 < hottest < coldest, got 0\.9 and 0\.8\.$"),
        ({"accepted": 1.0}, r"^accepted must lie between 0 and 1, got 1\.0\.$"),
        ({"rounds": 7}, r"^rounds must be an integer of at least 8, got 7\.$"),
        ({"pilots": True}, r"^pilots must be an integer of at least 1, got True\.$"),
    ]
    for changes, message in cases:
        with pytest.raises(SpecError, match=message):
            adapted_ladder(device, image, 1 / 8, **{"coldest": 0.8, "hottest": 0.1, **changes})


def test_an_unmixed_ladder_is_not_called_mixed():
    ladder, image = glass(130, 4, levels=3)
    done = temper(opened("native", image), ladder, rounds=40, sweeps=1, replicas=16)
    found = done.mixing()
    assert not found.mixed and "round trips where" in str(found)
    with pytest.raises(RefusedError, match=r"^this tempering run is not mixed: \d+ round trips where 20 are asked"):
        done.require_mixed()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"group": 3}, r"^group must be 2, 4, 8, 16, 32 or 64 replicas that exchange clusters, got 3\.$"),
        ({"group": 4, "replicas": 6}, r"^replicas must be a multiple of group=4, got 6\.$"),
        ({"group": 2, "cluster_rungs": 9}, r"^cluster_rungs must be an integer of 1…8, got 9\.$"),
        ({"keep": (8,)}, r"^keep names rung 8, and the ladder has rungs 0…7\.$"),
    ],
)
def test_bad_arguments_are_named(changes, message):
    ladder, image = glass(20, 3)
    with pytest.raises(SpecError, match=message):
        temper(opened("native", image), ladder, **{"rounds": 1, "sweeps": 1, "replicas": 4, **changes})


def test_clusters_need_pairs_and_equal_clamps():
    ladder, image = glass(20, 3)
    clamp = np.full((4, 20), -1)
    clamp[:, 0] = [0, 0, 1, 0]
    with pytest.raises(SpecError, match=r"^cluster moves need every ladder clamped to the same values"):
        temper(opened("native", image), ladder, rounds=1, sweeps=1, replicas=4, group=2, clamp=clamp)
    spec = fabric(networkx.cycle_graph(9), levels=2, factors=((0, 1, 2),))
    ladder, tables = Ladder.of(spec, 0.1, 0, (1.0, 0.5))
    entries = np.arange(8) - 4
    image = Image(spec, np.zeros(spec.topology.n_edges, int), np.zeros(9, int), tables, 0, np.full(9, -1), 1, entries)
    with pytest.raises(UnsupportedError, match=r"^cluster moves keep the energy of pairs of sites, and this image has"):
        temper(opened("native", image), ladder, rounds=1, sweeps=1, replicas=4, group=2)
    temper(opened("native", image), ladder, rounds=1, sweeps=1, replicas=4)
