"""The conditional distribution of a market model in THRML: the peer that the fabric's speed is measured beside."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from thrml.block_management import Block
from thrml.block_sampling import BlockGibbsSpec, SamplingSchedule, sample_states
from thrml.factor import FactorSamplingProgram
from thrml.models.discrete_ebm import CategoricalGibbsConditional, DiscreteEBMFactor
from thrml.pgm import CategoricalNode, SpinNode

from thermofab.apps.trading.conditional import Conditional
from thermofab.apps.trading.encoding import CONDITIONS, STATES


def thrml_sampler(distribution: Conditional) -> Callable[[Any, Any], Any]:
    """A jitted function from a JAX key and conditions bool ``[R, 7]`` to states uint8 ``[R]``: the categorical node is
    drawn whole, in one block update."""
    y, x = CategoricalNode(), [SpinNode() for _ in CONDITIONS]
    factors = [DiscreteEBMFactor([], [Block([y])], jnp.asarray(distribution.theta[None]))]
    factors += [
        DiscreteEBMFactor([Block([node])], [Block([y])], jnp.asarray(row[None]))
        for node, row in zip(x, distribution.phi)
    ]
    spec = BlockGibbsSpec([Block([y])], [Block(x)])
    program = FactorSamplingProgram(spec, [CategoricalGibbsConditional(STATES)], factors, [])
    schedule = SamplingSchedule(1, 1, 1)

    def one(key: Any, conditions: Any) -> Any:
        start = [jnp.zeros(1, jnp.uint8)]
        return sample_states(key, program, schedule, start, [conditions], [Block([y])])[0][0, 0]

    return jax.jit(lambda key, rows: jax.vmap(one)(jax.random.split(key, len(rows)), rows))
