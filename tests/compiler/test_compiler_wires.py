"""Wires and rooted reading: the compiled real-valued distribution equals the program's."""

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.compiler.compiler_cases import boltzmann, distribution_over_roots, laid_out, model_of, weighted
from thermofab.compiler.distributions.enumeration import log_weights, marginal, normalised, total_variation
from thermofab.compiler.ir.lowered import Lowered
from thermofab.compiler.ir.wires import atanh_exp, composite, log_tanh, wire_coupling
from thermofab.compiler.placement.subdivision import disjoint_wires
from thermofab.hw.spec import Exact, IsingModel


@pytest.mark.parametrize("couplings", [[0.7, -0.4], [1.3, 0.2, -2.0], [0.5] * 5])
def test_a_path_of_hidden_spins_is_one_coupling(couplings):
    n = len(couplings) + 1
    distribution = normalised(
        log_weights(n, np.zeros(n), np.array([(k, k + 1) for k in range(n - 1)]), np.array(couplings))
    )[0]
    ends = marginal(distribution, n, [0, n - 1])
    (j,) = composite(np.array(couplings), np.array([0]))
    assert np.tanh(j) == pytest.approx(np.prod(np.tanh(couplings)), rel=1e-12)
    assert 0.25 * np.log(ends[0] * ends[3] / (ends[1] * ends[2])) == pytest.approx(j, rel=1e-10)


@pytest.mark.parametrize("length", [1, 2, 3, 7])
@pytest.mark.parametrize("j", [1e-8, 0.01, 0.5, 3.0, 14.9, 15.1, 40.0])
def test_wire_coupling_inverts_the_composition(j, length):
    k = wire_coupling(np.array(j), np.array(length))
    (back,) = composite(np.full(length, float(k)), np.array([0]))
    assert back == pytest.approx(j, rel=1e-9)


def test_wire_coupling_is_continuous_where_the_asymptote_takes_over():
    near, far = wire_coupling(np.array([15.0, 15.0 + 1e-9]), np.array([4, 4]))
    assert far == pytest.approx(near, abs=1e-8)


def test_log_tanh_and_its_inverse():
    x = np.array([1e-9, 0.3, 2.0, 12.0])
    assert np.allclose(log_tanh(x), np.log(np.tanh(x)), rtol=1e-9, atol=1e-16)
    assert np.allclose(atanh_exp(log_tanh(x)), x, rtol=1e-6)
    assert log_tanh(np.zeros(1))[0] == -np.inf


# Fabrics whose degrees or planarity keep the graph from fitting directly, so that minorminer must make chains.
EMBEDDED = [
    (networkx.complete_graph(4), "g4-4x4"),
    (networkx.random_regular_graph(3, 6, seed=3), "chimera-1x1"),
    (networkx.random_regular_graph(3, 8, seed=1), "chimera-2x2"),
    (networkx.complete_graph(4), "chimera-1x1"),
    (networkx.wheel_graph(4), "g8-5x5"),
    (networkx.cycle_graph(5), "g8-5x5"),
    (networkx.cycle_graph(7), "g4-4x4"),
    (networkx.circular_ladder_graph(3), "g4-5x5"),
    (networkx.circular_ladder_graph(4), "king-5x5"),
]


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("graph, name", EMBEDDED)
def test_graphs_of_degree_three_compile_exactly(graph, name, seed):
    source = weighted(graph, seed)
    draft = laid_out(source, name, seed=seed)
    assert isinstance(draft.certificate, Exact)
    assert draft.layout.n_trunks == 0
    assert np.max(np.abs(distribution_over_roots(draft) - boltzmann(model_of(source)))) < 1e-9


def test_the_embedded_cases_do_have_copies():
    longest = [max(len(c) for c in laid_out(weighted(g, 0), name).layout.copies) for g, name in EMBEDDED]
    assert sum(length > 1 for length in longest) >= 6


@pytest.mark.parametrize("seed", range(4))
def test_clamped_nodes_are_exact_whatever_their_degree(seed):
    """A hub of degree 6 on a degree-4 fabric needs trunks as a free node, and none as a clamped one."""
    graph = weighted(networkx.star_graph(6), seed)
    graph.add_edge(1, 2, weight=0.5)
    graph.add_edge(3, 4, weight=-0.6)
    model = model_of(graph)
    draft = laid_out(Lowered(model, ((1, 2, 3, 4, 5, 6),), ((0,),)), "g4-5x5", seed=seed)
    assert isinstance(draft.certificate, Exact)
    assert len(draft.layout.copies[0]) > 1
    for value in (False, True):
        wanted = fab.exact(model, clamp={0: value}).probabilities
        assert np.max(np.abs(distribution_over_roots(draft, {0: value}) - wanted)) < 1e-9


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    "graph, name", [(networkx.complete_graph(5), "g8-6x6"), (networkx.octahedral_graph(), "g8-6x6")]
)
def test_nodes_of_four_edges_get_disjoint_wires(graph, name, seed):
    source = weighted(graph, seed)
    draft = laid_out(source, name)
    assert isinstance(draft.certificate, Exact)
    assert draft.layout.method.endswith("disjoint wires")
    assert np.max(np.abs(distribution_over_roots(draft) - boltzmann(model_of(source)))) < 1e-9


def test_disjoint_wires_keep_off_nodes_without_edges():
    graph = weighted(networkx.complete_graph(5), 0)
    graph.add_nodes_from(range(5, 15), bias=0.1)
    draft = laid_out(graph, "g8-6x6")
    assert draft.layout.method.endswith("disjoint wires")
    used = [site for sites in draft.layout.copies for site in sites]
    assert len(set(used)) == len(used)


def test_disjoint_wires_leave_clamped_nodes_their_one_site():
    """Inner sites of a wire to a clamped node stay free, or the wire would be shorter than it was made for."""
    model = model_of(weighted(networkx.complete_graph(5), 0))
    topology = fab.topology("g8-6x6")
    clamped = np.array([True, False, False, True, False])
    copies = laid_out(model, "g8-6x6").layout.copies
    edges = np.array([edge for edge in model.edges.tolist() if not clamped[edge].all()])
    layout = disjoint_wires(edges, clamped, copies, topology, "test")
    assert layout is not None
    assert len(layout.copies[0]) == len(layout.copies[3]) == 1
    assert layout.wire_lengths[clamped[edges].any(axis=1)].max() > 1


def test_disjoint_wires_need_roots_of_enough_neighbours():
    star = np.array([(0, k) for k in range(1, 6)])
    topology = fab.topology("g4-5x5")
    assert disjoint_wires(star, np.zeros(6, dtype=bool), [(k,) for k in range(6)], topology, "test") is None


def test_conditioning_a_free_node_on_its_root_is_exact():
    source = weighted(networkx.complete_graph(4), 5)
    draft = laid_out(source, "g4-4x4")
    joint = distribution_over_roots(draft).reshape((2,) * 4)
    given = joint[:, 1].reshape(-1) / joint[:, 1].sum()
    assert total_variation(given, fab.exact(source, clamp={1: True}).probabilities) < 1e-9


def test_strong_couplings_on_wires_stay_finite():
    """A triangle on a square: one node has two copies, and couplings of 30 saturate tanh in floating point."""
    triangle = np.array([(0, 1), (0, 2), (1, 2)])
    program = fab.compile(IsingModel((0, 1, 2), np.zeros(3), triangle, np.full(3, 30.0)), "g4-2x2")
    assert program.report.sites == 4
    assert np.all(program.image.weights > 0)
    assert program.report.quantisation.kl is not None and program.report.quantisation.kl < 0.01
