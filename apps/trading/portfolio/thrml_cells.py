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
from thrml.pgm import CategoricalNode, SpinNode

from thermofab.apps.trading.portfolio.cells import STATES, pairs_of
from thermofab.apps.trading.portfolio.tables import Tables


def thrml_sampler(tables: Tables, sweeps: int) -> Callable[[Any, Any], Any]:
    """A jitted function from a JAX key and market bits bool ``[chains, k]`` to states uint8 ``[chains, d]``, after
    ``sweeps`` sweeps of each chain from random states."""
    d, k = tables.assets, tables.bits
    nodes, market = [CategoricalNode() for _ in range(d)], [SpinNode() for _ in range(k)]
    i, j = (Block([nodes[node] for node in ends]) for ends in zip(*pairs_of(d)))
    factors = [
        DiscreteEBMFactor([], [Block(nodes)], jnp.asarray(tables.single)),
        DiscreteEBMFactor([], [i, j], jnp.asarray(tables.pair)),
    ]
    for bit, single, pair in zip(market, tables.single_shift, tables.pair_shift):
        factors.append(DiscreteEBMFactor([Block([bit] * d)], [Block(nodes)], jnp.asarray(single)))
        factors.append(DiscreteEBMFactor([Block([bit] * len(pair))], [i, j], jnp.asarray(pair)))
    spec = BlockGibbsSpec([Block([node]) for node in nodes], [Block(market)] if k else [])
    program = FactorSamplingProgram(spec, [CategoricalGibbsConditional(STATES)] * d, factors, [])
    schedule = SamplingSchedule(sweeps, 1, 1)

    def one(key: Any, row: Any) -> Any:
        begin, run = jax.random.split(key)
        start = list(jax.random.randint(begin, (d, 1), 0, STATES).astype(jnp.uint8))
        return sample_states(run, program, schedule, start, [row] if k else [], [Block(nodes)])[0][0]

    return jax.jit(lambda key, rows: jax.vmap(one)(jax.random.split(key, len(rows)), rows))
