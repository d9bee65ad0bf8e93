"""exact: the enumerated law of a small program as its user wrote it."""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from thermofab.compiler.certify.enumeration import log_weights, normalised, states
from thermofab.compiler.frontend import lower
from thermofab.compiler.frontend.lowered import Lowered
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.program import Program
from thermofab.hw.spec.samples import Moments

LARGEST = 24


@dataclass(frozen=True, eq=False)
class Law:
    """P(x) = exp(-βE(x)) / Z over the free nodes, given the clamped ones.

    Attributes:
        nodes: the free nodes, in the program's order.
        probabilities: float64 ``[2^n]``, in the order of :attr:`states`.
        energies: float64 ``[2^n]``, in the user's units, clamped nodes' terms included.
        log_z: ln Σ exp(-βE).
        edges: pairs of indices into ``nodes``, of the model's edges between free nodes.
    """

    nodes: tuple[Hashable, ...]
    probabilities: np.ndarray
    energies: np.ndarray
    log_z: float
    edges: tuple[tuple[int, int], ...]

    @cached_property
    def states(self) -> np.ndarray:
        """bool ``[2^n, n]``; the first node is the most significant bit of a state's number."""
        return states(len(self.nodes))

    @cached_property
    def _tensor(self) -> np.ndarray:
        return self.probabilities.reshape((2,) * len(self.nodes))

    @cached_property
    def marginals(self) -> np.ndarray:
        """P(True) of every node, float64 ``[n]``."""
        n = len(self.nodes)
        return np.array([self._tensor.sum(axis=tuple(k for k in range(n) if k != i))[1] for i in range(n)])

    def moments(self) -> Moments:
        """E[s_i] of the nodes and E[s_i s_j] of the model's edges, s = ±1; as :meth:`Samples.moments`."""
        n = len(self.nodes)
        pairs = [self._tensor.sum(axis=tuple(k for k in range(n) if k not in edge)) for edge in self.edges]
        second = np.array([p[0, 0] + p[1, 1] - p[0, 1] - p[1, 0] for p in pairs])
        names = tuple((self.nodes[i], self.nodes[j]) for i, j in self.edges)
        return Moments(self.nodes, 2 * self.marginals - 1, names, second)


def exact(source: Any, *, clamp: Sequence[Any] | Mapping[Any, Any] | None = None, beta: float = 1.0) -> Law:
    """The law of a program by enumeration.

    Args:
        source: a compiled :class:`Program` (its model as written, not the image), or anything that
            :func:`thermofab.compile` takes.
        clamp: values of the clamped blocks, one array a block, or a mapping from nodes to values, which may name free
            nodes too; the result is the conditional law of the rest.
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
    if len(free) > LARGEST:
        raise SpecError(
            f"enumeration of {len(free)} free nodes needs 2^{len(free)} states; at most {LARGEST} nodes can be "
            "enumerated. Clamp some of them, or sample."
        )
    fixed = np.array([values.get(k, False) for k in range(model.n_nodes)], dtype=bool)
    biases, edges, couplings, offset = reduced(lowered, fixed, free)
    minus_energy = log_weights(len(free), biases, edges, couplings) - offset
    probabilities, log_z = normalised(model.beta * minus_energy)
    pairs = tuple((int(i), int(j)) for i, j in edges.tolist())
    return Law(tuple(model.nodes[k] for k in free), probabilities, -minus_energy, log_z, pairs)


def reduced(lowered: Lowered, fixed: np.ndarray, free: list[int]) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """The model over ``free`` nodes given the values bool ``[n]`` of the others: biases, edges, couplings, offset."""
    model = lowered.model
    place = np.full(model.n_nodes, -1)
    place[free] = np.arange(len(free))
    spin = np.where(place >= 0, 0.0, np.where(fixed, 1.0, -1.0))
    ends = place[model.edges].reshape(-1, 2)
    fields = model.biases.copy()
    np.add.at(fields, model.edges[:, 0], model.couplings * spin[model.edges[:, 1]])
    np.add.at(fields, model.edges[:, 1], model.couplings * spin[model.edges[:, 0]])
    both = np.all(ends >= 0, axis=1)
    pairs = spin[model.edges[:, 0]] * spin[model.edges[:, 1]]
    offset = model.offset - float(model.biases @ spin) - float(model.couplings @ pairs)
    return fields[free], ends[both], model.couplings[both], offset


def clamp_values(lowered: Lowered, clamp: Any) -> dict[int, bool]:
    """Node index → value, refused unless it covers the clamped blocks."""
    index = {node: k for k, node in enumerate(lowered.model.nodes)}
    values: dict[int, bool] = {}
    if isinstance(clamp, Mapping):
        for node, value in clamp.items():
            if node not in index:
                raise SpecError(f"clamp names {node!r}, which is not a node of this program.")
            values[index[node]] = _bit(node, value)
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
            values |= {k: _bit(lowered.model.nodes[k], value) for k, value in zip(block, np.asarray(array))}
    missing = [k for block in lowered.clamped_blocks for k in block if k not in values]
    if missing:
        raise SpecError(
            f"this program has clamped nodes and clamp gives no value for {lowered.model.nodes[missing[0]]!r}; "
            "pass clamp=[one array a clamped block]."
        )
    return values


def _bit(node: Hashable, value: Any) -> bool:
    if np.shape(value) != () or value not in (0, 1):
        raise SpecError(f"clamp of {node!r} must be one bool, or 0 or 1, got {value!r}.")
    return bool(value)
