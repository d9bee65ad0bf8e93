"""networkx graphs in: E = -Σ bias_i s_i - Σ weight_ij s_i s_j, P ∝ exp(-β E).

Node attribute ``bias`` is 0 where it is missing; edge attribute ``weight`` is required, since neither 0 nor 1 is
what a forgotten weight means.
"""

from itertools import chain, compress
from typing import Any

import numpy as np

from thermofab.compiler.ir.lowered import Lowered, as_floats, assemble
from thermofab.hw.spec.errors import CompileError

_MISSING = object()


def lower(graph: Any, beta: float) -> Lowered:
    """All nodes free, in one block, in the order of ``graph.nodes``.

    Raises:
        CompileError: the graph is directed or a multigraph, or an edge has no weight.
    """
    if graph.is_directed() or graph.is_multigraph():
        raise CompileError(
            f"a {type(graph).__name__} is not an undirected model; convert with networkx.Graph(graph) after merging "
            "the weights of parallel and opposite edges."
        )
    nodes = tuple(graph.nodes)
    index = {node: k for k, node in enumerate(nodes)}
    around = [near for _, near in graph.adjacency()]
    heads = np.repeat(np.arange(len(nodes)), [len(near) for near in around])
    tails = np.fromiter(map(index.__getitem__, chain.from_iterable(around)), np.int64, len(heads))
    once = heads <= tails  # the graph lists an edge from both ends
    listed = chain.from_iterable(near.values() for near in around)
    found = [data.get("weight", _MISSING) for data in compress(listed, once.tolist())]
    heads, tails = heads[once], tails[once]
    try:
        weights = as_floats("the edge weights", found, len(found))
    except CompileError:
        first = next((k for k, weight in enumerate(found) if weight is _MISSING), None)
        if first is None:
            raise
        u, v = nodes[heads[first]], nodes[tails[first]]
        message = f"edge ({u!r}, {v!r}) has no 'weight'; set graph.edges[u, v]['weight'] on every edge."
        raise CompileError(message) from None
    biases = as_floats("the node biases", [data.get("bias", 0.0) for _, data in graph.nodes(data=True)], len(nodes))
    model, notes = assemble(nodes, biases, heads, tails, weights, beta=beta)
    return Lowered(model, (tuple(range(len(nodes))),), (), notes)
