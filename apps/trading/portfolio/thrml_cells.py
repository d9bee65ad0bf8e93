"""Pair tables in THRML: the peer that the machine's speed is measured beside. A node of eight states an asset, drawn
whole, in a block of its own."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from thrml.block_management import Block
from thrml.block_sampling import BlockGibbsSpec, SamplingSchedule, sample_states
from thrml.factor import FactorSamplingProgram
from thrml.models.discrete_ebm import CategoricalGibbsConditional, DiscreteEBMFactor
from thrml.pgm import CategoricalNode

from thermofab.apps.trading.portfolio.cells import STATES, pairs_of
from thermofab.apps.trading.portfolio.tables import Tables


def thrml_sampler(tables: Tables, sweeps: int) -> Callable[[Any, int], Any]:
    """A function from a JAX key and a number of chains to states uint8 ``[chains, d]``, after ``sweeps`` sweeps of each
    chain from random states. Tables have no market bits."""
    nodes = [CategoricalNode() for _ in range(tables.assets)]
    blocks = [Block([node]) for node in nodes]
    i, j = (list(ends) for ends in zip(*pairs_of(tables.assets)))
    factors = [
        DiscreteEBMFactor([], [Block(nodes)], jnp.asarray(tables.single)),
        DiscreteEBMFactor([], [Block([nodes[k] for k in i]), Block([nodes[k] for k in j])], jnp.asarray(tables.pair)),
    ]
    spec = BlockGibbsSpec(blocks, [])
    program = FactorSamplingProgram(spec, [CategoricalGibbsConditional(STATES)] * len(nodes), factors, [])
    schedule = SamplingSchedule(sweeps, 1, 1)

    def one(key: Any) -> Any:
        begin, run = jax.random.split(key)
        start = list(jax.random.randint(begin, (len(nodes), 1), 0, STATES).astype(jnp.uint8))
        return sample_states(run, program, schedule, start, [], [Block(nodes)])[0][0]

    chains = jax.jit(lambda key, count: jax.vmap(one)(jax.random.split(key, count)), static_argnums=1)
    return lambda key, count: chains(key, count)
