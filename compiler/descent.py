"""Greedy descent: zero-temperature sweeps of spin models of any order on the host, many reads at once."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from thermofab.hw.spec.colouring import graph_colouring
from thermofab.hw.spec.discrete import DiscreteModel
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.model import IsingModel

# A gain below this share of the largest weight at a spin is rounding of the sum, not a way down.
_NOTHING = 1e-12


@dataclass(frozen=True, eq=False)
class SpinTerms:
    """The terms of a model, E = offset - Σ_t W_t Π_{i∈t} s_i.

    Attributes:
        n: spins.
        members: int32 ``[terms, order]``, spins of every term; ``n`` where it has fewer.
        weights: float64 ``[terms]``.
    """

    n: int
    members: np.ndarray
    weights: np.ndarray

    @staticmethod
    def of(model: IsingModel | DiscreteModel) -> "SpinTerms":
        """The terms of weight other than 0 of a model.

        Raises:
            SpecError: the model has categorical nodes.
        """
        n = model.n_nodes
        if isinstance(model, IsingModel):
            parts = [(np.arange(n)[:, None], model.biases), (model.edges, model.couplings)]
        else:
            if np.any(model.categories):
                raise SpecError("descent flips spins, and this model has categorical nodes.")
            parts = [(factor.spins, factor.weights) for factor in model.factors]
        order = max([spins.shape[1] for spins, _ in parts], default=1)
        padded = [np.pad(spins, ((0, 0), (0, order - spins.shape[1])), constant_values=n) for spins, _ in parts]
        members = np.concatenate([np.zeros((0, order), np.int64), *padded]).astype(np.int32)
        weights = np.concatenate([np.zeros(0), *(weights for _, weights in parts)])
        return SpinTerms(n, members[weights != 0], weights[weights != 0])

    @cached_property
    def incidence(self) -> csr_matrix:
        """``[n, terms]``: the weight of every term at each of its spins."""
        terms, places = np.nonzero(self.members < self.n)
        return csr_matrix(
            (self.weights[terms], (self.members[terms, places], terms)), shape=(self.n, len(self.weights))
        )

    @cached_property
    def field_scales(self) -> np.ndarray:
        """float64 ``[n]``: the root mean square of every spin's local field over random states."""
        return np.sqrt(np.asarray(self.incidence.multiply(self.incidence).sum(axis=1)).ravel())

    @cached_property
    def classes(self) -> tuple[np.ndarray, ...]:
        """Spins by colour: no two of a class share a term."""
        order = self.members.shape[1]
        pairs = [self.members[:, [a, b]] for a in range(order) for b in range(a + 1, order)]
        joined = np.concatenate([np.zeros((0, 2), np.int32), *pairs])
        joined = np.unique(np.sort(joined[joined.max(axis=1, initial=-1) < self.n], axis=1), axis=0)
        colours = np.asarray(graph_colouring(self.n, joined))
        return tuple(np.flatnonzero(colours == colour) for colour in np.unique(colours))

    def products(self, spins: np.ndarray, terms: np.ndarray | slice = slice(None)) -> np.ndarray:
        """Π s_i of terms, int8 ``[R, terms]``, for ``spins`` int8 ±1 ``[R, n]``."""
        padded = np.concatenate([spins, np.ones((len(spins), 1), np.int8)], axis=1)
        members = self.members[terms]
        total = padded[:, members[:, 0]]
        for column in members.T[1:]:
            total = total * padded[:, column]
        return total

    def local_fields(self, spins: np.ndarray) -> np.ndarray:
        """Half the energy that flipping each spin would cost, float64 ``[R, n]``."""
        return np.asarray((self.incidence @ self.products(spins).T.astype(np.float64)).T)


def descend(terms: SpinTerms, spins: np.ndarray) -> np.ndarray:
    """Flip spins that lower the energy, class by class, until none is left: local minima, int8 ±1 ``[R, n]``."""
    spins = np.array(spins, dtype=np.int8)
    if not len(terms.weights):
        return spins
    products = terms.products(spins)
    floor = -_NOTHING * np.abs(terms.weights).max()
    rows = [(sites, terms.incidence[sites]) for sites in terms.classes]
    parts = [(sites, matrix[:, touched], touched) for sites, matrix in rows for touched in [np.unique(matrix.indices)]]
    changed = True
    while changed:
        changed = False
        for sites, matrix, touched in parts:
            lower = np.asarray(matrix @ products[:, touched].T.astype(np.float64)).T < floor
            if lower.any():
                changed = True
                spins[:, sites] = np.where(lower, -spins[:, sites], spins[:, sites])
                products[:, touched] = terms.products(spins, touched)
    return spins
