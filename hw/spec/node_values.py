"""Values that a user gives for nodes, checked: arrays per block, or a mapping from nodes, become states by block."""

from collections.abc import Hashable, Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from thermofab.hw.spec.arguments import Block, Blocks
from thermofab.hw.spec.errors import SpecError

# Node indices, and their states ``[nodes]`` or ``[R, nodes]``: bool, or int64 where a node is categorical.
BlockStates = tuple[Block, np.ndarray]


def block_states(
    name: str, kind: str, arrays: Sequence[ArrayLike], blocks: Blocks, replicas: int, categories: np.ndarray
) -> list[BlockStates]:
    """States from one array per block.

    Args:
        name: of the argument, for messages: ``"clamp"`` or ``"init"``.
        kind: of its blocks: ``"clamped"`` or ``"free"``.
        categories: int ``[n]``, the number of states of every node of the model, 0 for a spin.

    Raises:
        SpecError: too few arrays or too many, a wrong shape, or a value that is no state of its node.
    """
    if len(arrays) != len(blocks):
        raise SpecError(f"{name} needs one array for each of the {len(blocks)} {kind} blocks, got {len(arrays)}.")
    checked = []
    only_spins = not np.any(categories)
    for position, (given, block) in enumerate(zip(arrays, blocks)):
        array = np.asarray(given)
        if array.shape not in ((len(block),), (replicas, len(block))):
            raise SpecError(
                f"{name}[{position}] must have shape ({len(block)},) or ({replicas}, {len(block)}), got {array.shape}."
            )
        kinds = np.zeros(len(block), categories.dtype) if only_spins else categories[list(block)]
        checked.append((block, _states(f"{name}[{position}]", array, kinds)))
    return checked


def mapped_states(
    name: str,
    values: Mapping[Hashable, ArrayLike],
    index: Mapping[Hashable, int],
    kind: str,
    replicas: int,
    categories: np.ndarray,
) -> list[BlockStates]:
    """States from values by node, a block of one node each.

    Args:
        index: the nodes that may be named, and their indices.
        kind: what they are, for messages: ``"node"`` or ``"free node"``.
        name, categories: as in :func:`block_states`.

    Raises:
        SpecError: another node is named, a wrong shape, or a value that is no state of its node.
    """
    checked = []
    for node, value in values.items():
        if node not in index:
            raise SpecError(f"{name} names {node!r}, which is not a {kind} of this program.")
        array = np.asarray(value)
        if array.shape not in ((), (replicas,)):
            raise SpecError(f"{name} of {node!r} must be one value or have shape ({replicas},), got {array.shape}.")
        k = index[node]
        checked.append(((k,), _states(f"{name} of {node!r}", array[..., None], categories[[k]])))
    return checked


def _states(name: str, array: np.ndarray, categories: np.ndarray) -> np.ndarray:
    """``array`` as bool, or as int64 where nodes of ``categories`` states are among it; the last axis is nodes."""
    spins = np.broadcast_to(np.asarray(categories) == 0, array.shape)
    if array.dtype != np.bool_ and np.any(spins & (array != 0) & (array != 1)):
        raise SpecError(f"{name} must be bool, or 0 and 1; spins are given as True for +1 and False for -1.")
    if np.all(spins):
        return array.astype(bool)
    if np.any(~spins & ((array < 0) | (array >= categories) | (array != np.floor(array)))):
        raise SpecError(
            f"{name} gives a categorical node of up to {int(np.max(categories))} states another one; they are 0, 1, …."
        )
    return array.astype(np.int64)
