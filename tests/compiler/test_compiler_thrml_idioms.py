"""THRML's idioms with the import changed: jit, vmap, scan and grad, observers, training, the calls of its notebooks."""

import os
import sys
import warnings
from typing import Any

import dwave.graphs
import equinox as eqx
import jax
import jax.numpy as jnp
import networkx
import numpy as np
import pytest
import thrml
from jax.sharding import NamedSharding, PartitionSpec
from thrml import Block, CategoricalNode, SamplingSchedule, SpinNode
from thrml.block_sampling import BlockGibbsSpec
from thrml.factor import FactorSamplingProgram
from thrml.models import IsingEBM, IsingSamplingProgram, IsingTrainingSpec, hinton_init
from thrml.models.discrete_ebm import CategoricalEBMFactor, CategoricalGibbsConditional
from thrml.observers import MomentAccumulatorObserver, StateObserver
from thrml.pgm import AbstractNode

import thermofab as fab
from thermofab.hw.spec import CompileError, DeviceError, DistributionWarning, SpecError

SCHEDULE = SamplingSchedule(3, 6, 2)
WANTED = slice(1, 4)


def ring(weights=None, n=6, clamped=2):
    """Program, its nodes and a function that makes it from other weights."""
    rng = np.random.default_rng(0)
    nodes: list[AbstractNode] = [SpinNode() for _ in range(n)]
    edges = [(nodes[k], nodes[(k + 1) % n]) for k in range(n)]
    biases, usual = jnp.array(rng.normal(size=n) * 0.4), jnp.array(rng.normal(size=n) * 0.6)

    def program(weights):
        ebm = IsingEBM(nodes, edges, biases, weights, jnp.array(1.0))
        free = nodes[: n - clamped]
        return IsingSamplingProgram(ebm, [Block(free[::2]), Block(free[1::2])], [Block(nodes[n - clamped :])])

    return nodes, program, usual if weights is None else weights


INIT = [jnp.array([True, False]), jnp.array([False, False])]
CLAMP = [jnp.array([True, False])]


def run(key, program, nodes, init=INIT, clamp=CLAMP, device="reference", **options):
    return fab.sample_states(key, program, SCHEDULE, init, clamp, [Block(nodes[WANTED])], device=device, **options)[0]


def test_jit_and_vmap_have_the_bits_of_a_loop():
    nodes, make, weights = ring()
    program, keys = make(weights), jax.random.split(jax.random.key(1), 5)
    loop = np.stack([run(key, program, nodes) for key in keys])
    assert len({row.tobytes() for row in loop}) == 5
    over = jax.vmap(lambda key: run(key, program, nodes))
    assert np.array_equal(over(keys), loop)
    assert np.array_equal(jax.jit(over)(keys), loop)
    assert np.array_equal(jax.jit(lambda key: run(key, program, nodes))(keys[2]), loop[2])
    assert np.array_equal(jax.jit(over)(jax.random.key_data(keys)), loop), "raw keys"


def test_a_batch_is_one_run_with_a_replica_per_chain(monkeypatch):
    nodes, make, weights = ring()
    seen = []
    real = fab.Program.sample
    monkeypatch.setattr(
        fab.Program, "sample", lambda *args, **rest: seen.append(rest["replicas"]) or real(*args, **rest)
    )
    program = make(weights)
    jax.jit(jax.vmap(lambda key: run(key, program, nodes)))(jax.random.split(jax.random.key(1), 7))
    assert seen == [7]


def test_states_and_clamps_may_be_mapped_too():
    nodes, make, weights = ring()
    program, key = make(weights), jax.random.key(2)
    starts = jnp.array([[True, True], [False, True], [False, False]])
    held = jnp.array([[True, True], [False, True], [True, False]])
    nested = jax.jit(
        jax.vmap(lambda start: jax.vmap(lambda clamp: run(key, program, nodes, [start, INIT[1]], [clamp]))(held))
    )(starts)
    for i in range(3):
        for j in range(3):
            assert np.array_equal(nested[i, j], run(key, program, nodes, [starts[i], INIT[1]], [held[j]]))


def test_weights_may_be_traced_and_mapped():
    nodes, make, weights = ring()
    several = jnp.stack([weights, -weights, weights])
    keys = jax.random.split(jax.random.key(3), 3)
    traced = jax.jit(jax.vmap(lambda w, key: run(key, make(w), nodes)))(several, keys)
    for k in range(3):
        assert np.array_equal(traced[k], run(keys[k], make(several[k]), nodes))
    program_as_argument = eqx.filter_jit(lambda program, key: run(key, program, nodes))
    assert np.array_equal(program_as_argument(make(weights), keys[0]), traced[0])


def test_samples_are_constants_to_grad():
    nodes, make, weights = ring()

    def energy(weights):
        spins = 2.0 * run(jax.random.key(0), make(weights), nodes) - 1
        return (weights[:2] * spins[:, :2] * spins[:, 1:]).sum()

    spins = 2.0 * run(jax.random.key(0), make(weights), nodes) - 1
    gradient = jax.jit(jax.grad(energy))(weights)
    assert np.allclose(gradient[:2], (spins[:, :2] * spins[:, 1:]).sum(0)) and not gradient[2:].any()


def test_a_loop_of_steps_scans():
    nodes, make, weights = ring()
    program = make(weights)
    _, states = jax.lax.scan(
        lambda key, _: (jax.random.split(key)[0], run(key, program, nodes)), jax.random.key(5), None, length=2
    )
    assert np.array_equal(states[0], run(jax.random.key(5), program, nodes))
    assert np.array_equal(states[1], run(jax.random.split(jax.random.key(5))[0], program, nodes))


def test_what_jax_runs_itself_runs_in_a_callback_too():
    nodes, make, weights = ring()
    keys = jax.random.split(jax.random.key(1), 64)
    over = jax.jit(lambda w: jax.vmap(lambda key: run(key, make(w), nodes, device="jax-xla"))(keys))
    assert "pure_callback" in str(jax.make_jaxpr(over)(weights)), "traced weights are compiled on the host"
    assert np.array_equal(over(weights)[5], run(keys[5], make(weights), nodes))


@pytest.mark.skipif(sys.platform != "linux", reason="sets the cores of a thread")
def test_callbacks_of_xla_with_one_core_are_refused():
    """The fault: the callback and XLA waited for each other, for ever."""
    nodes, make, weights = ring()
    cores = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cores)})
    try:
        with pytest.raises(
            DeviceError, match=r"^device 'jax-xla' cannot be called back from jit, vmap or scan by a process"
        ):
            jax.jit(lambda w: run(jax.random.key(0), make(w), nodes, device="jax-xla"))(weights)
        program = make(weights)
        inside = jax.jit(lambda key: run(key, program, nodes, device="jax-xla"))(jax.random.key(0))
    finally:
        os.sched_setaffinity(0, cores)
    assert np.array_equal(inside, run(jax.random.key(0), program, nodes)), "what runs inside XLA needs no second"


def test_refusals_while_tracing():
    nodes, make, weights = ring()
    program = make(weights)
    with pytest.raises(SpecError, match=r"^nodes_to_sample asks for "):
        jax.jit(lambda key: run(key, program, [SpinNode()] * 6))(jax.random.key(0))
    with pytest.raises(SpecError, match=r"^the schedule's numbers are traced, .* make the schedule outside jit"):
        jax.jit(lambda n: fab.sample_states(jax.random.key(0), program, SamplingSchedule(1, n, 1), INIT, CLAMP, []))(4)
    with pytest.raises(
        CompileError, match=r"^key must be one JAX key, got uint32 of shape \(3, 2\); split it and loop, "
    ):
        jax.jit(lambda key: run(key, program, nodes))(jax.random.split(jax.random.key(0), 3))
    with pytest.raises(CompileError, match="16 sites"):  # while tracing: nothing has run yet
        many, make_large, couplings = ring(n=40)
        large = make_large(couplings)
        jax.jit(lambda key: run(key, large, many, fabric="g4-4x4")).lower(jax.random.key(0))


def test_observers_see_what_thrmls_see():
    nodes, make, weights = ring()
    program = make(weights)
    observer = StateObserver([Block(nodes[WANTED]), Block(nodes[4:])])
    carry, ours = fab.sample_with_observation(
        jax.random.key(1), program, SCHEDULE, INIT, CLAMP, observer.init(), observer, device="reference"
    )
    _, theirs = thrml.block_sampling.sample_with_observation(
        jax.random.key(1), program, SCHEDULE, INIT, CLAMP, observer.init(), observer
    )
    assert carry is None and [(a.shape, a.dtype) for a in ours] == [(a.shape, a.dtype) for a in theirs]
    assert np.array_equal(ours[0], run(jax.random.key(1), program, nodes))
    assert np.array_equal(ours[1], np.tile(CLAMP[0], (6, 1)))


def test_moments_add_up_and_iterations_count():
    nodes, make, weights = ring()
    program = make(weights)
    observer = MomentAccumulatorObserver(([(node,) for node in nodes[:3]], [(nodes[0], nodes[1])]))

    def observe(key):
        return fab.sample_with_observation(
            key, program, SCHEDULE, INIT, CLAMP, observer.init(), observer, device="reference"
        )[0]

    first, second = jax.jit(observe)(jax.random.key(4))
    states = fab.sample_states(
        jax.random.key(4), program, SCHEDULE, INIT, CLAMP, [Block(nodes[:3])], device="reference"
    )[0]
    assert np.array_equal(first, states.sum(0)) and second[0] == (states[:, 0] & states[:, 1]).sum()
    _, seen = fab.sample_with_observation(
        jax.random.key(4), program, SamplingSchedule(0, 1, 0), INIT, CLAMP, 0,
        lambda program, free, clamped, carry, k: (carry + 1, k), device="reference",
    )  # fmt: skip
    assert seen.tolist() == [0]


def test_training_gradients_are_those_of_the_model():
    """Against enumeration, to 6 standard errors of 400 and 4000 chains: false alarms below 1e-7. Rounding moves a
    moment by less than 0.01.
    """
    nodes: list[AbstractNode] = [SpinNode() for _ in range(5)]
    edges = [(nodes[a], nodes[b]) for a, b in ((0, 1), (1, 2), (2, 3), (3, 4), (4, 0))]
    rng = np.random.default_rng(1)
    ebm = IsingEBM(
        nodes, edges, jnp.array(rng.normal(size=5) * 0.3), jnp.array(rng.normal(size=5) * 0.5), jnp.array(1.5)
    )
    even, odd = [Block(nodes[3:4]), Block(nodes[4:])], [Block([nodes[k]]) for k in range(5)]
    spec = IsingTrainingSpec(
        ebm, [Block(nodes[:2])], [Block(nodes[2:3])], [*even], [*odd[:2], *odd[3:]], SamplingSchedule(20, 1, 0),
        SamplingSchedule(20, 1, 0),
    )  # fmt: skip
    data = jnp.array([[True, False], [True, True]])
    w, b, (up_b, up_w), (down_b, down_w) = fab.estimate_kl_grad(
        jax.random.key(0), spec, nodes, edges, [data], [jnp.array([True])],
        [jnp.zeros((200, 2, 1), bool)] * 2, [jnp.zeros((4000, 1), bool)] * 4, device="native",
    )  # fmt: skip
    assert (up_b.shape, up_w.shape, down_b.shape, down_w.shape) == ((200, 2, 5), (200, 2, 5), (4000, 5), (4000, 5))
    states = np.array(np.meshgrid(*[[-1, 1]] * 5, indexing="ij")).reshape(5, -1).T
    pairs = states[:, [nodes.index(a) for a, _ in edges]] * states[:, [nodes.index(b) for _, b in edges]]
    weight = np.exp(1.5 * (states @ np.asarray(ebm.biases) + pairs @ np.asarray(ebm.weights))) * (states[:, 2] == 1)

    def means(held):
        p = weight * np.all(states[:, :2] == held, axis=1) if held is not None else weight
        return p @ states / p.sum(), p @ pairs / p.sum()

    up = [means([1, -1]), means([1, 1])]
    down = means(None)
    for k, ours in enumerate((b, w)):
        exact = -1.5 * ((up[0][k] + up[1][k]) / 2 - down[k])
        error = 1.5 * np.sqrt(1 / 400 + 1 / 4000)
        assert np.all(np.abs(ours - exact) < 6 * error + 0.02), (ours, exact)
        assert np.ptp(exact) > 0.3


def test_training_with_all_nodes_visible_samples_the_negative_phase_alone():
    nodes: list[AbstractNode] = [SpinNode() for _ in range(3)]
    edges = [(nodes[0], nodes[1]), (nodes[1], nodes[2])]
    ebm = IsingEBM(nodes, edges, jnp.zeros(3), jnp.array([0.4, -0.2]), jnp.array(1.0))
    blocks = [Block(nodes[::2]), Block(nodes[1:2])]
    spec = IsingTrainingSpec(ebm, [Block(nodes)], [], [], [*blocks], SCHEDULE, SCHEDULE)
    data = jnp.array([[True, True, False], [False, True, True]])
    args = jax.random.key(0), spec, nodes, edges, [data], [], [], hinton_init(jax.random.key(1), ebm, blocks, (4,))
    _, bias_gradient, positive, negative = fab.estimate_kl_grad(*args, device="reference")
    assert positive[0].tolist() == [[[1, 1, -1], [-1, 1, 1]]] and positive[1].tolist() == [[[1, -1], [-1, 1]]]
    assert np.allclose(bias_gradient, negative[0].mean(0) - np.array([0, 1, 0]), atol=1e-6)
    with pytest.raises(SpecError, match=r"is in no data block, and init_state_positive is empty; give the states"):
        fab.estimate_kl_grad(*args[:2], [SpinNode()], edges, *args[4:])


def test_the_calls_of_the_potts_notebook():
    """Notebook 00: parallel instances of a Potts model on a grid, all states given; neighbours come to agree."""
    side, states, instances = 5, 3, 20
    graph = networkx.grid_graph(dim=(side, side), periodic=False)
    graph = networkx.relabel_nodes(graph, {at: CategoricalNode() for at in graph})
    colours = networkx.bipartite.color(graph)
    blocks = [Block([node for node in graph if colours[node] == c]) for c in (0, 1)]
    u, v = map(list, zip(*graph.edges()))
    weights = 1.0 * jnp.broadcast_to(jnp.eye(states)[None], (len(u), states, states))
    spec = BlockGibbsSpec(blocks, [])
    coupling = CategoricalEBMFactor([Block(u), Block(v)], weights)
    program = FactorSamplingProgram(spec, [CategoricalGibbsConditional(states)] * 2, [coupling], [])
    key, starts = jax.random.key(4242), []
    for block in spec.free_blocks:
        key, subkey = jax.random.split(key, 2)
        starts.append(jax.random.randint(subkey, (instances, len(block)), 0, states, dtype=jnp.uint8))
    schedule = SamplingSchedule(n_warmup=0, n_samples=10, steps_per_sample=5)
    with warnings.catch_warnings():
        warnings.simplefilter("error", DistributionWarning)
        samples = jax.jit(jax.vmap(lambda i, k: fab.sample_states(k, program, schedule, i, [], [Block(graph.nodes)])))(
            starts, jax.random.split(key, instances)
        )
    assert samples[0].shape == (instances, 10, side * side) and samples[0].dtype == jnp.uint8
    place = {node: k for k, node in enumerate(graph.nodes)}
    ends = np.array([(place[a], place[b]) for a, b in graph.edges])
    agree = (samples[0][..., ends[:, 0]] == samples[0][..., ends[:, 1]]).mean(axis=(0, 2))
    assert agree[0] < 0.42 and agree[5:].mean() > 0.5, "a third by chance, and more with every sweep"


def test_the_calls_of_the_spin_notebook():
    """Notebook 02: a Pegasus graph, hinton_init, estimate_kl_grad, and chains over a sharded batch of keys."""
    graph = dwave.graphs.pegasus_graph(2)
    graph = networkx.relabel_nodes(graph, {at: SpinNode() for at in graph})
    nodes: list[AbstractNode] = list(graph.nodes)
    edges = list(graph.edges)
    key = jax.random.key(4242)
    keys = jax.random.split(key, 6)
    biases, weights = jax.random.normal(keys[0], (len(nodes),)), jax.random.normal(keys[1], (len(edges),))
    model = IsingEBM(nodes, edges, biases, weights, jnp.array(1.0))
    data_nodes = nodes[::4]
    colouring = networkx.coloring.greedy_color(graph, strategy="DSATUR")
    by_colour = [[n for n in graph if colouring[n] == c] for c in range(max(colouring.values()) + 1)]
    free_blocks: list[Block[AbstractNode]] = [Block(members) for members in by_colour]
    rest = [[n for n in members if n not in data_nodes] for members in by_colour]
    clamped_blocks: list[Block[AbstractNode]] = [Block(members) for members in rest if members]
    batch = 4
    data = jax.random.bernoulli(keys[2], 0.5, (batch, len(data_nodes))).astype(jnp.bool)
    schedule = SamplingSchedule(5, 10, 5)
    spec = IsingTrainingSpec(model, [Block(data_nodes)], [], [*clamped_blocks], [*free_blocks], schedule, schedule)
    start_free = hinton_init(keys[3], model, free_blocks, (batch,))
    shape: Any = (1, batch)  # THRML's own type says one dimension
    start_clamped = hinton_init(keys[4], model, clamped_blocks, shape)
    with pytest.warns(DistributionWarning, match=r"total variation of 0\.1.* check=True measures") as caught:
        weight_grads, bias_grads, clamped_moments, free_moments = fab.estimate_kl_grad(
            keys[5], spec, nodes, edges, [data], [], start_clamped, start_free
        )
    assert caught[0].filename == __file__, "the line that called it is named, through vmap"
    assert weight_grads.shape == (len(edges),) and bias_grads.shape == (len(nodes),)
    assert clamped_moments[1].shape == (1, batch, len(edges)) and free_moments[0].shape == (batch, len(nodes))
    program = IsingSamplingProgram(model, [*free_blocks], [])
    sharding = NamedSharding(jax.make_mesh((1,), ("x",)), PartitionSpec("x"))
    one = SamplingSchedule(20, 1, 1)
    chains = jax.jit(
        jax.vmap(lambda k: fab.sample_states(k, program, one, [x[0] for x in start_free], [], [Block(nodes)]))
    )
    (states,) = jax.block_until_ready(chains(jax.device_put(jax.random.split(key, 8), sharding)))
    assert states.shape == (8, 1, len(nodes)) and len(np.unique(np.asarray(states), axis=0)) > 2
