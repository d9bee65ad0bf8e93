"""The maths of Boltzmann machines against brute force: every formula is recomputed from the energy alone."""

# Lists stand for the arrays that are made of them, and wrong ones are refused.
# pyright: reportArgumentType=false

from itertools import product

import numpy as np
import pytest

import thermofab as fab
from thermofab.models.boltzmann import (
    BoltzmannMachine,
    Connections,
    Enumerated,
    deep,
    free_energy,
    from_binary_rbm,
    fully_visible,
    kl_divergence,
    log_likelihood,
    log_partition,
    on_topology,
    pseudo_likelihood,
    restricted,
    to_binary_rbm,
)

GRAPHS = {
    "visible": fully_visible(6),
    "restricted": restricted(5, 4),
    "deep": deep((3, 3, 3)),
    "deeper": deep((2, 3, 2, 2)),
    "grid": on_topology(fab.topology("g4-3x3"), [0, 4, 8]),
}


def a_machine(connections: Connections, seed: int = 0, scale: float = 0.6) -> BoltzmannMachine:
    rng = np.random.default_rng(seed)
    return BoltzmannMachine.of(
        connections, rng.normal(0, scale, connections.n_nodes), rng.normal(0, scale, connections.n_edges)
    )


def brute_force(machine: BoltzmannMachine) -> tuple[np.ndarray, np.ndarray]:
    """All ±1 states ``[2^n, n]`` and their weights, from loops over the parameters."""
    c = machine.connections
    states = np.array(list(product((-1.0, 1.0), repeat=c.n_nodes)))
    exponents = np.zeros(len(states))
    for k, bias in enumerate(np.asarray(machine.biases).tolist()):
        exponents += bias * states[:, k]
    for (i, j), coupling in zip(c.edges.tolist(), np.asarray(machine.couplings).tolist()):
        exponents += coupling * states[:, i] * states[:, j]
    return states, np.exp(exponents)


def weight_of(machine, visible_bits) -> float:
    states, weights = brute_force(machine)
    seen = np.all((states[:, machine.connections.visible] > 0) == np.asarray(visible_bits, dtype=bool), axis=1)
    return float(weights[seen].sum())


@pytest.mark.parametrize("name", GRAPHS)
def test_enumeration_is_brute_force(name):
    machine = a_machine(GRAPHS[name])
    states, weights = brute_force(machine)
    distribution = Enumerated.of(machine)
    assert distribution.log_z == pytest.approx(np.log(weights.sum()), abs=1e-9)
    first, second = distribution.moments()
    p = weights / weights.sum()
    i, j = machine.connections.edges.T
    np.testing.assert_allclose(first, p @ states, atol=1e-9)
    np.testing.assert_allclose(second, p @ (states[:, i] * states[:, j]), atol=1e-9)
    bits = list(product((0, 1), repeat=machine.connections.n_visible))
    np.testing.assert_allclose(
        distribution.visible_distribution(), [weight_of(machine, b) / weights.sum() for b in bits], atol=1e-9
    )


@pytest.mark.parametrize("name", GRAPHS)
def test_free_energy_and_the_completed_distribution_are_brute_force(name):
    machine = a_machine(GRAPHS[name], seed=1)
    c = machine.connections
    data = np.random.default_rng(2).random((5, c.n_visible)) < 0.5
    np.testing.assert_allclose(free_energy(machine, data), [-np.log(weight_of(machine, row)) for row in data])
    states, weights = brute_force(machine)
    completed = np.zeros(len(states))
    for row in data:
        seen = np.all((states[:, c.visible] > 0) == row, axis=1)
        completed += seen * weights / weights[seen].sum() / len(data)
    distribution = Enumerated.of(machine)
    first, second = distribution.moments(distribution.completed(data))
    i, j = c.edges.T
    np.testing.assert_allclose(first, completed @ states, atol=1e-9)
    np.testing.assert_allclose(second, completed @ (states[:, i] * states[:, j]), atol=1e-9)


def test_visible_nodes_in_any_order_read_in_that_order():
    machine = a_machine(Connections(tuple("abcd"), [(0, 1), (1, 2), (2, 3)], [3, 1]))
    distribution = Enumerated.of(machine).visible_distribution()
    _, weights = brute_force(machine)
    assert distribution[0b10] == pytest.approx(weight_of(machine, [1, 0]) / weights.sum())
    assert distribution[0b01] == pytest.approx(weight_of(machine, [0, 1]) / weights.sum())


def test_the_gradient_of_the_log_likelihood_is_the_difference_of_moments():
    machine = a_machine(restricted(4, 3), seed=3)
    data = np.random.default_rng(4).random((6, 4)) < 0.5
    distribution = Enumerated.of(machine)
    model, wanted = distribution.moments(), distribution.moments(distribution.completed(data))
    slope = np.concatenate([wanted[0] - model[0], wanted[1] - model[1]])
    values = np.concatenate([machine.biases, machine.couplings]).astype(np.float64)
    for k in range(len(values)):
        sides = []
        for sign in (1, -1):
            moved = values.copy()
            moved[k] += sign * 0.01
            other = BoltzmannMachine.of(machine.connections, moved[:7], moved[7:])
            sides.append(log_likelihood(other, data).value)
        # Central differences err by h²/6 of a third cumulant of spins, below 4: 1e-4; float32 parameters by 1e-5.
        assert (sides[0] - sides[1]) / 0.02 == pytest.approx(slope[k], abs=2e-4)


@pytest.mark.parametrize("name", GRAPHS)
def test_annealed_importance_sampling_finds_the_enumerated_log_z(name):
    machine = a_machine(GRAPHS[name], seed=5, scale=0.8)
    estimate = log_partition(machine, chains=400, steps=200, seed=6)
    assert 0 < estimate.error < 0.05
    assert estimate.effective > 200
    # Five standard errors: false alarm 6e-7 a graph; the seed is fixed, so it passes always or never.
    assert abs(estimate.value - Enumerated.of(machine).log_z) < 5 * estimate.error


def test_errors_of_annealed_importance_sampling_cover_the_spread_of_its_runs():
    machine = a_machine(restricted(6, 5), seed=7, scale=1.0)
    runs = [log_partition(machine, chains=100, steps=60, seed=seed) for seed in range(40)]
    z = np.array([(run.value - Enumerated.of(machine).log_z) / run.error for run in runs])
    # Mean of 40 z² with 40 degrees of freedom lies below 2.7 but for 1e-7 if errors are right; above 0.3 likewise.
    assert 0.3 < np.mean(z**2) < 2.7


def test_annealed_importance_sampling_starts_from_the_data_too():
    machine = a_machine(restricted(5, 4), seed=8)
    data = np.random.default_rng(9).random((20, 5)) < 0.3
    estimate = log_partition(machine, chains=400, steps=200, seed=1, data=data)
    assert abs(estimate.value - Enumerated.of(machine).log_z) < 5 * estimate.error


def test_hidden_nodes_too_many_to_enumerate_are_annealed(monkeypatch):
    machine = a_machine(deep((3, 3, 3)), seed=10, scale=0.4)
    data = np.array([[True, False, True], [False, False, True]])
    exact = free_energy(machine, data)
    monkeypatch.setattr("thermofab.models.boltzmann.likelihood.MOST_ENUMERATED", 2)
    np.testing.assert_allclose(free_energy(machine, data, chains=400, steps=300), exact, atol=0.05)


@pytest.mark.parametrize("name", GRAPHS)
def test_pseudo_likelihood_is_the_sum_of_conditionals(name):
    machine = a_machine(GRAPHS[name], seed=11)
    v = machine.connections.n_visible
    data = np.random.default_rng(12).random((4, v)) < 0.5
    wanted = 0.0
    for row, i in product(data, range(v)):
        turned = row.copy()
        turned[i] = not turned[i]
        here, there = weight_of(machine, row), weight_of(machine, turned)
        wanted += np.log(here / (here + there)) / len(data)
    assert pseudo_likelihood(machine, data) == pytest.approx(wanted, abs=1e-9)


def test_conditioning_gives_the_distribution_of_the_rest():
    machine = a_machine(deep((3, 3, 2)), seed=13)
    inner, constant = machine.given({("v", 0): True, ("h1", 2): False})
    states, weights = brute_force(machine)
    seen = (states[:, 0] > 0) & (states[:, 5] < 0)
    assert constant + Enumerated.of(inner).log_z == pytest.approx(np.log(weights[seen].sum()), abs=1e-6)
    assert inner.connections.nodes == tuple(n for n in machine.connections.nodes if n not in {("v", 0), ("h1", 2)})


def test_binary_rbms_and_spin_machines_have_one_distribution():
    rng = np.random.default_rng(14)
    w, a, c = rng.normal(0, 1, (4, 3)), rng.normal(0, 1, 4), rng.normal(0, 1, 3)
    machine = from_binary_rbm(w, a, c)
    distribution, weights = Enumerated.of(machine).visible_distribution(), []
    for v in product((0, 1), repeat=4):
        weights.append(sum(np.exp(np.dot(v, w @ h) + np.dot(a, v) + np.dot(c, h)) for h in product((0, 1), repeat=3)))
    np.testing.assert_allclose(distribution, np.array(weights) / np.sum(weights), rtol=1e-5)
    for back, there in zip(to_binary_rbm(machine), (w, a, c)):
        np.testing.assert_allclose(back, there, atol=1e-5)


def test_a_fitted_bernoulli_rbm_converts():
    from sklearn.neural_network import BernoulliRBM

    data = np.random.default_rng(15).random((40, 4)) < 0.4
    theirs = BernoulliRBM(3, n_iter=5, random_state=0).fit(data)
    machine = from_binary_rbm(theirs.components_.T, theirs.intercept_visible_, theirs.intercept_hidden_)
    ours = free_energy(machine, data)
    # Free energies of the two forms differ by a constant.
    np.testing.assert_allclose(ours - ours[0], theirs._free_energy(data) - theirs._free_energy(data)[0], atol=1e-4)


def test_kl_divergence():
    assert kl_divergence([0.5, 0.5, 0], [0.25, 0.75, 0]) == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(2 / 3))
    assert kl_divergence([0.5, 0.5], [1.0, 0.0]) == np.inf


@pytest.mark.parametrize(
    "call, sentence",
    [
        (lambda: Connections((0, 0), [], [0]), "a Boltzmann machine's nodes must be distinct"),
        (lambda: Connections((0, 1), [(0, 2)], [0]), "an edge names a node outside 0…1"),
        (lambda: Connections((0, 1), [(1, 1)], [0]), "node 1 is joined to itself"),
        (lambda: Connections((0, 1), [(0, 1), (1, 0)], [0]), "an edge is listed twice"),
        (lambda: Connections((0, 1), [(0, 1)], []), "needs at least one visible node"),
        (lambda: Connections((0, 1), [(0, 1)], [2]), "visible nodes must be distinct indices 0…1"),
        (lambda: deep((3,)), "at least two layers"),
        (lambda: BoltzmannMachine.of(fully_visible(2), [0, 0, 0], [0]), r"biases must have shape \(2,\)"),
        (lambda: BoltzmannMachine.of(fully_visible(2), [0, np.nan], [0]), r"biases\[1\] is nan"),
        (lambda: BoltzmannMachine.zeros(fully_visible(2)).given({7: 1}), "7 is not a node of this machine"),
        (lambda: free_energy(BoltzmannMachine.zeros(fully_visible(2)), [[1, 0, 1]]), r"data must have shape \(N, 2\)"),
        (lambda: free_energy(BoltzmannMachine.zeros(fully_visible(2)), [[0.5, 0]]), "threshold grey images"),
        (lambda: Enumerated.of(BoltzmannMachine.zeros(fully_visible(21))), "at most 20 nodes are enumerated"),
        (lambda: log_partition(BoltzmannMachine.zeros(fully_visible(2)), chains=1), "at least 2 chains"),
        (lambda: log_partition(BoltzmannMachine.zeros(fully_visible(2)), steps=[0, 2, 1]), "rise from 0 to 1"),
        (lambda: from_binary_rbm(np.zeros((2, 3)), np.zeros(3), np.zeros(3)), r"a 0/1 RBM has weights \[v, h\]"),
        (lambda: to_binary_rbm(BoltzmannMachine.zeros(fully_visible(2))), "made by restricted"),
    ],
)
def test_what_is_refused(call, sentence):
    with pytest.raises(fab.ThermofabError, match=sentence):
        call()
