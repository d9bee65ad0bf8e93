"""Reported end-to-end distances against a solver that shares no code with the compiler."""

import warnings

import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.compiler.independent_solver import (
    distance,
    node_distribution,
    path_moments,
    probability_of_one,
    sampled_distribution,
    sites_in_use,
    two_colour_moments,
    user_distribution,
)
from tests.compiler.random_programs import KINDS, random_program
from thermofab.compiler import stationary_distribution
from thermofab.compiler.distributions import fixed_point
from thermofab.hw.spec import CompileError, DistributionWarning, IsingModel, RefusedError

PROFILES = {
    "default": {},
    "fine": {"profile": "fine"},
    "16+8": {"word_bits": 32, "threshold_bits": 16, "dither_bits": 8},
}
EACH = 9  # programs of a kind


def path(biases, couplings):
    """An Ising model on a path: biases float64 ``[n]``, couplings ``[n-1]``."""
    n = len(biases)
    edges = np.stack([np.arange(n - 1), np.arange(1, n)], axis=1)
    return IsingModel(tuple(range(n)), np.asarray(biases), edges, np.asarray(couplings))


def compiled(source, fabric, **options):
    """``None`` where compile refuses."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DistributionWarning)
            return fab.compile(source, fabric, **options)
    except CompileError:
        return None


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_reported_distances_are_those_of_an_independent_solver(kind):
    """Red if verify leaves a part out (the table, hidden sites, discarded samples, a factor), solves it wrongly, or if
    a program beyond its tolerance is let through."""
    enumerated = 0
    for number in range(kind, EACH * len(KINDS), len(KINDS)):
        program = random_program(number, PROFILES)
        assert program.kind == KINDS[kind]
        wanted = user_distribution(program.n, program.biases, program.terms)
        made = compiled(program.source(), program.spec(), **program.options)
        if made is not None and len(sites_in_use(made)) <= 12:
            tv = distance(wanted, node_distribution(made))
            assert made.report.end_to_end.standing == "enumerated", number
            assert made.report.end_to_end.tv == pytest.approx(tv, rel=0.01, abs=1e-6), number
            enumerated += 1
        if "tolerance" not in program.options:
            within = compiled(program.source(), program.spec(), **program.options, tolerance=0.01)
            if within is not None and len(sites_in_use(within)) <= 12:
                assert distance(wanted, node_distribution(within)) <= 0.01 + 1e-6, number
    assert enumerated >= EACH // 2


@pytest.mark.parametrize("kind", range(len(KINDS)))
def test_predictions_are_not_far_below_the_truth(kind):
    """Red if the predicted distance leaves out rounding, or what the table's ends cost: then it is less than half of
    the true one."""
    for number in range(kind, EACH * len(KINDS), len(KINDS)):
        program = random_program(number, PROFILES)
        made = compiled(program.source(), program.spec(), **program.options, verify=False)
        if made is None or made.report.end_to_end.tv is None or len(sites_in_use(made)) > 12:
            continue
        tv = distance(user_distribution(program.n, program.biases, program.terms), node_distribution(made))
        assert tv <= 0.01 or made.report.end_to_end.tv >= tv / 2, number


def test_the_solver_agrees_with_itself_and_with_two_updates_by_hand():
    """Red if the solver loses what sites of the first colour had, or updates in another order."""
    program = fab.compile(path([0.3, -0.2, 0.5], [0.8, -1.1]), fab.fabric(networkx.path_graph(3)))
    assert distance(node_distribution(program), node_distribution(program, memory=True)) < 1e-12
    two = fab.compile(path([0.3, -0.2], [0.8]), fab.fabric(networkx.path_graph(2)))
    image, ends = two.image, [copies[0] for copies in two.copies]
    (w,) = image.weights.tolist()
    order = np.argsort(image.fabric.topology.colours[ends])
    first, second = (int(image.biases[ends[k]]) for k in order)
    a, b = (probability_of_one(image, bias + w * np.array([-1, 1])) for bias in (first, second))
    # The second is the chain's memory: from its state the first is drawn, from that the second.
    up = [a[x] * b[1] + (1 - a[x]) * b[0] for x in (0, 1)]
    one = up[0] / (1 - up[1] + up[0])
    after = {(n, m): sum(p * (a[x] if n else 1 - a[x]) for x, p in ((0, 1 - one), (1, one))) * (b[n] if m else 1 - b[n])
             for n in (0, 1) for m in (0, 1)}  # fmt: skip
    assert np.allclose(sampled_distribution(two)[1], [after[n, m] for n in (0, 1) for m in (0, 1)], atol=1e-12)


@pytest.mark.parametrize("profile", PROFILES)
def test_two_wells_keep_their_balance(profile):
    """J = 6, b = 0.3: red if couplings are not cut where thresholds cannot hold them; both wells then weigh alike, a TV
    of 0.27."""
    wanted = user_distribution(2, [0.3, 0.3], [((0, 1), 6.0)])
    program = fab.compile(path([0.3, 0.3], [6.0]), fab.fabric("king-5x5", **PROFILES[profile]), tolerance=0.01)
    tv = distance(wanted, node_distribution(program))
    assert tv < 0.01 and program.report.end_to_end.tv == pytest.approx(tv, rel=0.01, abs=1e-6)


@pytest.mark.parametrize("bits", [8, 12])
def test_one_strong_edge_of_a_path(bits):
    """J = 4 among 0.5, too many sites to solve: red if what is predicted there does not choose the step; a
    magnetisation is then wrong by 0.1 at 12 bits."""
    biases, couplings = np.full(20, 0.1), np.full(19, 0.5)
    couplings[9] = 4.0
    program = fab.compile(path(biases, couplings), fab.fabric(networkx.path_graph(20), weight_bits=bits))
    assert np.max(np.abs(two_colour_moments(program) - path_moments(biases, couplings))) < 0.02


def enormous_bias():
    rng = np.random.default_rng(5)
    biases, couplings = 0.3 * rng.normal(size=20), 0.7 * rng.normal(size=19)
    biases[7] = 1e5
    return biases, couplings


@pytest.mark.parametrize("profile", ["default", "fine"])
def test_an_enormous_bias_leaves_the_others_their_resolution(profile):
    """Red if the search for a step keeps 1e5 within the range, so that all else rounds to 0, or overflows."""
    biases, couplings = enormous_bias()
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        spec = fab.fabric(networkx.path_graph(20), **PROFILES[profile])
        program = fab.compile(path(biases, couplings), spec, tolerance=1.0)
    assert np.max(np.abs(two_colour_moments(program) - path_moments(biases, couplings))) < 0.05


@pytest.mark.parametrize("bias", [5.0, 1e5])
def test_a_spin_held_by_its_bias_is_no_well(bias):
    """Red if a spin that never turns is taken for a wall between wells, and the program refused."""
    biases = np.full(20, 0.1)
    biases[7] = bias
    fab.compile(path(biases, np.full(19, 0.5)), fab.fabric(networkx.path_graph(20)))


@pytest.mark.parametrize("bias", [0.05, 0.3, 0.7, 1.5, 4.0])
def test_free_spins_follow_their_bias(bias):
    """Red if a field is put where the last entry of the table clips the dither: at b = 0.7 the mean is then 0.601, not
    0.604."""
    model = IsingModel(tuple(range(6)), np.full(6, bias), np.zeros((0, 2)), np.zeros(0))
    program = fab.compile(model, "g4-4x4")
    got = node_distribution(program)
    assert program.report.end_to_end.tv == pytest.approx(
        distance(user_distribution(6, np.full(6, bias), []), got), rel=0.01, abs=1e-6
    )
    (field,) = {int(program.image.biases[copies[0]]) for copies in program.copies}
    mean = 2 * float(probability_of_one(program.image, np.array([field]))[0]) - 1
    assert mean == pytest.approx(np.tanh(bias), abs=5e-4)


def test_a_solution_that_has_not_converged_says_so(monkeypatch):
    """Red if the residual of one sweep is taken for the error: after 20 sweeps it is far below it."""
    rng = np.random.default_rng(0)
    edges = np.array([(i, j) for i in range(11) for j in range(i + 1, 11)])
    model = IsingModel(tuple(range(11)), 0.05 * rng.normal(size=11), edges, rng.normal(size=55))
    spec = fab.fabric(networkx.complete_graph(11), **PROFILES["fine"])
    program = fab.compile(model, spec, verify=False, tolerance=1.0)
    done = stationary_distribution(program)
    monkeypatch.setattr(fixed_point, "_MOST", 4)  # or one restart solves 11 sites
    for sweeps in (0, 5, 20):
        early = stationary_distribution(program, max_sweeps=sweeps)
        far = np.abs(early.probabilities - done.probabilities).sum()
        assert not early.converged and far > 1e-3
    assert done.converged and early.error > 10 * early.residual


def test_a_cold_torus_is_not_promised():
    """J = 2 on 32 x 32: red if wells that no chain has crossed between count as held in balance; the distance is then
    predicted to be 0."""
    spec = fab.fabric("g4-32x32-torus")
    edges = spec.topology.edges
    model = IsingModel(tuple(range(1024)), np.zeros(1024), edges, np.full(len(edges), 2.0))
    with pytest.warns(DistributionWarning, match="unknown"):
        report = fab.compile(model, spec).report
    assert report.end_to_end.tv is None and report.end_to_end.standing == "unknown"
    with pytest.raises(RefusedError, match="unknown"):
        fab.compile(model, spec, tolerance=0.05)
