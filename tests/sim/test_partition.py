"""ln Z of programs, to enumeration and to Kaufman's torus: every method, device and kind of program.

Errors are of independent chains, ln Z within 6 of them: below 1e-6 a case with 15 or more degrees of freedom times the
number of cases here, but for the table's distance, which is allowed on top.
"""

from functools import cache
from typing import Any

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.sim.kaufman import log_z
from thermofab.compiler import fabric_of
from thermofab.hw.spec import DiscreteModel, DistributionWarning, Factor, IsingModel, RefusedError, SpecError
from thermofab.hw.spec.partition import METHODS
from thermofab.sim.partition import climbing, estimate, levels, log_partition
from thermofab.sim.partition.bar import Bennett, bennett

WITHIN = 7.0  # standard errors; t distribution of 15 degrees of freedom: 4e-6, of 31: 7e-8


def glass(side=4, spread=0.5, seed=0):
    draw = np.random.default_rng(seed)
    graph = networkx.convert_node_labels_to_integers(networkx.grid_2d_graph(side, side))
    edges = np.array(sorted(tuple(sorted(edge)) for edge in graph.edges))
    return IsingModel(
        tuple(range(side**2)), 0.2 * draw.standard_normal(side**2), edges, spread * draw.standard_normal(len(edges)),
        offset=1.5, beta=1.3,
    )  # fmt: skip


def complete(n=6, seed=0):
    draw = np.random.default_rng(seed)
    edges = np.array([(i, j) for i in range(n) for j in range(i + 1, n)])
    couplings = draw.choice([-1, 1], len(edges)) * draw.uniform(0.2, 0.8, len(edges))
    return IsingModel(tuple(range(n)), draw.uniform(-0.5, 0.5, n), edges, couplings)


def categorical():
    draw = np.random.default_rng(3)
    pairs = Factor(np.zeros((3, 0)), np.array([[0, 1], [1, 2], [2, 3]]), draw.standard_normal((3, 3, 3)))
    alone = Factor(np.zeros((4, 0)), np.arange(4)[:, None], draw.standard_normal((4, 3)))
    return DiscreteModel(tuple("abcd"), np.full(4, 3), (alone, pairs), beta=0.9, offset=-0.4)


def third_order():
    draw = np.random.default_rng(4)
    triples = Factor(np.array([[0, 1, 2], [1, 2, 3]]), np.zeros((2, 0)), np.array([0.8, -0.6]))
    alone = Factor(np.arange(4)[:, None], np.zeros((4, 0)), draw.standard_normal(4))
    return DiscreteModel(tuple("abcd"), np.zeros(4), (alone, triples))


def enumerated(model, clamp=None):
    clamp = clamp or {}
    at = tuple(int(clamp[node]) if node in clamp else slice(None) for node in model.nodes)
    return float(np.logaddexp.reduce(model.log_weight()[at].ravel())) - model.beta * model.offset


def near(found, truth):
    assert abs(found.value - truth) < WITHIN * found.error + 3 * abs(found.tables), found
    assert found.error < 0.15, found


# Name: model, fabric (None: its own graph), options of compile, values to clamp.
KINDS = {
    "direct": (glass(), None, {}, {}),
    "direct, clamped": (glass(), None, {}, {0: True, 7: False}),
    "wires on a chimera": (glass(), "chimera-4", {"seed": 1}, {}),
    "wires, clamped": (complete(), "chimera-4", {"seed": 3}, {0: True, 3: False}),
    "bounded": (complete(), "chimera-2", {"seed": 3, "tolerance": 0.35}, {}),
    "discarding": (complete(), "g4-4x4-torus", {"seed": 0}, {}),
    "relays": (complete(), fab.fabric("chimera-4", architecture="relay"), {"seed": 3}, {1: True}),
    "dense": (complete(), fab.fabric("complete-8", architecture="dense"), {}, {}),
    "categories": (categorical(), None, {}, {}),
    "categories, dense": (categorical(), fab.fabric("complete-23", architecture="dense"), {}, {"b": 2}),
    "categories, clamped": (categorical(), None, {}, {"b": 2}),
    "factors": (third_order(), None, {}, {}),
    "hidden sites of gadgets": (third_order(), "king-8x8", {}, {}),
}


@cache
def compiled(kind):
    model, fabric, options, _ = KINDS[kind]
    fabric = fabric_of(model) if fabric is None else fabric
    return fab.compile(model, fabric, verify=False, **options)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", KINDS)
def test_ln_z_is_that_of_the_model_as_written(kind, method):
    model, _, _, clamp = KINDS[kind]
    found = compiled(kind).log_partition(method, clamp=clamp or None, seed=11, device="native")
    near(found, enumerated(model, clamp))
    assert found.levels[0] == 1 and found.levels[-1] == 0
    assert str(found).startswith("ln Z = ") and method in str(found)


def test_discarded_samples_are_what_they_are_meant_to_be():
    program = compiled("discarding")
    assert program.checks
    found = program.log_partition("bar", device="native", seed=2)
    assert 0.05 < found.kept < 0.98  # near the yield, at most


@pytest.mark.parametrize("method", METHODS)
def test_every_device_gives_the_same_number_to_the_bit(method):
    """More levels than the fabric's four tables, so that some are loaded in turn."""
    program = compiled("direct")
    sizes = {"ais": 1, "bar": 8, "ti": 8, "population": 1}
    options = {"levels": 7, "replicas": 128, "sweeps": sizes[method], "seed": 5, "clamp": {3: True}}
    expected, *others = [program.log_partition(method, device=d, **options) for d in ("native", "jax", "reference")]
    assert all(other == expected for other in others)
    assert program.log_partition(method, device="native", **{**options, "seed": 6}).value != expected.value


@pytest.mark.rtl
def test_compiled_rtl_gives_the_same_number():
    program = compiled("factors")
    options: dict[str, Any] = {"levels": 7, "replicas": 32, "sweeps": 2, "seed": 5}
    assert program.log_partition(device="rtl", **options) == program.log_partition(device="native", **options)


def torus(side, beta):
    spec = fab.fabric(f"g4-{side}x{side}-torus", profile="fine", levels=16)
    edges = spec.topology.edges
    return fab.compile(
        IsingModel(tuple(range(side**2)), np.zeros(side**2), edges, np.ones(len(edges)), beta=beta), spec
    )


@pytest.mark.parametrize("method", METHODS)
def test_a_torus_near_its_critical_temperature(method):
    """16×16 at 0.976 of the critical β, to Kaufman's ln Z."""
    found = torus(16, 0.43).log_partition(method, device="native", seed=1)
    assert abs(found.value - float(log_z(np.longdouble(0.43), 16, 16))) < 5 * found.error
    assert found.error < 0.2


@pytest.mark.soak
@pytest.mark.parametrize("method", METHODS)
def test_errors_are_honest(method):
    """24 seeds: the deviation of error/σ lies in 0.6…1.5 and its mean within 0.8 of 0 for a σ that is right, with
    chances of 2e-3 and 1e-4; seeds are fixed."""
    program, truth = torus(16, 0.43), float(log_z(np.longdouble(0.43), 16, 16))
    found = [program.log_partition(method, device="native", seed=seed) for seed in range(24)]
    scores = np.array([(one.value - truth) / one.error for one in found])
    assert 0.6 < scores.std(ddof=1) < 1.5 and abs(scores.mean()) < 0.8, scores
    assert np.abs(scores).max() < 4


@pytest.mark.parametrize(
    "fault",
    [
        lambda first, second, *share: Bennett(-bennett(first, second, *share).value, 0.1, 1.0),
        lambda first, second, *share: bennett(first, -second, *share),
    ],
    ids=["sign of a difference", "sign of one side"],
)
def test_a_planted_sign_is_caught(monkeypatch, fault):
    """One pair of levels has the wrong sign: ln Z is off, or its error large."""
    calls = []

    def faulty(*arguments):
        calls.append(0)
        return fault(*arguments) if len(calls) == 2 else bennett(*arguments)

    monkeypatch.setattr(estimate, "bennett", faulty)
    model, *_ = KINDS["direct"]
    found = compiled("direct").log_partition("bar", device="native", seed=11)
    with pytest.raises(AssertionError):
        near(found, enumerated(model))


def test_hot_tables_that_end_too_early_are_seen(monkeypatch):
    """With the program's own shift at every level, fields of hot levels are beyond the table's end: what is then lost
    is predicted, to a factor of a few, and warned of."""
    program = compiled("hidden sites of gadgets")
    truth = enumerated(third_order())
    monkeypatch.setattr(climbing.Climber, "_shift", lambda self, beta: self.program.image.shift)
    with pytest.warns(DistributionWarning, match="activation tables may change this ln Z by about -0.0"):
        found = program.log_partition("ti", device="native", replicas=256, sweeps=512)
    assert found.value - truth < -4 * found.error
    assert found.tables < found.value - truth < 0.2 * found.tables


def test_estimates_not_to_be_believed_are_refused():
    model = glass(4, 3.0, seed=1)
    program = fab.compile(model, fabric_of(model), verify=False, tolerance=1.0)
    with pytest.raises(RefusedError, match="chains count .* Raise levels"):
        program.log_partition("ais", levels=3, replicas=64, device="native")
    with pytest.raises(RefusedError, match="neighbouring levels overlap by .* Raise levels"):
        program.log_partition("bar", levels=2, device="native")
    with pytest.raises(RefusedError, match="populations count|families are left"):
        program.log_partition("population", levels=2, replicas=32, sweeps=1, device="native")


@pytest.mark.parametrize("method", METHODS)
def test_free_spins_have_two_states_each(method):
    """All weights and biases zero: energies do not vary, and no level is needed between the ends."""
    free = IsingModel((0, 1, 2), np.zeros(3), np.array([(0, 1), (1, 2)]), np.zeros(2))
    found = fab.compile(free, fabric_of(free)).log_partition(method, device="native")
    assert found.value == pytest.approx(3 * np.log(2), abs=1e-9)
    assert np.allclose(np.diff(found.levels), found.levels[1] - found.levels[0])


def test_samples_too_few_and_families_too_few_are_refused(monkeypatch):
    program = compiled("direct")
    with pytest.raises(RefusedError, match=r"a level is worth [\d.e+]+ samples only\. Raise replicas or sweeps"):
        monkeypatch.setattr(estimate, "FEWEST", 1e9)
        program.log_partition("bar", levels=8, replicas=64, sweeps=64, device="native")
    monkeypatch.setattr(estimate, "FEWEST_POPULATIONS", 0.0)
    cold = glass(4, 3.0, seed=1)
    frozen = fab.compile(cold, fabric_of(cold), verify=False, tolerance=1.0)
    with pytest.raises(RefusedError, match=r"too few families are left \(.*\)\. Raise replicas or sweeps"):
        frozen.log_partition("population", levels=2, replicas=32, sweeps=1, device="native")


def test_a_model_too_cold_for_the_levels_there_may_be_is_refused(monkeypatch):
    monkeypatch.setattr(levels, "MOST", 2)
    with pytest.raises(
        RefusedError, match=r"^more than 2 levels would be needed from β = 0 to the model's: this model"
    ):
        compiled("direct").log_partition("bar", device="native")


def test_programs_that_lose_states_or_hide_sites_of_factors_are_refused():
    program = compiled("direct")
    (a,), (b,) = program.copies[:2]
    with pytest.raises(RefusedError, match=r"^checks of this program tie two nodes to one state, so that it has not"):
        program.replace(checks=((a, b),)).log_partition("bar", device="native")
    whole = compiled("factors")
    hidden = DiscreteModel(tuple("abc"), np.zeros(3), (Factor(np.arange(3)[:, None], np.zeros((3, 0)), np.ones(3)),))
    blocks = {"free_blocks": ((0, 1, 2),), "clamped_blocks": (), "readings": None}
    fewer = whole.replace(model=hidden, copies=whole.copies[:3], **blocks)
    with pytest.raises(RefusedError, match=r"^a site that no node is read from is in a factor, and is not summed out"):
        fewer.log_partition("bar", device="native")


def test_a_model_far_from_what_is_sampled_is_refused():
    program = compiled("direct")
    other = program.replace(model=glass(spread=3.0, seed=9))
    with pytest.raises(RefusedError, match="the model is far from what the fabric samples"):
        other.log_partition("bar", device="native")


def test_nodes_read_from_one_variable_are_refused():
    program = compiled("categories")
    assert program.readings is not None
    twice = program.replace(readings=(program.readings[0], *program.readings[:3]))
    with pytest.raises(RefusedError, match="read from one variable"):
        twice.log_partition(device="native")


def test_chains_that_lag_are_refused():
    """A large ferromagnet cooled in few sweeps: energies fall all along, and so does what they integrate to."""
    with pytest.raises(RefusedError, match="drifts within levels"):
        torus(24, 0.6).log_partition("ti", replicas=256, sweeps=16, device="native")


@pytest.mark.parametrize(
    "options, message",
    [
        ({"method": "wham"}, "method must be one of 'ais', 'bar', 'ti', 'population', got 'wham'"),
        ({"levels": (1.0, 0.5)}, "fall from 1 to 0"),
        ({"levels": (0.0, 1.0)}, "fall from 1 to 0"),
        ({"levels": 1}, "levels must be an integer of at least 2"),
        ({"replicas": 8}, "replicas must be an integer of at least 32"),
        ({"method": "population", "replicas": 100}, "16 populations of one size"),
        ({"sweeps": 0}, "sweeps must be an integer of at least 1"),
        ({"seed": -1}, "seed must lie in"),
        ({"clamp": [[True]]}, "clamp is a mapping from nodes to values here, got list"),
        ({"clamp": {0: [True, False]}}, "one condition at a time"),
        ({"clamp": {"nobody": True}}, "not a node"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(SpecError, match=message):
        log_partition(compiled("direct"), **{"device": "native", **options})


def test_given_levels_and_a_program_from_a_file():
    program = compiled("direct")
    read = fab.Program.from_json(program.to_json())
    found = read.log_partition("bar", levels=(1.0, 0.6, 0.3, 0.0), device="native", seed=4)
    assert found.levels == (1.0, 0.6, 0.3, 0.0) and found.sweeps == 3 * 64 * 256
    assert abs(found.value - enumerated(glass())) < WITHIN * found.error
