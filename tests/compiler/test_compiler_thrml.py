"""The THRML front end: same energies, same distribution, and refusals by name."""

import equinox as eqx
import jax
import jax.numpy as jnp
import networkx
import numpy as np
import pytest
from thrml import Block, SpinNode
from thrml.block_sampling import BlockGibbsSpec, BlockSamplingProgram
from thrml.conditional_samplers import AbstractConditionalSampler
from thrml.factor import FactorSamplingProgram
from thrml.interaction import InteractionGroup
from thrml.models import FactorizedEBM, IsingEBM, IsingSamplingProgram, SpinEBMFactor, SpinGibbsConditional
from thrml.models.discrete_ebm import (
    CategoricalEBMFactor,
    CategoricalGibbsConditional,
    DiscreteEBMFactor,
    DiscreteEBMInteraction,
)
from thrml.pgm import DEFAULT_NODE_SHAPE_DTYPES, AbstractNode, CategoricalNode

import thermofab as fab
from tests.compiler.compiler_cases import boltzmann, pairwise
from thermofab.compiler.distributions.enumeration import states
from thermofab.compiler.frontend import lower
from thermofab.hw.spec import CompileError


def grid_ebm(rows=2, columns=3, seed=0, beta=1.3):
    rng = np.random.default_rng(seed)
    graph = networkx.convert_node_labels_to_integers(networkx.grid_2d_graph(rows, columns))
    nodes: list[AbstractNode] = [SpinNode() for _ in graph]
    edges = [(nodes[u], nodes[v]) for u, v in graph.edges]
    biases, weights = jnp.array(rng.normal(size=len(nodes))), jnp.array(rng.normal(size=len(edges)))
    two = networkx.bipartite.color(graph)
    blocks = [Block([nodes[k] for k in graph if two[k] == c]) for c in (0, 1)]
    return IsingEBM(nodes, edges, biases, weights, jnp.array(beta)), blocks


def energies(ebm, nodes):
    """thrml's energies of all states of ``nodes``, in enumeration order."""
    return np.array([float(ebm.energy([jnp.array(state)], [Block(nodes)])) for state in states(len(nodes))])


def test_ising_energies_equal_thrmls():
    ebm, _ = grid_ebm()
    model = lower(ebm).model
    assert model.nodes == tuple(ebm.nodes) and model.beta == 1.0
    assert np.allclose(model.energies(states(6)), energies(ebm, ebm.nodes), rtol=1e-5, atol=1e-5)


def test_an_ising_ebm_without_edges_compiles():
    nodes: list[AbstractNode] = [SpinNode() for _ in range(3)]
    ebm = IsingEBM(nodes, [], jnp.array([0.1, 0.2, 0.3]), jnp.zeros(0), jnp.array(2.0))
    assert np.allclose(pairwise(lower(ebm).model).biases, [0.2, 0.4, 0.6])
    assert fab.compile(ebm, "g4-2x2").model.n_nodes == 3


def test_nodes_that_only_edges_name_are_kept():
    a, b = SpinNode(), SpinNode()
    ebm = IsingEBM([a], [(a, b)], jnp.array([0.5]), jnp.array([1.0]), jnp.array(1.0))
    assert lower(ebm).model.nodes == (a, b)


def test_factorized_energies_equal_thrmls():
    nodes: list[AbstractNode] = [SpinNode() for _ in range(4)]
    factors = [
        SpinEBMFactor([Block(nodes)], jnp.array([0.1, -0.2, 0.3, 0.4])),
        SpinEBMFactor([Block(nodes[:3]), Block(nodes[1:])], jnp.array([1.0, -0.5, 0.25])),
        DiscreteEBMFactor([Block([nodes[0]]), Block([nodes[1]])], [], jnp.array([0.7])),
        SpinEBMFactor([Block([nodes[3]])], jnp.array([0.05])),
    ]
    ebm = FactorizedEBM(factors)
    for source in (ebm, factors):
        lowered = lower(source)
        order = [tuple(nodes).index(node) for node in lowered.model.nodes]
        assert order == [0, 1, 2, 3]
        assert np.allclose(lowered.model.energies(states(4)), energies(ebm, nodes), atol=1e-5)
        assert lowered.notes == ("summed 1 duplicate edges",)


@pytest.mark.parametrize("rows, columns", [(2, 3), (3, 3)])
def test_a_program_has_the_distribution_of_its_ebm(rows, columns):
    ebm, blocks = grid_ebm(rows, columns)
    lowered = lower(IsingSamplingProgram(ebm, [*blocks], []))
    assert lowered.model.nodes == tuple(node for block in blocks for node in block)
    assert [len(block) for block in lowered.free_blocks] == [len(block) for block in blocks]
    order = [tuple(ebm.nodes).index(node) for node in lowered.model.nodes]
    wanted = boltzmann(pairwise(lower(ebm).model)).reshape((2,) * len(order)).transpose(order).reshape(-1)
    assert np.allclose(boltzmann(pairwise(lowered.model)), wanted, rtol=1e-4)


def test_padded_slots_do_not_count():
    """A star pads every leaf to the hub's degree in a shared block list; the mask says what is real."""
    nodes: list[AbstractNode] = [SpinNode() for _ in range(5)]
    weights = [0.3, 0.5, -0.7, 0.9]
    ebm = IsingEBM(nodes, [(nodes[0], n) for n in nodes[1:]], jnp.zeros(5), jnp.array(weights), jnp.array(1.0))
    ebm = FactorizedEBM([*ebm.factors, SpinEBMFactor([Block([nodes[1]]), Block([nodes[0]])], jnp.array([0.2]))])
    spec = BlockGibbsSpec([Block(nodes[1:]), Block(nodes[:1])], [])
    sampler = SpinGibbsConditional()
    lowered = lower(FactorSamplingProgram(spec, [sampler, sampler], ebm.factors, []))
    assert np.allclose(pairwise(lowered.model).couplings, [0.5, 0.5, -0.7, 0.9])
    assert lowered.notes == ("summed 1 duplicate edges",)


def test_clamped_blocks_and_superblocks():
    ebm, blocks = grid_ebm(3, 3)
    even, odd = sorted(blocks, key=len)
    odd = odd.nodes
    program = IsingSamplingProgram(ebm, [(Block(odd[:2]), Block(odd[2:4])), even], [Block(odd[4:])])
    lowered = lower(program)
    assert [len(block) for block in lowered.free_blocks] == [2, 2, 4]
    assert [len(block) for block in lowered.clamped_blocks] == [1]
    value = jnp.array([True])
    distribution = fab.exact(program, clamp=[value])
    given = fab.exact(ebm, clamp={odd[4]: True})
    order = [given.nodes.index(node) for node in distribution.nodes]
    assert np.allclose(
        distribution.probabilities, given.probabilities.reshape((2,) * 8).transpose(order).reshape(-1), rtol=1e-4
    )


def test_clamped_clamped_edges_vanish():
    ebm, blocks = grid_ebm(1, 4)
    n = ebm.nodes
    program = IsingSamplingProgram(ebm, [Block([n[0]])], [Block(n[1:])])
    assert len(pairwise(lower(program).model).edges) == 1
    compiled = fab.compile(program, "g4-2x2")
    got = compiled.sample(fab.Schedule(0, 2), clamp=[np.array([True, False, True])], device="reference")
    assert got.node_states[0, 1, 1:].tolist() == [True, False, True]


def test_a_node_without_factors_is_free():
    a, b, c = (SpinNode() for _ in range(3))
    ebm = IsingEBM([a, b], [(a, b)], jnp.zeros(2), jnp.ones(1), jnp.array(1.0))
    program = IsingSamplingProgram(ebm, [Block([a, c]), Block([b])], [])
    assert lower(program).model.n_nodes == 3


def refused(source, sentence):
    with pytest.raises(CompileError, match=sentence):
        fab.compile(source, "g4-4x4")


def test_an_edge_inside_a_block_is_refused():
    ebm, _ = grid_ebm(1, 3)
    refused(
        IsingSamplingProgram(ebm, [Block(ebm.nodes)], []),
        r"^node 0 of free block 0 and node 1 of free block 0 are coupled but THRML updates them at once, from the "
        r"same state, which samples a wrong distribution; split the block so that coupled "
        r"nodes are in different blocks, "
        r"updated one after another\.$",
    )


def test_an_edge_inside_a_superblock_is_refused():
    ebm, _ = grid_ebm(1, 3)
    a, b, c = ebm.nodes
    refused(
        IsingSamplingProgram(ebm, [(Block([a]), Block([b])), Block([c])], []),
        r"^node 0 of free block 0 and node 0 of free block 1 are coupled but THRML updates them at once",
    )


def test_self_edges_are_refused():
    a, b = SpinNode(), SpinNode()
    ebm = IsingEBM([a, b], [(a, a)], jnp.zeros(2), jnp.ones(1), jnp.array(1.0))
    refused(ebm, r"^node 0 \(.*\) has an edge to itself; s·s = 1 is a constant, so remove the self-edge\.$")
    refused(
        IsingSamplingProgram(ebm, [Block([a]), Block([b])], []),
        r"^node 0 of free block 0 has an edge to itself; s·s = 1 is a constant, so remove the self-edge\.$",
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(bad):
    ebm, blocks = grid_ebm(1, 3)
    ebm = eqx.tree_at(lambda e: e.weights, ebm, ebm.weights.at[1].set(bad))
    refused(
        ebm,
        rf"^weights of the IsingEBM\[1\] is {bad}; every bias and weight must be a finite number\. Look for a "
        r"diverged training step or a division by zero where it was made\.$",
    )
    refused(
        IsingSamplingProgram(ebm, [*blocks], []),
        rf"^a weight or bias of node \d of free block \d is {bad}; every bias and weight must be a finite number\. "
        r"Look for a diverged training step where it was made\.$",
    )


def test_a_bad_beta_is_refused():
    ebm, _ = grid_ebm(1, 3, beta=-1.0)
    refused(ebm, r"^the IsingEBM's beta must be one positive finite number, got -1\.0\.$")


def brute(factors, nodes, states):
    """exp(-E) of all states by THRML's own energies, normalised; ``states`` of every node."""
    blocks = [Block([node]) for node in nodes]
    ebm = FactorizedEBM(factors)
    kinds = [jnp.bool_ if isinstance(node, SpinNode) else jnp.uint8 for node in nodes]
    energies = []
    for state in np.ndindex(*states):
        energies.append(float(ebm.energy([jnp.array([x], k) for x, k in zip(state, kinds)], blocks)))
    weights = np.exp(-np.array(energies))
    return weights / weights.sum()


def mixed_program():
    """Spins, categories of 3 and 4 states, a cubic spin term and a term of a spin and two categories."""
    s = [SpinNode() for _ in range(3)]
    c = [CategoricalNode() for _ in range(2)]
    keys = jax.random.split(jax.random.key(5), 5)
    factors = [
        SpinEBMFactor([Block([node]) for node in s], jax.random.normal(keys[0], (1,))),
        CategoricalEBMFactor([Block([c[0]]), Block([c[1]])], jax.random.normal(keys[1], (1, 3, 4))),
        DiscreteEBMFactor([Block([s[0]])], [Block([c[1]])], jax.random.normal(keys[2], (1, 4))),
        DiscreteEBMFactor([Block([s[1]])], [Block([c[0]]), Block([c[1]])], jax.random.normal(keys[3], (1, 3, 4))),
        SpinEBMFactor([Block(s)], jax.random.normal(keys[4], (3,))),
    ]
    return s, c, factors


def test_higher_order_and_categorical_energies_are_thrmls():
    s, c, factors = mixed_program()
    lowered = lower(factors)
    order = lowered.model.nodes
    distribution = fab.exact(factors)
    want = brute(factors, order, distribution.shape)
    np.testing.assert_allclose(distribution.probabilities, want, atol=1e-6)  # THRML's are float32
    assert distribution.nodes == order and sorted(distribution.shape) == [2, 2, 2, 3, 4]


def test_higher_order_and_categorical_programs_are_those_of_their_factors():
    s, c, factors = mixed_program()
    spec = BlockGibbsSpec([Block([node]) for node in (*s, *c)], [])
    samplers: list[AbstractConditionalSampler] = [SpinGibbsConditional() for _ in s]
    samplers += [CategoricalGibbsConditional(3), CategoricalGibbsConditional(4)]
    program = FactorSamplingProgram(spec, samplers, factors, [])
    distribution, wanted = fab.exact(program), fab.exact(factors)
    order = [distribution.nodes.index(node) for node in wanted.nodes]
    got = distribution.probabilities.reshape(distribution.shape).transpose(order).reshape(-1)
    np.testing.assert_allclose(got, wanted.probabilities, atol=1e-7)


def test_a_clamped_categorical_node_needs_no_sampler():
    s, c, factors = mixed_program()
    spec = BlockGibbsSpec([Block([node]) for node in (*s, c[0])], [Block([c[1]])])
    samplers: list[AbstractConditionalSampler] = [SpinGibbsConditional() for _ in s]
    samplers += [CategoricalGibbsConditional(3)]
    program = FactorSamplingProgram(spec, samplers, factors, [])
    given = fab.exact(program, clamp=[np.array([2])])
    whole = fab.exact(factors)
    tensor = whole.probabilities.reshape(whole.shape)
    tensor = np.take(tensor, 2, axis=whole.nodes.index(c[1]))
    left = [node for node in whole.nodes if node != c[1]]
    tensor = tensor.transpose([left.index(node) for node in given.nodes]).reshape(-1)
    np.testing.assert_allclose(given.probabilities, tensor / tensor.sum(), atol=1e-7)


def test_numbers_of_states_must_agree():
    c = CategoricalNode()
    factors = [CategoricalEBMFactor([Block([c])], jnp.ones((1, q))) for q in (3, 4)]
    refused(
        factors,
        r"^node 0 has 4 states in one factor and 3 in another; give all weights of one node the same number of "
        r"states\.$",
    )
    program = FactorSamplingProgram(BlockGibbsSpec([Block([c])], []), [CategoricalGibbsConditional(5)], factors[:1], [])
    refused(
        program,
        r"^node 0 of free block 0 has 5 states, but an interaction has weights for 3 of them; give sampler and weights "
        r"the same number of states\.$",
    )


def test_a_node_twice_in_a_term_is_refused():
    a, b = SpinNode(), SpinNode()
    factor = SpinEBMFactor([Block([a]), Block([b]), Block([a])], jnp.ones(1))
    refused([factor], r"^a term names one node twice, nodes \[0, 1, 0\]; s·s = 1, so write it without\.$")
    program = FactorSamplingProgram(
        BlockGibbsSpec([Block([a]), Block([b])], []), [SpinGibbsConditional()] * 2, [factor], []
    )
    refused(program, r"^node 0 of free block 0 is in one term twice; s·s = 1, so write the term without it\.$")


def test_higher_terms_inside_a_block_and_asymmetric_ones_are_refused():
    nodes: list[AbstractNode] = [SpinNode() for _ in range(3)]
    factor = SpinEBMFactor([Block([node]) for node in nodes], jnp.ones(1))
    together = BlockGibbsSpec([Block(nodes[:2]), Block(nodes[2:])], [])
    refused(
        FactorSamplingProgram(together, [SpinGibbsConditional()] * 2, [factor], []),
        r"^node 0 of free block 0 and node 1 of free block 0 are coupled but THRML updates them at once",
    )
    apart = BlockGibbsSpec([Block([node]) for node in nodes], [])
    program = FactorSamplingProgram(apart, [SpinGibbsConditional()] * 3, [factor], [])
    weights = program.per_block_interactions[0][0].weights
    bent = eqx.tree_at(lambda p: p.per_block_interactions[0][0].weights, program, 2 * weights)
    refused(
        bent,
        r"^node 0 of free block 0 and node 0 of free block 1 see a term over 3 nodes with different weights .*; "
        r"asymmetric interactions have no distribution of the form exp\(-E\)\. Give all "
        r"nodes of a term the same weights\.$",
    )


def test_node_types_that_do_not_fit_are_refused():
    a, b = CategoricalNode(), SpinNode()
    ebm = IsingEBM([a], [], jnp.zeros(1), jnp.zeros(0), jnp.array(1.0))
    refused(
        ebm,
        r"^CategoricalNode nodes are categorical \(uint8\) and cannot be spins; put them among a factor's categorical "
        r"nodes, or use SpinNode\.$",
    )
    refused(
        [CategoricalEBMFactor([Block([b])], jnp.ones((1, 3)))],
        r"^SpinNode nodes are spins and cannot be categorical; put them among a factor's spin nodes\.$",
    )
    alone = BlockSamplingProgram(BlockGibbsSpec([Block([b])], [Block([a])]), [SpinGibbsConditional()], [])
    refused(
        alone,
        r"^node 0 of clamped block 0 is categorical, clamped and in no interaction, so nothing tells how many states "
        r"it has; leave it out of the program\.$",
    )


class RealNode(AbstractNode):
    pass


class TreeNode(AbstractNode):
    pass


class Interaction(eqx.Module):
    weights: jax.Array


class Heun(AbstractConditionalSampler):
    def sample(self, key, interactions, active_flags, states, sampler_state, output_sd):
        return jnp.zeros(output_sd.shape, dtype=output_sd.dtype), sampler_state

    def init(self):
        return None


def test_continuous_nodes_are_refused():
    structs = {**DEFAULT_NODE_SHAPE_DTYPES, RealNode: jax.ShapeDtypeStruct((), jnp.float32)}
    spec = BlockGibbsSpec([Block([RealNode()])], [], structs)
    refused(
        BlockSamplingProgram(spec, [SpinGibbsConditional()], []),
        r"^RealNode nodes are continuous \(float32\), and a p-bit holds one bit; use SpinNode\.$",
    )
    structs = {**DEFAULT_NODE_SHAPE_DTYPES, TreeNode: jax.ShapeDtypeStruct((3,), jnp.bool_)}
    spec = BlockGibbsSpec([Block([TreeNode()])], [], structs)
    refused(
        BlockSamplingProgram(spec, [SpinGibbsConditional()], []),
        r"^TreeNode nodes hold bool of shape \(3,\), and a p-bit holds one bit; use SpinNode\.$",
    )


def test_custom_samplers_and_interactions_are_refused():
    nodes: list[AbstractNode] = [SpinNode(), SpinNode()]
    spec = BlockGibbsSpec([Block(nodes[:1]), Block(nodes[1:])], [])
    refused(
        BlockSamplingProgram(spec, [Heun(), SpinGibbsConditional()], []),
        r"^the custom sampler \S+\.Heun has no lowering \(known are SpinGibbsConditional, "
        r"CategoricalGibbsConditional\); use SpinGibbsConditional, or register the sampler in "
        r"thermofab\.compiler\.frontend\.thrml_program\.SAMPLERS if it is a Gibbs update of spins\.$",
    )
    group = InteractionGroup(Interaction(jnp.ones(1)), Block(nodes[:1]), [Block(nodes[1:])])
    refused(
        BlockSamplingProgram(spec, [SpinGibbsConditional()] * 2, [group]),
        r"^no lowering is known for the interaction \S+\.Interaction; use DiscreteEBMInteraction, or register one in "
        r"thermofab\.compiler\.frontend\.thrml_program\.INTERACTIONS\.$",
    )


class Odd(SpinEBMFactor):
    def __init__(self, node_groups: list[Block], weights: jax.Array) -> None:
        super().__init__(node_groups, weights)


def test_unknown_factors_are_refused():
    refused(
        FactorizedEBM([Odd([Block([SpinNode()])], jnp.ones(1))]),
        r"^no lowering is known for a \S+\.Odd; known factors are SpinEBMFactor, .*\. Use a SpinEBMFactor, or register "
        r"one in thermofab\.compiler\.frontend\.thrml_energy\.FACTORS\.$",
    )


@pytest.mark.parametrize("back", [None, 0.5])
def test_asymmetric_interactions_are_refused(back):
    a, b = SpinNode(), SpinNode()
    groups = [InteractionGroup(DiscreteEBMInteraction(1, jnp.array([1.0])), Block([a]), [Block([b])])]
    if back is not None:
        groups.append(InteractionGroup(DiscreteEBMInteraction(1, jnp.array([back])), Block([b]), [Block([a])]))
    spec = BlockGibbsSpec([Block([a]), Block([b])], [])
    refused(
        BlockSamplingProgram(spec, [SpinGibbsConditional()] * 2, groups),
        r"^node 0 of free block 0 sees node 0 of free block 1 with weight 1, but node 0 of free block 1 sees node 0 of "
        rf"free block 0 with {back or 0:g}; asymmetric interactions have no distribution "
        rf"of the form exp\(-E\)\. Give both "
        r"directions the same weight\.$",
    )


def test_one_sided_interactions_with_a_clamped_node_are_fields():
    a, b = SpinNode(), SpinNode()
    groups = [InteractionGroup(DiscreteEBMInteraction(1, jnp.array([1.0])), Block([a]), [Block([b])])]
    program = BlockSamplingProgram(BlockGibbsSpec([Block([a])], [Block([b])]), [SpinGibbsConditional()], groups)
    assert fab.exact(program, clamp=[[True]]).moments().first == pytest.approx([np.tanh(1.0)])


def test_beta_is_refused_where_the_source_has_its_own():
    ebm, _ = grid_ebm(1, 3)
    with pytest.raises(
        CompileError,
        match=r"^a IsingEBM carries its own inverse temperature, so beta=2\.0 has no meaning here; leave beta out and "
        r"set it in the source, or use beta_levels for annealing\.$",
    ):
        fab.compile(ebm, "g4-2x2", beta=2.0)
