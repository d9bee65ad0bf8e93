"""networkx graphs in: E = -Σ bias_i s_i - Σ weight_ij s_i s_j, P ∝ exp(-β E).

Node attribute ``bias`` is 0 where it is missing; edge attribute ``weight`` is required, since neither 0 nor 1 is
what a forgotten weight means.
"""

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
    heads, tails, found = [], [], []
    for u, v, weight in graph.edges(data="weight", default=_MISSING):
        if weight is _MISSING:
            raise CompileError(f"edge ({u!r}, {v!r}) has no 'weight'; set graph.edges[u, v]['weight'] on every edge.")
        heads.append(index[u])
        tails.append(index[v])
        found.append(weight)
    biases = as_floats("the node biases", [data.get("bias", 0.0) for _, data in graph.nodes(data=True)], len(nodes))
    weights = as_floats("the edge weights", found, len(found))
    model, notes = assemble(nodes, biases, np.array(heads, np.int64), np.array(tails, np.int64), weights, beta=beta)
    return Lowered(model, (tuple(range(len(nodes))),), (), notes)
