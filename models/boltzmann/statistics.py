"""Statistics: the moments that the gradient of a Boltzmann machine is made of.

    ∂(-ln P)/∂b_i = E_model[s_i] - E_data[s_i],   ∂(-ln P)/∂J_ij = E_model[s_i s_j] - E_data[s_i s_j]

with hidden nodes, E_data is over P(h | v) at the data's v (Ackley, Hinton & Sejnowski 1985).
"""

from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from thermofab.models.boltzmann.connections import Connections
from thermofab.models.boltzmann.machine import BoltzmannMachine

# Edges as a share of all pairs above which one matrix product is cheaper than a product an edge.
_DENSE = 0.05


class Statistics(NamedTuple):
    """``first`` float64 ``[n]``: E[s_i]; ``second`` float64 ``[m]``: E[s_i s_j] of the edges."""

    first: np.ndarray
    second: np.ndarray


def statistics_of(spins: np.ndarray, connections: Connections) -> Statistics:
    """Means over rows of spins ±1, or of conditional means of nodes that no edge joins, ``[N, n]``.

    Sums of ±1 are exact in float32 up to 2²⁴ rows.
    """
    s = np.asarray(spins, dtype=np.float32)
    i, j = connections.edges.T
    if connections.n_edges > _DENSE * connections.n_nodes**2:
        second = (s.T @ s)[i, j]
    else:
        columns = np.ascontiguousarray(s.T)
        second = np.einsum("er,er->e", columns[i], columns[j])
    return Statistics(s.mean(axis=0, dtype=np.float64), second.astype(np.float64) / len(s))


def gradient(model: Statistics, data: Statistics, connections: Connections) -> BoltzmannMachine:
    """∂(-ln P) as a machine-shaped PyTree, for optax."""
    return BoltzmannMachine(
        jnp.asarray(model.first - data.first, dtype=jnp.float32),
        jnp.asarray(model.second - data.second, dtype=jnp.float32),
        connections,
    )
