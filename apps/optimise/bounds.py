"""Bounds that are proofs: no cut is larger, no energy lower."""

from collections.abc import Callable
from dataclasses import dataclass

import networkx
import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, triu

from thermofab.apps.optimise.cycles import cut_bound
from thermofab.apps.optimise.problem import Problem, cut_model, problem_of
from thermofab.apps.optimise.semidefinite import quadratic_bound
from thermofab.hw.spec import DiscreteModel, IsingModel, SpecError

_SPARSE, _SMALL = 2.5, 2500  # edges a node, and nodes, up to which cycles are tried unasked


@dataclass(frozen=True)
class Bound:
    """``value``: of a graph, no cut is above it; of an energy, no state is below it. ``how``: ``"semidefinite"`` or
    ``"cycles"``, whichever proved more.
    """

    value: float
    how: str


def maxcut_bound(graph: networkx.Graph, how: str | None = None) -> Bound:
    """A number that no cut of a graph exceeds, with edge attribute ``weight``, 1 where it is missing.

    Args:
        graph: the graph.
        how: ``"semidefinite"``, Goemans and Williamson's relaxation: seconds to minutes, whatever the graph;
            ``"cycles"``, the linear program of odd cycles: far better on sparse graphs, often the optimum itself on
            planar ones and grids, poor and slow on dense ones. By default the first, and the better of both where there
            are at most 2.5 edges per node and 2,500 nodes.

    Both hold however far a solver got: what it found is only the multiplier of a sum that bounds every cut, and
    roundings of floats are counted.

    Raises:
        SpecError: a graph that is directed, has parallel edges, no nodes, or a weight that is no finite number; or
            ``how`` is unknown.
    """
    return bound_of(Problem(cut_model(graph), "cut"), how)


def energy_bound(problem: object, how: str | None = None) -> Bound:
    """A number that no energy of a problem lies below: of spins and pairs, as :func:`minimise` takes them.

    Fields are couplings to one spin more, which is always +1; ``how`` as in :func:`maxcut_bound`.

    Raises:
        SpecError: there are terms of more than two spins, or ``how`` is unknown.
    """
    return bound_of(problem_of(problem), how)


def bound_of(problem: Problem, how: str | None = None) -> Bound:
    """The bound in the problem's own convention."""
    if isinstance(problem.model, DiscreteModel):
        raise SpecError("bounds are of models of spins and pairs, and this one has terms of more than two spins.")
    if how not in (None, *_WAYS):
        raise SpecError(f"unknown bound {how!r}; known are {', '.join(_WAYS)}.")
    model = problem.model
    matrix = matrix_of(model)
    n, edges = len(matrix.indptr) - 1, matrix.nnz // 2
    sparse = edges <= _SPARSE * n and n <= _SMALL
    ways = [how] if how else [*_WAYS] if sparse else ["semidefinite"]
    found = {way: _WAYS[way](matrix) for way in ways}
    best = max(found, key=lambda way: found[way])
    # The offset was added in floats.
    low = model.offset + found[best] - 1e-15 * (abs(model.offset) + abs(found[best]))
    return Bound(float(problem.sign * low), best)


def _by_cycles(matrix: csr_matrix) -> float:
    """What sᵀ C s is never below: with x_ij = (1 - s_i s_j)/2 it is Σ_(i<j) 2 C_ij - Σ_(i<j) 4 C_ij x_ij."""
    upper = coo_matrix(triu(matrix, 1))
    total = 2 * float(upper.data.sum())
    most = cut_bound(len(matrix.indptr) - 1, np.stack([upper.row, upper.col], axis=1), 4 * upper.data)
    return total - most - 1e-14 * float(np.abs(upper.data).sum())


_WAYS: dict[str, Callable[[csr_matrix], float]] = {"semidefinite": quadratic_bound, "cycles": _by_cycles}


def matrix_of(model: IsingModel) -> csr_matrix:
    """C with E - offset = sᵀ C s, zero diagonal, and a last spin that stands for +1 where there are fields."""
    n = model.n_nodes
    i, j, c = model.edges[:, 0].astype(np.int64), model.edges[:, 1].astype(np.int64), -model.couplings
    if np.any(model.biases):
        i, j, c = np.r_[i, np.arange(n)], np.r_[j, np.full(n, n)], np.r_[c, -model.biases]
        n += 1
    real = c != 0
    i, j, c = i[real], j[real], c[real] / 2
    return csr_matrix((np.r_[c, c], (np.r_[i, j], np.r_[j, i])), shape=(n, n))
