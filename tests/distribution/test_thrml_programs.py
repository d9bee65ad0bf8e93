"""THRML's README example, and the programs of its Ising tests, through the fabric, at those tests' own bounds.

Where a bound there is a lucky seed's (2% of the largest probability from 10,000 samples is 1.3 standard errors), the
same bound is kept here and more samples are drawn, so that it holds with the stated probability.
"""

# THRML asks for lists of its abstract nodes and blocks, which lists of spin nodes are not to a type checker.
# pyright: reportArgumentType=false

import equinox as eqx
import jax
import jax.numpy as jnp
import networkx
import numpy as np
import pytest
from thrml import Block, SamplingSchedule, SpinNode
from thrml.models import IsingEBM, IsingSamplingProgram, hinton_init

import thermofab as fab


def test_readme_example():
    """The chain of five spins, J = 1/2: same call, same structure; E[s_i s_j] = tanh(J)^|i-j| of an open chain.

    1,000 samples two sweeps apart: 6.5 standard errors at an autocorrelation time of at most 4 samples.
    """
    nodes = [SpinNode() for _ in range(5)]
    edges = [(nodes[i], nodes[i + 1]) for i in range(4)]
    model = IsingEBM(nodes, edges, jnp.zeros((5,)), jnp.ones((4,)) * 0.5, jnp.array(1.0))
    free_blocks = [Block(nodes[::2]), Block(nodes[1::2])]
    program = IsingSamplingProgram(model, free_blocks, clamped_blocks=[])
    k_init, k_samp = jax.random.split(jax.random.key(0), 2)
    init_state = hinton_init(k_init, model, free_blocks, ())
    schedule = SamplingSchedule(n_warmup=100, n_samples=1000, steps_per_sample=2)

    samples = fab.sample_states(k_samp, program, schedule, init_state, [], [Block(nodes)])

    assert isinstance(samples, list) and len(samples) == 1
    assert samples[0].shape == (1000, 5) and samples[0].dtype == jnp.bool_
    s = 2.0 * np.asarray(samples[0]) - 1
    exact = np.tanh(0.5) ** np.abs(np.subtract.outer(np.arange(5), np.arange(5)))
    assert np.max(np.abs(s.T @ s / 1000 - exact)) < 6.5 * np.sqrt(4 / 1000)
    assert np.max(np.abs(s.mean(axis=0))) < 6.5 * np.sqrt(4 / 1000)


@pytest.mark.parametrize("target", [None, "g8-6x6"])
def test_line_with_a_clamped_node(target):
    """TestLine: five spins, the first clamped; max |p - exact| / max exact < 0.02 of the 16 conditional states.

    400,000 samples five sweeps apart, autocorrelation time at most 1.6: for the worst state the bound is 6.8 standard
    errors beyond the quantisation error, a false alarm of 16 · 1e-11.
    """
    key, k_bias, k_weight = jax.random.split(jax.random.key(43524), 3)
    nodes = [SpinNode() for _ in range(5)]
    ebm = IsingEBM(
        nodes,
        list(zip(nodes[:-1], nodes[1:])),
        jax.random.uniform(k_bias, (5,), minval=-1.0, maxval=1.0),
        jax.random.uniform(k_weight, (4,), minval=-1.0, maxval=1.0),
        jnp.array(1.0),
    )
    program = IsingSamplingProgram(ebm, [Block(nodes[1::2]), Block(nodes[2::2])], [Block([nodes[0]])])
    clamp = [jnp.array([True])]
    order = nodes[1::2] + nodes[2::2]
    distribution = fab.exact(program, clamp=clamp)
    init = [jnp.zeros((2,), jnp.bool_), jnp.zeros((2,), jnp.bool_)]
    schedule = SamplingSchedule(n_warmup=1000, n_samples=400_000, steps_per_sample=5)
    (states,) = fab.sample_states(key, program, schedule, init, clamp, [Block(list(distribution.nodes))], fabric=target)
    assert set(distribution.nodes) == set(order)
    frequency = np.bincount(np.asarray(states) @ (1 << np.arange(4)[::-1]), minlength=16) / len(states)
    assert np.max(np.abs(frequency - distribution.probabilities)) / distribution.probabilities.max() < 0.02


def test_kl_gradient():
    """TestEstimateKLGrad: the moment-difference gradient of KL(data ‖ model) to 1% of its largest entry.

    1,024 chains of 1,000 samples, ten sweeps apart, in each phase: the bound is over 7 standard errors.
    """
    k_bias, k_weight = jax.random.split(jax.random.key(44))
    nodes = [SpinNode() for _ in range(4)]
    data, latent = [nodes[0], nodes[2]], [nodes[1], nodes[3]]
    model = IsingEBM(
        nodes,
        list(zip(nodes[:-1], nodes[1:])),
        jax.random.uniform(k_bias, (4,)),
        jax.random.uniform(k_weight, (3,)),
        jnp.array(1.0),
    )
    schedule = fab.Schedule(n_warmup=1000, n_samples=1000, steps_per_sample=10)
    # 16-bit weights: what is compared is an estimator, not the rounding of the model.
    spec = fab.fabric("g4-2x2", weight_bits=16, bias_bits=16, profile="fine")
    positive = fab.compile(IsingSamplingProgram(model, [Block(latent)], [Block(data)]), spec)
    negative = fab.compile(IsingSamplingProgram(model, [Block(latent), Block(data)], []), spec)
    with_data = positive.sample(schedule, nodes=[nodes], clamp=[np.array([False, False])], replicas=1024, seed=1)
    without = negative.sample(schedule, nodes=[nodes], replicas=1024, seed=2)

    def moments(samples):
        s = 2.0 * samples.states[0] - 1
        return s.mean(axis=(0, 1)), (s[..., :-1] * s[..., 1:]).mean(axis=(0, 1))

    (b_data, w_data), (b_free, w_free) = moments(with_data), moments(without)
    grad_b, grad_w = b_free - b_data, w_free - w_data

    def kl(m):
        everything = jnp.array(np.indices((2,) * 4).reshape(4, -1).T, dtype=bool)
        energy = jax.vmap(lambda x: m.energy([x], [Block(data + latent)]))(everything)
        marginal = jnp.exp(-energy).reshape(4, 4).sum(axis=1)
        return -jnp.log(marginal[0] / marginal.sum())

    exact = eqx.filter_grad(kl)(model)
    assert np.max(np.abs(grad_w - exact.weights)) / np.max(np.abs(grad_w)) < 0.01
    assert np.max(np.abs(grad_b - exact.biases)) / np.max(np.abs(grad_b)) < 0.01


def test_every_node_visible():
    """TestEstimateKLGradFullyVisible: a 4x4 grid, all nodes clamped (nothing to sample) or all free, one sample each;
    the clamped phase returns the data.
    """
    graph = networkx.grid_2d_graph(4, 4)
    nodes = {position: SpinNode() for position in graph}
    keys = jax.random.split(jax.random.key(0), 3)
    model = IsingEBM(
        list(nodes.values()),
        [(nodes[a], nodes[b]) for a, b in graph.edges],
        jax.random.normal(keys[0], (16,)),
        jax.random.normal(keys[1], (24,)),
        jnp.array(1.0),
    )
    everything = Block(list(nodes.values()))
    data = jax.random.bernoulli(keys[2], 0.5, (16,))
    clamped = IsingSamplingProgram(model, [], [everything])
    schedule = SamplingSchedule(n_warmup=0, n_samples=1, steps_per_sample=0)
    (states,) = fab.sample_states(keys[2], clamped, schedule, [], [data], [everything])
    assert states.shape == (1, 16) and np.array_equal(states[0], data)

    blocks = [Block([nodes[x, y] for x, y in graph if (x + y) % 2 == colour]) for colour in (0, 1)]
    free = IsingSamplingProgram(model, blocks, [])
    init = hinton_init(keys[2], model, blocks, ())
    once = SamplingSchedule(n_warmup=0, n_samples=1, steps_per_sample=1)
    (states,) = fab.sample_states(keys[2], free, once, init, [], [everything])
    expected = {node: value for block, values in zip(blocks, init) for node, value in zip(block.nodes, values)}
    assert np.array_equal(states[0], [expected[node] for node in everything.nodes])


def test_moments_are_those_of_the_samples():
    """TestMomentAccumulator: a random graph of six spins, one-node blocks; moments to 1e-6 of the samples' own."""
    rng = np.random.default_rng(42)
    nodes = [SpinNode() for _ in range(6)]
    edges = [(nodes[i], nodes[j]) for i in range(6) for j in range(i + 1, 6) if rng.random() < 0.7]
    ebm = IsingEBM(
        nodes,
        edges,
        jnp.asarray(rng.uniform(-1, 1, 6)),
        jnp.asarray(rng.uniform(-0.6, 0.6, len(edges))),
        jnp.array(1.0),
    )
    program = fab.compile(IsingSamplingProgram(ebm, [Block([node]) for node in nodes], []), "complete-6")
    out = program.sample(fab.Schedule(10, 1000), nodes=[nodes])
    s = 2.0 * out.states[0][0] - 1
    moments = out.moments()
    place = {node: k for k, node in enumerate(nodes)}
    assert np.allclose(moments.first, s.mean(axis=0)[[place[node] for node in moments.nodes]], atol=1e-6)
    expected = [np.mean(s[:, place[a]] * s[:, place[b]]) for a, b in moments.edges]
    assert np.allclose(moments.second, expected, atol=1e-6) and len(expected) == len(edges)
