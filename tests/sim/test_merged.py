"""Images with an order on simulators: trees as one site, the same bits and the same counts as the reference."""

import numpy as np
import pytest

from tests.present import present
from thermofab.hw.spec import (
    DeviceError,
    FabricSpec,
    Image,
    Order,
    Schedule,
    SpecError,
    UnsupportedError,
    fabric,
    open_device,
    sigmoid_table,
)
from thermofab.sim.functional.noise import NoiseModel
from thermofab.sim.functional.pure import PureSampler
from thermofab.sim.holding import simulator
from thermofab.sim.observers import Energies, Histogram, SiteMoments
from thermofab.sim.tempering import Ladder, temper


def random_trees(spec: FabricSpec, n_trees: int, seed: int) -> Image:
    """Trees grown at random from seeds at random, couplings between them at random; other sites are idle."""
    draw, n = np.random.default_rng(seed), spec.n_sites
    near, edges = spec.topology.neighbour_table[0], spec.topology.edges
    tree, parents = np.full(n, -1), np.full(n, -1)
    tree[draw.choice(n, n_trees, replace=False)] = np.arange(n_trees)
    for site in draw.integers(n, size=n).tolist():
        open_to = [j for j in near[site].tolist() if j >= 0 and tree[j] < 0]
        if tree[site] >= 0 and open_to:
            child = int(draw.choice(open_to))
            tree[child], parents[child] = tree[site], site
    ends = tree[edges]
    apart = (ends[:, 0] != ends[:, 1]) & (ends >= 0).all(axis=1)
    weights = np.where(apart & (draw.random(len(edges)) < 0.6), draw.integers(-40, 41, len(edges)), 0)
    # A colour per tree, in an order of its own, but for trees that nothing couples to the one before.
    order, last = draw.permutation(n_trees), 0
    colours = np.zeros(n_trees, dtype=int)
    coupled = {tuple(sorted(pair)) for pair in ends[weights != 0].tolist()}
    for k in range(1, n_trees):
        group = [order[m] for m in range(k) if colours[order[m]] == last]
        if any(tuple(sorted((int(order[k]), int(other)))) in coupled for other in group) or draw.random() < 0.5:
            last += 1
        colours[order[k]] = last
    clamps = np.full(n, -1)
    roots = np.flatnonzero((tree >= 0) & (parents < 0))
    clamps[roots[:2]] = [0, 1]
    return Image(
        spec,
        weights,
        np.where(tree >= 0, draw.integers(-50, 51, n), 0),
        np.stack([sigmoid_table(spec, 0.02, 2, beta) for beta in (1.0, 0.5, 0.25, 1.5)]),
        2,
        clamps,
        seed=seed,
        order=Order(np.where(tree >= 0, colours[tree], -1), parents),
    )


CASES = [
    (fabric("g8-8x8-torus", architecture="relay", tile=1), 14),
    (fabric("king-6x6", architecture="relay", tile=1, rng="xoshiro128+", profile="fine"), 9),
    (fabric("g4-5x7", architecture="relay", tile=1, rng="lfsr32"), 12),
    (fabric("complete-11", architecture="dense"), 11),
]
SCHEDULE = Schedule(2, 12, 2, anneal=((3, 2), (2, 1)))


@pytest.mark.parametrize("device", ["jax-xla", "native"])
@pytest.mark.parametrize("spec, trees", CASES, ids=[spec.topology.name for spec, _ in CASES])
def test_trees_have_the_bits_and_counts_of_the_reference(device, spec, trees):
    """Red if a part of a tree's field is lost, a root draws another site's words, or a relay lags behind its root."""
    if device == "native" and spec.rng == "xoshiro128+":
        device = "jax"
    image = random_trees(spec, trees, seed=trees)
    assert spec.architecture == "dense" or present(image.order).heights.max() > 1
    got, expected = (simulator(open_device(name, spec), "this test") for name in (device, "reference"))
    for one in (got, expected):
        one.load(image)
    a, b = (one.run(SCHEDULE, replicas=3) for one in (got, expected))
    assert np.array_equal(a.sites, b.sites)
    assert a.ledger.cycles == b.ledger.cycles > SCHEDULE.n_sweeps * present(image.order).n_colours
    counts = [one.accumulate(SCHEDULE, replicas=3) for one in (got, expected)]
    assert np.array_equal(counts[0].ones, counts[1].ones) and np.array_equal(counts[0].both, counts[1].both)
    assert np.array_equal(counts[1].ones, b.sites.sum(axis=1))
    ends = spec.topology.edges
    assert np.array_equal(counts[0].both, (b.sites[:, :, ends[:, 0]] & b.sites[:, :, ends[:, 1]]).sum(axis=1))
    watching = [SiteMoments(), Energies(), Histogram(sites=(0, 3, 7))]
    seen = [one.observe(SCHEDULE, watching, replicas=3).results for one in (got, expected)]
    assert np.array_equal(seen[0][0].both, seen[1][0].both) and np.array_equal(seen[0][2], seen[1][2])
    assert np.array_equal(seen[0][1].mean, seen[1][1].mean)


def test_every_site_of_a_tree_holds_one_state_and_idle_sites_keep_theirs():
    spec, trees = CASES[0]
    image = random_trees(spec, trees, seed=1)
    device = open_device("jax", spec)
    device.load(image)
    init = np.random.default_rng(0).random((4, spec.n_sites)) < 0.5
    states = device.run(SCHEDULE, replicas=4, init=init).sites
    assert np.array_equal(states, states[:, :, present(image.order).roots])
    idle = present(image.order).colours < 0
    assert idle.any() and np.array_equal(states[:, :, idle], np.repeat(init[:, None, idle], 12, axis=1))


@pytest.mark.parametrize("device", ["jax-xla", "native"])
def test_counts_of_a_fabric_all_of_whose_edges_carry_a_weight(device):
    """Every product is counted with its weight; none is made of states. Red if counts of roots are left out."""
    spec, n = fabric("complete-9", architecture="dense"), 9
    tables = np.stack([sigmoid_table(spec, 0.02, 2)] * spec.levels)
    image = Image(spec, np.full(n * (n - 1) // 2, 3), np.arange(-4, 5), tables, 2, np.full(n, -1), seed=5)
    got = simulator(open_device(device, spec), "this test")
    got.load(image)
    sites = got.run(SCHEDULE, replicas=3).sites
    counts = got.accumulate(SCHEDULE, replicas=3)
    i, j = spec.topology.edges.T
    assert np.array_equal(counts.ones, sites.sum(axis=1)) and counts.samples == sites.shape[1]
    assert np.array_equal(counts.both, (sites[:, :, i] & sites[:, :, j]).sum(axis=1))


def test_tempering_takes_trees():
    spec = fabric(CASES[0][0], levels=3)
    image = random_trees(CASES[0][0], 14, seed=3)
    ladder, tables = Ladder.of(spec, 0.02, 2, (1.0, 0.6, 0.3))
    made = Image(spec, image.weights, image.biases, tables, 2, image.clamps, 3, order=image.order)
    runs = []
    for name in ("jax", "native", "reference"):
        device = open_device(name, spec)
        device.load(made)
        runs.append(temper(device, ladder, rounds=6, sweeps=2, replicas=2))
    for run in runs[:2]:
        assert np.array_equal(run.states, runs[2].states) and np.array_equal(run.energies, runs[2].energies)


def test_clamps_are_of_roots():
    spec, trees = CASES[0]
    image = random_trees(spec, trees, seed=1)
    device = open_device("reference", spec)
    device.load(image)
    relay = int(np.flatnonzero(present(image.order).parents >= 0)[0])
    root = int(present(image.order).roots[relay])
    clamp = np.full(spec.n_sites, -1)
    clamp[relay] = 1
    with pytest.raises(SpecError, match=rf"^clamp names site {relay}, which is a relay of site {root}; clamp the root"):
        device.run(SCHEDULE, clamp=clamp)
    clamp[root] = 1
    states = device.run(SCHEDULE, clamp=clamp).sites
    assert states[:, :, present(image.order).roots == root].all()
    idle = int(np.flatnonzero(present(image.order).colours < 0)[0])
    with pytest.raises(SpecError, match=rf"^clamp names site {idle}, which is idle; clamp the root of a tree\.$"):
        device.run(SCHEDULE, clamp=np.where(np.arange(spec.n_sites) == idle, 1, -1))


def test_what_knows_no_order_says_so():
    spec = CASES[0][0]
    with pytest.raises(
        DeviceError, match=r"^a relay fabric is simulated by the roots of its images, which have no noi"
    ):
        open_device("jax-xla", spec, noise=NoiseModel(offset=0.1))
    with pytest.raises(UnsupportedError, match=r"^pure functions sweep in a topology's order, and on a relay fabric"):
        PureSampler(spec)
