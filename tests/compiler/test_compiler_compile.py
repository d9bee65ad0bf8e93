"""compile, end to end: distributions, determinism, JSON, and the sentences of its refusals."""

import json
import os
import subprocess
import sys

import dimod
import networkx
import numpy as np
import pytest
from dimod.higherorder.polynomial import BinaryPolynomial

import thermofab as fab
from tests.compiler.compiler_cases import pairwise, weighted
from tests.present import present
from thermofab.compiler.distributions.enumeration import total_variation
from thermofab.hw.spec import CompileError, DistributionWarning, Exact, Program, RefusedError


@pytest.mark.parametrize(
    "graph, name",
    [
        (networkx.complete_graph(4), "g4-4x4"),
        (networkx.cycle_graph(6), "g8-5x5"),
        (networkx.random_regular_graph(3, 8, seed=1), "chimera-2x2"),
        (networkx.complete_graph(6), "complete-6"),
    ],
)
def test_end_to_end_distribution_is_the_programs(graph, name):
    program = fab.compile(weighted(graph, 1, coupling=0.5), fab.fabric(name, weight_bits=10), verify=True)
    assert isinstance(program.report.certificate, Exact)
    assert present(program.report.end_to_end_tv) < 0.01


@pytest.mark.parametrize("device", ["reference", "jax"])
def test_samples_of_an_embedded_program_follow_its_distribution(device):
    """K4 on a square grid, 24 chains of 400 samples, 8 sweeps apart. The chains are independent, so each chain's
    frequency of a state is one draw: 24 of them, standard error from their spread, Student t with 23 degrees of
    freedom beyond 9 has probability 5e-9, times 16 states 8e-8. Rounding moves a probability by less than
    the TV in the report.
    """
    program = fab.compile(weighted(networkx.complete_graph(4), 1, coupling=0.5), "g4-4x4")
    assert program.report.longest_copy > 1
    samples = program.sample(fab.Schedule(200, 400, 8), replicas=24, seed=5, device=device)
    number = samples.node_states @ np.array([8, 4, 2, 1])
    frequency = np.array([(number == k).mean(axis=1) for k in range(16)])
    distribution = fab.exact(program).probabilities
    slack = program.report.end_to_end_tv
    error = frequency.std(axis=1, ddof=1) / np.sqrt(24)
    assert np.all(np.abs(frequency.mean(axis=1) - distribution) <= 9 * error + slack)
    assert total_variation(frequency.mean(axis=1), distribution) < 0.08


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_bqm_energies_and_distribution(vartype):
    rng = np.random.default_rng(0)
    linear = {f"v{k}": rng.normal() for k in range(5)}
    quadratic = {(f"v{k}", f"v{(k + 1) % 5}"): rng.normal() for k in range(5)}
    bqm = dimod.BinaryQuadraticModel(linear, quadratic, 1.25, vartype)
    program = fab.compile(bqm, "complete-5", beta=0.8)
    samples = program.sample(fab.Schedule(5, 20), replicas=2, device="reference")
    states = samples.node_states.reshape(-1, 5).astype(int)
    states = states if vartype == "BINARY" else 2 * states - 1
    assert np.allclose(samples.energies().reshape(-1), bqm.energies((states, list(program.model.nodes))))
    every = fab.exact(bqm, beta=0.8)
    values = every.states.astype(int) if vartype == "BINARY" else 2 * every.states.astype(int) - 1
    weights = np.exp(-0.8 * bqm.energies((values, list(every.nodes))))
    assert np.allclose(every.probabilities, weights / weights.sum())


def test_beta_scales_a_source_without_temperature():
    graph = weighted(networkx.path_graph(2), 0)
    cold, hot = (fab.compile(graph, "g4-1x2", beta=beta) for beta in (2.0, 0.5))
    assert cold.model.beta == 2.0 and np.array_equal(pairwise(cold.model).couplings, pairwise(hot.model).couplings)
    for program, beta in ((cold, 2.0), (hot, 0.5)):
        weight = program.image.weights[0] * program.report.quantisation.step
        assert weight == pytest.approx(beta * graph.edges[0, 1]["weight"], abs=0.02)


def test_json_round_trip_of_a_compiled_program():
    program = fab.compile(weighted(networkx.complete_graph(4), 1), "g4-4x4", beta_levels=(0.5, 1.0), seed=9)
    back = Program.from_json(json.loads(json.dumps(program.to_json())))
    assert back.digest == program.digest and back.report == program.report
    schedule = fab.Schedule(3, 4)
    one, two = (p.sample(schedule, replicas=2, device="reference").sites for p in (program, back))
    assert np.array_equal(one, two)


SCRIPT = """
import networkx, thermofab as fab
graph = networkx.relabel_nodes(networkx.random_regular_graph(3, 16, seed=4), {k: f"node {k}" for k in range(16)})
for k, edge in enumerate(graph.edges): graph.edges[edge]["weight"] = 0.1 * (k - 9)
big = networkx.convert_node_labels_to_integers(networkx.complete_graph(7))
for k, edge in enumerate(big.edges): big.edges[edge]["weight"] = 0.02 * (k - 9)
import jax.numpy as jnp
from thrml import Block, SpinNode
from thrml.models import IsingEBM, IsingSamplingProgram
n = [SpinNode() for _ in range(6)]
ebm = IsingEBM(n, list(zip(n, n[1:])), jnp.arange(6) * 0.1, jnp.arange(5) * 0.2 - 0.5, jnp.array(1.0))
thrml_program = IsingSamplingProgram(ebm, [Block(n[:4:2]), Block(n[1:4:2])], [Block(n[4:])])
print(
    fab.compile(graph, "chimera-3x3", seed=7).digest,
    fab.compile(big, "g8-8x8", seed=7, tolerance=0.9).digest,
    fab.compile(thrml_program, "king-3x3").digest,
)
"""


def test_compilation_is_the_same_in_every_process():
    outputs = set()
    for hash_seed in ("0", "424242"):
        run = subprocess.run(
            [sys.executable, "-c", SCRIPT],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        outputs.add(run.stdout)
    assert len(outputs) == 1 and len(outputs.pop().split()) == 3


def test_the_seed_is_the_placements_and_the_programs():
    source = weighted(networkx.random_regular_graph(3, 14, seed=0), 0)
    one, two, again = (fab.compile(source, "chimera-3x3", seed=seed, tries=1) for seed in (1, 2, 1))
    assert one.digest == again.digest and one.copies != two.copies
    assert (one.image.seed, two.image.seed) == (1, 2)


def test_the_report_tells_what_was_done():
    graph = weighted(networkx.path_graph(3), 0)
    graph.edges[0, 1]["weight"] = 0.0
    program = fab.compile(graph, "g4-1x3")
    assert [name for name, _ in program.report.passes] == [
        "canonicalise",
        "place",
        "root-and-wire",
        "colour",
        "scale-and-quantise",
    ]
    assert program.report.passes[0][1] == "1 edges of weight 0 need no wire"
    assert program.report.cycles_per_sweep == 2


@pytest.mark.parametrize(
    "source, sentence",
    [
        (
            3.5,
            r"^cannot compile a builtins\.float; give a THRML sampling program, IsingEBM, FactorizedEBM or list of "
            r"factors, a dimod BinaryQuadraticModel or BinaryPolynomial, a networkx\.Graph, an IsingModel, a "
            r"DiscreteModel or a GaussianSpinModel\.$",
        ),
        (networkx.Graph(), r"^the program has no nodes; there is nothing to sample\.$"),
        (
            networkx.path_graph(2, create_using=networkx.DiGraph),
            r"^a DiGraph is not an undirected model; convert with networkx\.Graph\(graph\) after merging the weights "
            r"of parallel and opposite edges\.$",
        ),
        (networkx.path_graph(2), r"^edge \(0, 1\) has no 'weight'; set graph\.edges\[u, v\]\['weight'\] on every edge"),
        (
            networkx.Graph([("a", "a", {"weight": 1.0})]),
            r"^node 0 \('a'\) has an edge to itself; s·s = 1 is a constant, so remove the self-edge\.$",
        ),
        (
            networkx.Graph([("a", "b", {"weight": float("nan")})]),
            r"^the edge weights\[0\] is nan; every bias and weight must be a finite number\. Look for a diverged",
        ),
        (
            dimod.BinaryQuadraticModel({"a": float("inf")}, {}, "SPIN"),
            r"^the linear biases of the BQM\[0\] is -inf; every bias and weight must be a finite number\. Look for",
        ),
    ],
)
def test_malformed_sources_are_refused(source, sentence):
    with pytest.raises(CompileError, match=sentence):
        fab.compile(source, "g4-2x2")


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ({"beta": 0.0}, r"^beta must be a positive finite number, got 0\.0\.$"),
        ({"seed": -1}, r"^seed must lie in 0…2\^64-1, got -1\.$"),
        ({"tolerance": 2.0}, r"^tolerance is a total variation distance in 0…1, above 0, got 2\.0\.$"),
        (
            {"beta_levels": (1, 2, 3, 4, 5)},
            r"^beta_levels must be 1 to 4 finite factors of at least 0 on this fabric, got \(1\.0, 2\.0, 3\.0, 4\.0, "
            r"5\.0\); a fabric with more levels holds more\.$",
        ),
    ],
)
def test_malformed_arguments_are_refused(arguments, sentence):
    with pytest.raises(CompileError, match=sentence):
        fab.compile(weighted(networkx.path_graph(2), 0), "g4-2x2", **arguments)


def test_compiling_a_model_brings_in_neither_jax_nor_dimod():
    script = (
        "import sys, numpy, thermofab as fab; from thermofab.hw.spec import IsingModel;"
        "fab.compile(IsingModel((0, 1), numpy.zeros(2), numpy.array([[0, 1]]), numpy.ones(1)), 'g4-1x2');"
        "print([m for m in ('jax', 'thrml', 'dimod', 'minorminer', 'amaranth') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_without_a_fabric_it_takes_one_of_the_programs_own_and_says_so():
    graph = networkx.cycle_graph(5)
    networkx.set_edge_attributes(graph, dict.fromkeys(graph.edges, -0.6), "weight")
    program = fab.compile(graph, beta_levels=[1, 0.8, 0.6, 0.4, 0.2])
    assert program.fabric == fab.fabric_of(graph, levels=5)
    assert program.report.passes[0] == (
        "choose-fabric",
        "none was given; one of the program's own graph, 5 sites, 5 edges, 0 factors, default widths",
    )
    given = fab.compile(graph, program.fabric, beta_levels=[1, 0.8, 0.6, 0.4, 0.2])
    assert given.image == program.image and given.report.passes == program.report.passes[1:]
    assert fab.compile(graph, clamp={0: 1}).fabric.n_sites == 4, "a folded node takes no site"


def test_without_a_fabric_terms_too_wide_take_hidden_spins():
    wide = BinaryPolynomial({tuple(range(7)): 0.8}, "SPIN")
    program = fab.compile(wide)
    assert program.fabric.n_sites > 7 and "hidden spins for terms of more than six" in program.report.passes[0][1]


def test_without_a_fabric_it_takes_fine_widths_where_the_default_ones_are_refused():
    graph = networkx.cycle_graph(5)
    networkx.set_edge_attributes(graph, dict.fromkeys(graph.edges, -0.6), "weight")
    with pytest.raises(RefusedError):
        fab.compile(graph, fab.fabric_of(graph), tolerance=5e-5)
    program = fab.compile(graph, tolerance=5e-5)
    assert program.fabric == fab.fabric_of(graph, profile="fine")
    assert program.report.passes[0][1].endswith("profile='fine', for the default widths were refused")
    with pytest.raises(RefusedError):
        fab.compile(graph, tolerance=1e-12)


@pytest.mark.parametrize("given", [False, True])
def test_a_warning_names_the_line_that_called(given):
    """The fault: a line of the compiler's own."""
    bqm = dimod.BinaryQuadraticModel({0: 0.1}, {(0, 1): 80.0, (0, 2): 80.0, (1, 2): 80.4, (2, 3): -0.3}, 0, "SPIN")
    with pytest.warns(DistributionWarning) as caught:
        fab.compile(bqm, *([fab.fabric_of(bqm)] if given else []))
    assert caught[0].filename == __file__
