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

from thermofab.compiler.frontend.thrml_nodes import check_category, check_spin, is_categorical
from thermofab.compiler.ir.lowered import Lowered, as_floats, as_reals, assemble, discrete_model
from thermofab.hw.spec.discrete import factor_of
from thermofab.hw.spec.errors import CompileError


class Terms(NamedTuple):
    """Terms -W[c_1, …] s_1 ⋯: ``spins`` and ``categories`` are groups of nodes as long as ``weights``, float64
    ``[len, q_1, …]`` with an axis for every group of categorical nodes.
    """

    spins: tuple[tuple[Hashable, ...], ...]
    categories: tuple[tuple[Hashable, ...], ...]
    weights: np.ndarray


def discrete_terms(factor: Any) -> Terms:
    """Terms of a discrete factor, of any order.

    Raises:
        CompileError: a weight is not finite.
    """
    spins = tuple(tuple(block.nodes) for block in factor.spin_node_groups)
    categories = tuple(tuple(block.nodes) for block in factor.categorical_node_groups)
    name = f"weights of a {type(factor).__name__}"
    weights = as_reals(name, factor.weights)
    as_floats(name, weights.reshape(-1), weights.size)
    return Terms(spins, categories, weights)


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
    beta = as_reals("the IsingEBM's beta", ebm.beta)
    if beta.shape not in ((), (1,)) or not np.all(np.isfinite(beta)) or np.any(beta <= 0):
        raise CompileError(f"the IsingEBM's beta must be one positive finite number, got {beta.tolist()}.")
    scale = float(beta.reshape(()))
    biases = as_floats("biases of the IsingEBM", ebm.biases, len(ebm.nodes)) * scale
    weights = as_floats("weights of the IsingEBM", ebm.weights, len(ebm.edges)) * scale
    terms = [Terms((tuple(ebm.nodes),), (), biases)]
    if ebm.edges:
        terms.append(Terms((tuple(u for u, _ in ebm.edges), tuple(v for _, v in ebm.edges)), (), weights))
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
    nodes = tuple(dict.fromkeys(node for term in terms for group in (*term.spins, *term.categories) for node in group))
    structs = {**DEFAULT_NODE_SHAPE_DTYPES, **structs}
    index = {node: k for k, node in enumerate(nodes)}
    for kind in dict.fromkeys(type(node) for term in terms for group in term.spins for node in group):
        # IsingEBM declares bool for whatever node type it is given; a CategoricalNode there is still a mistake.
        check_spin(kind, DEFAULT_NODE_SHAPE_DTYPES.get(kind) if is_categorical(kind) else structs.get(kind))
    categories = np.zeros(len(nodes), dtype=np.int64)
    for term in terms:
        for group, size in zip(term.categories, term.weights.shape[1:]):
            for kind in dict.fromkeys(type(node) for node in group):
                check_category(kind, structs.get(kind))
            members = np.array([index[node] for node in group], dtype=np.int64)
            other = (categories[members] != 0) & (categories[members] != size)
            if np.any(other):
                k = int(members[np.argmax(other)])
                raise CompileError(
                    f"node {k} has {size} states in one factor and {categories[k]} in another; give all weights of "
                    "one node the same number of states."
                )
            categories[members] = size
    biases = np.zeros(len(nodes))
    pairs = [np.zeros((0, 2), dtype=np.int64)]
    weights = [np.zeros(0)]
    factors = []
    simple = all(len(term.spins) <= 2 and not term.categories for term in terms)
    for term in terms:
        spins = np.array([[index[node] for node in group] for group in term.spins], dtype=np.int64)
        if not simple:
            over = np.array([[index[node] for node in group] for group in term.categories], dtype=np.int64)
            inside, among = (ends.reshape(-1, len(term.weights)).T.tolist() for ends in (spins, over))
            factors.append(factor_of(inside, among, term.weights))
        elif len(term.spins) == 1:
            np.add.at(biases, spins[0], term.weights)
        else:
            pairs.append(spins.T)
            weights.append(term.weights)
    if not simple:
        return Lowered(discrete_model(nodes, categories, factors), (tuple(range(len(nodes))),))
    ends = np.concatenate(pairs)
    model, notes = assemble(nodes, biases, ends[:, 0], ends[:, 1], np.concatenate(weights))
    return Lowered(model, (tuple(range(len(nodes))),), (), notes)
