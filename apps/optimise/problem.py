"""What is to be minimised: any source as a model of spins, and its values in the source's own convention."""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import networkx
import numpy as np

from thermofab.compiler.frontend import lower
from thermofab.hw.spec import DiscreteModel, IsingModel, SpecError
from thermofab.hw.spec.reals import real_array


@dataclass(frozen=True, eq=False)
class Problem:
    """A model of spins and how the user counts.

    Attributes:
        model: its energy is to be minimised.
        kind: ``"cut"`` for a graph, whose value is minus the energy; ``"energy"``.
    """

    model: IsingModel | DiscreteModel
    kind: str

    @property
    def nodes(self) -> tuple[Hashable, ...]:
        return self.model.nodes

    @property
    def sign(self) -> int:
        """Of the value in terms of the energy."""
        return -1 if self.kind == "cut" else 1

    def energies(self, spins: np.ndarray) -> np.ndarray:
        """float64 ``[R]`` of ``spins`` int8 ±1 ``[R, n]``, constants included."""
        return self.model.energies(spins > 0)

    def written(self, spins: np.ndarray) -> np.ndarray:
        """States as the source writes them: ±1, or 0 and 1."""
        return spins if self.model.vartype == "SPIN" else ((spins + 1) // 2).astype(np.int8)


def problem_of(source: Any) -> Problem:
    """MaxCut of a networkx graph; the energy of whatever else :func:`thermofab.compile` takes.

    Raises:
        SpecError: a graph that is directed, has parallel edges or a weight that is no finite number, or a program
            with categorical or clamped nodes.
        CompileError: no front end knows the source, or it is malformed.
    """
    if isinstance(source, networkx.Graph):
        return Problem(cut_model(source), "cut")
    lowered = lower(source)
    if np.any(lowered.model.categories):
        raise SpecError("minimise takes spins and binary variables, and this program has categorical nodes.")
    if np.any(lowered.clamped):
        raise SpecError("minimise has no values for the clamped nodes of this program; put them into its biases.")
    return Problem(lowered.model, "energy")


def cut_model(graph: networkx.Graph) -> IsingModel:
    """E = -cut, cut = Σ_(i,j) w_ij (1 - s_i s_j) / 2, with edge attribute ``weight``, 1 where it is missing.

    Self-loops are never cut.

    Raises:
        SpecError: see :func:`problem_of`.
    """
    if graph.is_directed() or graph.is_multigraph():
        raise SpecError(
            f"MaxCut is of an undirected graph, got a {type(graph).__name__}; convert with networkx.Graph(graph) after "
            "adding up the weights of parallel and opposite edges."
        )
    nodes = tuple(graph.nodes)
    if not nodes:
        raise SpecError("the graph has no nodes; there is nothing to cut.")
    index = {node: k for k, node in enumerate(nodes)}
    listed = [(index[u], index[v], weight) for u, v, weight in graph.edges(data="weight", default=1) if u != v]
    weights = real_array("the edge weights", [weight for _, _, weight in listed]).reshape(-1)
    if not np.all(np.isfinite(weights)):
        raise SpecError(f"edge weights must be finite numbers, got {weights[~np.isfinite(weights)][0]}.")
    ends = np.sort(np.array([(i, j) for i, j, _ in listed], dtype=np.int64).reshape(-1, 2), axis=1)
    order = np.lexsort((ends[:, 1], ends[:, 0]))
    return IsingModel(
        nodes, np.zeros(len(nodes)), ends[order], -weights[order] / 2, -float(weights.sum()) / 2, vartype="BINARY"
    )
