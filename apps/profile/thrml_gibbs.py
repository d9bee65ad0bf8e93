"""The same model in THRML: one block per colour, chains by vmap, jitted and compiled ahead."""

import jax
import jax.numpy as jnp
import numpy as np
from thrml import Block, SamplingSchedule, SpinNode, sample_states
from thrml.block_sampling import BlockGibbsSpec
from thrml.factor import FactorSamplingProgram
from thrml.models import IsingEBM, IsingSamplingProgram
from thrml.models.discrete_ebm import CategoricalEBMFactor, CategoricalGibbsConditional
from thrml.pgm import AbstractNode, CategoricalNode

from thermofab.apps.profile.method import Runner, Setting
from thermofab.apps.profile.problem import Problem
from thermofab.hw.spec import IsingModel, SpecError


def prepare(problem: Problem, setting: Setting) -> Runner:
    """Spins as an IsingEBM, categories of one size as categorical factors.

    Raises:
        SpecError: spins and categories are mixed.
    """
    pairs, n = problem.pairs, len(problem.sizes)
    if len(set(problem.sizes)) > 1 or (not problem.spins and np.any(problem.model.categories == 0)):
        raise SpecError("the THRML peer has spins, or categories of one number of states; this program mixes them.")
    nodes: list[AbstractNode] = [SpinNode() if problem.spins else CategoricalNode() for _ in range(n)]
    blocks = [Block([nodes[k] for k in c]) for c in pairs.colours]
    if problem.spins:
        model = problem.model
        if not isinstance(model, IsingModel):
            raise SpecError("the THRML peer takes spins as an IsingModel; this program is a DiscreteModel.")
        edges = [(nodes[i], nodes[j]) for i, j in model.edges.tolist()]
        ebm = IsingEBM(nodes, edges, jnp.asarray(model.biases), jnp.asarray(model.couplings), jnp.array(model.beta))
        program = IsingSamplingProgram(ebm, list(blocks), [])
        kind = jnp.bool_
    else:
        first = [(i, d) for i in range(n) for d in range(pairs.tables.shape[1]) if pairs.neighbours[i, d] > i]
        heads, tails = ([nodes[i] for i, _ in first], [nodes[int(pairs.neighbours[i, d])] for i, d in first])
        factors = [CategoricalEBMFactor([Block(nodes)], jnp.asarray(pairs.unary))]
        if first:
            joint = jnp.asarray(np.array([pairs.tables[i, d] for i, d in first]))
            factors.append(CategoricalEBMFactor([Block(heads), Block(tails)], joint))
        sampler = CategoricalGibbsConditional(problem.sizes[0])
        program = FactorSamplingProgram(BlockGibbsSpec(list(blocks), []), [sampler] * len(blocks), factors, [])
        kind = jnp.uint8
    schedule = SamplingSchedule(setting.warmup, setting.samples, setting.steps)

    def one(key):
        start, rest = jax.random.split(key)
        keys = jax.random.split(start, len(blocks))
        init = [jax.random.randint(k, (len(c),), 0, problem.sizes[0]).astype(kind) for k, c in zip(keys, pairs.colours)]
        return sample_states(rest, program, schedule, init, [], [Block(nodes)])[0].astype(jnp.uint8)

    chains = jax.jit(lambda key: jax.vmap(one)(jax.random.split(key, setting.chains)))
    compiled = chains.lower(jax.random.key(0)).compile()
    return lambda seed: np.asarray(compiled(jax.random.key(seed)))
