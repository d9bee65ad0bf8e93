"""Training over a DataLoader: the exact likelihood of the digits rises, by any method; small machines reach theirs."""

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from thermofab.hw.spec import Schedule
from thermofab.models.boltzmann import BoltzmannMachine, Connections, Enumerated, free_energy
from thermofab.models.boltzmann.enumeration import all_states
from thermofab.models.data import digits
from thermofab.torch import FabricSampler, GraphRestrictedBoltzmannMachine, RestrictedBoltzmannMachine, fit


def log_likelihood(machine, bits: np.ndarray) -> float:
    """Mean ln P(v), exact: the hidden nodes, which are fewer, are enumerated."""
    whole = machine.to_boltzmann()
    c = whole.connections
    turned = BoltzmannMachine.of(Connections(c.nodes, c.edges, c.hidden), whole.biases, whole.couplings)
    return -float(free_energy(whole, bits).mean()) - Enumerated.of(turned).log_z


def digits_run(method: str) -> list[float]:
    """Held-out ln P before and after each of four passes."""
    found, random = digits(), torch.manual_seed(0)
    data = torch.tensor(2.0 * found.train - 1, dtype=torch.float32)
    machine = RestrictedBoltzmannMachine(64, 10, data=data)
    loader = DataLoader(TensorDataset(data, torch.tensor(found.train_labels)), 64, shuffle=True, generator=random)
    sampler = FabricSampler(machine, replicas=128, seed=1)
    curve = [log_likelihood(machine, found.test)]
    optimiser = torch.optim.SGD(machine.parameters(), lr=0.02)
    updates = fit(
        machine,
        loader,
        sampler,
        epochs=4,
        method=method,  # pyright: ignore[reportArgumentType]
        optimiser=optimiser,
        on_epoch=lambda _: curve.append(log_likelihood(machine, found.test)),
    )
    assert updates == 4 * 23
    return curve


@pytest.mark.parametrize("method", ["pcd", "cd"])
def test_the_likelihood_of_digits_rises_with_every_pass(method):
    """Deterministic by its seeds: bit-exact devices, and torch's generator."""
    curve = digits_run(method)
    assert all(after > before for before, after in zip(curve, curve[1:]))
    assert curve[0] < -24.7 and curve[-1] > -23


@pytest.mark.parametrize("joined", [False, True])
def test_a_small_machine_with_hidden_nodes_learns_its_data(joined):
    """Four of sixteen patterns; edges between the hidden nodes make the positive phase sampled. Chains are fresh:
    persistent ones do not cross between patterns this far apart, and training swings.
    """
    torch.manual_seed(0)
    patterns = 2.0 * all_states(4)[[0, 5, 10, 15]] - 1
    edges = [(i, j) for i in range(4) for j in range(4, 7)] + ([(4, 5), (5, 6)] if joined else [])
    machine = GraphRestrictedBoltzmannMachine(range(7), edges, hidden_nodes=(4, 5, 6))
    data = torch.tensor(patterns, dtype=torch.float32)
    sampler = FabricSampler(machine, replicas=256, chains="fresh", conditional=Schedule(10, 16))
    optimiser = torch.optim.Adam(machine.parameters(), lr=0.05)

    def likelihood() -> float:
        exact = Enumerated.of(machine.to_boltzmann())
        return exact.log_likelihood(patterns > 0)

    before = likelihood()
    fit(machine, DataLoader(TensorDataset(data.repeat(8, 1)), 32), sampler, epochs=150, optimiser=optimiser)
    assert before < -2.4 and likelihood() > np.log(1 / 4) - 0.25
