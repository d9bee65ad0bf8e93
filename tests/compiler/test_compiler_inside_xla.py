"""Traced calls on a device that is JAX alone run inside XLA, with the bits of calls that are not traced."""

from typing import Any

import jax
import jax.numpy as jnp
import networkx
import numpy as np
import pytest
from thrml import Block, SamplingSchedule, SpinNode
from thrml.models import IsingEBM, IsingSamplingProgram

import thermofab as fab

CALLBACK = "pure_callback"


class Case:
    """A THRML program of a random graph, some of its nodes clamped, and calls of it on ``jax-xla``."""

    def __init__(self, graph: networkx.Graph, clamped: int, schedule: SamplingSchedule, **options: Any) -> None:
        rng = np.random.default_rng(0)
        self.nodes: list[Any] = [SpinNode() for _ in graph]
        edges = [(self.nodes[i], self.nodes[j]) for i, j in graph.edges]
        biases, weights = jnp.array(rng.normal(size=len(self.nodes))), jnp.array(rng.normal(size=len(edges)))
        ebm = IsingEBM(self.nodes, edges, biases, weights, jnp.array(0.4))
        colours = networkx.greedy_color(graph)
        classes = [[k for k in graph if colours[k] == colour and k >= clamped] for colour in range(len(graph))]
        blocks: list[Any] = [Block([self.nodes[k] for k in members]) for members in classes if members]
        self.program = IsingSamplingProgram(ebm, blocks, [Block(self.nodes[:clamped])] if clamped else [])
        self.init = [jnp.array(rng.random(len(block)) < 0.5) for block in blocks]
        self.clamp = [jnp.array(rng.random(clamped) < 0.5)] if clamped else []
        self.schedule, self.options = schedule, options

    def run(self, key: Any, init: Any = None, clamp: Any = None, device: Any = "jax-xla") -> jax.Array:
        wanted = [Block(self.nodes[1:4]), Block(self.nodes)]
        parts = fab.sample_states(
            key, self.program, self.schedule, init, self.clamp if clamp is None else clamp, wanted,
            device=device, **self.options,
        )  # fmt: skip
        return jnp.concatenate(parts, axis=1)


def path(n: int) -> networkx.Graph:
    return networkx.path_graph(n)


def on(generator: str, **widths: Any) -> fab.FabricSpec:
    return fab.fabric("king-4x4", rng=generator, **widths)


CASES = {
    "own fabric": Case(networkx.cycle_graph(9), 0, SamplingSchedule(3, 5, 2)),
    "clamped": Case(networkx.cycle_graph(8), 3, SamplingSchedule(2, 4, 1)),
    "one sample, no warm-up": Case(path(5), 0, SamplingSchedule(0, 1, 1)),
    "copies": Case(networkx.complete_graph(6), 2, SamplingSchedule(2, 3, 3), fabric="king-6x6", tolerance=1.0),
    "xoshiro128+": Case(path(6), 2, SamplingSchedule(1, 3, 2), fabric=on("xoshiro128+"), tolerance=1.0),
    "fine": Case(path(6), 0, SamplingSchedule(1, 3, 2), fabric=on("lfsr64", profile="fine"), tolerance=1.0),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_bits_are_those_of_calls_that_are_not_traced(case):
    keys = jax.random.split(jax.random.key(7), 4)

    @jax.jit
    def both(keys: jax.Array) -> tuple[jax.Array, jax.Array]:
        return jax.vmap(case.run)(keys), case.run(keys[2], case.init)

    assert CALLBACK not in str(jax.make_jaxpr(both)(keys)), "no call to the host"
    chains, from_init = both(keys)
    assert np.array_equal(chains, np.stack([case.run(key, device="reference") for key in keys]))
    assert np.array_equal(from_init, case.run(keys[2], case.init, device="reference"))


def test_nested_batches_scans_and_gradients():
    case = CASES["clamped"]
    keys, starts = jax.random.split(jax.random.key(1), 3), jnp.stack([case.init[0], ~case.init[0]])
    held = jnp.array([[True, False, True], [False, False, True]])

    def one(key: Any, start: jax.Array, clamp: jax.Array) -> jax.Array:
        return case.run(key, [start, *case.init[1:]], [clamp])

    nested = jax.jit(jax.vmap(jax.vmap(jax.vmap(one, (None, None, 0)), (None, 0, None)), (0, None, None)))
    found = nested(keys, starts, held)
    for a, b, c in np.ndindex(3, 2, 2):
        one_alone = case.run(keys[a], [starts[b], *case.init[1:]], [held[c]], device="reference")
        assert np.array_equal(found[a, b, c], one_alone)

    _, scanned = jax.lax.scan(lambda carry, key: (carry, case.run(key)), None, keys)
    assert np.array_equal(scanned[1], case.run(keys[1], device="reference"))

    def energy(scale: jax.Array) -> jax.Array:
        return scale * jnp.mean(jax.vmap(case.run)(keys).astype(jnp.float32))

    value, slope = jax.value_and_grad(energy)(2.0)
    assert slope == pytest.approx(value / 2.0)


def test_what_cannot_run_inside_comes_from_a_callback():
    case = CASES["clamped"]
    whole = [block.astype(jnp.int32) for block in case.init]
    key = jax.random.key(3)
    assert CALLBACK in str(jax.make_jaxpr(lambda key, *init: case.run(key, list(init)))(key, *whole)), "values to check"
    assert CALLBACK in str(jax.make_jaxpr(lambda key: case.run(key, device="reference"))(key)), "another device"
    assert np.array_equal(
        jax.jit(lambda key, *init: case.run(key, list(init)))(jax.random.key(3), *whole),
        case.run(jax.random.key(3), case.init, device="reference"),
    )
    long = jax.random.key(0, impl="rbg")
    assert CALLBACK in str(jax.make_jaxpr(case.run)(long))
    assert np.array_equal(jax.jit(case.run)(long), case.run(long, device="reference"))
