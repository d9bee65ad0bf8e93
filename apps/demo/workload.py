"""The demo's THRML program: a spin glass with fields on a 3-regular graph, two of its nodes clamped.

The graph has odd cycles, so it does not fit a two-coloured fabric as it stands and has to be embedded.
"""

from typing import NamedTuple

import jax.numpy as jnp
import networkx
import numpy as np
from thrml import Block, SpinNode
from thrml.block_sampling import SuperBlock
from thrml.models import IsingEBM, IsingSamplingProgram
from thrml.pgm import AbstractNode


class Workload(NamedTuple):
    """A THRML program, the nodes in order of the graph, and values for its clamped block."""

    program: IsingSamplingProgram
    nodes: list[AbstractNode]
    graph: networkx.Graph
    clamped: list[int]
    clamp: list[np.ndarray]


def spin_glass(n_nodes: int, seed: int) -> Workload:
    """``n_nodes`` (even) spins, |J| in 0.3…1, |b| ≤ 0.3, β = 1; the last two nodes are clamped to +1 and -1."""
    rng = np.random.default_rng(seed)
    graph = networkx.random_regular_graph(3, n_nodes, seed=seed)
    edges = sorted(tuple(sorted(edge)) for edge in graph.edges)
    weights = rng.choice([-1.0, 1.0], len(edges)) * rng.uniform(0.3, 1.0, len(edges))
    biases = rng.uniform(-0.3, 0.3, n_nodes)
    nodes: list[AbstractNode] = [SpinNode() for _ in range(n_nodes)]
    ebm = IsingEBM(
        nodes, [(nodes[i], nodes[j]) for i, j in edges], jnp.array(biases), jnp.array(weights), jnp.array(1.0)
    )
    clamped = [n_nodes - 2, n_nodes - 1]
    free = networkx.Graph(graph.subgraph(range(n_nodes - 2)))
    colours = networkx.greedy_color(free, strategy="DSATUR")
    blocks: list[SuperBlock] = [
        Block([nodes[k] for k in sorted(colours) if colours[k] == c]) for c in sorted(set(colours.values()))
    ]
    program = IsingSamplingProgram(ebm, blocks, [Block([nodes[k] for k in clamped])])
    return Workload(program, nodes, graph, clamped, [np.array([True, False])])
