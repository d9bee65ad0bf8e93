"""exact: the enumerated distribution of a small program as its user wrote it."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from thermofab.compiler.distributions.enumeration import normalised, states
from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.folding import folded
from thermofab.compiler.ir.lowered import Lowered
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.model import IsingModel
from thermofab.hw.spec.program import Program
from thermofab.hw.spec.samples import Moments

LARGEST = 24


@dataclass(frozen=True, eq=False)
class Distribution:
    """P(x) = exp(-βE(x)) / Z over the free nodes, given the clamped ones.

    Attributes:
        nodes: the free nodes, in the program's order.
        categories: int ``[n]``: 0 for a spin, q for a categorical node of q states.
        probabilities: float64 ``[K]``, K = 2^n for spins, in the order of :attr:`states`.
        energies: float64 ``[K]``, in the user's units, clamped nodes' terms included.
        log_z: ln Σ exp(-βE).
        edges: pairs of indices into ``nodes``, of the model's edges between free nodes; none where it has categorical
            nodes or terms of higher order.
    """

    nodes: tuple[Hashable, ...]
    categories: np.ndarray
    probabilities: np.ndarray
    energies: np.ndarray
    log_z: float
    edges: tuple[tuple[int, int], ...]

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """States of every node."""
        return tuple(int(q) or 2 for q in self.categories)

    @cached_property
    def states(self) -> np.ndarray:
        """``[K, n]``, bool, or int64 with categorical nodes; the first node is the most significant digit of a state's
        number.
        """
        if not np.any(self.categories):
            return states(len(self.nodes))
        return np.stack(np.unravel_index(np.arange(len(self.probabilities)), self.shape), axis=1)

    @cached_property
    def frequencies(self) -> list[np.ndarray]:
        """The distribution of every node, float64 ``[2 or q]`` each."""
        tensor, n = self.probabilities.reshape(self.shape), len(self.nodes)
        return [tensor.sum(axis=tuple(k for k in range(n) if k != i)) for i in range(n)]

    @cached_property
    def marginals(self) -> np.ndarray:
        """P(True) of every node, float64 ``[n]``.

        Raises:
            SpecError: there are categorical nodes; see :attr:`frequencies`.
        """
        if np.any(self.categories):
            raise SpecError("marginals are of spins; with categorical nodes use frequencies.")
        return np.array([distribution[1] for distribution in self.frequencies])

    def moments(self) -> Moments:
        """E[s_i] of the nodes and E[s_i s_j] of the model's edges, s = ±1; as :meth:`Samples.moments`."""
        n, tensor = len(self.nodes), self.probabilities.reshape(self.shape)
        pairs = [tensor.sum(axis=tuple(k for k in range(n) if k not in edge)) for edge in self.edges]
        second = np.array([p[0, 0] + p[1, 1] - p[0, 1] - p[1, 0] for p in pairs])
        names = tuple((self.nodes[i], self.nodes[j]) for i, j in self.edges)
        return Moments(self.nodes, 2 * self.marginals - 1, names, second)


def exact(source: Any, *, clamp: Sequence[Any] | Mapping[Any, Any] | None = None, beta: float = 1.0) -> Distribution:
    """The distribution of a program by enumeration.

    Args:
        source: a compiled :class:`Program` (its model as written, not the image), or anything that
            :func:`thermofab.compile` takes.
        clamp: values of the clamped blocks, one array per block, or a mapping from nodes to values, which may name free
            nodes too; the result is the conditional distribution of the rest.
        beta: as in :func:`thermofab.compile`.

    Raises:
        SpecError: a clamped node has no value, or there are more than 24 free nodes.
    """
    if isinstance(source, Program):
        lowered = Lowered(source.model, source.free_blocks, source.clamped_blocks)
    else:
        lowered = lower(source, beta)
    model = lowered.model
    values = clamp_values(lowered, clamp)
    free = [k for k in range(model.n_nodes) if k not in values]
    sizes = [int(model.categories[k]) or 2 for k in free]
    if sum(np.log2(sizes)) > LARGEST:
        raise SpecError(
            f"enumeration of {len(free)} free nodes needs 2^{sum(np.log2(sizes)):.0f} states; at most {LARGEST} nodes "
            "can be enumerated. Clamp some of them, or sample."
        )
    if not free:
        state = np.array([[values[k] for k in range(model.n_nodes)]])
        energy = float(model.energies(state)[0])
        return Distribution((), np.zeros(0, np.int32), np.ones(1), np.array([energy]), -model.beta * energy, ())
    left = folded(lowered, {model.nodes[k]: value for k, value in values.items()}).model
    minus_energy = left.log_weight().reshape(-1) / left.beta - left.offset
    probabilities, log_z = normalised(left.beta * minus_energy)
    pairs = tuple((int(i), int(j)) for i, j in left.edges.tolist()) if isinstance(left, IsingModel) else ()
    return Distribution(left.nodes, left.categories, probabilities, -minus_energy, log_z, pairs)


def clamp_values(lowered: Lowered, clamp: Any) -> dict[int, int]:
    """Node index → value, refused unless it covers the clamped blocks."""
    index = {node: k for k, node in enumerate(lowered.model.nodes)}
    values: dict[int, int] = {}
    sizes = [int(q) or 2 for q in lowered.model.categories]
    if isinstance(clamp, Mapping):
        for node, value in clamp.items():
            if node not in index:
                raise SpecError(f"clamp names {node!r}, which is not a node of this program.")
            values[index[node]] = _state(node, value, sizes[index[node]])
    else:
        arrays = [] if clamp is None else list(clamp)
        if clamp is not None and len(arrays) != len(lowered.clamped_blocks):
            raise SpecError(
                f"clamp needs one array for each of the {len(lowered.clamped_blocks)} clamped blocks, "
                f"got {len(arrays)}."
            )
        for position, (array, block) in enumerate(zip(arrays, lowered.clamped_blocks)):
            if np.shape(array) != (len(block),):
                raise SpecError(f"clamp[{position}] must have shape ({len(block)},), got {np.shape(array)}.")
            values |= {k: _state(lowered.model.nodes[k], x, sizes[k]) for k, x in zip(block, np.asarray(array))}
    missing = [k for block in lowered.clamped_blocks for k in block if k not in values]
    if missing:
        raise SpecError(
            f"this program has clamped nodes and clamp gives no value for {lowered.model.nodes[missing[0]]!r}; "
            "pass clamp=[one array per clamped block]."
        )
    return values


def _state(node: Hashable, value: Any, size: int) -> int:
    if np.shape(value) != () or value not in range(size):
        wanted = "one bool, or 0 or 1" if size == 2 else f"one of 0…{size - 1}"
        raise SpecError(f"clamp of {node!r} must be {wanted}, got {value!r}.")
    return int(value)
