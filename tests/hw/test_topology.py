"""Topologies: sizes, degrees and colourings of every family, and what is refused."""

import json

import networkx
import numpy as np
import pytest

from thermofab.hw.spec import (
    FAMILIES,
    GRID_RULES,
    FabricSpec,
    Lattice,
    LatticeRule,
    SpecError,
    Topology,
    fabric,
    generator,
    grid,
    topology,
)
from thermofab.hw.spec.colouring import (
    _dsatur,
    _two_colouring,
    _two_colouring_by_fronts,
    graph_colouring,
    unique_pairs,
)
from thermofab.hw.spec.dense import dense_plan
from thermofab.sim.conformance import families, random_topology


@pytest.mark.parametrize("family", families())
def test_every_family_is_properly_coloured_and_survives_json(family):
    rng = np.random.default_rng(0)
    for _ in range(5):
        made = random_topology(rng, family)
        i, j = made.edges.T
        assert np.all(made.colours[i] != made.colours[j])
        again = Topology.from_json(made.to_json())
        assert again == made and hash(again) == hash(made) and again.digest == made.digest
        near, edges = made.neighbour_table
        assert np.array_equal((near >= 0).sum(axis=1), made.degrees)
        for site in range(made.n_sites):
            assert all(made.edge_index[site, n] == e for n, e in zip(near[site], edges[site]) if n >= 0)


@pytest.mark.parametrize("name", GRID_RULES)
def test_grid_torus_has_four_neighbours_per_rule(name):
    rules = GRID_RULES[name]
    made = topology(f"{name}-32x32-torus")
    assert set(made.degrees.tolist()) == {4 * len(rules)}
    if all((a + b) % 2 for a, b in rules):
        assert made.n_colours == 2


def test_grids_named_by_their_degree_have_it():
    assert {name: 4 * len(GRID_RULES[name]) for name in ("g4", "g8", "g12", "g16", "g20", "g24", "z1")} == {
        "g4": 4, "g8": 8, "g12": 12, "g16": 16, "g20": 20, "g24": 24, "z1": 16,
    }  # fmt: skip


def test_grid_rule_couples_the_four_rotations():
    """Rule (a, b): (x, y) to (x+a, y+b), (x-b, y+a), (x-a, y-b), (x+b, y-a)."""
    made = grid([(4, 1)], 20, 20)
    x, y = 10, 9
    near = {(site % 20, site // 20) for site in made.neighbour_table[0][y * 20 + x].tolist() if site >= 0}
    assert near == {(x + 4, y + 1), (x - 1, y + 4), (x - 4, y - 1), (x + 1, y - 4)}


def test_reference_fabric_of_the_literature():
    made = topology("g12-70x70-torus")
    assert (made.n_sites, made.n_edges, made.n_colours) == (4900, 29400, 2)


@pytest.mark.parametrize(
    "name, sites, edges, colours",
    [
        ("king-8x8", 64, 210, 4),
        ("chimera-2", 32, 80, 2),
        ("cubic-4x4x4-torus", 64, 192, 2),
        ("complete-16", 16, 120, 16),
        ("pegasus-2", 40, 164, 4),
        ("zephyr-1", 48, 280, 4),
        ("king-6x6-torus", 36, 144, 4),
        ("king-5x5-torus", 25, 100, 5),
    ],
)
def test_known_sizes(name, sites, edges, colours):
    made = topology(name)
    assert (made.n_sites, made.n_edges, made.n_colours) == (sites, edges, colours)


def test_lattices_equal_networkx():
    grid_graph = networkx.grid_2d_graph(5, 7)
    assert networkx.is_isomorphic(topology("g4-5x7").to_networkx(), grid_graph)
    torus = networkx.grid_2d_graph(4, 6, periodic=True)
    assert networkx.is_isomorphic(topology("g4-4x6-torus").to_networkx(), torus)


def test_chimera_equals_dwave_graphs():
    import dwave.graphs

    assert networkx.is_isomorphic(topology("chimera-2x3").to_networkx(), dwave.graphs.chimera_graph(2, 3))


def test_bipartite_graphs_get_two_colours_and_odd_cycles_three():
    assert Topology.from_networkx(networkx.random_labeled_tree(30, seed=1)).n_colours == 2
    assert Topology.from_networkx(networkx.cycle_graph(7)).n_colours == 3


def _large_graphs():
    """Ones that a search by fronts colours, and ones that it must leave to the search site by site."""
    lattice = networkx.grid_2d_graph(110, 100)
    apart = networkx.disjoint_union(lattice, networkx.empty_graph(40))
    islands = networkx.disjoint_union(networkx.grid_2d_graph(80, 70), networkx.grid_2d_graph(90, 80))
    odd = networkx.grid_2d_graph(110, 100)
    odd.add_edge((0, 0), (1, 1))
    path = networkx.path_graph(12_000)
    pairs = networkx.Graph([(2 * k, 2 * k + 1) for k in range(6_000)])
    return {
        "lattice": lattice, "lonely sites": apart, "islands": islands, "odd cycle": odd, "path": path, "pairs": pairs,
    }  # fmt: skip


@pytest.mark.parametrize("name", _large_graphs())
def test_large_graphs_are_coloured_as_small_ones_are(name):
    graph = networkx.convert_node_labels_to_integers(_large_graphs()[name])
    edges = unique_pairs(np.sort(np.array(graph.edges), axis=1), len(graph))
    near = [sorted(graph[k]) for k in range(len(graph))]
    two = _two_colouring(near)
    fronts = _two_colouring_by_fronts(len(graph), edges)
    found = graph_colouring(len(graph), edges)
    assert (two is None) == (name == "odd cycle")
    assert (fronts is None) == (name in ("odd cycle", "path", "pairs"))
    assert np.array_equal(found, _dsatur(near) if two is None else two)


def test_different_pairs_are_those_of_numpy():
    pairs = np.random.default_rng(0).integers(0, 30, (500, 2)).astype(np.int32)
    found = unique_pairs(pairs, 30)
    assert found.dtype == np.int32 and np.array_equal(found, np.unique(pairs, axis=0))
    assert unique_pairs(pairs[:0], 30).shape == (0, 2)


def test_networkx_labels_and_positions_are_kept():
    graph = networkx.Graph([("a", "b"), ("b", ("c", 1))])
    made = Topology.from_networkx(graph, "line")
    assert made.labels == ("a", "b", ("c", 1))
    assert Topology.from_json(made.to_json()).labels == made.labels


def sites(n):
    """No edges, colours and coordinates of ``n`` sites, no two of one colour."""
    return np.zeros((0, 2), int), np.arange(n), np.zeros((n, 2))


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: topology("g5-4x4"), r"^unknown topology family 'g5' in 'g5-4x4'; known are g4, g8,"),
        (lambda: topology("g4-4by4"), r"^'g4-4by4' is not FAMILY-SIZE or FAMILY-SIZE-torus, as in"),
        (lambda: topology("pegasus-2-torus"), r"^'pegasus-2-torus' has no torus form; leave '-torus' out\.$"),
        (lambda: topology("complete-2x2"), r"^'complete-2x2' takes one size, as in 'complete-4'\.$"),
        (lambda: topology("g4-2x2-torus"), r"^a torus of size 2x2 is too small for this rule: two bonds wrap"),
        (lambda: topology("g4-0x3"), r"^every extent of a lattice is at least 1, got size \(0, 3\)\.$"),
        (lambda: topology("cubic-3x3"), r"^the rule has 3 dimensions but the size \(3, 3\) has 2\.$"),
        (lambda: Topology.from_networkx(networkx.DiGraph([(0, 1)])), r"^a fabric topology is a simple undirected"),
        (lambda: Topology.from_networkx(networkx.Graph([(0, 0)])), r"site 0 is coupled to itself; remove"),
        (lambda: Topology.from_edges("twice", 3, [(0, 1), (1, 0)]), r"^topology 'twice' lists an edge twice"),
        (lambda: Topology.from_edges("far", 3, [(0, 3)]), r"has an edge to a site outside 0…2\.$"),
        (
            lambda: Topology.from_edges("clash", 2, [(0, 1)], colours=np.array([0, 0])),
            r"coupled sites 0 and 1 share colour 0; sites of one colour update together, so they must not be",
        ),
        (lambda: Topology("none", *sites(0)), r"^topology 'none' has no sites; it needs at least one\.$"),
        (
            lambda: Topology("drawn", np.array([[0, 1]]), np.array([0, 1]), np.zeros((3, 2))),
            r"^topology 'drawn' has 2 sites but 3 coordinates\.$",
        ),
        (
            lambda: Topology("back", np.array([[0, 1], [2, 1]]), *sites(3)[1:]),
            r"^topology 'back': edge \(2, 1\) is not written with the smaller site first\.$",
        ),
        (lambda: Topology("loop", np.array([[1, 1]]), *sites(2)[1:]), r"^topology 'loop': edge \(1, 1\) is not"),
        (
            lambda: Topology("unsorted", np.array([[1, 2], [0, 1]]), *sites(3)[1:]),
            r"^topology 'unsorted': edges must be sorted\.$",
        ),
        (
            lambda: Topology.from_edges("gap", 2, [(0, 1)], colours=np.array([0, 2])),
            r"^topology 'gap': colours must be 0…C-1 with every colour used\.$",
        ),
        (lambda: LatticeRule(0, ()), r"^a lattice cell has at least one site, got 0\.$"),
        (lambda: LatticeRule(1, ()), r"^a lattice rule needs at least one bond, got none\.$"),
        (
            lambda: LatticeRule(1, ((0, 0, (0, 1)), (0, 0, (1,)))),
            r"^all bond offsets must have the same length, got lengths \[1, 2\]\.$",
        ),
        (
            lambda: LatticeRule(2, ((0, 2, (1,)),)),
            r"^bond \(0, 2, \(1,\)\) names a site outside the cell of 2 sites\.$",
        ),
        (lambda: LatticeRule(1, ((0, 0, (0, 0)),)), r"^bond \(0, 0, \(0, 0\)\) joins a site to itself\.$"),
        (
            lambda: LatticeRule(2, ((0, 1, (1,)), (1, 0, (-1,)))),
            r"^bond \(1, 0, \(-1,\)\) is written twice; write each bond once\.$",
        ),
        (lambda: fabric("g4-4x4", word_bits=24), r"^word_bits must be 16 or 32, got 24\.$"),
        (
            lambda: dense_plan(fabric(topology("g4-1000x1000"), architecture="dense", elements=1)),
            r"^1000000 rows of 1000000 parts are more than the \d+ that a dense fabric addresses; add more weights in "
            r"a clock, elements=\d+ or more\.$",
        ),
        (lambda: generator("mt19937"), r"^unknown random number generator 'mt19937'; known are .*xoshiro128\+\.$"),
        (lambda: fabric(3.5), r"^cannot make a fabric from float; give a name, a Topology or a networkx graph\.$"),
        (lambda: fabric("g4-4x4", weight_bit=6), r"^unknown fabric parameter 'weight_bit'; known are weight_bits,"),
        (lambda: fabric("g4-4x4", weight_bits=1), r"^weight_bits must be an integer from 2 to 16, got 1\.$"),
        (
            lambda: fabric("g4-4x4", threshold_bits=14),
            r"^threshold_bits \+ dither_bits = 18 exceed the 16 random bits of an update; dither and threshold must",
        ),
        (lambda: fabric("g4-4x4", profile="fien"), r"^unknown profile 'fien'; known are default, fine\.$"),
        (lambda: fabric("g4-4x4", architecture="analog"), r"^unknown architecture 'analog'; known are spatial"),
    ],
)
def test_bad_topologies_and_fabrics_are_refused(call, sentence):
    with pytest.raises(SpecError, match=sentence):
        call()


def test_a_changed_file_is_refused():
    data = topology("g4-3x3").to_json()
    data["lattice"]["size"] = [3, 4]
    with pytest.raises(SpecError, match=r"^topology 'g4-3x3' does not match its digest [0-9a-f]{12}…; the file was"):
        Topology.from_json(data)


def test_labels_that_json_has_not_are_refused_and_numbers_of_numpy_become_plain_ones():
    """Red if a number of numpy is refused, or written as its text."""
    graph = networkx.Graph([(np.int64(3), np.float32(0.5))])
    again = Topology.from_json(json.loads(json.dumps(Topology.from_networkx(graph, "pair").to_json())))
    assert again.labels == (3, 0.5)
    odd = Topology.from_networkx(networkx.Graph([(b"a", "b")]), "bytes")
    with pytest.raises(SpecError, match=r"^label b'a' cannot be written as JSON; use strings, numbers or tuples as"):
        odd.to_json()


def test_a_chain_is_drawn_in_the_plane():
    chain = Lattice(LatticeRule(1, ((0, 0, (1,)),)), (4,))
    assert chain.coordinates().tolist() == [[0, 0], [1, 0], [2, 0], [3, 0]]


def test_a_topology_prints_its_size():
    assert repr(topology("g4-2x2")) == "Topology('g4-2x2', 4 sites, 4 edges, 2 colours)"
    assert repr(topology("pdit4-2x2")) == "Topology('pdit4-2x2', 8 sites, 4 edges, 4 factors, 4 colours)"


def test_profiles_are_widths():
    """Red if a profile's widths change, or override a field given beside it."""
    fine = fabric("g4-4x4", profile="fine")
    assert (fine.word_bits, fine.threshold_bits, fine.dither_bits) == (32, 24, 8)
    assert fabric("g4-4x4", profile="fine", threshold_bits=16).threshold_bits == 16
    assert fabric(fine, profile="default") == fabric("g4-4x4") == fabric("g4-4x4", profile=None)


def test_digest_covers_the_bits_and_nothing_else():
    one = fabric("g4-4x4")
    assert one.digest == fabric("g4-4x4", architecture="systolic").digest
    assert one.digest != fabric("g4-4x4", weight_bits=7).digest != fabric("g4-4x4-torus", weight_bits=7).digest
    assert FabricSpec.from_json(one.to_json()) == one
    changed = one.to_json() | {"weight_bits": 6}
    with pytest.raises(SpecError, match=r"^the fabric does not match its digest"):
        FabricSpec.from_json(changed)


def test_conformance_draws_sizes_in_which_every_bond_of_a_new_family_fits(monkeypatch):
    """Red if sizes do not follow the rule: the bonds of a long rule would be in none of them."""
    rule = LatticeRule(1, ((0, 0, (0, 0, 1)), (0, 0, (0, 3, 1)), (0, 0, (2, 0, 0))))

    def build(name, size, torus):
        return Topology.from_lattice(name, Lattice(rule, size * 3 if len(size) == 1 else size, torus))

    monkeypatch.setitem(FAMILIES, "long", build)
    for seed in range(10):
        drawn = random_topology(np.random.default_rng(seed), "long")
        assert drawn.lattice is not None
        apart = np.diff(np.stack(np.unravel_index(drawn.edges, drawn.lattice.size), axis=-1), axis=1)[:, 0]
        assert {(0, 0, 1), (0, 3, 1), (2, 0, 0)} <= {tuple(step) for step in apart.tolist()}
