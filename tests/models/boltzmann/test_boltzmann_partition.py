"""ln Z, likelihoods and free energies of machines by the bits of a device, to enumeration.

Within 7 standard errors of 64 chains: a chance below 1e-8 a number.
"""

import numpy as np
import pytest

import thermofab as fab
from thermofab.models.boltzmann import (
    BoltzmannMachine,
    Enumerated,
    FabricSampler,
    deep,
    free_energy,
    log_likelihood,
    restricted,
    sampled_log_partition,
)


def a_machine(connections, seed, scale=0.5):
    draw = np.random.default_rng(seed)
    return BoltzmannMachine.of(
        connections, draw.normal(0, scale, connections.n_nodes), draw.normal(0, scale, connections.n_edges)
    )


def a_sampler(machine):
    spec = fab.fabric(machine.connections.topology(), profile="fine")
    return FabricSampler(fab.compile(machine.ising(), spec, keep_zero=True), device="native")


@pytest.mark.parametrize("method", ["ais", "bar", "ti", "population"])
def test_ln_z_of_other_parameters_than_those_compiled(method):
    connections = restricted(6, 5)
    sampler, machine = a_sampler(a_machine(connections, 1)), a_machine(connections, 2)
    found = sampled_log_partition(machine, sampler, method=method, seed=3)
    assert 0 < found.error < 0.1
    assert abs(found.value - Enumerated.of(machine).log_z) < 7 * found.error


def test_likelihoods_and_free_energies_take_a_device(monkeypatch):
    machine = a_machine(deep((4, 3, 3)), 4)
    sampler, data = a_sampler(machine), np.random.default_rng(5).random((5, 4)) < 0.5
    exact, energies = Enumerated.of(machine).log_likelihood(data), free_energy(machine, data)
    monkeypatch.setattr("thermofab.models.boltzmann.likelihood.MOST_ENUMERATED", 2)
    monkeypatch.setattr("thermofab.models.boltzmann.likelihood.LARGEST", 2)
    for row, energy in zip(data, energies):
        given = dict(zip((machine.connections.nodes[k] for k in machine.connections.visible), row.tolist()))
        found = sampled_log_partition(machine, sampler, given=given)
        assert abs(-found.value - energy) < 7 * found.error
    assert np.allclose(free_energy(machine, data, sampler=sampler), energies, atol=0.1)
    found = log_likelihood(machine, data, sampler=sampler, seed=1)
    assert 0 < found.error < 0.05 and abs(found.value - exact) < 7 * found.error + 0.05
