"""Scale and quantise: the predicted error against the enumerated one, the search, and its corners."""

import networkx
import numpy as np
import pytest
from compiler_cases import boltzmann, laid_out, model_of, weighted

import thermofab as fab
from thermofab.compiler.certify.enumeration import kl
from thermofab.compiler.passes.rounding import round_layout
from thermofab.compiler.passes.scale_and_quantise import ScaleAndQuantise, best_shift, pair_kl
from thermofab.hw.spec import IsingModel, sigmoid_table


def integer_boltzmann(program):
    """The Boltzmann law of the rounded couplings, for programs of one site a node."""
    step = program.report.quantisation.step
    index = program.fabric.topology.edge_index
    sites = program.roots.tolist()
    couplings = [step * program.image.weights[index[sites[i], sites[j]]] for i, j in program.model.edges.tolist()]
    biases = step * program.image.biases[program.roots]
    return boltzmann(IsingModel(program.model.nodes, biases, program.model.edges, couplings))


@pytest.mark.parametrize("bits", [4, 5, 6, 8])
@pytest.mark.parametrize("seed", range(4))
def test_predicted_kl_tracks_the_true_kl(bits, seed):
    source = weighted(networkx.random_regular_graph(4, 8, seed=seed), seed, coupling=0.5)
    program = fab.compile(source, fab.fabric(source, weight_bits=bits))
    true = kl(boltzmann(model_of(source)), integer_boltzmann(program))
    assert program.report.quantisation.predicted_kl == pytest.approx(true, rel=0.25, abs=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_with_a_fine_table_rounding_is_all_there_is(seed):
    source = weighted(networkx.random_regular_graph(3, 8, seed=seed), seed, coupling=0.5)
    spec = fab.fabric(source, weight_bits=5, profile="fine", table_bits=12)
    quantisation = fab.compile(source, spec).report.quantisation
    assert quantisation.kl == pytest.approx(quantisation.predicted_kl, rel=0.25)


def test_more_bits_are_never_much_worse():
    source = weighted(networkx.random_regular_graph(3, 10, seed=1), 1)
    errors = [
        fab.compile(source, fab.fabric(source, weight_bits=bits, profile="fine")).report.quantisation.kl
        for bits in (3, 5, 7, 9)
    ]
    assert all(better < worse / 3 for worse, better in zip(errors, errors[1:]))


def test_equal_couplings_are_represented_exactly():
    graph = networkx.cycle_graph(8)
    networkx.set_edge_attributes(graph, 0.37, "weight")
    quantisation = fab.compile(graph, "g4-3x3").report.quantisation
    assert quantisation.max_error == pytest.approx(0.0, abs=1e-12)
    assert quantisation.predicted_kl == pytest.approx(0.0, abs=1e-12)


def test_one_strong_coupling_does_not_take_the_resolution_of_the_rest():
    """Scaled by its largest weight this model keeps 127/60 units for couplings of 0.3; cutting the 60 costs nothing."""
    rng = np.random.default_rng(0)
    edges = [(k, k + 1) for k in range(9)]
    couplings = np.append(60.0, 0.3 * rng.normal(size=8))
    program = fab.compile(IsingModel(tuple(range(10)), np.zeros(10), edges, couplings), "g4-1x10")
    quantisation = program.report.quantisation
    assert quantisation.saturated == 1
    assert quantisation.step < 60 / 127 / 4
    assert quantisation.kl < 1e-3


def test_a_model_without_couplings_compiles():
    program = fab.compile(IsingModel((0, 1), [0.0, 0.0], np.zeros((0, 2)), []), "g4-1x2")
    assert program.report.end_to_end_tv == pytest.approx(0.0, abs=1e-12)


def test_biases_alone_are_within_a_unit_of_the_table():
    program = fab.compile(IsingModel((0, 1), [1.5, -0.2], np.zeros((0, 2)), []), "g4-1x2")
    assert program.report.end_to_end_tv < 2e-3


@pytest.mark.parametrize("beta_levels", [(1.0,), (1.0, 0.5, 0.1), (0.25, 0.5, 1.0, 2.0)])
def test_levels_hold_the_tables_of_their_beta(beta_levels):
    spec = fab.fabric("g4-2x2")
    program = fab.compile(weighted(networkx.cycle_graph(4), 0), spec, beta_levels=beta_levels)
    q = program.report.quantisation
    for level in range(spec.levels):
        beta = beta_levels[min(level, len(beta_levels) - 1)]
        assert np.array_equal(program.image.tables[level], sigmoid_table(spec, q.step, q.shift, beta))


def test_the_table_reaches_where_the_sigmoid_is_flat():
    for seed in range(6):
        source = weighted(networkx.random_regular_graph(4, 12, seed=seed), seed, coupling=0.5 + seed)
        program = fab.compile(source, fab.fabric(source), verify=False)
        spec, q = program.fabric, program.report.quantisation
        reach = np.abs(program.image.biases)
        np.add.at(reach, spec.topology.edges.reshape(-1), np.repeat(np.abs(program.image.weights), 2))
        end = spec.table_size / 2 * 2**q.shift
        assert reach.max() <= end or 2 * q.step * end > np.log(2**spec.threshold_bits) - 1


def test_best_shift_trades_spacing_against_reach():
    spec = fab.fabric("g4-2x2")
    assert best_shift(spec, 0.1, np.full(4, 100.0), 1.0)[0] == 0
    assert best_shift(spec, 0.005, np.full(4, 1000.0), 1.0)[0] == 3
    assert best_shift(spec, 0.005, np.full(4, 100.0), 1.0)[0] == 0
    fixed = fab.fabric("g4-2x2", min_shift=4)
    assert best_shift(fixed, 0.1, np.full(4, 100.0), 1.0)[0] == 4


@pytest.mark.parametrize("j", [0.05, 0.4, 1.5, 6.0])
def test_wires_round_better_than_their_segments(j):
    """Rounding up only some segments of a wire: the composite is within the change of one segment by one unit."""
    triangle = np.array([(0, 1), (0, 2), (1, 2)])
    draft = laid_out(IsingModel((0, 1, 2), np.zeros(3), triangle, [j, j, -j]), "g4-3x3")
    step = 0.06
    segments = draft.layout.segment_couplings(draft.couplings)
    rounded = round_layout(draft.layout, segments, draft.biases, step, draft.fabric)
    long = draft.layout.wire_lengths > 1
    assert np.any(long)
    assert np.all(np.sign(rounded.couplings) == np.sign(draft.couplings))
    alike = np.round(np.abs(segments) / step) * step
    whole = [np.arctanh(np.prod(np.tanh(alike[draft.layout.wire_of == m]))) for m in range(3)]
    assert np.all(np.abs(np.abs(rounded.couplings) - j)[long] <= np.abs(np.array(whole) - j)[long] + 1e-9)


def test_pair_kl_against_enumeration():
    p, q = (np.array([np.exp(j), np.exp(-j)]) for j in (0.8, 0.5))
    assert pair_kl(np.array(0.8), np.array(0.5)) == pytest.approx(kl(p / p.sum(), q / q.sum()))


def test_large_programs_are_predicted_term_by_term():
    source = weighted(networkx.random_regular_graph(3, 30, seed=0), 0, coupling=0.4)
    draft = ScaleAndQuantise()(laid_out(source, "z1-10x10"))
    assert draft.log[-1][1].find("(terms taken apart)") > 0
    assert 0 < draft.integers.quantisation.predicted_kl < 0.05


@pytest.mark.parametrize("widths", [{"profile": "fine"}, {}, {"table_bits": 4}, {"table_bits": 6, "dither_bits": 0}])
def test_wide_weights_over_a_short_table_take_a_larger_step(widths):
    """At the smallest step of 16-bit weights σ would be cut off at the end of the table."""
    graph = networkx.path_graph(4)
    networkx.set_node_attributes(graph, {0: 0.5, 1: -0.6, 2: 0.7, 3: -0.8}, "bias")
    networkx.set_edge_attributes(graph, 0.7, "weight")
    program = fab.compile(graph, fab.fabric("g4-2x2", weight_bits=16, bias_bits=16, **widths))
    assert program.report.end_to_end_tv is not None and program.report.end_to_end_tv < 0.05
