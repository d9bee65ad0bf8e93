"""A program of a user's own node, interactions and sampler, registered (docs/extending.md has this example).

The classes are in the manner of public replications of the denoising thermodynamic model: biases and weights are
interactions of their own, and the sampler is an annealed Gibbs update with the temperature as a field.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from thrml import Block
from thrml.block_sampling import BlockGibbsSpec, BlockSamplingProgram
from thrml.conditional_samplers import AbstractConditionalSampler
from thrml.interaction import InteractionGroup
from thrml.pgm import AbstractNode

import thermofab as fab
from tests.present import present
from thermofab.compiler.frontend.thrml_program import INTERACTIONS, SAMPLERS, slots_of
from thermofab.hw.spec import CompileError


class GridNode(AbstractNode):
    pass


class BiasInteraction(eqx.Module):
    bias: jax.Array


class WeightInteraction(eqx.Module):
    weight: jax.Array


class AnnealedSampler(AbstractConditionalSampler):
    """P(+1) = σ(2β γ); β = 1 is the model's own distribution."""

    beta: float = eqx.field(static=True, default=1.0)

    def sample(self, key, interactions, active_flags, states, sampler_state, output_sd):
        gamma = jnp.zeros(output_sd.shape)
        for one, active, state in zip(interactions, active_flags, states):
            values = one.bias if isinstance(one, BiasInteraction) else one.weight * (2 * state[0] - 1)
            gamma = gamma + jnp.sum(values * active, axis=-1)
        return jax.random.bernoulli(key, jax.nn.sigmoid(2 * self.beta * gamma)), sampler_state

    def init(self):
        return None


def lower_bias(interaction, active, heads, tails):
    return slots_of(interaction.bias, 0, active, heads, tails)


def lower_weight(interaction, active, heads, tails):
    return slots_of(interaction.weight, 1, active, heads, tails)


def lower_sampler(sampler):
    if sampler.beta != 1.0:
        raise CompileError(
            f"an AnnealedSampler of beta {sampler.beta} has no distribution exp(-E); use beta_levels instead."
        )
    return 0


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setitem(INTERACTIONS, BiasInteraction, lower_bias)
    monkeypatch.setitem(INTERACTIONS, WeightInteraction, lower_weight)
    monkeypatch.setitem(SAMPLERS, AnnealedSampler, lower_sampler)


def ring_program(beta=1.0):
    rng = np.random.default_rng(0)
    nodes = [GridNode() for _ in range(6)]
    b, w = rng.normal(size=6), rng.normal(size=6)
    turned = nodes[1:] + nodes[:1]
    groups = [
        InteractionGroup(BiasInteraction(jnp.array(b)), Block(nodes), []),
        InteractionGroup(WeightInteraction(jnp.array(w)), Block(nodes), [Block(turned)]),
        InteractionGroup(WeightInteraction(jnp.array(w)), Block(turned), [Block(nodes)]),
    ]
    structs: dict[type[AbstractNode], jax.ShapeDtypeStruct] = {GridNode: jax.ShapeDtypeStruct((), jnp.bool_)}
    spec = BlockGibbsSpec([Block(nodes[::2]), Block(nodes[1::2])], [], structs)
    return BlockSamplingProgram(spec, [AnnealedSampler(beta)] * 2, groups), nodes, b, w


def test_registered_classes_compile(registered):
    program, nodes, b, w = ring_program()
    distribution = fab.exact(program)
    s = 2.0 * distribution.states[:, [distribution.nodes.index(node) for node in nodes]] - 1
    energies = -(s @ b) - (s * np.roll(s, -1, axis=1)) @ w
    np.testing.assert_allclose(distribution.energies, energies, atol=1e-5)
    compiled = fab.compile(program, "g8-6x6")
    assert compiled.report.certificate.tv == 0 and present(compiled.report.end_to_end_tv) < 0.01
    states = fab.sample_states(jax.random.key(0), program, fab.Schedule(10, 100), None, [], [Block(nodes)])
    assert states[0].shape == (100, 6)


def test_a_lowering_may_refuse(registered):
    with pytest.raises(
        CompileError, match=r"^an AnnealedSampler of beta 2\.0 has no distribution exp\(-E\); use beta_levels"
    ):
        fab.compile(ring_program(beta=2.0)[0], "g8-6x6")


def test_without_registration_the_sampler_is_named():
    with pytest.raises(CompileError, match=r"^the custom sampler \S+\.AnnealedSampler has no lowering"):
        fab.compile(ring_program()[0], "g8-6x6")
