"""What every front end returns, and the sums and checks they share."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.hw.spec.arguments import Blocks
from thermofab.hw.spec.discrete import DiscreteModel, Factor
from thermofab.hw.spec.errors import CompileError, SpecError
from thermofab.hw.spec.model import IsingModel, Vartype
from thermofab.hw.spec.reals import real_array

_LARGEST = 1e30  # of β times a weight: some sums are taken in short floats, and squared


@dataclass(frozen=True, eq=False)
class Folded:
    """What folding clamps took out: the program before, the indices of the nodes it kept, the values of the others."""

    whole: "Lowered"
    kept: tuple[int, ...]
    values: dict[int, int]


@dataclass(frozen=True, eq=False)
class Lowered:
    """A program in the compiler's terms.

    Attributes:
        model: an :class:`IsingModel` where all terms are spins and pairs of spins, else a :class:`DiscreteModel`; in
            the user's units.
        free_blocks, clamped_blocks: node indices in the user's block structure; every node is in one block.
        notes: what lowering changed without changing the distribution, for the report.
        folded: what was known beforehand; ``None`` if nothing was.
    """

    model: IsingModel | DiscreteModel
    free_blocks: Blocks
    clamped_blocks: Blocks = ()
    notes: tuple[str, ...] = ()
    folded: Folded | None = None

    @property
    def clamped(self) -> np.ndarray:
        """bool ``[n]``: nodes of the clamped blocks."""
        mask = np.zeros(self.model.n_nodes, dtype=bool)
        mask[[k for block in self.clamped_blocks for k in block]] = True
        return mask


def as_reals(name: str, values: Any) -> np.ndarray:
    """``values`` as float64 of their own shape.

    Raises:
        CompileError: naming the first entry that is no real number (a complex one, a string, ``None``).
    """
    try:
        return real_array(name, values)
    except SpecError as error:
        raise CompileError(str(error)) from None


def as_floats(name: str, values: Any, length: int) -> np.ndarray:
    """``values`` as float64 ``[length]``; refuses other shapes and anything not real or not finite.

    Raises:
        CompileError: naming the first offending entry.
    """
    array = as_reals(name, values)
    if array.shape != (length,):
        raise CompileError(f"{name} must have shape ({length},), got {array.shape}.")
    if not np.all(np.isfinite(array)):
        where = int(np.argmax(~np.isfinite(array)))
        raise CompileError(
            f"{name}[{where}] is {array[where]}; every bias and weight must be a finite number. "
            "Look for a diverged training step or a division by zero where it was made."
        )
    return array


def check_size(model: IsingModel | DiscreteModel) -> None:
    """Refuse weights so large that sums and squares of them leave the range of floats.

    Raises:
        CompileError: β times a bias or weight is beyond 1e30.
    """
    if isinstance(model, IsingModel):
        parts = {"bias": model.biases, "coupling": model.couplings}
    else:
        parts = {"weight": np.concatenate([np.zeros(0), *(factor.weights.reshape(-1) for factor in model.factors)])}
    for name, values in parts.items():
        largest = values[np.argmax(np.abs(values))] if len(values) else 0.0
        if abs(largest) > _LARGEST / model.beta:
            raise CompileError(
                f"a {name} of the program is {largest:.3g} and β is {model.beta:.3g}; their product must be within "
                f"±{_LARGEST:g}, which no sample tells from infinity. Scale the energy, or fix nodes by clamp=."
            )


def assemble(
    nodes: Sequence[Hashable],
    biases: np.ndarray,
    heads: np.ndarray,
    tails: np.ndarray,
    weights: np.ndarray,
    *,
    offset: float = 0.0,
    beta: float = 1.0,
    vartype: Vartype = "SPIN",
) -> tuple[IsingModel, tuple[str, ...]]:
    """A model from an undirected edge list in any order, with duplicates summed, and the notes on what was summed.

    ``heads`` and ``tails`` are int ``[m]`` node indices, ``weights`` float64 ``[m]``; ``vartype`` is how the source
    writes states.

    Raises:
        CompileError: there are no nodes, or an edge joins a node to itself.
    """
    n = len(nodes)
    if n == 0:
        raise CompileError("the program has no nodes; there is nothing to sample.")
    heads, tails = np.asarray(heads, dtype=np.int64), np.asarray(tails, dtype=np.int64)
    if np.any(heads == tails):
        k = int(heads[np.argmax(heads == tails)])
        raise CompileError(
            f"node {k} ({nodes[k]!r}) has an edge to itself; s·s = 1 is a constant, so remove the self-edge."
        )
    low, high = np.minimum(heads, tails), np.maximum(heads, tails)
    codes, place = np.unique(low * n + high, return_inverse=True)
    sums = np.bincount(place.reshape(-1), weights=weights, minlength=len(codes)) if len(codes) else np.zeros(0)
    edges = np.stack([codes // n, codes % n], axis=1)
    model = IsingModel(tuple(nodes), biases, edges, sums, offset, beta, vartype)
    repeated = len(heads) - len(codes)
    return model, (f"summed {repeated} duplicate edges",) if repeated else ()


def discrete_model(nodes: Sequence[Hashable], categories: np.ndarray, factors: Sequence[Factor]) -> DiscreteModel:
    """A model of spins and categorical variables.

    Raises:
        CompileError: there are no nodes, or a term names one node twice.
    """
    if len(nodes) == 0:
        raise CompileError("the program has no nodes; there is nothing to sample.")
    try:
        return DiscreteModel(tuple(nodes), categories, tuple(factors))
    except SpecError as error:
        raise CompileError(str(error)) from error
