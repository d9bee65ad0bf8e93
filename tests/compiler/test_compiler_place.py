"""Placement: direct correspondences, the search, embeddings, and what is refused."""

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.compiler.compiler_cases import weighted
from tests.present import present
from thermofab.compiler.placement.isomorphism import isomorphism
from thermofab.compiler.placement.monomorphism import monomorphism
from thermofab.hw.spec import CompileError, Exact, IsingModel, Topology


def chain(nodes, weight=0.5):
    edges = np.array([(k, k + 1) for k in range(len(nodes) - 1)])
    return IsingModel(tuple(nodes), np.zeros(len(nodes)), edges, np.full(len(edges), weight))


def test_a_fabric_of_the_same_graph_is_matched_by_label():
    graph = weighted(networkx.petersen_graph(), 0)
    shuffled = networkx.Graph()
    shuffled.add_nodes_from([7, 3, 9, 1, 0, 2, 4, 5, 6, 8])
    shuffled.add_edges_from(graph.edges)
    program = fab.compile(graph, fab.fabric(shuffled))
    assert program.report.placement == "same labels"
    assert [present(program.fabric.topology.labels)[site] for site in program.roots] == list(graph.nodes)


def test_lattice_positions_are_matched():
    graph = networkx.grid_2d_graph(3, 4)
    networkx.set_edge_attributes(graph, dict.fromkeys(graph.edges, 0.3), "weight")
    program = fab.compile(graph, "g4-5x6")
    assert program.report.placement == "same positions"
    assert program.roots.tolist() == [row * 6 + column for row, column in graph.nodes]


def test_every_edge_lands_on_its_fabric_edge():
    rng = np.random.default_rng(0)
    edges = fab.topology("g8-6x6").edges
    model = IsingModel(tuple(range(36)), np.zeros(36), edges, rng.normal(size=len(edges)))
    program = fab.compile(model, "g8-6x6")
    assert program.report.placement == "same index"
    step = program.report.quantisation.step
    saturated = np.abs(program.image.weights) == np.abs(program.image.weights).max()
    assert np.all(saturated | (np.abs(program.image.weights * step - model.couplings) <= step / 2 + 1e-12))


@pytest.mark.parametrize("seed", range(5))
def test_the_search_finds_a_hidden_copy_of_the_fabric(seed):
    topology = fab.topology("king-4x4")
    order = np.random.default_rng(seed).permutation(16)
    edges = np.array([sorted((order[i], order[j])) for i, j in topology.edges.tolist()])
    sites = monomorphism(16, edges, topology, 200_000)
    assert sites is not None and len(set(sites)) == 16
    for i, j in edges.tolist():
        assert (sites[i], sites[j]) in topology.edge_index


@pytest.mark.parametrize(
    "name", ["g12-70x70-torus", "g12-20x20", "king-20x20", "chimera-6x6", "z1-16x16", "complete-9", "cubic-4x4x4-torus"]
)
def test_a_program_that_fills_the_fabric_in_another_order_is_recognised(name):
    topology = fab.topology(name)
    order = np.random.default_rng(1).permutation(topology.n_sites)
    edges = np.sort(order[topology.edges], axis=1)
    edges = edges[np.lexsort((edges[:, 1], edges[:, 0]))]
    sites = isomorphism(topology.n_sites, edges, topology)
    assert sites is not None and len(set(sites.tolist())) == topology.n_sites
    assert all(tuple(sites[edge]) in topology.edge_index for edge in edges)


def test_isomorphism_tells_regular_graphs_apart():
    """Two 3-regular graphs of six nodes, which plain refinement cannot tell apart."""
    prism, bipartite = networkx.circular_ladder_graph(3), networkx.complete_bipartite_graph(3, 3)
    topology = Topology.from_networkx(bipartite)
    assert isomorphism(6, np.array([sorted(edge) for edge in prism.edges]), topology) is None
    assert isomorphism(6, np.array([sorted(edge) for edge in bipartite.edges]), topology) is not None


def test_more_edges_than_the_fabric_has_are_refused_at_once():
    with pytest.raises(CompileError, match=r"^no embedding of the program's 9 nodes and 36 edges into g4-3x3"):
        fab.compile(weighted(networkx.complete_graph(9), 0), "g4-3x3", tolerance=0.5)


def test_the_search_agrees_with_networkx_on_whether_there_is_one():
    topology = fab.topology("king-3x3")
    host = topology.to_networkx()
    outcomes = set()
    for seed in range(30):
        graph = networkx.gnm_random_graph(6, 8 + seed % 5, seed=seed)
        edges = np.array(sorted(tuple(sorted(edge)) for edge in graph.edges))
        there = networkx.isomorphism.GraphMatcher(host, graph).subgraph_is_monomorphic()
        assert (monomorphism(6, edges, topology, 10**6) is not None) == there
        outcomes.add(there)
    assert outcomes == {True, False}


def test_the_search_gives_up_after_its_budget():
    edges = np.array(networkx.complete_graph(5).edges)
    assert monomorphism(5, edges, fab.topology("z1-12x12"), 50) is None


def test_isolated_nodes_are_placed_too():
    graph = weighted(networkx.complete_graph(4), 0)
    graph.add_nodes_from([10, 11], bias=0.7)
    program = fab.compile(graph, "g4-4x4")
    assert isinstance(program.report.certificate, Exact)
    assert program.report.longest_copy > 1
    assert len(program.copies[4]) == len(program.copies[5]) == 1
    assert np.all(program.image.biases[program.roots[4:]] > 0)


def test_given_copies_are_used():
    program = fab.compile(chain("ab"), "g4-1x4", copies=[(0,), (1, 2, 3)])
    assert program.copies == ((0,), (1,))
    program = fab.compile(chain("ab"), "g4-1x4", copies=[(0, 1), (2, 3)])
    assert program.copies == ((1,), (2,)), "copies that carry nothing are left out"


@pytest.mark.parametrize(
    "copies, sentence",
    [
        ([(0,)], r"^copies must list at least one site for each of the 2 nodes, got 1 lists\.$"),
        ([(0,), (9,)], r"^copies must name sites 0…3 of g4-1x4\.$"),
        ([(0, 1), (1,)], r"^copies give site 1 to two nodes; every site stands for one node at most\.$"),
        (
            [(0,), (2,)],
            r"^no fabric edge of g4-1x4 joins the copies of nodes 0 and 1, which are coupled; extend their copies "
            r"until they touch\.$",
        ),
        (
            [(0, 3), (2,)],
            r"^the copies of node 0, \(0, 3\), are not connected on g4-1x4; add the sites between them\.$",
        ),
    ],
)
def test_bad_copies_are_refused(copies, sentence):
    with pytest.raises(CompileError, match=sentence):
        fab.compile(chain("ab"), "g4-1x4", copies=copies)


def test_too_large_a_program_is_refused():
    with pytest.raises(
        CompileError,
        match=r"^the program has 5 nodes and the fabric g4-2x2 only 4 sites; take a fabric of at least 5 sites\.$",
    ):
        fab.compile(chain(range(5)), "g4-2x2")


def test_no_embedding_is_refused():
    """A larger king's graph holds any program, so a larger one is what to take."""
    with pytest.raises(
        CompileError,
        match=r"^no embedding of the program's 9 nodes and 36 edges into king-6x4 \(24 sites, 68 edges\) was found in "
        r"4 tries\. Take a larger or better connected fabric, another seed, or pass copies= with an embedding of "
        r"your own\.$",
    ):
        fab.compile(weighted(networkx.complete_graph(9), 0), "king-6x4", tolerance=1.0)


def test_a_disconnected_fabric_is_named():
    parts = networkx.disjoint_union_all([networkx.path_graph(3)] * 3)
    with pytest.raises(
        CompileError,
        match=r"^no embedding of the program's 4 nodes and 3 edges into parts \(9 sites, 6 edges\) was found in "
        r"4 tries\. The fabric is disconnected: its largest connected part has 3 of 9 sites\. Take a larger",
    ):
        fab.compile(chain(range(4)), fab.fabric(Topology.from_networkx(parts, "parts")))


def test_a_disconnected_program_fits_a_disconnected_fabric():
    parts = networkx.disjoint_union_all([networkx.path_graph(3)] * 3)
    graph = weighted(networkx.disjoint_union_all([networkx.path_graph(3), networkx.path_graph(2)]), 0)
    graph = networkx.relabel_nodes(graph, {k: f"n{k}" for k in graph})
    program = fab.compile(graph, fab.fabric(parts))
    assert isinstance(program.report.certificate, Exact)
