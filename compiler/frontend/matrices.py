"""Models from weight matrices: fully visible, and restricted Boltzmann machines."""

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from thermofab.compiler.ir.lowered import as_floats, as_reals, assemble
from thermofab.hw.spec.errors import CompileError
from thermofab.hw.spec.model import IsingModel

UNITS = ("spin", "binary")


def boltzmann_machine(
    weights: Any, biases: Any | None = None, *, nodes: Sequence[Hashable] | None = None, beta: float = 1.0
) -> IsingModel:
    """E = -½ Σ_ij w_ij s_i s_j - Σ_i b_i s_i of a symmetric matrix float ``[n, n]`` with a diagonal of zeros.

    ``nodes`` names them, by default 0…n-1.

    Raises:
        CompileError: the matrix is not square, not symmetric, has a diagonal or entries that are not finite.
    """
    matrix = as_reals("weights", weights)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise CompileError(f"weights must be a square matrix, got shape {matrix.shape}.")
    n = len(matrix)
    as_floats("weights", matrix.reshape(-1), n * n)
    if not np.array_equal(matrix, matrix.T):
        i, j = np.argwhere(matrix != matrix.T)[0]
        raise CompileError(
            f"weights[{i}, {j}] is {matrix[i, j]:g} but weights[{j}, {i}] is {matrix[j, i]:g}; a Boltzmann machine's "
            "matrix is symmetric: pass (w + w.T) / 2 if that is what you mean."
        )
    if np.any(np.diag(matrix)):
        raise CompileError("weights has entries on its diagonal; s·s = 1 is a constant, so set them to 0.")
    fields = np.zeros(n) if biases is None else as_floats("biases", biases, n)
    i, j = np.nonzero(np.triu(matrix, 1))
    return assemble(range(n) if nodes is None else nodes, fields, i, j, matrix[i, j], beta=beta)[0]


def rbm(
    weights: Any,
    visible_biases: Any | None = None,
    hidden_biases: Any | None = None,
    *,
    units: str = "spin",
    beta: float = 1.0,
) -> IsingModel:
    """A restricted Boltzmann machine, E = -v·W·h - b·v - c·h, of ``weights`` float ``[visible, hidden]``.

    Nodes are ``("v", i)``, then ``("h", j)``. ``units`` says what v and h are in this formula: ``"spin"`` for ±1,
    ``"binary"`` for 0 and 1 (as in most of the literature and in scikit-learn); the states of the program are bools
    either way, and :meth:`thermofab.Samples.to_dimod` gives them in these units.

    Raises:
        CompileError: a shape does not fit, an entry is not finite, or ``units`` is neither.
    """
    matrix = as_reals("weights", weights)
    if matrix.ndim != 2:
        raise CompileError(f"weights must have shape [visible, hidden], got {matrix.shape}.")
    if units not in UNITS:
        raise CompileError(f"units must be one of {', '.join(map(repr, UNITS))}, got {units!r}.")
    visible, hidden = matrix.shape
    as_floats("weights", matrix.reshape(-1), visible * hidden)
    v = np.zeros(visible) if visible_biases is None else as_floats("visible_biases", visible_biases, visible)
    h = np.zeros(hidden) if hidden_biases is None else as_floats("hidden_biases", hidden_biases, hidden)
    offset = 0.0
    if units == "binary":
        # v = (s + 1)/2: v·W·h = ¼ (s·W·t + ΣW·t + s·W1 + ΣW).
        with np.errstate(over="ignore", invalid="ignore"):  # the model refuses what is not finite
            offset = -float(matrix.sum() / 4 + v.sum() / 2 + h.sum() / 2)
            v, h = v / 2 + matrix.sum(axis=1) / 4, h / 2 + matrix.sum(axis=0) / 4
        matrix = matrix / 4
    nodes = [("v", i) for i in range(visible)] + [("h", j) for j in range(hidden)]
    i, j = (axis.reshape(-1) for axis in np.indices(matrix.shape))
    return assemble(
        nodes,
        np.concatenate([v, h]),
        i,
        visible + j,
        matrix.reshape(-1),
        offset=offset,
        beta=beta,
        vartype="BINARY" if units == "binary" else "SPIN",
    )[0]
