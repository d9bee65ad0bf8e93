"""Checks by trusted runs, chains that have not met, and the solvers behind enumerated figures."""

import warnings
from collections.abc import Hashable
from pathlib import Path

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.compiler.compiler_cases import model_of, weighted
from tests.present import present
from thermofab.compiler.certify.exactness import KINDS, fabric_couplings, random_program
from thermofab.compiler.distributions.enumeration import log_weights, normalised, states, total_variation
from thermofab.compiler.distributions.fixed_point import eliminated, iterated
from thermofab.compiler.distributions.gibbs import tempered_states
from thermofab.compiler.distributions.stationary import stationary_distribution
from thermofab.compiler.ir.lowered import Lowered
from thermofab.compiler.quantisation.layout_states import LayoutStates
from thermofab.compiler.recompile import CompiledStructure
from thermofab.hw.spec import (
    CompileError,
    DistributionWarning,
    MixingWarning,
    Program,
    RefusedError,
    Schedule,
    SpecError,
)
from thermofab.hw.spec.mixing import split_r_hat

SHORT = Schedule(200, 200, 4)


def two_wells(n: int, coupling: float, bias: float) -> networkx.Graph:
    """A ring of strong couplings in a field: two wells of different weight."""
    graph = networkx.cycle_graph(n)
    networkx.set_edge_attributes(graph, dict.fromkeys(graph.edges, coupling), "weight")
    networkx.set_node_attributes(graph, dict.fromkeys(graph.nodes, bias), "bias")
    return graph


def metastable(leak: float) -> np.ndarray:
    """Two groups of four states that mix in a step and exchange at rates ``leak`` and ``leak``/3."""
    inside = np.full((4, 4), 0.25)
    matrix = np.zeros((8, 8))
    matrix[:4, :4], matrix[4:, 4:] = inside * (1 - leak), inside * (1 - leak / 3)
    matrix[:4, 4:], matrix[4:, :4] = inside * leak, inside * leak / 3
    return matrix


@pytest.mark.parametrize("leak", [1e-1, 1e-5, 1e-9])
def test_both_solvers_find_the_weights_of_wells(leak):
    """The fault: a residual taken for an error, which ends the iteration at the weights it started from."""
    matrix = metastable(leak)
    wanted = np.repeat([1 / 16, 3 / 16], 4)
    assert np.max(np.abs(eliminated(matrix) - wanted)) < 1e-14
    found = iterated(lambda x: x @ matrix, np.full(8, 1 / 8), 1e-10, 10_000)
    assert np.abs(found.distribution - wanted).sum() <= max(10 * found.error, 1e-12) and found.error < 1e-5


@pytest.mark.parametrize("leak", [1e-2, 1e-6, 1e-12])
@pytest.mark.parametrize("most", [1, 4, 8])
def test_an_unfinished_iteration_knows_how_far_it_is(leak, most):
    """The fault: an error estimated from the residual alone, or from modes that the start does not show."""
    rng = np.random.default_rng(0)
    inside = np.zeros((40, 40))
    for first in (0, 20):
        inside[first : first + 20, first : first + 20] = rng.random((20, 20)) ** 6
    inside /= inside.sum(axis=1, keepdims=True)
    across = np.zeros((40, 40))
    across[:20, 20:], across[20:, :20] = rng.random((2, 20, 20)) * leak / np.array([10, 30])[:, None, None]
    matrix = inside * (1 - across.sum(axis=1, keepdims=True)) + across
    found = iterated(lambda x: x @ matrix, np.full(40, 1 / 40), 1e-12, most)
    assert found.error > 0.3 * np.abs(found.distribution - eliminated(matrix)).sum()


def test_a_solution_that_ran_out_of_sweeps_says_so():
    """The fault: unconverged figures reported as exact."""
    graph = weighted(networkx.complete_graph(11), 0, coupling=1.5)
    program = fab.compile(graph, fab.fabric(graph, profile="fine"), verify=False, tolerance=1.0)
    cut = stationary_distribution(program, max_sweeps=3)
    whole = stationary_distribution(program)
    assert not cut.converged and whole.converged
    assert cut.error > 0.1 * total_variation(cut.probabilities, whole.probabilities)


def test_hidden_sites_are_drawn_as_their_wires_say():
    """The fault: a wire filled without its far end. Frequencies against enumeration, 6 σ of 40,000 states."""
    triangle = weighted(networkx.cycle_graph(3), 2, coupling=1.0)
    structure = fab.compile(triangle, fab.fabric(networkx.cycle_graph(7)), verify=False).structure
    assert isinstance(structure, CompiledStructure)
    known = structure.known
    layout, topology, count = known.layout, known.fabric.topology, 40_000
    assert layout.n_sites == 7 and layout.wire_lengths.max() > 2
    couplings, biases = fabric_couplings(known)
    wanted = normalised(log_weights(7, biases, topology.edges, couplings))[0]
    nodes = normalised(log_weights(3, known.biases, known.edges, known.couplings))[0]
    spins = 2 * states(3)[np.random.default_rng(0).choice(8, size=count, p=nodes)].astype(np.int8) - 1
    segments = layout.segment_couplings(known.couplings)
    filled = LayoutStates.of(layout, segments, topology, spins, np.full(count, 1 / count))
    codes = (filled.spins > 0).astype(int) @ (1 << np.arange(6, -1, -1))
    seen = np.bincount(codes, minlength=128) / count
    assert np.all(np.abs(seen - wanted) < 6 * np.sqrt(wanted * (1 - wanted) / count) + 5 / count)


def test_tempered_states_weigh_wells():
    """The fault: chains that stay in the well that they fell into at the start. 1,024 chains, 6 σ."""
    edges = np.array([[i, (i + 1) % 8] if i < 7 else [0, 7] for i in range(8)])
    biases, couplings = np.full(8, 0.1), np.full(8, 2.5)
    p = normalised(log_weights(8, biases, edges, couplings))[0]
    up = float(p @ (2.0 * states(8) - 1).mean(axis=1))
    got = tempered_states(edges, couplings, biases, chains=1024, recorded=4).reshape(4, 1024, 8).mean(axis=(0, 2))
    assert abs(got.mean() - up) < 6 * got.std() / 32


def test_a_right_program_passes_its_check_and_a_wrong_one_fails():
    """The fault: a check that compares a program with itself. Fixed seeds; false alarms below 1e-6."""
    source = weighted(networkx.grid_2d_graph(4, 5), 1, coupling=0.5)
    program = fab.compile(source, fab.fabric(source))
    result = program.check(schedule=SHORT, replicas=32).report
    assert result.checked is not None and result.checked.passed and result.checked.r_hat < 1.05
    assert result.end_to_end.standing == "measured"
    assert abs(result.checked.energy - result.checked.reference_energy) < 6 * (
        result.checked.energy_error + result.checked.reference_error
    )
    wrong = program.replace(image=program.image.replace(biases=program.image.biases + 12))
    assert isinstance(wrong, Program)
    found = wrong.check(schedule=SHORT, replicas=32).report.checked
    assert found is not None and not found.passed and found.tv > 0.05
    # The table is right: the same integers on a wider one have the same fault.
    assert abs(found.table_tv) < 0.05


def test_what_a_check_needs():
    source = weighted(networkx.path_graph(4), 0)
    program = fab.compile(source, fab.fabric(source))
    with pytest.raises(SpecError, match=r"^a check compares halves of the chains, of at least 16; got replicas=8\.$"):
        program.check(replicas=8)
    with pytest.raises(SpecError, match=r"^a program read from a file has no model to compare with; compile it again"):
        Program.from_json(program.to_json()).check()


def test_chains_that_have_not_met_say_so():
    """The fault: a run of stuck chains that looks like any other."""
    ring = two_wells(6, 3.0, 0.0)
    stuck = fab.compile(ring, fab.fabric(ring, profile="fine"))
    with pytest.warns(MixingWarning, match=r"^the 8 chains have not met: split R-hat"):
        samples = stuck.sample(Schedule(0, 100), replicas=8, device="reference")
    assert samples.r_hat > 1.2 and "R-hat" in repr(samples) and len(repr(samples)) < 200
    loose = two_wells(6, 0.2, 0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", MixingWarning)
        met = fab.compile(loose, fab.fabric(loose)).sample(Schedule(10, 400), replicas=8, device="reference")
    assert met.r_hat < 1.1


def test_split_r_hat_against_its_definition():
    values = np.random.default_rng(0).normal(size=(4, 50, 1)) + np.arange(4)[:, None, None]
    halves = values[..., 0].reshape(8, 25)
    pooled = 24 / 25 * halves.var(axis=1, ddof=1).mean() + halves.mean(axis=1).var(ddof=1)
    assert split_r_hat(values) == pytest.approx(np.sqrt(pooled / halves.var(axis=1, ddof=1).mean()))
    drift = np.linspace(0, 1, 100)[None, :, None] + np.zeros((3, 1, 1))
    assert split_r_hat(drift) > 1.5, "the halves of a drifting chain differ"


def test_couplings_that_thresholds_cannot_hold_are_cut_or_refused():
    """The fault: both directions of a flip at the floor, so that biases no longer tell between the wells."""
    pair = networkx.path_graph(2)
    pair.edges[0, 1]["weight"] = 6.0
    networkx.set_node_attributes(pair, dict.fromkeys(pair.nodes, 0.3), "bias")
    program = fab.compile(pair, "king-5x5", tolerance=0.05)
    report = program.report
    assert report.end_to_end.standing == "enumerated" and present(report.end_to_end.tv) < 0.05
    assert report.quantisation.saturated == 1 and "end to end       TV =" in str(report)
    user, got = fab.exact(pair), stationary_distribution(program)
    assert report.end_to_end.tv == pytest.approx(total_variation(user.probabilities, got.probabilities), abs=1e-9)
    with pytest.raises(RefusedError, match=r"^the samples would be at a total variation of .* \(enumerated\) .* more "):
        fab.compile(pair, "king-5x5", tolerance=1e-4)
    fine = fab.compile(pair, fab.fabric("king-5x5", profile="fine"))
    assert fine.report.end_to_end_tv is not None and fine.report.end_to_end_tv < 0.005


def test_what_cannot_be_told_is_not_claimed():
    """The fault: 'predicted 0' of a cold torus whose thresholds lose a quarter of the distribution."""
    torus = networkx.grid_2d_graph(16, 16, periodic=True)
    networkx.set_edge_attributes(torus, dict.fromkeys(torus.edges, 2.0), "weight")
    with pytest.warns(
        DistributionWarning, match=r"unknown: 256 of 256 sites reach the table's end|at a total variation"
    ):
        program = fab.compile(torus, fab.fabric(torus))
    assert program.report.end_to_end.tv is None or program.report.end_to_end.tv > 0.05


def test_compile_with_a_check_measures_what_tolerance_binds_on():
    """The fault: a tolerance that binds on the prediction although the distance was measured."""
    source = weighted(networkx.grid_2d_graph(4, 4), 3, coupling=0.4)
    program = fab.compile(source, fab.fabric(source), check=True, tolerance=0.2)
    report = program.report
    assert report.checked is not None and report.checked.passed and report.end_to_end.standing == "measured"
    assert 0 < report.checked.detectable < 0.1 and "no difference found" in str(report)
    again = Program.from_json(program.to_json()).report
    assert again.checked == report.checked and again.end_to_end == report.end_to_end
    with pytest.raises(RefusedError, match=r"\(measured\) from the program's distribution, more than tolerance=1e-06"):
        fab.compile(source, fab.fabric(source), check=True, tolerance=1e-6)


def test_a_conditional_distribution_is_checked_too():
    """The fault: a reference whose clamped nodes are free."""
    source = weighted(networkx.grid_2d_graph(4, 4), 5, coupling=0.8)
    program = fab.compile(source, fab.fabric(source))
    clamp: dict[Hashable, bool] = {0: True, 10: False}
    found = program.check(schedule=SHORT, clamp=clamp, replicas=32).report.checked
    assert found is not None and found.passed
    # The energy says that the nodes were held: without them it is another by far.
    free = program.check(schedule=SHORT, replicas=32).report.checked
    assert free is not None and abs(found.reference_energy - free.reference_energy) > 20 * free.reference_error
    with pytest.raises(CompileError, match=r"^check=True knows no values for the clamped nodes of this program; "):
        fab.compile(Lowered(model_of(source), (tuple(range(15)),), ((15,),)), fab.fabric(source), check=True)


def test_the_pages_example_prints_what_the_page_says():
    """The fault: a page that shows another report than its program has."""
    page = (Path(__file__).parents[2] / "docs" / "report.md").read_text()
    blocks = page.split("```")
    assert blocks[1].startswith("python\n")
    scope: dict = {}
    exec(blocks[1].removeprefix("python\n").replace("print(program.report)", ""), scope)
    assert str(scope["program"].report).startswith(blocks[3].strip())


def test_nothing_is_refused_on_a_prediction_that_can_be_enumerated():
    """The fault: a right program of 14 sites with hidden spins, refused because its prediction is too careful."""
    source = random_program(np.random.default_rng([5, 0]), KINDS["five spins"])
    with pytest.raises(RefusedError, match=r"\(predicted\)"):
        fab.compile(source, "complete-120", seed=0, verify=False)
    report = fab.compile(source, "complete-120", seed=0).report
    assert report.sites == 14 and report.end_to_end.standing == "enumerated" and present(report.end_to_end.tv) < 0.03
