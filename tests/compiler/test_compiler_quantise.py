"""Scale and quantise: the predicted error against the enumerated one, the search, and its corners."""

from typing import Any

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.compiler.compiler_cases import boltzmann, laid_out, model_of, paired, weighted
from tests.present import present
from thermofab.compiler.distributions.enumeration import kl
from thermofab.compiler.distributions.gibbs import gibbs_states
from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.stages import Source
from thermofab.compiler.ir.wires import composite
from thermofab.compiler.passes.place import Place
from thermofab.compiler.passes.root_and_wire import RootAndWire
from thermofab.compiler.passes.scale_and_quantise import ScaleAndQuantise, best_shift
from thermofab.compiler.quantisation.model_error import ModelError, pair_kl
from thermofab.compiler.quantisation.rounding import round_layout
from thermofab.hw.spec import CompileError, IsingModel, RefusedError, sigmoid_table


def integer_boltzmann(program):
    """The Boltzmann distribution of the rounded couplings, for programs of one site per node."""
    step = program.report.quantisation.step
    index = program.fabric.topology.edge_index
    sites = program.roots.tolist()
    pairs = program.model.edges.tolist()
    couplings = np.array([step * program.image.weights[index[sites[i], sites[j]]] for i, j in pairs])
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
        present(fab.compile(source, fab.fabric(source, weight_bits=bits, profile="fine")).report.quantisation.kl)
        for bits in (3, 5, 7, 9)
    ]
    assert all(better < worse / 3 for worse, better in zip(errors, errors[1:]))


def test_equal_couplings_are_represented_exactly():
    graph = networkx.cycle_graph(8)
    networkx.set_edge_attributes(graph, dict.fromkeys(graph.edges, 0.37), "weight")
    quantisation = fab.compile(graph, "g4-3x3").report.quantisation
    assert quantisation.max_error == pytest.approx(0.0, abs=1e-12)
    assert quantisation.predicted_kl == pytest.approx(0.0, abs=1e-12)


def test_one_strong_coupling_does_not_take_the_resolution_of_the_rest():
    """Scaled by its largest weight this model keeps 127/60 units for couplings of 0.3; cutting the 60 costs nothing."""
    rng = np.random.default_rng(0)
    edges = np.array([(k, k + 1) for k in range(9)])
    couplings = np.append(60.0, 0.3 * rng.normal(size=8))
    program = fab.compile(IsingModel(tuple(range(10)), np.zeros(10), edges, couplings), "g4-1x10")
    quantisation = program.report.quantisation
    assert quantisation.saturated == 1
    assert quantisation.step < 60 / 127 / 4
    assert present(quantisation.kl) < 1e-3


def test_a_model_without_couplings_compiles():
    program = fab.compile(IsingModel((0, 1), np.zeros(2), np.zeros((0, 2)), np.zeros(0)), "g4-1x2")
    assert program.report.end_to_end_tv == pytest.approx(0.0, abs=1e-12)


def test_biases_alone_are_within_a_unit_of_the_table():
    program = fab.compile(IsingModel((0, 1), np.array([1.5, -0.2]), np.zeros((0, 2)), np.zeros(0)), "g4-1x2")
    assert present(program.report.end_to_end_tv) < 2e-3


@pytest.mark.parametrize("beta_levels", [(1.0,), (1.0, 0.5, 0.1), (0.25, 0.5, 1.0, 2.0)])
def test_levels_hold_the_tables_of_their_beta(beta_levels):
    spec = fab.fabric("g4-2x2")
    program = fab.compile(weighted(networkx.cycle_graph(4), 0), spec, beta_levels=beta_levels)
    q = program.report.quantisation
    for level in range(spec.levels):
        beta = beta_levels[min(level, len(beta_levels) - 1)]
        assert np.array_equal(program.image.tables[level], sigmoid_table(spec, q.step, q.shift, beta))


def test_the_table_reaches_where_the_sigmoid_is_flat():
    for seed in (0, 2, 5):
        source = weighted(networkx.random_regular_graph(4, 12, seed=seed), seed, coupling=0.5 + seed)
        program = fab.compile(source, fab.fabric(source), verify=False, tolerance=1.0)
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
    draft = laid_out(IsingModel((0, 1, 2), np.zeros(3), triangle, np.array([j, j, -j])), "g4-3x3")
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


def test_large_programs_are_predicted_from_sampled_states_or_term_by_term():
    source = weighted(networkx.random_regular_graph(3, 30, seed=0), 0, coupling=0.4)
    placed = laid_out(source, "z1-10x10")
    draft = ScaleAndQuantise()(placed)
    assert draft.log[-1][1].find("(sampled, 1024 states)") > 0
    assert 0 < present(draft.integers.quantisation.predicted_kl) < 0.05
    apart = ScaleAndQuantise(sampled=False)(placed)
    assert apart.log[-1][1].find("(terms taken apart)") > 0
    assert 0 < present(apart.integers.quantisation.predicted_kl) < 0.05


@pytest.mark.parametrize("seed", range(4))
def test_sampled_states_predict_what_enumerated_ones_do(seed):
    """1,024 states of 64 chains: ½ Var(ΔE) is within 30%, six times its standard error of about 1/sqrt(512)."""
    source = weighted(networkx.random_regular_graph(4, 12, seed=seed), seed, coupling=0.4)
    draft = laid_out(source, "complete-12")
    draw = np.random.default_rng(seed)
    changed = np.concatenate([draft.couplings, draft.biases]) + 0.02 * draw.normal(size=len(draft.edges) + 12)
    enumerated, sampled = (ModelError.of(draft, up_to, True).second_order(changed) for up_to in (12, 0))
    assert sampled == pytest.approx(enumerated, rel=0.3)


def test_states_of_a_gibbs_run_have_the_models_moments():
    """Within 6 standard errors of 1,024 states: false alarm below 1e-6 for 30 figures."""
    source = weighted(networkx.random_regular_graph(4, 10, seed=3), 3, coupling=0.4)
    draft = laid_out(source, "complete-10")
    spins = gibbs_states(draft.edges, draft.couplings, draft.biases, seed=2)[0].astype(float)
    assert spins.shape == (1024, 10) and set(np.unique(spins)) == {-1.0, 1.0}
    distribution = fab.exact(source)
    exact = np.where(distribution.states, 1.0, -1.0)
    for values in (lambda s: s, lambda s: s[:, draft.edges[:, 0]] * s[:, draft.edges[:, 1]]):
        wanted = distribution.probabilities @ values(exact)
        assert np.all(np.abs(values(spins).mean(axis=0) - wanted) < 6 * np.sqrt((1 - wanted**2) / 512))


def kl_of(draft):
    """KL of the rounded couplings and biases, enumerated."""
    q, sites = draft.integers, [copies[0] for copies in draft.layout.copies]
    step = q.quantisation.step
    couplings = composite(step * q.weights[draft.layout.wire_sites], np.flatnonzero(draft.layout.crossing))
    model = draft.lowered.model
    got = boltzmann(IsingModel(model.nodes, step * q.biases[sites], draft.edges, couplings))
    return kl(boltzmann(model), got)


@pytest.mark.parametrize("bits", [3, 4, 5, 6])
def test_refitted_integers_lower_the_kl(bits):
    gains = []
    for seed in range(8):
        source = weighted(networkx.random_regular_graph(4, 8, seed=seed), seed, coupling=0.5)
        spec = fab.fabric(source, weight_bits=bits, bias_bits=bits + 1, profile="fine")
        placed = RootAndWire()(Place()(paired(Source(lower(source), spec))))
        plain, refit = (kl_of(ScaleAndQuantise(refit=refit)(placed)) for refit in (False, True))
        assert refit <= plain * (1 + 1e-9)
        gains.append(plain / max(refit, 1e-12))
    assert np.median(gains) > 1.05


def test_refitting_over_sampled_states_lowers_the_true_kl_too():
    ratios = []
    for seed in range(6):
        source = weighted(networkx.random_regular_graph(4, 12, seed=seed), seed, coupling=0.4)
        spec = fab.fabric(source, weight_bits=4, bias_bits=5, profile="fine")
        placed = RootAndWire()(Place()(paired(Source(lower(source), spec))))
        plain, refit = (kl_of(ScaleAndQuantise(enumerate_up_to=0, refit=refit)(placed)) for refit in (False, True))
        ratios.append(refit / plain)
    assert np.median(ratios) < 0.9


def test_refitted_wires_and_clamped_nodes_stay_what_they_are():
    """A triangle on a square has a wire of two segments; node 0 is clamped and keeps its bias."""
    triangle = np.array([(0, 1), (0, 2), (1, 2)])
    model = IsingModel((0, 1, 2), np.array([0.31, -0.2, 0.4]), triangle, np.array([0.7, -0.5, 0.45]))
    spec = fab.fabric("g4-3x3", weight_bits=4, bias_bits=4, profile="fine")
    draft = ScaleAndQuantise(refit=True)(RootAndWire()(Place()(paired(Source(lower(model), spec)))))
    assert draft.layout.wire_lengths.max() == 2
    assert np.all(np.abs(draft.integers.weights) <= spec.weight_max)
    assert np.all(np.abs(draft.integers.biases) <= spec.bias_max)
    q = draft.integers.quantisation
    couplings = composite(
        q.step * draft.integers.weights[draft.layout.wire_sites], np.flatnonzero(draft.layout.crossing)
    )
    assert np.max(np.abs(couplings - draft.couplings)) <= q.max_error + 1e-12
    assert np.all(np.sign(couplings) == np.sign(draft.couplings))


def test_levels_can_share_the_error():
    """The distribution at β = 0.5 counts too: its KL is no larger than when only β = 1 counts, within what rounding may
    vary."""
    better = 0
    for seed in range(6):
        source = weighted(networkx.random_regular_graph(4, 8, seed=seed), seed, coupling=0.6)
        spec = fab.fabric(source, weight_bits=4, bias_bits=5, profile="fine")
        placed = RootAndWire()(Place()(paired(Source(lower(source), spec))))
        error = ModelError.of(placed, 14, True, (0.5,))
        found = []
        for betas in ((1.0,), (0.5,)):
            draft = ScaleAndQuantise(betas=betas, refit=True)(placed)
            step, sites = draft.integers.quantisation.step, [copies[0] for copies in draft.layout.copies]
            got = step * np.concatenate([draft.integers.weights[draft.layout.wire_sites], draft.integers.biases[sites]])
            found.append(error.kl(got))
        better += found[1] <= found[0] * (1 + 1e-9)
    assert better >= 5


@pytest.mark.parametrize("bits", [3, 4, 8, 12, 16])
def test_widths_from_three_to_sixteen_bits_compile_and_run(bits):
    source = weighted(networkx.random_regular_graph(3, 8, seed=1), 1, coupling=0.5)
    spec = fab.fabric(source, weight_bits=bits, bias_bits=bits, profile="fine", table_bits=12)
    program = fab.compile(source, spec)
    assert np.max(np.abs(program.image.weights)) <= 2 ** (bits - 1) - 1
    assert np.max(np.abs(program.image.biases)) <= 2 ** (bits - 1) - 1
    states = [
        program.sample(fab.Schedule(3, 4, 2), replicas=3, seed=5, device=device).node_states
        for device in ("reference", "jax", "native")
    ]
    assert np.array_equal(states[0], states[1]) and np.array_equal(states[0], states[2])
    limit = {3: 0.3, 4: 0.15, 8: 0.02, 12: 0.005, 16: 0.005}[bits]
    assert program.report.end_to_end_tv is not None and program.report.end_to_end_tv < limit


@pytest.mark.parametrize("widths", [{"profile": "fine"}, {}, {"table_bits": 4}, {"table_bits": 6, "dither_bits": 0}])
def test_wide_weights_over_a_short_table_take_a_larger_step(widths):
    """At the smallest step of 16-bit weights σ would be cut off at the end of the table."""
    graph = networkx.path_graph(4)
    networkx.set_node_attributes(graph, {0: 0.5, 1: -0.6, 2: 0.7, 3: -0.8}, "bias")
    networkx.set_edge_attributes(graph, dict.fromkeys(graph.edges, 0.7), "weight")
    program = fab.compile(graph, fab.fabric("g4-2x2", weight_bits=16, bias_bits=16, **widths))
    assert program.report.end_to_end_tv is not None and program.report.end_to_end_tv < 0.05


def test_compile_takes_refit_and_betas():
    source = weighted(networkx.random_regular_graph(3, 8, seed=1), 1)
    spec = fab.fabric(networkx.random_regular_graph(3, 8, seed=1), weight_bits=4)
    choices: list[dict[str, Any]] = [{}, {"refit": True}, {"betas": (0.3, 1.0)}]
    plain, refitted, levels = (fab.compile(source, spec, verify=True, **options) for options in choices)
    assert present(refitted.report.quantisation.kl) < present(plain.report.quantisation.kl)
    assert "predicted KL" in dict(levels.report.passes)["scale-and-quantise"]
    with pytest.raises(CompileError, match=r"^betas must be positive finite factors on β, one at least, got \(0\.0,\)"):
        fab.compile(source, spec, betas=[0])


def test_the_strict_pipeline_refuses_copies_that_may_break():
    source = weighted(networkx.complete_graph(7), 1, coupling=0.3)
    assert fab.compile(source, "chimera-4", seed=1).checks
    with pytest.raises(RefusedError, match="compiles onto chimera-4 only approximately"):
        fab.compile(source, "chimera-4", seed=1, pipeline="strict")


@pytest.mark.parametrize("coupling, bits", [(0.5, 3), (0.5, 8), (2.0, 3)])
def test_a_distribution_of_few_states_keeps_its_couplings(coupling, bits):
    """All sampled states of a cold ferromagnet are one energy, so no change of its couplings changes them apart."""
    graph = networkx.complete_graph(16)
    networkx.set_edge_attributes(graph, dict.fromkeys(graph.edges, coupling), "weight")
    program = fab.compile(graph, fab.fabric("complete-16", weight_bits=bits))
    assert program.image.weights[0] * program.report.quantisation.step == pytest.approx(coupling, rel=0.1)


def test_a_change_that_no_sampled_state_sees_is_an_error_all_the_same():
    graph = networkx.complete_graph(16)
    networkx.set_edge_attributes(graph, dict.fromkeys(graph.edges, 0.5), "weight")
    draft = laid_out(graph, "complete-16")
    error = ModelError.of(draft, 14, True)
    assert error.how.startswith("sampled") and error.kl(error.wanted) == 0
    assert error.kl(0 * error.wanted) > 0.5
