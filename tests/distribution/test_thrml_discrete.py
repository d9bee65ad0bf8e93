"""THRML's programs of categorical variables and terms of three nodes, through the fabric, at its own tests' bounds:
the largest |frequency - P| over the largest P below 2%, or 5% for the larger ones.

The programs are those tests' in kind, with weights of this file's own seeds. Samples are as many as bring the bound to
six standard errors or more, computed here from chains: with R independent chains the error of a frequency is known from
their spread, so a false alarm (of all states and tests together) has a probability below 1e-6.
"""

# THRML asks for lists of its abstract nodes and blocks, which lists of spin nodes are not to a type checker.
# pyright: reportArgumentType=false

import itertools
import random

import jax
import jax.numpy as jnp
import networkx
import numpy as np
import pytest
from thrml import Block, CategoricalNode, SamplingSchedule, SpinNode
from thrml.block_sampling import BlockGibbsSpec
from thrml.factor import FactorSamplingProgram
from thrml.models.discrete_ebm import (
    CategoricalEBMFactor,
    CategoricalGibbsConditional,
    DiscreteEBMFactor,
    SpinEBMFactor,
    SpinGibbsConditional,
    SquareCategoricalEBMFactor,
    SquareDiscreteEBMFactor,
)
from thrml.pgm import AbstractNode

import thermofab as fab
from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.stages import Source
from thermofab.compiler.passes.canonicalise import Canonicalise
from thermofab.compiler.passes.categorical import Categorical
from thermofab.compiler.passes.fold_clamps import FoldClamps
from thermofab.compiler.passes.higher_order import HigherOrder

CHAINS = 64


def normal(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape))


def own_fabric(program, clamp):
    """A fabric of the program's spins, hidden ones included, with weights wide enough that rounding plays no part."""
    source = FoldClamps(clamp)(Source(lower(program), fab.fabric("complete-400")))
    paired = HigherOrder()(Categorical()(Canonicalise()(source)))
    graph = networkx.Graph(paired.edges.tolist())
    graph.add_nodes_from(range(paired.n))
    return fab.fabric(graph, weight_bits=16, bias_bits=16, profile="fine")


def check(program, clamp, bound, samples, steps=5):
    values = dict(
        zip(
            (node for block in program.gibbs_spec.clamped_blocks for node in block.nodes),
            (int(x) for values in clamp for x in values),
        )
    )
    distribution = fab.exact(program, clamp=clamp)
    compiled = fab.compile(program, own_fabric(program, values), clamp=values, verify=False)
    assert compiled.report.certificate.tv == 0
    out = compiled.sample(
        fab.Schedule(500, samples, steps),
        nodes=[list(distribution.nodes)],
        clamp=clamp,
        replicas=CHAINS,
        seed=7,
        device="native",
    )
    codes = tuple(np.moveaxis(out.states[0], -1, 0).astype(np.int64))
    number = np.asarray(np.ravel_multi_index(codes, distribution.shape))
    k = len(distribution.probabilities)
    frequency = np.stack([np.bincount(chain, minlength=k) for chain in number]) / samples
    top = distribution.probabilities.max()
    error = np.abs(frequency.mean(axis=0) - distribution.probabilities)
    spread = frequency.std(axis=0, ddof=1) / np.sqrt(CHAINS)
    print(f"{compiled.report.sites} sites, {error.max() / top:.4f}, {bound * top / spread.max():.1f} standard errors")
    assert spread.max() < bound * top / 6, "enough samples for the bound to mean something"
    assert error.max() / top < bound


def test_cubic_with_a_clamped_node():
    nodes, extra = [SpinNode() for _ in range(5)], SpinNode()
    factors = [
        SpinEBMFactor([Block(nodes)], normal(1, 5)),
        SpinEBMFactor([Block(nodes[:-1]), Block(nodes[1:])], normal(2, 4)),
        SpinEBMFactor([Block([nodes[2]]), Block([nodes[3]]), Block([extra])], normal(3, 1)),
    ]
    spec = BlockGibbsSpec([Block(nodes[1::2]), Block(nodes[2::2])], [Block([nodes[0], extra])])
    program = FactorSamplingProgram(spec, [SpinGibbsConditional()] * 2, factors, [])
    check(program, [np.array([False, True])], 0.02, 4000)


def test_categorical_with_a_term_of_three():
    nodes, extra = [CategoricalNode() for _ in range(5)], CategoricalNode()
    factors = [
        CategoricalEBMFactor([Block(nodes)], normal(1, 5, 3)),
        CategoricalEBMFactor([Block(nodes[:-1]), Block(nodes[1:])], normal(2, 4, 3, 3)),
        SquareCategoricalEBMFactor([Block([nodes[2]]), Block([nodes[3]]), Block([extra])], normal(3, 1, 3, 3, 3)),
    ]
    spec = BlockGibbsSpec([Block(nodes[1::2]), Block(nodes[2::2])], [Block([nodes[0], extra])])
    program = FactorSamplingProgram(spec, [CategoricalGibbsConditional(3)] * 2, factors, [])
    check(program, [np.array([1, 1])], 0.02, 8000)


def test_mixed():
    s, c = [SpinNode() for _ in range(3)], [CategoricalNode() for _ in range(4)]
    factors = [
        SpinEBMFactor([Block(s)], normal(1, 3)),
        CategoricalEBMFactor([Block(c)], normal(2, 4, 3)),
        DiscreteEBMFactor([Block(s)], [Block(c[:-1])], normal(3, 3, 3)),
        SquareDiscreteEBMFactor([Block([s[2]]), Block([s[1]])], [Block([c[3]])], normal(4, 1, 3)),
    ]
    blocks = [Block(s[1::2]), Block(c[0:-1:2]), Block(s[::2]), Block(c[1:-1:2]), Block([c[-1]])]
    spins, categories = SpinGibbsConditional(), CategoricalGibbsConditional(3)
    samplers = [spins, categories, spins, categories, categories]
    check(FactorSamplingProgram(BlockGibbsSpec(blocks, []), samplers, factors, []), [], 0.05, 7500)


def mixed_grid():
    """A 3x3 grid whose nodes are spins or categories of three at random."""
    rng = random.Random(42424)
    graph = networkx.grid_graph(dim=(3, 3))
    graph = networkx.relabel_nodes(
        graph, {at: SpinNode() if rng.random() < 0.5 else CategoricalNode() for at in graph.nodes}
    )
    colours = networkx.bipartite.color(graph)
    blocks = [
        [node for node in graph if colours[node] == colour and isinstance(node, kind)]
        for colour, kind in itertools.product((0, 1), (SpinNode, CategoricalNode))
    ]
    kinds: dict[int, list[tuple]] = {0: [], 1: [], 2: []}
    for u, v in graph.edges:
        spins_first = sorted((u, v), key=lambda node: isinstance(node, CategoricalNode))
        kinds[sum(isinstance(node, CategoricalNode) for node in (u, v))].append(tuple(spins_first))
    ends = {n: [Block([edge[k] for edge in edges]) for k in (0, 1)] for n, edges in kinds.items() if edges}
    factors = []
    for n, (a, b) in ends.items():
        weights = normal(10 + n, len(kinds[n]), *[3] * n)
        factors.append(DiscreteEBMFactor([a, b][: 2 - n], [a, b][2 - n :], weights))
    live = [block for block in blocks if block]
    samplers = [
        SpinGibbsConditional() if isinstance(block[0], SpinNode) else CategoricalGibbsConditional(3) for block in live
    ]
    return FactorSamplingProgram(BlockGibbsSpec([Block(block) for block in live], []), samplers, factors, [])


def test_mixed_grid():
    """TestHeteroGrid, with weights wide enough for its bound."""
    check(mixed_grid(), [], 0.05, 16000)


def test_drop_in_for_the_mixed_grid():
    """TestHeteroGrid's schedule and bound (no warm-up, 50,000 samples five steps apart, the largest error of a state
    below 4% of the largest probability) through the bare call.

    The fault: a default fabric of hidden spins, or of weights too narrow. 16 keys, so that the bound is six standard
    errors or more: a false alarm below 1e-6.
    """
    program = mixed_grid()
    blocks = program.gibbs_spec.free_blocks
    distribution = fab.exact(program)
    k, top = len(distribution.probabilities), distribution.probabilities.max()
    init = [jnp.zeros(len(b), jnp.bool_ if isinstance(b.nodes[0], SpinNode) else jnp.uint8) for b in blocks]
    schedule, chains = SamplingSchedule(0, 50_000, 5), []
    for key in jax.random.split(jax.random.key(42424), 16):
        states = fab.sample_states(key, program, schedule, init, [], blocks, device="native")
        column = {node: np.asarray(x)[:, i] for b, x in zip(blocks, states) for i, node in enumerate(b.nodes)}
        number = np.ravel_multi_index([column[node].astype(int) for node in distribution.nodes], distribution.shape)
        chains.append(np.bincount(number, minlength=k) / len(number))
    spread = (np.std(chains, axis=0, ddof=1) / np.sqrt(len(chains))).max()
    error = np.abs(np.mean(chains, axis=0) - distribution.probabilities).max()
    print(f"{error / top:.4f}, {0.04 * top / spread:.1f} standard errors")
    assert spread < 0.04 * top / 6 and error < 0.04 * top


def test_categories_of_two_and_spins_are_the_same_program():
    """TestEquivalence: with W[a, b] of two states each, biases and couplings of spins have the same distribution,
    exactly."""

    class Node(AbstractNode):
        pass

    graph = networkx.grid_2d_graph(3, 3)
    nodes = {at: Node() for at in graph}
    tails, heads = zip(*((nodes[u], nodes[v]) for u, v in graph.edges))
    weights = np.random.default_rng(5).normal(size=(len(heads), 2, 2))
    even, odd = ([nodes[at] for at in graph if sum(at) % 2 == k] for k in (0, 1))
    sign = np.array([-1.0, 1.0])
    of_tail = np.einsum("kij,i->k", weights, sign) / 4
    of_head = np.einsum("kij,j->k", weights, sign) / 4
    both = np.einsum("kij,i,j->k", weights, sign, sign) / 4
    categorical = CategoricalEBMFactor([Block(tails), Block(heads)], jnp.asarray(weights))
    spin = [
        SpinEBMFactor([Block(tails + heads)], jnp.asarray(np.concatenate([of_tail, of_head]))),
        SpinEBMFactor([Block(tails), Block(heads)], jnp.asarray(both)),
    ]
    distributions = []
    for dtype, sampler, factors in (
        (jnp.bool_, SpinGibbsConditional(), spin),
        (jnp.uint8, CategoricalGibbsConditional(2), [categorical]),
    ):
        spec = BlockGibbsSpec([Block(even), Block(odd)], [], {Node: jax.ShapeDtypeStruct((), dtype)})
        distributions.append(fab.exact(FactorSamplingProgram(spec, [sampler] * 2, factors, [])))
    assert distributions[0].nodes == distributions[1].nodes
    np.testing.assert_allclose(distributions[0].probabilities, distributions[1].probabilities, atol=1e-7)


@pytest.mark.parametrize("target", [None, "g12-16x16"])
def test_drop_in_for_categorical_programs(target):
    """Shapes and dtypes are THRML's; 400,000 samples bring frequencies within 2% of the largest probability."""
    a, b, c = CategoricalNode(), SpinNode(), CategoricalNode()
    factors = [
        CategoricalEBMFactor([Block([a])], normal(1, 1, 3)),
        DiscreteEBMFactor([Block([b])], [Block([a])], 0.7 * normal(2, 1, 3)),
        CategoricalEBMFactor([Block([a]), Block([c])], normal(3, 1, 3, 4)),
    ]
    spec = BlockGibbsSpec([Block([a]), Block([b])], [Block([c])])
    program = FactorSamplingProgram(spec, [CategoricalGibbsConditional(3), SpinGibbsConditional()], factors, [])
    clamp = [jnp.array([2], dtype=jnp.uint8)]
    init = [jnp.array([1], dtype=jnp.uint8), jnp.array([False])]
    states = fab.sample_states(
        jax.random.key(1),
        program,
        fab.Schedule(100, 400_000, 2),
        init,
        clamp,
        [Block([a]), Block([b]), Block([c])],
        fabric=target and fab.fabric(target, weight_bits=12, bias_bits=12, profile="fine"),
        device="native",
    )
    assert [x.dtype for x in states] == [jnp.uint8, jnp.bool_, jnp.uint8]
    assert np.all(np.asarray(states[2]) == 2)
    distribution = fab.exact(program, clamp=clamp)
    place = {node: np.asarray(x)[:, 0] for node, x in zip((a, b), states)}
    number = np.ravel_multi_index([place[node].astype(int) for node in distribution.nodes], distribution.shape)
    frequency = np.bincount(number, minlength=6) / len(number)
    assert np.max(np.abs(frequency - distribution.probabilities)) / distribution.probabilities.max() < 0.02
