"""The programs that architectures are compared on, and the fabrics that host them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import networkx
import numpy as np


@dataclass(frozen=True)
class Case:
    """A program, and the lattice that it is embedded in or hosted by; ``None`` where no embedding is looked for.

    ``five`` marks the programs over which the geometric mean is taken; ``dense`` is the size of the dense fabric where
    that must be larger than the number of spins.
    """

    name: str
    make: Callable[[], Any]
    lattice: str | None
    five: bool = False
    dense: int = 0


def glass(graph: networkx.Graph, seed: int = 0) -> networkx.Graph:
    """Couplings N(0, 1/d), d the mean degree: unit strength in the sense of Sherrington and Kirkpatrick."""
    draw = np.random.default_rng(seed)
    degree = 2 * graph.number_of_edges() / graph.number_of_nodes()
    for a, b in graph.edges:
        graph[a][b]["weight"] = float(draw.normal() / np.sqrt(degree))
    return graph


def rbm(side: int, seed: int = 0) -> networkx.Graph:
    """A bipartite graph of ``side`` visible and as many hidden spins, J ~ N(0, 1/side), biases N(0, 0.2)."""
    draw, graph = np.random.default_rng(seed), glass(networkx.complete_bipartite_graph(side, side), seed)
    networkx.set_node_attributes(graph, {k: float(0.2 * draw.normal()) for k in graph}, "bias")
    return graph


def potts(side: int = 4, states: int = 3, coupling: float = 0.5) -> Any:
    """A Potts model of ``states`` states on an open square lattice, neighbours favoured to agree."""
    import jax.numpy as jnp
    from thrml.block_management import Block
    from thrml.models.discrete_ebm import CategoricalEBMFactor
    from thrml.pgm import CategoricalNode

    nodes = {place: CategoricalNode() for place in np.ndindex(side, side)}
    pairs = [((r, c), (r + dr, c + dc)) for r, c in nodes for dr, dc in ((0, 1), (1, 0)) if (r + dr, c + dc) in nodes]
    weights = jnp.tile(coupling * jnp.eye(states), (len(pairs), 1, 1))
    return [CategoricalEBMFactor([Block([nodes[a] for a, _ in pairs]), Block([nodes[b] for _, b in pairs])], weights)]


def regular(degree: int, n: int) -> networkx.Graph:
    return glass(networkx.random_regular_graph(degree, n, seed=0))


CASES = (
    Case("K8", lambda: glass(networkx.complete_graph(8)), "g12-16x16", five=True),
    Case("K16", lambda: glass(networkx.complete_graph(16)), "g12-32x32", five=True),
    Case("K24", lambda: glass(networkx.complete_graph(24)), "g12-32x32", five=True),
    Case("8-regular, 60 nodes", lambda: regular(8, 60), "g12-32x32", five=True),
    Case("5-regular, 100 nodes", lambda: regular(5, 100), "g8-32x32", five=True),
    Case("3-regular, 200 nodes", lambda: regular(3, 200), "g8-32x32"),
    Case("RBM 32×32", lambda: rbm(32), None),
    Case("RBM 64×64", lambda: rbm(64), None),
    Case("Potts 4×4, 3 states", potts, "g12-32x32", dense=128),
)


def chosen(words: list[str]) -> Iterator[Case]:
    """The cases whose name has any of ``words``; all of them without words."""
    for case in CASES:
        if not words or any(word in case.name for word in words):
            yield case
