"""Enumeration and the stationary distribution, against brute force, dense linear algebra and samples."""

from itertools import product

import dimod
import networkx
import numpy as np
import pytest

import thermofab as fab
from tests.compiler.compiler_cases import weighted
from tests.present import present
from thermofab.compiler import stationary_distribution, verify
from thermofab.compiler.distributions.enumeration import kl, marginal, states, total_variation
from thermofab.hw.spec import FREE, Image, IsingModel, SpecError, flip_probability


def test_exact_against_a_sum_over_states():
    model = fab.exact(weighted(networkx.complete_graph(3), 1), beta=0.7)
    graph = weighted(networkx.complete_graph(3), 1)
    weights = []
    for state in product((-1, 1), repeat=3):
        energy = -sum(graph.nodes[k]["bias"] * s for k, s in enumerate(state))
        energy -= sum(data["weight"] * state[u] * state[v] for u, v, data in graph.edges(data=True))
        weights.append(np.exp(-0.7 * energy))
    assert np.allclose(model.probabilities, np.array(weights) / sum(weights), rtol=1e-12)
    assert model.log_z == pytest.approx(np.log(sum(weights)))
    assert np.array_equal(model.states * 2 - 1, list(product((-1, 1), repeat=3)))
    assert np.allclose(-0.7 * model.energies - model.log_z, np.log(model.probabilities))
    assert np.allclose(model.marginals, model.states.T @ model.probabilities)
    moments, spins = model.moments(), 2.0 * model.states - 1
    assert np.allclose(moments.first, model.probabilities @ spins)
    place = moments.nodes.index
    pairs = np.array([spins[:, place(u)] * spins[:, place(v)] for u, v in moments.edges])
    assert np.allclose(moments.second, pairs @ model.probabilities)


def test_conditional_distribution_is_the_slice_of_the_joint():
    graph = weighted(networkx.complete_graph(4), 2)
    joint = fab.exact(graph)
    given = fab.exact(graph, clamp={1: True, 3: False})
    part = joint.probabilities.reshape((2,) * 4)[:, 1, :, 0].reshape(-1)
    assert given.nodes == (0, 2)
    assert np.allclose(given.probabilities, part / part.sum(), rtol=1e-12)
    assert np.allclose(given.energies, joint.energies.reshape((2,) * 4)[:, 1, :, 0].reshape(-1))


def test_exact_keeps_the_offset_of_a_bqm():
    bqm = dimod.BinaryQuadraticModel({"a": 0.5, "b": -1.0}, {("a", "b"): 2.0}, 3.5, "BINARY")
    distribution = fab.exact(bqm)
    for state, energy in zip(distribution.states, distribution.energies):
        assert energy == pytest.approx(bqm.energy(dict(zip(distribution.nodes, state.astype(int)))))


@pytest.mark.parametrize(
    "call, sentence",
    [
        (
            lambda: fab.exact(weighted(networkx.empty_graph(25), 0)),
            r"^enumeration of 25 free nodes needs 2\^25 states; at most 24 nodes can be enumerated\. Clamp some of "
            r"them, or sample\.$",
        ),
        (
            lambda: fab.exact(weighted(networkx.path_graph(2), 0), clamp={5: True}),
            r"^clamp names 5, which is not a node of this program\.$",
        ),
        (
            lambda: fab.exact(weighted(networkx.path_graph(2), 0), clamp={0: 2}),
            r"^clamp of 0 must be one bool, or 0 or 1, got 2\.$",
        ),
        (
            lambda: fab.exact(weighted(networkx.path_graph(2), 0), clamp=[[True]]),
            r"^clamp needs one array for each of the 0 clamped blocks, got 1\.$",
        ),
    ],
)
def test_exact_refuses(call, sentence):
    with pytest.raises(SpecError, match=sentence):
        call()


def random_image(name="king-2x3", seed=0, **overrides):
    spec = fab.fabric(name, **overrides)
    rng = np.random.default_rng(seed)
    from thermofab.hw.spec import sigmoid_table

    return Image(
        fabric=spec,
        weights=rng.integers(-20, 21, spec.topology.n_edges),
        biases=rng.integers(-20, 21, spec.n_sites),
        tables=np.tile(sigmoid_table(spec, 0.03, 1), (spec.levels, 1)),
        shift=1,
        clamps=np.full(spec.n_sites, FREE),
    )


def dense_stationary(image):
    """The eigenvector of the full transition matrix of a sweep, built state by state."""
    topology, n = image.fabric.topology, image.fabric.n_sites
    every = states(n).astype(np.int64)
    matrix = np.eye(2**n)
    coupling = np.zeros((n, n), dtype=np.int64)
    coupling[topology.edges[:, 0], topology.edges[:, 1]] = coupling[topology.edges[:, 1], topology.edges[:, 0]] = (
        image.weights
    )
    fields = image.biases + (2 * every - 1) @ coupling
    up = flip_probability(image.fabric, image.tables[0], image.shift, fields)
    for colour in topology.colour_classes:
        step = np.zeros((2**n, 2**n))
        for x, state in enumerate(every):
            for values in product((0, 1), repeat=len(colour)):
                new = state.copy()
                new[colour] = values
                p = np.prod([up[x, s] if v else 1 - up[x, s] for s, v in zip(colour, values)])
                step[x, int(new @ (2 ** np.arange(n - 1, -1, -1)))] += p
        matrix = matrix @ step
    values, vectors = np.linalg.eig(matrix.T)
    distribution = np.real(vectors[:, np.argmin(np.abs(values - 1))])
    return distribution / distribution.sum()


def test_stationary_distribution_against_the_transition_matrix():
    image = random_image()
    got = stationary_distribution(image)
    assert got.sites == tuple(range(6)) and got.residual < 1e-11
    assert np.max(np.abs(got.probabilities - dense_stationary(image))) < 1e-10
    part = stationary_distribution(image, sites=[4, 1])
    assert np.allclose(part.probabilities, marginal(got.probabilities, 6, [4, 1]))


def test_stationary_distribution_converges_where_mixing_is_slow():
    """Couplings of 4 on a ring: the slowest mode decays by about e^{-16} a sweep, beyond plain iteration."""
    model = IsingModel(tuple(range(4)), np.array([0.2, 0, 0, 0]), np.array([(0, 1), (1, 2), (2, 3)]), np.full(3, 4.0))
    program = fab.compile(model, fab.fabric("g4-1x4", profile="fine", weight_bits=12), verify=False)
    distribution = stationary_distribution(program)
    assert distribution.residual < 1e-11
    assert total_variation(distribution.probabilities, fab.exact(model).probabilities) < 2e-2


def test_stationary_distribution_against_samples():
    """16 states, 80,000 samples with 3 sweeps between: each deviation within 8 standard errors of independent draws
    (false alarm per state 1.3e-15; the ring mixes in about one sweep, and 8 leaves room for the rest).
    """
    image = random_image("king-2x2")
    from thermofab.sim.reference import ReferenceDevice

    device = ReferenceDevice(image.fabric)
    device.load(image)
    sites = device.run(fab.Schedule(50, 5000, 3), replicas=16, seed=3).sites.reshape(-1, 4)
    counts = np.bincount(sites @ np.array([8, 4, 2, 1]), minlength=16)
    distribution = stationary_distribution(image).probabilities
    spread = np.sqrt(distribution * (1 - distribution) / len(sites))
    assert np.max(np.abs(counts / len(sites) - distribution) / spread) < 8


def test_stationary_distribution_with_clamps():
    image = random_image()
    clamps = np.full(6, FREE)
    clamps[2] = 1
    distribution = stationary_distribution(image, clamps)
    assert distribution.sites == (0, 1, 3, 4, 5)
    pinned = image.biases.copy()
    for (i, j), w in zip(image.fabric.topology.edges.tolist(), image.weights.tolist()):
        if 2 in (i, j):
            pinned[i + j - 2] += w
    weights = np.where(np.any(image.fabric.topology.edges == 2, axis=1), 0, image.weights)
    pinned[2] = 0
    alone = stationary_distribution(image.replace(weights=weights, biases=pinned), sites=(0, 1, 3, 4, 5))
    assert np.allclose(distribution.probabilities, alone.probabilities, atol=1e-10)


def test_stationary_distribution_refuses_what_it_cannot_hold():
    image = random_image("king-5x5")
    with pytest.raises(
        SpecError, match=r"^the stationary distribution of 25 sites needs 2\^25 states; at most 20 sites can be"
    ):
        stationary_distribution(image)
    clamps = np.full(25, FREE)
    clamps[0] = 1
    with pytest.raises(
        SpecError, match=r"^the stationary distribution is over free sites; leave clamped ones out of sites\.$"
    ):
        stationary_distribution(image, clamps, sites=[0])
    with pytest.raises(SpecError, match=r"^clamps must have shape \(25,\), got \(3,\)\.$"):
        stationary_distribution(image, np.zeros(3))


def test_small_programs_are_verified_unasked():
    source = weighted(networkx.cycle_graph(6), 0)
    program = fab.compile(source, "g4-2x3")
    report = program.report
    distribution, user = stationary_distribution(program).probabilities, fab.exact(source).probabilities
    assert report.end_to_end_tv == pytest.approx(total_variation(user, distribution), abs=1e-8)
    assert report.quantisation.tv == report.end_to_end_tv
    assert report.quantisation.kl == pytest.approx(kl(user, distribution), abs=1e-8)
    bare = fab.compile(source, "g4-2x3", verify=False)
    assert bare.report.end_to_end_tv is None
    assert verify(bare).report == report


def test_verification_keeps_compile_error_and_rounding_apart():
    report = fab.compile(weighted(networkx.star_graph(5), 1), "g4-3x3", tolerance=0.2).report
    assert report.certificate.how == "enumerated"
    assert present(report.quantisation.tv) < present(report.end_to_end_tv)
    assert report.end_to_end_tv == pytest.approx(report.certificate.tv, abs=report.quantisation.tv)


def test_verification_covers_every_value_of_clamped_nodes():
    from thermofab.compiler.ir.lowered import Lowered

    model = IsingModel((0, 1, 2), np.array([0.3, 0, 0.1]), np.array([(0, 1), (1, 2)]), np.array([0.9, -0.4]))
    report = fab.compile(Lowered(model, ((0, 2),), ((1,),)), "g4-1x3").report
    program = fab.compile(Lowered(model, ((0, 2),), ((1,),)), "g4-1x3")
    worst = 0.0
    for value in (0, 1):
        clamps = np.full(3, FREE)
        clamps[program.roots[1]] = value
        got = stationary_distribution(program, clamps).probabilities
        worst = max(worst, total_variation(fab.exact(model, clamp={1: value}).probabilities, got))
    assert report.end_to_end_tv == pytest.approx(worst, abs=1e-8)


def test_verify_refuses_large_programs():
    program = fab.compile(weighted(networkx.path_graph(30), 0), "g4-6x6")
    with pytest.raises(
        SpecError,
        match=r"^verification enumerates 30 sites and 0 clamped nodes, 2\^30 states; at most 20 together can be "
        r"enumerated\.$",
    ):
        verify(program)


@pytest.mark.parametrize("former, name", [("stationary_law", "stationary_distribution"), ("Law", "Distribution")])
def test_former_names_still_work_and_say_what_they_are_called_now(former, name):
    with pytest.warns(
        DeprecationWarning, match=rf"^thermofab\.compiler\.{former} is now {name}; the former name goes "
    ):
        assert getattr(fab.compiler, former) is getattr(fab.compiler, name)
