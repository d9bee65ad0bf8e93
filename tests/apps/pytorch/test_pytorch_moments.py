"""Gradients of likelihoods and of expectations: against enumeration, and against the bound of what samples allow."""

from itertools import combinations

import numpy as np
import pytest
import torch

from tests.present import present
from thermofab.compiler import stationary_distribution
from thermofab.hw.spec import Schedule, SpecError
from thermofab.models.boltzmann.enumeration import all_states
from thermofab.torch import FabricSampler, GraphRestrictedBoltzmannMachine, RestrictedBoltzmannMachine

SAMPLES = 32768
# Hoeffding: a mean of K independent values in ±1 is off by more than this with probability below 1e-9, so any of the
# at most 500 means of this file with probability below 5e-7.
BOUND = float(np.sqrt(2 * np.log(2e9) / SAMPLES))
# Rounding to 8 bits and the activation table move a mean by less than this, which the first test computes exactly.
ROUNDING = 0.02


def spins_of_all_states(n: int) -> torch.Tensor:
    return torch.tensor(2.0 * all_states(n) - 1, dtype=torch.float64)


def exact_log_z(machine) -> torch.Tensor:
    return torch.logsumexp(-machine(spins_of_all_states(machine.n_nodes)), 0)


def exact_expectation(machine, f) -> torch.Tensor:
    states = spins_of_all_states(machine.n_nodes)
    return torch.softmax(-machine(states), 0) @ f(states)


def gradients(value: torch.Tensor, machine) -> torch.Tensor:
    machine.zero_grad()
    value.backward()
    return torch.cat([machine.linear.grad, machine.quadratic.grad])


def a_machine(n: int = 8, scale: float = 0.4, hidden: int = 0, seed: int = 0) -> GraphRestrictedBoltzmannMachine:
    """All pairs, but those of two hidden nodes; nodes and edges in shuffled orders, edges either way round."""
    rng = np.random.default_rng(seed)
    nodes = [f"n{k}" for k in rng.permutation(n)]
    covered = set(nodes[:hidden])
    pairs = [p for p in combinations(nodes, 2) if not set(p) <= covered]
    edges = [pairs[k][:: rng.choice([1, -1])] for k in rng.permutation(len(pairs))]
    machine = GraphRestrictedBoltzmannMachine(
        nodes,
        edges,
        hidden_nodes=nodes[:hidden],
        linear=rng.normal(0, scale, n),
        quadratic=rng.normal(0, scale, len(edges)),
    )
    return machine.double()


def drawn(machine, device: str = "native") -> torch.Tensor:
    """Independent samples: one of every chain."""
    return FabricSampler(machine, device=device, replicas=SAMPLES, burn_in=100, seed=3).sample()


def exact_samples(machine, count: int, seed: int) -> torch.Tensor:
    states = spins_of_all_states(machine.n_nodes)
    p = torch.softmax(-machine(states), 0).detach().numpy()
    return states[np.random.default_rng(seed).choice(len(states), count, p=p)]


@pytest.fixture(scope="module")
def model_and_samples():
    machine = a_machine()
    return machine, drawn(machine)


def test_the_allowance_for_rounding_is_what_integers_and_tables_need():
    machine = a_machine()
    program = FabricSampler(machine).program
    settled = stationary_distribution(program)
    place = {site: k for k, site in enumerate(settled.sites)}
    spins = torch.tensor(2.0 * settled.states[:, [place[site] for site in program.roots.tolist()]] - 1)
    found = torch.tensor(settled.probabilities) @ machine.sufficient_statistics(spins)
    want = exact_expectation(machine, machine.sufficient_statistics)
    assert (found - want).abs().max() < ROUNDING


def test_energies_are_those_of_the_compiled_model():
    machine = a_machine()
    states = all_states(8)
    want = machine.ising().energies(states)
    assert np.allclose(machine(spins_of_all_states(8)).detach().numpy(), want, atol=1e-12)


@pytest.mark.parametrize("hidden", [0, 3])
def test_the_likelihoods_gradient_is_that_of_enumeration(hidden):
    """Samples' moments in the place of exact ones are the only difference between the gradients."""
    machine = a_machine(6, hidden=hidden)
    data = spins_of_all_states(6 - hidden)[[0, 3, 5, 5, 7]]
    samples = exact_samples(machine, 1000, seed=1)
    want = gradients(machine.free_energy(data).mean() + exact_log_z(machine), machine)
    states = spins_of_all_states(6)
    exact = torch.softmax(-machine(states), 0) @ machine.sufficient_statistics(states)
    shift = (exact - machine.sufficient_statistics(samples).mean(0)).detach()
    by_likelihood = gradients(machine.negative_log_likelihood(data, samples, log_z=3.0), machine)
    by_objective = gradients(machine.quasi_objective(data, samples), machine)
    assert torch.allclose(by_likelihood, want + shift, atol=1e-12)
    assert torch.allclose(by_objective, want + shift, atol=1e-12)


def test_free_energy_sums_hidden_nodes_out():
    machine = a_machine(7, hidden=3)
    data = spins_of_all_states(4)
    whole = torch.zeros(16, 8, 7, dtype=torch.float64)
    whole[:, :, machine.visible_idx] = data[:, None]
    whole[:, :, machine.hidden_idx] = spins_of_all_states(3)
    assert torch.allclose(machine.free_energy(data), -torch.logsumexp(-machine(whole), 1), atol=1e-12)


@pytest.mark.parametrize("device", ["native", "reference"])
def test_the_likelihoods_gradient_from_a_fabric_is_that_of_enumeration(device):
    machine = a_machine(4 if device == "reference" else 8)
    count = 256 if device == "reference" else SAMPLES
    bound = BOUND * np.sqrt(SAMPLES / count) + ROUNDING
    samples = FabricSampler(machine, device=device, replicas=count, burn_in=30, seed=3).sample()
    data = spins_of_all_states(machine.n_nodes)[-3:]
    want = gradients(machine(data).mean() + exact_log_z(machine), machine)
    found = gradients(machine.negative_log_likelihood(data, samples), machine)
    assert (found - want).abs().max() < bound
    # The bound tells a flipped phase, and a flipped sign, from the right ones.
    moment = machine.sufficient_statistics(data).mean(0).detach()
    assert ((2 * moment - found) - want).abs().max() > 2 * bound
    assert (-found - want).abs().max() > 2 * bound


def test_the_covariance_is_the_derivative_of_the_reweighted_mean():
    """Weights w ∝ exp(-(θ' - θ)·T) carry samples from θ to θ'; their derivative at θ is the covariance over K."""
    machine = a_machine(5)
    samples, rng = exact_samples(machine, 200, seed=2), np.random.default_rng(0)
    values = torch.tensor(rng.normal(size=(200, 3)))
    for column in range(3):
        energies = machine(samples)
        reweighted = torch.softmax(energies.detach() - energies, 0) @ values[:, column]
        want = gradients(reweighted, machine) * 200 / 199
        found = gradients(machine.expectation(values, samples)[column], machine)
        assert torch.allclose(found, want, atol=1e-12)


def test_expectations_gradients_from_a_fabric_are_those_of_enumeration(model_and_samples):
    """Cov(f, T) = E[fT] - E[f]E[T], three means within the bound each, f within ±1."""
    machine, samples = model_and_samples
    bound = 3 * (BOUND + ROUNDING)

    def f(s):
        return s[:, 0] * s[:, 3] * s[:, 5]

    want = gradients(exact_expectation(machine, f), machine)
    value = machine.expectation(f(samples), samples)
    assert abs(value.item() - exact_expectation(machine, f).item()) < BOUND + ROUNDING
    found = gradients(value, machine)
    assert (found - want).abs().max() < bound
    assert (-found - want).abs().max() > 2 * bound, "a flipped sign must be seen"


def test_values_with_parameters_of_their_own_get_their_gradients(model_and_samples):
    machine, samples = model_and_samples
    net = torch.nn.Linear(8, 1).double()
    machine.expectation(net(samples).squeeze(1), samples).backward()
    assert torch.allclose(present(net.weight.grad)[0], samples.mean(0), atol=1e-12)
    assert present(net.bias.grad).item() == pytest.approx(1.0)


def test_gradients_reach_the_data():
    machine = a_machine(6, hidden=2)
    data = spins_of_all_states(4)[:3].requires_grad_()
    samples = exact_samples(machine, 50, seed=0)
    (wanted,) = torch.autograd.grad(machine.free_energy(data).mean(), data)
    (found,) = torch.autograd.grad(machine.quasi_objective(data, samples), data)
    assert torch.allclose(found, wanted, atol=1e-12)


def test_restricted_fields_are_those_of_its_edges():
    torch.manual_seed(0)
    machine = RestrictedBoltzmannMachine(5, 4, linear=torch.randn(9))
    x = torch.randn(6, 9)
    assert torch.allclose(machine.fields(x), GraphRestrictedBoltzmannMachine.fields(machine, x), atol=1e-5)


@pytest.mark.parametrize("beta", [0.5, 1.0, 1.7])
def test_estimated_beta_is_that_of_the_samples(beta):
    """Exact samples; the estimate's deviation, from the curvature, is below 0.01 here, and 6 of them are allowed."""
    machine = a_machine()
    cold = a_machine()
    with torch.no_grad():
        cold.linear.mul_(beta)
        cold.quadratic.mul_(beta)
    assert machine.estimate_beta(exact_samples(cold, 20000, seed=5)) == pytest.approx(beta, abs=0.06)


def test_beta_that_samples_do_not_tell_is_refused():
    pair = GraphRestrictedBoltzmannMachine("ab", [("a", "b")], linear=[0, 0], quadratic=[-1])
    with pytest.raises(SpecError, match="points along its field, so no finite β"):
        pair.estimate_beta(torch.ones(3, 2))
    pair.set_quadratic([0.0])
    with pytest.raises(SpecError, match="every local field of these samples is 0"):
        pair.estimate_beta(torch.ones(3, 2))


def test_one_sample_has_no_covariance():
    machine = a_machine(4)
    with pytest.raises(SpecError, match="a value per sample, of at least 2"):
        machine.expectation(torch.ones(1), torch.ones(1, 4))


def test_a_draw_has_all_samples_of_all_chains():
    machine = a_machine(4)
    sampler = FabricSampler(machine, replicas=3, schedule=Schedule(1, 5), seed=1)
    assert sampler.sample().shape == (15, 4)


def test_restricted_machines_start_from_the_datas_means():
    data = spins_of_all_states(3)[[7, 7, 7, 4]].float()
    machine = RestrictedBoltzmannMachine(3, 2, data=data, quadratic=torch.zeros(6))
    want = data.sum(0) / 5
    assert torch.allclose(exact_expectation(machine.double(), lambda s: s)[:3].float(), want, atol=1e-6)
    with pytest.raises(SpecError, match="linear and data both say"):
        RestrictedBoltzmannMachine(3, 2, data=data, linear=torch.zeros(5))
