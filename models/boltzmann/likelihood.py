r"""Likelihood: free energy, conditional means, log-likelihood and pseudo-likelihood of data.

    F(v) = -ln Σ_h exp(Σ b s + Σ J s s),   ln P(v) = -F(v) - ln Z.

Hidden nodes that no edge joins sum out in closed form, F(v) = -b·v - ½ vᵀJv - Σ_h ln 2cosh(b_h + Σ_i J_hi v_i); up to
14 others are enumerated. What is left, ln Z and the F(v) of more hidden nodes, is estimated: with a sampler by its
device's bits (:meth:`thermofab.hw.spec.program.Program.log_partition`), without one by annealed importance sampling on
the host.
"""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from thermofab.hw.spec import to_spins
from thermofab.hw.spec.partition import Method
from thermofab.models.boltzmann.annealed import Estimate, log_partition
from thermofab.models.boltzmann.enumeration import LARGEST, Enumerated, all_states
from thermofab.models.boltzmann.machine import BoltzmannMachine, checked_data, log_2cosh
from thermofab.models.boltzmann.sampler import FabricSampler

MOST_ENUMERATED = 14


def hidden_fields(machine: BoltzmannMachine, data: np.ndarray) -> np.ndarray:
    """b_h + Σ_i J_hi v_i of every hidden node for data bool ``[N, v]``: float64 ``[N, h]``."""
    c = machine.connections
    biases = np.asarray(machine.biases, dtype=np.float64)
    return biases[c.hidden] + to_spins(data) @ machine.matrix()[np.ix_(c.visible, c.hidden)]


def hidden_means(machine: BoltzmannMachine, data: np.ndarray) -> np.ndarray:
    """E[s_h | v] = tanh(b_h + Σ_i J_hi v_i), for hidden nodes that no edge joins: float64 ``[N, h]``."""
    return np.tanh(hidden_fields(machine, data))


def sampled_log_partition(
    machine: BoltzmannMachine,
    sampler: FabricSampler,
    *,
    method: Method = "bar",
    given: Mapping[Hashable, Any] | None = None,
    seed: int = 0,
) -> Estimate:
    """ln Z of a machine by the bits of a sampler's device, the rounding to its integers undone by weights.

    Args:
        machine: of the graph that the sampler's program was compiled from.
        sampler: a program and a device.
        method: of :meth:`thermofab.hw.spec.program.Program.log_partition`.
        given: node to value: ln of the sum over the other nodes.
        seed: of the chains.
    """
    program = sampler.holding(machine)
    found = program.log_partition(method, clamp=given, seed=seed, device=sampler.device)
    return Estimate(found.value, found.error, found.effective)


def free_energy(
    machine: BoltzmannMachine,
    data: np.ndarray,
    *,
    chains: int = 200,
    steps: int = 500,
    sampler: FabricSampler | None = None,
    method: Method = "bar",
) -> np.ndarray:
    """F(v) of data bool ``[N, v]``: float64 ``[N]``, in nats.

    Machines with more than 14 hidden nodes joined among themselves need an estimate for every row: by ``method`` on the
    sampler's device, or by annealed importance sampling of ``chains`` and ``steps`` on the host.
    """
    c = machine.connections
    data = checked_data(c, data)
    v = to_spins(data).astype(np.float64)
    visible = v @ np.asarray(machine.biases, dtype=np.float64)[c.visible]
    visible += 0.5 * np.einsum("ni,ij,nj->n", v, machine.matrix()[np.ix_(c.visible, c.visible)], v, optimize=True)
    fields = hidden_fields(machine, data)
    if c.hidden_apart:
        return -visible - log_2cosh(fields).sum(axis=1)
    inside = machine.matrix()[np.ix_(c.hidden, c.hidden)]
    if len(c.hidden) <= MOST_ENUMERATED:
        t = to_spins(all_states(len(c.hidden))).astype(np.float64)
        exponents = fields @ t.T + 0.5 * np.einsum("ki,ij,kj->k", t, inside, t, optimize=True)
        top = exponents.max(axis=1, keepdims=True)
        return -visible - top[:, 0] - np.log(np.exp(exponents - top).sum(axis=1))
    if sampler is not None:
        rows = [dict(zip((c.nodes[k] for k in c.visible), row)) for row in data.tolist()]
        return -np.array([sampled_log_partition(machine, sampler, method=method, given=row).value for row in rows])
    log_sums = [
        log_partition(machine.given(dict(zip((c.nodes[k] for k in c.visible), row)))[0], chains=chains, steps=steps)
        for row in data.tolist()
    ]
    return -visible - np.array([one.value for one in log_sums])


def log_likelihood(
    machine: BoltzmannMachine,
    data: np.ndarray,
    *,
    chains: int = 500,
    steps: int = 1000,
    seed: int = 0,
    sampler: FabricSampler | None = None,
    method: Method = "bar",
) -> Estimate:
    """Mean ln P(v) over data bool ``[N, v]``, in nats: exact (error 0) where at most 20 nodes are to be enumerated,
    else with ln Z by ``method`` on the sampler's device, or by annealed importance sampling of ``chains`` and ``steps``
    on the host.
    """
    c = machine.connections
    if (c.n_visible if c.hidden_apart else c.n_nodes) <= LARGEST:
        return Estimate(Enumerated.of(machine).log_likelihood(data), 0.0, float("inf"))
    if sampler is None:
        log_z = log_partition(machine, chains=chains, steps=steps, seed=seed, data=data)
    else:
        log_z = sampled_log_partition(machine, sampler, method=method, seed=seed)
    mean = -float(np.mean(free_energy(machine, data, sampler=sampler, method=method)))
    return Estimate(mean - log_z.value, log_z.error, log_z.effective)


def pseudo_likelihood(machine: BoltzmannMachine, data: np.ndarray) -> float:
    """Mean over data of Σ_i ln P(v_i | the other visible nodes), in nats (Besag 1975); hidden nodes summed out.

    P(v_i | rest) = σ(F(v with bit i turned) - F(v)): all bits are turned, none is sampled.
    """
    data = checked_data(machine.connections, data)
    here, total = free_energy(machine, data), 0.0
    for i in range(data.shape[1]):
        turned = data.copy()
        turned[:, i] = ~turned[:, i]
        total -= float(np.mean(np.logaddexp(0.0, here - free_energy(machine, turned))))
    return total
