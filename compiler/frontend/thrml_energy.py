"""THRML energies in: IsingEBM, FactorizedEBM, factors. All nodes free, in one block.

THRML's energy contains β: E = -β(Σ b_i s_i + Σ J_ij s_i s_j) and P ∝ exp(-E). β is folded into biases and couplings
and the model's own β is 1, so ``model.energies`` equals ``ebm.energy``. To add a factor type: a function
``(factor) -> Terms`` and a line in :data:`FACTORS`.
"""

from collections.abc import Callable, Hashable, Sequence
from typing import Any, NamedTuple

import numpy as np
from thrml.factor import AbstractFactor
from thrml.models.discrete_ebm import (
    CategoricalEBMFactor,
    DiscreteEBMFactor,
    SpinEBMFactor,
    SquareCategoricalEBMFactor,
    SquareDiscreteEBMFactor,
)
from thrml.models.ebm import AbstractFactorizedEBM
from thrml.models.ising import IsingEBM
from thrml.pgm import DEFAULT_NODE_SHAPE_DTYPES

from thermofab.compiler.frontend.lowered import Lowered, as_floats, assemble
from thermofab.compiler.frontend.thrml_nodes import check_spin, is_categorical
from thermofab.hw.spec.errors import CompileError


class Terms(NamedTuple):
    """Terms -w s_u (one group of nodes) or -w s_u s_v (two): ``groups`` of nodes, ``weights`` float64 ``[len]``."""

    groups: tuple[tuple[Hashable, ...], ...]
    weights: np.ndarray


def discrete_terms(factor: Any) -> Terms:
    """Spin terms of a discrete factor of order ≤ 2.

    Raises:
        CompileError: the factor has categorical groups, or order above 2.
    """
    if factor.categorical_node_groups:
        raise CompileError(
            f"a {type(factor).__name__} has {len(factor.categorical_node_groups)} categorical node groups, which "
            "this compiler does not lower; encode the categories in SpinNodes, for example in binary."
        )
    groups = tuple(tuple(block.nodes) for block in factor.spin_node_groups)
    if len(groups) > 2:
        raise CompileError(
            f"a {type(factor).__name__} couples {len(groups)} spins in one term, and this compiler lowers orders "
            "1 and 2; rewrite the term with hidden spins and pairs."
        )
    return Terms(groups, as_floats(f"weights of a {type(factor).__name__}", factor.weights, len(factor.weights)))


FACTORS: dict[type, Callable[[Any], Terms]] = {
    kind: discrete_terms
    for kind in (
        SpinEBMFactor,
        SquareDiscreteEBMFactor,
        DiscreteEBMFactor,
        CategoricalEBMFactor,
        SquareCategoricalEBMFactor,
    )
}


def lower_ising(ebm: IsingEBM) -> Lowered:
    """An IsingEBM, read from its own fields: ``ebm.factors`` fails without edges."""
    beta = np.asarray(ebm.beta, dtype=np.float64)
    if beta.shape not in ((), (1,)) or not np.all(np.isfinite(beta)) or np.any(beta <= 0):
        raise CompileError(f"the IsingEBM's beta must be one positive finite number, got {beta.tolist()}.")
    scale = float(beta.reshape(()))
    biases = as_floats("biases of the IsingEBM", ebm.biases, len(ebm.nodes)) * scale
    weights = as_floats("weights of the IsingEBM", ebm.weights, len(ebm.edges)) * scale
    terms = [Terms((tuple(ebm.nodes),), biases)]
    if ebm.edges:
        terms.append(Terms((tuple(u for u, _ in ebm.edges), tuple(v for _, v in ebm.edges)), weights))
    return _lower_terms(terms, ebm.node_shape_dtypes)


def lower_ebm(ebm: AbstractFactorizedEBM) -> Lowered:
    """Any EBM made of known factors."""
    return _lower_terms([_terms(factor) for factor in ebm.factors], ebm.node_shape_dtypes)


def lower_factor(factor: AbstractFactor) -> Lowered:
    return lower_factors([factor])


def lower_factors(factors: Sequence[Any]) -> Lowered:
    """A bare list of THRML factors: the sum of their energies."""
    return _lower_terms([_terms(factor) for factor in factors], DEFAULT_NODE_SHAPE_DTYPES)


def _terms(factor: Any) -> Terms:
    if type(factor) not in FACTORS:
        known = ", ".join(kind.__name__ for kind in FACTORS)
        raise CompileError(
            f"no lowering is known for a {type(factor).__module__}.{type(factor).__qualname__}; known factors are "
            f"{known}. Use a SpinEBMFactor, or register one in thermofab.compiler.frontend.thrml_energy.FACTORS."
        )
    return FACTORS[type(factor)](factor)


def _lower_terms(terms: Sequence[Terms], structs: Any) -> Lowered:
    nodes = tuple(dict.fromkeys(node for term in terms for group in term.groups for node in group))
    structs = {**DEFAULT_NODE_SHAPE_DTYPES, **structs}
    for kind in dict.fromkeys(type(node) for node in nodes):
        # IsingEBM declares bool for whatever node type it is given; a CategoricalNode there is still a mistake.
        check_spin(kind, DEFAULT_NODE_SHAPE_DTYPES.get(kind) if is_categorical(kind) else structs.get(kind))
    index = {node: k for k, node in enumerate(nodes)}
    biases = np.zeros(len(nodes))
    pairs = [np.zeros((0, 2), dtype=np.int64)]
    weights = [np.zeros(0)]
    for term in terms:
        ends = np.array([[index[node] for node in group] for group in term.groups], dtype=np.int64)
        if len(term.groups) == 1:
            np.add.at(biases, ends[0], term.weights)
        else:
            pairs.append(ends.T)
            weights.append(term.weights)
    ends = np.concatenate(pairs)
    model, notes = assemble(nodes, biases, ends[:, 0], ends[:, 1], np.concatenate(weights))
    return Lowered(model, (tuple(range(len(nodes))),), (), notes)
