"""Factors: tables over three to six sites, in topologies, images and the contract."""

import networkx
import numpy as np
import pytest

from thermofab.hw.spec import FabricSpec, Image, Schedule, SpecError, Topology, fabric, open_device, topology
from thermofab.hw.spec.factors import differences, factor_addresses, factor_inputs

ROWS = ((0, 1, 2), (1, 2, 3, 4))


def square(factors, n=5):
    return Topology.from_networkx(networkx.path_graph(n), "path", factors)


@pytest.mark.parametrize(
    "factors, sentence",
    [
        ([(0, 1)], r"factor \(0, 1\) has 2 sites; a factor has 3 to 6\. Two sites are joined by an edge"),
        ([(0, 1, 1)], r"factor \(0, 1, 1\) names a site twice\."),
        ([(0, 1, 2), (2, 1, 0)], r"lists factor \(0, 1, 2\) twice; each factor stands once\."),
        ([(0, 1, 9)], r"factors name 9, which is not a node of the graph\."),
    ],
)
def test_malformed_factors_are_refused(factors, sentence):
    with pytest.raises(SpecError, match=sentence):
        square(factors)


def test_sites_out_of_range_and_colours_in_common_are_refused():
    with pytest.raises(SpecError, match=r"factor \(0, 1, 7\) has a site outside 0…2\."):
        Topology.from_edges("three", 3, [], factors=[(0, 1, 7)])
    with pytest.raises(SpecError, match=r"two sites of factor \(0, 1, 2\) share a colour; give each its own\."):
        Topology.from_edges("three", 3, [], colours=np.array([0, 1, 0]), factors=[(0, 1, 2)])


def test_factors_belong_to_graphs_and_to_fabrics_that_look_them_up():
    with pytest.raises(SpecError, match="factors are given with a networkx graph, as groups of its nodes"):
        fabric("g4-4x4", factors=[(0, 1, 2)])
    with pytest.raises(SpecError, match="a relay fabric couples pairs of sites only, and this topology has factors"):
        fabric(square(ROWS), architecture="relay")
    assert fabric(networkx.path_graph(5), factors=ROWS).topology == square(ROWS)


def test_a_factor_adds_what_its_table_gains_by_the_site():
    rng = np.random.default_rng(1)
    inputs, values = factor_inputs(ROWS), rng.integers(-9, 10, 8 + 16)
    added = differences(ROWS, values)
    for _ in range(50):
        states = rng.integers(0, 2, 5)
        m = int(rng.integers(len(inputs.sites)))
        up, down = states.copy(), states.copy()
        up[inputs.sites[m]], down[inputs.sites[m]] = 1, 0
        code = sum(states[other] << k for k, other in enumerate(inputs.others[m, : inputs.widths[m]]))
        f = inputs.factors[m]
        gain = values[factor_addresses(ROWS, up)[f]] - values[factor_addresses(ROWS, down)[f]]
        assert added[inputs.starts[m] + code] == gain


def test_images_and_fabrics_keep_their_factors_in_json():
    spec = fabric(square(ROWS))
    image = Image(spec, np.ones(4), np.zeros(5), np.full((4, 256), 2048), 0, np.full(5, -1), factors=np.arange(24) - 12)
    again = Image.from_json(image.to_json(), FabricSpec.from_json(spec.to_json()))
    assert again == image and np.array_equal(again.factors, image.factors)
    assert image.replace(factors=np.zeros(24)) != image
    assert square(ROWS) != square(ROWS[:1]) and square(()) == square([])
    with pytest.raises(SpecError, match=r"^factors must have shape \(24,\) for this fabric, got \(3,\)\.$"):
        image.replace(factors=np.zeros(3))
    with pytest.raises(SpecError, match=r"^factors must lie in -127…127 \(weight_bits=8\), got 300; rescale or widen"):
        image.replace(factors=np.full(24, 300))


def test_a_pair_written_as_a_factor_gives_the_bits_of_the_pair():
    """V = ½·w·s_i·s_j over three sites, the third idle, adds what an edge of weight w does."""
    weight, code = 10, np.arange(8)
    spins = 2 * (code[:, None] >> np.arange(3) & 1) - 1
    pair = fabric(Topology.from_edges("pair", 3, [(0, 1)], colours=np.array([0, 1, 2])))
    triple = fabric(Topology.from_edges("triple", 3, [], colours=np.array([0, 1, 2]), factors=[(0, 1, 2)]))
    tables, nothing, free = np.tile(np.linspace(40, 4000, 256).astype(int), (4, 1)), np.zeros(3), np.full(3, -1)
    samples = []
    for spec, weights, factors in ((pair, [weight], None), (triple, [], weight // 2 * spins[:, 0] * spins[:, 1])):
        device = open_device("reference", spec)
        device.load(Image(spec, np.array(weights), nothing, tables, 0, free, 3, factors))  # pyright: ignore[reportArgumentType]
        samples.append(device.run(Schedule(4, 300, 1), replicas=2, seed=9).sites)
    assert np.array_equal(*samples)


@pytest.mark.parametrize(
    "name, sites, order", [("pdit4-4x4-torus", 32, 4), ("pdit8-2x3", 18, 6), ("pdit4-3x3-torus", 18, 4)]
)
def test_pdit_grids(name, sites, order):
    top = topology(name)
    assert top.n_sites == sites and {len(row) for row in top.factors} == {order}
    assert topology("pdit4-6x8").n_colours == 4 and topology("pdit8-4x4-torus").n_colours == 6


def test_a_torus_of_two_cells_is_refused():
    with pytest.raises(SpecError, match="'pdit4-2x4-torus' is a torus of fewer than 3 cells along a side; take 3"):
        topology("pdit4-2x4-torus")
