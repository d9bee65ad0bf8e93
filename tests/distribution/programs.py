"""Random programs of at most 14 nodes in every source language; fabrics they fit directly, by embedding, or barely."""

# THRML asks for lists of its abstract nodes and blocks, which lists of spin nodes are not to a type checker.
# pyright: reportArgumentType=false

from collections.abc import Hashable
from typing import Any, NamedTuple

import dimod
import jax.numpy as jnp
import networkx
import numpy as np
from thrml import Block, SpinNode
from thrml.models import IsingEBM, IsingSamplingProgram

# Complete graphs on fabrics too small for disjoint wires: copies carry several edges, and the distribution is bent by a
# bound.
CROWDED = ((6, "chimera-2"), (6, "king-4x4"), (7, "chimera-2"), (6, "g8-5x5"))
ROOMY = 40
PROGRAMS = ROOMY + len(CROWDED)
FABRICS = ("king-6x6", "g8-8x8", "chimera-2", "z1-7x7", "pegasus-2", "complete-14", "g4-6x6")


class Drawn(NamedTuple):
    """A program, what to clamp for a run (values by node), and how it came about."""

    source: Any
    clamp: dict[Hashable, bool]
    fabric: str
    overrides: dict[str, Any]
    story: str


def draw(seed: int) -> Drawn:
    """Program number ``seed``: couplings to |J| = 1, fields to 0.5, frustrated and dense ones among them."""
    rng = np.random.default_rng([2024, seed])
    if seed >= ROOMY:
        n, name = CROWDED[seed - ROOMY]
        graph = networkx.complete_graph(n)
        couplings = {edge: float(rng.choice([-1, 1]) * rng.uniform(0.2, 0.8)) for edge in graph.edges}
        source, _ = _bqm(graph, couplings, rng.uniform(-0.5, 0.5, n), False)
        return Drawn(source, {}, name, {}, f"crowded of {n} nodes")
    kind = ("regular", "dense", "sparse", "cycle", "grid")[seed % 5]
    graph = _graph(kind, rng)
    n = graph.number_of_nodes()
    couplings = {tuple(sorted(e)): float(rng.choice([-1, 1]) * rng.uniform(0.2, 1.0)) for e in graph.edges}
    fields = rng.uniform(-0.5, 0.5, n)
    source, nodes = (_thrml, _bqm, _networkx)[seed % 3](graph, couplings, fields, seed % 4 == 0)
    if isinstance(source, IsingSamplingProgram):
        clamped = [node for block in source.gibbs_spec.clamped_blocks for node in block.nodes]
    else:
        clamped = nodes[:1] if seed % 4 == 1 else []
    clamp = {node: bool(rng.integers(2)) for node in clamped}
    overrides = ({}, {"rng": "xoshiro128+"}, {"rng": "lfsr32"}, {"profile": "fine"})[seed // 5 % 4]
    name = FABRICS[seed % len(FABRICS)]
    return Drawn(source, clamp, name, overrides, f"{kind} of {n} nodes, {len(clamp)} clamped")


def _graph(kind: str, rng: np.random.Generator) -> networkx.Graph:
    seed = int(rng.integers(2**31))
    if kind == "regular":
        return networkx.random_regular_graph(3, int(rng.choice([6, 8, 10])), seed=seed)
    if kind == "dense":
        return networkx.complete_graph(int(rng.integers(4, 6)))
    if kind == "sparse":
        return networkx.gnp_random_graph(int(rng.integers(8, 15)), 0.18, seed=seed)
    if kind == "cycle":
        return networkx.cycle_graph(int(rng.choice([3, 5, 7, 9, 11])))
    return networkx.convert_node_labels_to_integers(networkx.grid_2d_graph(3, int(rng.integers(2, 5))))


def _thrml(graph, couplings, fields, clamp_some):
    nodes = [SpinNode() for _ in graph]
    edges = [(nodes[i], nodes[j]) for i, j in couplings] or [(nodes[0], nodes[1])]
    weights = list(couplings.values()) or [0.0]
    ebm = IsingEBM(nodes, edges, jnp.array(fields), jnp.array(weights), jnp.array(1.0))
    clamped = [0, 1] if clamp_some else []
    free = graph.subgraph([k for k in graph if k not in clamped])
    colours = networkx.greedy_color(free, strategy="DSATUR")
    blocks = [Block([nodes[k] for k in sorted(free) if colours[k] == c]) for c in sorted(set(colours.values()))]
    return IsingSamplingProgram(ebm, blocks, [Block([nodes[k] for k in clamped])] if clamped else []), nodes


def _bqm(graph, couplings, fields, _):
    """The same distribution as a BQM over 0/1 variables: E = -Σ b s - Σ J s s."""
    bqm = dimod.BinaryQuadraticModel(dict(enumerate(-fields)), {e: -j for e, j in couplings.items()}, "SPIN")
    return bqm.change_vartype("BINARY", inplace=False), list(bqm.variables)


def _networkx(graph, couplings, fields, _):
    made = networkx.Graph()
    for k in graph:
        made.add_node(f"v{k}", bias=float(fields[k]))
    for (i, j), coupling in couplings.items():
        made.add_edge(f"v{i}", f"v{j}", weight=coupling)
    return made, list(made.nodes)
