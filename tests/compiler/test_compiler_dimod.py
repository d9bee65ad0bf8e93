"""TSUSampler: dimod's own conformance suite, and the distribution; samples of compiled dimod models."""

import itertools
import json
import unittest
from typing import Any

import dimod
import dimod.testing
import networkx
import numpy as np
import pytest
from dimod.exceptions import BinaryQuadraticModelStructureError
from dimod.higherorder.polynomial import BinaryPolynomial

import thermofab as fab
from thermofab.compiler import fabric_of, rbm
from thermofab.hw.spec import CompileError, IsingModel, Program, SpecError
from thermofab.hw.spec.discrete import DiscreteModel, factor_of


def suite_fabric():
    """The graph of dimod's suite: a path over labels of three types."""
    return fab.fabric(networkx.Graph([((("a",),), 0), (0, "c")]))


def make():
    return fab.TSUSampler(suite_fabric(), device="reference")


@dimod.testing.load_sampler_bqm_tests(make)
class TestDimodSuite(unittest.TestCase):
    def test_api(self):
        dimod.testing.assert_sampler_api(make())
        dimod.testing.assert_structured_api(make())


def structured():
    child = make()
    return dimod.StructureComposite(child, child.nodelist, child.edgelist)


def tracking():
    return dimod.TrackingComposite(make())


def truncating():
    return dimod.TruncateComposite(make(), 4)


@dimod.testing.load_sampler_bqm_tests(structured)
@dimod.testing.load_sampler_bqm_tests(tracking)
@dimod.testing.load_sampler_bqm_tests(truncating)
class TestDimodComposites(unittest.TestCase):
    def test_api(self):
        for made in (structured, tracking, truncating):
            dimod.testing.assert_sampler_api(made())
            dimod.testing.assert_composite_api(made())
        dimod.testing.assert_structured_api(structured())

    def test_higher_order(self):
        """A product of three spins on a child that has pairs only: its penalties, and the energies of what is kept."""
        # Three variables, and what stands for any product of two and its penalty.
        pairs = list(itertools.permutations("abc", 2))
        names = [*"abc", *(f"{u}*{v}" for u, v in pairs), *(f"aux{u},{v}" for u, v in pairs)]
        child = fab.TSUSampler(networkx.complete_graph(names), device="reference")
        terms: Any = {("a", "b", "c"): -1.0, ("a", "b"): -0.5}  # dimod's own type says pairs only
        found = dimod.HigherOrderComposite(child).sample_hising(
            {"a": -1.0}, terms, penalty_strength=2.0, num_reads=40, num_sweeps=100
        )
        sample, energy, *_ = found.first
        assert dict(sample) == {"a": 1, "b": 1, "c": 1} and energy == -2.5

    def test_scaled_and_fixed_polynomials(self):
        """Composites of polynomials over the same child: energies are those of the polynomial that was asked."""
        poly = BinaryPolynomial({((("a",),),): 3.0, ((("a",),), 0): -2.0, (0, "c"): 1.0}, "SPIN")
        pairs = dimod.HigherOrderComposite(make())
        cases: list[tuple[Any, dict[str, Any], float]] = [
            (dimod.PolyScaleComposite(pairs), {"scalar": 0.5}, -6.0),
            (dimod.PolyFixedVariableComposite(pairs), {"fixed_variables": {"c": -1}}, -4.0),
            (dimod.PolyTruncateComposite(pairs, 3), {}, -6.0),
        ]
        for composed, options, lowest in cases:
            found = composed.sample_poly(poly, num_reads=20, num_sweeps=50, **options)
            assert np.allclose(found.record.energy, poly.energies((found.record.sample, found.variables)))
            assert found.first.energy == lowest


def test_nodes_and_edges_are_the_fabrics():
    sampler = fab.TSUSampler("g4-2x2", device="reference")
    assert sampler.nodelist == [0, 1, 2, 3]
    assert sampler.edgelist == [(0, 1), (0, 2), (1, 3), (2, 3)]
    assert make().nodelist == [("a",), 0, "c"] or make().nodelist == [(("a",),), 0, "c"]


@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
def test_the_distribution(vartype):
    """4000 independent chains: each of 8 states within 7 standard errors (false alarm 2.6e-12 a state) and 0.01 for
    rounding and the 60 sweeps.
    """
    bqm = dimod.BinaryQuadraticModel({0: 0.3, 1: -0.2, 3: 0.1}, {(0, 1): -0.5, (1, 3): 0.4}, 0.0, vartype)
    answer = fab.TSUSampler("g4-2x2", device="jax").sample(bqm, num_reads=4000, num_sweeps=60, beta=1.5, seed=4)
    distribution = fab.exact(bqm, beta=1.5)
    states = answer.record.sample[:, [answer.variables.index(v) for v in distribution.nodes]] > 0
    got = np.bincount(states @ np.array([4, 2, 1]), minlength=8) / 4000
    error = np.sqrt(distribution.probabilities * (1 - distribution.probabilities) / 4000)
    assert np.all(np.abs(got - distribution.probabilities) <= 7 * error + 0.01)


def test_annealing_finds_the_ground_state():
    """A frustration-free chain of 16 spins at a last β of 8: 100 reads all miss with probability below 1e-9."""
    rng = np.random.default_rng(0)
    signs = rng.choice([-1.0, 1.0], 15)
    bqm = dimod.BinaryQuadraticModel({}, {(k, k + 1): signs[k] for k in range(15)}, "SPIN")
    sampler = fab.TSUSampler("g4-1x16", device="jax")
    cold = sampler.sample(bqm, num_reads=100, num_sweeps=400, beta_range=(0.1, 8.0), seed=1)
    assert cold.record.energy.min() == -15
    assert cold.record.energy.mean() < -13


def test_beta_levels_share_the_sweeps():
    sampler = fab.TSUSampler(fab.fabric("g4-2x2"), device="reference")
    levels, phases = sampler._anneal(10, (0.5, 2.0))
    assert np.allclose(levels, [0.25, 0.25 ** (2 / 3), 0.25 ** (1 / 3), 1.0])
    assert phases == ((3, 0), (3, 1), (2, 2), (2, 3))


def test_schedules_and_initial_states():
    bqm = dimod.BinaryQuadraticModel({0: 0.0}, {(0, 1): 1.0}, "SPIN")
    sampler = fab.TSUSampler("g4-2x2", device="reference")
    answer = sampler.sample(bqm, schedule=fab.Schedule(0, 3, 1), initial_states=[{0: 1, 1: -1}, {1: 1, 0: 1}])
    assert len(answer) == 6
    unsorted: Any = None  # dimod's own type says names of fields only
    assert [dict(s) for s in list(answer.samples(sorted_by=unsorted))[::3]] == [{0: 1, 1: -1}, {0: 1, 1: 1}]


@pytest.mark.parametrize(
    "call, sentence",
    [
        (
            lambda s: s.sample_ising({9: 1.0}, {}),
            r"^variable 9 is not a site of g4-2x2; compile it with thermofab\.compile\(bqm, fabric\), which places any "
            r"graph\.$",
        ),
        (
            lambda s: s.sample_ising({}, {(0, 3): 1.0}),
            r"^interaction \((0, 3|3, 0)\) is not an edge of g4-2x2; compile it with thermofab\.compile\(bqm, fabric\)",
        ),
        (lambda s: s.sample_ising({}, {}, num_read=3), r"^unknown parameter 'num_read'; known are num_reads, "),
        (lambda s: s.sample_ising({}, {}, num_reads=0), r"^num_reads must be an integer of at least 1, got 0\.$"),
        (lambda s: s.sample_ising({}, {}, num_sweeps=0), r"^num_sweeps must be an integer of at least 1, got 0\.$"),
        (
            lambda s: s.sample_ising({}, {}, beta_range=(0, 1)),
            r"^beta_range must be two positive finite numbers, got \(0, 1\)\.$",
        ),
        (
            lambda s: s.sample_ising({}, {}, beta_range=(1, 2), schedule=fab.Schedule(1, 1)),
            r"^give either schedule or beta_range; a schedule has anneal phases of its own\.$",
        ),
        (
            lambda s: s.sample_ising({0: 1}, {}, initial_states=[{1: 1}]),
            r"^initial_states give no value for 0\.$",
        ),
        (
            lambda s: s.sample_ising({0: 1}, {}, initial_states=[{0: 1}, {0: -1}], num_reads=1),
            r"^initial_states hold 2 states for num_reads=1; give one to 1, which are repeated in turn\.$",
        ),
    ],
)
def test_refusals(call, sentence):
    with pytest.raises(CompileError, match=sentence):
        call(fab.TSUSampler("g4-2x2", device="reference"))


def test_it_anneals_unless_told_otherwise():
    """An unfrustrated ±J torus of 144 sites, 100 reads of 1,000 sweeps: most reach the ground state, as simulated
    annealing does. The fault: sampling at β = 1, where the mean energy lies 0.2 a site higher.
    """
    spec = fab.fabric("g4-12x12-torus")
    rng = np.random.default_rng(0)
    flipped = rng.choice([-1, 1], spec.n_sites)
    couplings = {(i, j): -float(flipped[i] * flipped[j]) for i, j in spec.topology.edges.tolist()}
    bqm = dimod.BinaryQuadraticModel({}, couplings, "SPIN")
    answer = fab.TSUSampler("g4-12x12-torus", device="jax").sample(bqm, num_reads=100, seed=1)
    assert answer.record.energy.min() == -len(couplings)
    assert answer.record.energy.mean() < -0.95 * len(couplings)
    hot = fab.TSUSampler("g4-12x12-torus", device="jax").sample(bqm, num_reads=100, beta=0.3, seed=1)
    assert hot.record.energy.mean() > -0.8 * len(couplings)


def test_levels_are_its_own_or_the_fabrics():
    assert fab.TSUSampler("g4-2x2", device="reference").fabric.levels == 64
    assert fab.TSUSampler(fab.fabric("g4-2x2"), device="reference").fabric.levels == 4


def test_initial_states_are_repeated_over_the_reads():
    bqm = dimod.BinaryQuadraticModel({0: 0.0}, {(0, 1): 1.0}, "SPIN")
    sampler = fab.TSUSampler("g4-2x2", device="reference")
    answer = sampler.sample(
        bqm, schedule=fab.Schedule(0, 1, 1), initial_states=[{0: 1, 1: -1}, {1: 1, 0: 1}], num_reads=5
    )
    assert answer.record.sample[:, answer.variables.index(1)].tolist() == [-1, 1, -1, 1, -1]


def test_a_bqm_off_the_graph_is_an_error_of_dimods_too():
    with pytest.raises(BinaryQuadraticModelStructureError) as caught:
        fab.TSUSampler("g4-2x2", device="reference").sample_ising({}, {(0, 3): 1.0})
    assert isinstance(caught.value, CompileError)


def test_properties_have_the_names_that_d_waves_tools_ask_for():
    sampler = fab.TSUSampler("g4-2x2", device="reference")
    known = sampler.properties
    assert known["topology"] == {"type": "g4-2x2", "shape": [4]} and known["num_qubits"] == 4
    assert known["qubits"] == sampler.nodelist and known["couplers"] == sampler.edgelist
    assert known["h_range"][1] == -known["h_range"][0] > 0 and known["j_range"][1] == 127


@pytest.mark.parametrize(
    "name, topology",
    [("pegasus-2", ("pegasus", [2])), ("zephyr-1", ("zephyr", [1, 4])), ("king-2x2", ("king-2x2", [4]))],
)
def test_topologies_have_the_types_that_d_waves_tools_draw(name, topology):
    known = fab.TSUSampler(name, device="reference").properties
    assert (known["topology"]["type"], known["topology"]["shape"]) == topology
    assert known["parameters"].keys() == fab.TSUSampler(name, device="reference").parameters.keys()


def test_numpy_integers_are_numbers_of_reads_and_sweeps():
    sampler = fab.TSUSampler("g4-2x2", device="reference")
    plain = sampler.sample_ising({0: 1.0}, {(0, 1): -1.0}, num_reads=3, num_sweeps=5, seed=7)
    same = sampler.sample_ising(
        {0: 1.0}, {(0, 1): -1.0}, num_reads=np.int64(3), num_sweeps=np.int32(5), seed=np.uint8(7)
    )
    assert np.array_equal(plain.record.sample, same.record.sample)


QUADRATIC = {"a": 0.3, "b": -0.2, "c": 0.7}, {("a", "b"): -0.5, ("b", "c"): 0.4}, 1.25
CUBIC = {("a",): 0.3, ("a", "b"): -0.4, ("a", "b", "c"): 0.7, (): -0.5, ("d",): 0.25}
VALUES = {"SPIN": {-1, 1}, "BINARY": {0, 1}}


@pytest.mark.parametrize("clamp", [None, {"b": 1}])
@pytest.mark.parametrize("vartype", ["SPIN", "BINARY"])
@pytest.mark.parametrize("order", [2, 3])
def test_samples_have_the_vartype_and_the_energies_of_the_source(order, vartype, clamp):
    """The fault: the model forgets the vartype (in lowering, folding or the file), and states come back as ±1."""
    polynomial = BinaryPolynomial(CUBIC, vartype)
    source = dimod.BinaryQuadraticModel(*QUADRATIC, vartype) if order == 2 else polynomial
    program = fab.compile(source, fabric_of(source), clamp=clamp)
    again = Program.from_json(json.loads(json.dumps(program.to_json())))
    for one in (program, again):
        answer = one.sample(fab.Schedule(5, 40, 1), replicas=2, seed=3, device="reference").to_dimod()
        assert answer.vartype.name == vartype and len(answer) == 80
        assert set(np.unique(answer.record.sample).tolist()) == VALUES[vartype]
        assert np.allclose(answer.record.energy, source.energies(answer))
        assert clamp is None or set(answer.record.sample[:, answer.variables.index("b")]) == {1}


def test_new_weights_keep_the_vartype_and_packed_parts_their_own():
    binary, spin = (dimod.BinaryQuadraticModel(*QUADRATIC, vartype) for vartype in ("BINARY", "SPIN"))
    program = fab.compile(binary, "g4-2x2")
    assert program.with_weights(biases=[0.1, 0.2, 0.3]).model.vartype == "BINARY"
    pack = fab.pack([binary, spin], "g4-2x4")
    assert [part.model.vartype for part in pack.parts] == ["BINARY", "SPIN"] and pack.whole.model.vartype == "SPIN"
    assert fab.pack([binary, binary], "g4-2x4").whole.model.vartype == "BINARY"


def test_other_sources_are_spins_and_old_files_are_read_as_such():
    graph = networkx.Graph([(0, 1, {"weight": 0.5})])
    model = fab.compile(graph, "g4-2x2").model
    assert model.vartype == "SPIN" and rbm(np.ones((2, 2)), units="binary").vartype == "BINARY"
    discrete = DiscreteModel((0, 1, 2), np.zeros(3, int), (factor_of([[0, 1, 2]], [[]], np.ones(1)),), vartype="BINARY")
    for kind, one in ((IsingModel, model), (DiscreteModel, discrete)):
        data = json.loads(json.dumps(one.to_json()))
        assert kind.from_json(data).vartype == one.vartype
        del data["vartype"]
        assert kind.from_json(data).vartype == "SPIN"
    with pytest.raises(SpecError, match=r"^vartype must be one of 'SPIN', 'BINARY', got 'REAL'\.$"):
        IsingModel((0,), np.zeros(1), np.zeros((0, 2)), np.zeros(0), vartype="REAL")  # pyright: ignore


def test_categorical_programs_have_no_sample_set():
    model = DiscreteModel((0,), np.array([3]), (factor_of([[]], [[0]], np.ones((1, 3))),))
    samples = fab.compile(model, "g4-2x2").sample(fab.Schedule(1, 1), device="reference")
    with pytest.raises(
        SpecError, match=r"^to_dimod\(\) needs a program of spins; use node_states and frequencies\(\)\.$"
    ):
        samples.to_dimod()
