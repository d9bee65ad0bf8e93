"""Folding: nodes whose value is known when the program is compiled leave the model."""

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np

from thermofab.compiler.ir.lowered import Folded, Lowered
from thermofab.hw.spec.discrete import DiscreteModel, Factor
from thermofab.hw.spec.errors import CompileError
from thermofab.hw.spec.model import IsingModel


def folded(lowered: Lowered, values: Mapping[Hashable, Any]) -> Lowered:
    """The conditional model of the other nodes: terms with a known node lose it, and take its value as a factor.

    Exact, by conditioning. The known nodes stay nodes of the program, and read as their value.

    Args:
        lowered: the program.
        values: of nodes, free or of clamped blocks: bool for a spin, 0…q-1 for a categorical variable. Without any the
            program is returned as it is.

    Raises:
        CompileError: a node or value does not exist, or no node is left.
    """
    if not values:
        return lowered
    model = lowered.model
    index = {node: k for k, node in enumerate(model.nodes)}
    known: dict[int, int] = {}
    for node, value in values.items():
        if node not in index:
            raise CompileError(f"clamp names {node!r}, which is not a node of this program.")
        states = int(model.categories[index[node]]) or 2
        if np.shape(value) != () or value not in range(states):
            raise CompileError(f"clamp of {node!r} must be one of 0…{states - 1}, got {value!r}.")
        known[index[node]] = int(value)
    kept = [k for k in range(model.n_nodes) if k not in known]
    if not kept:
        raise CompileError("clamp names every node of the program; there is nothing left to sample.")
    conditional = _ising(model, known, kept) if isinstance(model, IsingModel) else _discrete(model, known, kept)
    place = {k: i for i, k in enumerate(kept)}

    def blocks(old: tuple[tuple[int, ...], ...]) -> tuple[tuple[int, ...], ...]:
        return tuple(tuple(place[k] for k in block if k in place) for block in old)

    return Lowered(
        conditional,
        blocks(lowered.free_blocks),
        blocks(lowered.clamped_blocks),
        (*lowered.notes, f"{len(known)} nodes folded into the others' biases"),
        Folded(lowered, tuple(kept), known),
    )


def _ising(model: IsingModel, known: dict[int, int], kept: list[int]) -> IsingModel:
    spin = np.zeros(model.n_nodes)
    spin[list(known)] = [2.0 * value - 1.0 for value in known.values()]
    place = np.full(model.n_nodes, -1)
    place[kept] = np.arange(len(kept))
    i, j = model.edges[:, 0], model.edges[:, 1]
    fields = model.biases.copy()
    np.add.at(fields, i, model.couplings * spin[j])
    np.add.at(fields, j, model.couplings * spin[i])
    both = (place[i] >= 0) & (place[j] >= 0)
    offset = model.offset - float(model.biases @ spin) - float(model.couplings @ (spin[i] * spin[j]))
    nodes = tuple(model.nodes[k] for k in kept)
    edges, couplings = place[model.edges][both], model.couplings[both]
    return IsingModel(nodes, fields[kept], edges, couplings, offset, model.beta, model.vartype)


def _discrete(model: DiscreteModel, known: dict[int, int], kept: list[int]) -> DiscreteModel:
    place = {k: i for i, k in enumerate(kept)}
    offset, factors = model.offset, []
    for factor in model.factors:
        # Rows that lost different variables have tables of different shapes: each shape is a factor.
        rows: dict[tuple[int, tuple[int, ...]], list[tuple[list[int], list[int], np.ndarray]]] = {}
        for spins, variables, weights in zip(factor.spins.tolist(), factor.categories.tolist(), factor.weights):
            table = weights[tuple(known[k] if k in known else slice(None) for k in variables)]
            sign = np.prod([2 * known[k] - 1 for k in spins if k in known])
            left = [place[k] for k in spins if k in place], [place[k] for k in variables if k in place]
            if not left[0] and not left[1]:
                offset -= float(sign * table)
            else:
                rows.setdefault((len(left[0]), table.shape), []).append((*left, sign * table))
        factors += [_group(group) for group in rows.values()]
    nodes = tuple(model.nodes[k] for k in kept)
    return DiscreteModel(nodes, model.categories[kept], tuple(factors), offset, model.beta, model.vartype)


def _group(rows: list[tuple[list[int], list[int], np.ndarray]]) -> Factor:
    count = len(rows)
    return Factor(
        np.array([row[0] for row in rows], dtype=np.int32).reshape(count, len(rows[0][0])),
        np.array([row[1] for row in rows], dtype=np.int32).reshape(count, len(rows[0][1])),
        np.stack([row[2] for row in rows]),
    )
