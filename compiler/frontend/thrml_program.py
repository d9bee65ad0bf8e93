"""THRML sampling programs in: IsingSamplingProgram, FactorSamplingProgram, BlockSamplingProgram.

A program holds directed interactions: for every free block, ``weights[n, m]`` with an ``active[n, m]`` mask (padded
slots repeat a real weight) and the positions of the other nodes in the global state. The distribution exists only if
the interaction i → j equals j → i; where j is clamped only i → j is there. Edges between two clamped nodes appear
nowhere, and do not matter.

Lowering is a registry: :data:`SAMPLERS` by sampler type, :data:`INTERACTIONS` by interaction type.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from thrml.block_sampling import BlockSamplingProgram
from thrml.models.discrete_ebm import CategoricalGibbsConditional, DiscreteEBMInteraction, SpinGibbsConditional

from thermofab.compiler.frontend.thrml_nodes import check_category, check_spin, is_categorical
from thermofab.compiler.frontend.thrml_terms import undirected_terms
from thermofab.compiler.ir.lowered import Lowered, as_reals, assemble, discrete_model
from thermofab.hw.spec.arguments import Blocks
from thermofab.hw.spec.errors import CompileError


class Slots(NamedTuple):
    """The active slots of one interaction of one block: node ``head[k]`` sees ``-weight[k][…] s_head Π s_tail``.

    ``head``, each of ``tails`` (spins) and each of ``categories`` are int64 ``[k]`` node indices. ``weight`` is float64
    ``[k]`` with one more axis for a categorical head (which then has no s_head), and one for each of ``categories``.
    """

    head: np.ndarray
    tails: tuple[np.ndarray, ...]
    weight: np.ndarray
    categories: tuple[np.ndarray, ...] = ()


def discrete_slots(interaction: Any, active: np.ndarray, heads: np.ndarray, tails: list[np.ndarray]) -> Slots:
    """Slots of a DiscreteEBMInteraction: its spin tails come first."""
    return slots_of(np.asarray(interaction.weights), interaction.n_spin, active, heads, tails)


def slots_of(weights: np.ndarray, n_spin: int, active: np.ndarray, heads: np.ndarray, tails: list[np.ndarray]) -> Slots:
    """The slots of weights ``[n, m, …]`` that ``active`` bool ``[n, m]`` marks as real: what a lowering of one's own
    interaction returns (:data:`INTERACTIONS`). ``tails`` are int64 ``[n, m]``, the first ``n_spin`` of them spins.
    """
    rows = np.broadcast_to(heads[:, None], active.shape)[active]
    chosen = tuple(tail[active] for tail in tails)
    return Slots(rows, chosen[:n_spin], as_reals("weights of an interaction", weights)[active], chosen[n_spin:])


INTERACTIONS: dict[type, Callable[..., Slots]] = {DiscreteEBMInteraction: discrete_slots}


def spin_gibbs(sampler: Any) -> int:
    """P(+1) = σ(2γ), which is what a p-bit does."""
    return 0


def categorical_gibbs(sampler: CategoricalGibbsConditional) -> int:
    """P(c) ∝ exp θ_c, of so many states."""
    return int(sampler.n_categories)


# Samplers whose stationary distribution is that of their interactions: 0 for spins, else the states of a categorical
# variable.
SAMPLERS: dict[type, Callable[[Any], int]] = {
    SpinGibbsConditional: spin_gibbs,
    CategoricalGibbsConditional: categorical_gibbs,
}


def lower(program: BlockSamplingProgram) -> Lowered:
    """The program's model over the nodes of its free, then its clamped blocks.

    Raises:
        CompileError: a node, sampler or interaction that a p-bit cannot stand for; an edge inside a block or
            superblock; interactions that are not symmetric; weights that are not finite.
    """
    spec = program.gibbs_spec
    nodes = tuple(node for block in spec.blocks for node in block.nodes)
    blocks = _indices(spec.blocks)
    free, clamped = blocks[: len(spec.free_blocks)], blocks[len(spec.free_blocks) :]
    # States of the nodes: 0 for spins, -1 while unknown.
    categories = np.zeros(len(nodes), dtype=np.int64)
    for b, (block, members) in enumerate(zip(spec.blocks, blocks)):
        categories[list(members)] = _states(block.node_type, spec, program.samplers[b] if b < len(free) else None)
    slots = _all_slots(program, nodes, free)
    if np.any(categories) or any(len(slot.tails) > 1 or slot.categories for slot in slots):
        for slot in slots:
            _check_finite(slot, free, clamped)
        names = _Names(free, clamped)
        factors, categories, repeated = undirected_terms(slots, categories, spec.sampling_order, free, clamped, names)
        notes = (f"summed {repeated} duplicate terms",) if repeated else ()
        return Lowered(discrete_model(nodes, categories, factors), free, clamped, notes)
    biases = np.zeros(len(nodes))
    heads, tails, weights = [], [], []
    for slot in slots:
        _check_finite(slot, free, clamped)
        if slot.tails:
            heads.append(slot.head)
            tails.append(slot.tails[0])
            weights.append(slot.weight)
        else:
            np.add.at(biases, slot.head, slot.weight)
    none = np.zeros(0, dtype=np.int64)
    head, tail = np.concatenate([none, *heads]), np.concatenate([none, *tails])
    weight = np.concatenate([np.zeros(0), *weights])
    names = _Names(free, clamped)
    _check_groups(head, tail, spec.sampling_order, free, names)
    low, high, weight, repeated = _undirected(head, tail, weight, len(nodes), clamped, names)
    model, _ = assemble(nodes, biases, low, high, weight)
    notes = (f"summed {repeated} duplicate edges",) if repeated else ()
    return Lowered(model, free, clamped, notes)


def _states(kind: type, spec: Any, sampler: Any) -> int:
    """States of a block's nodes: 0 for spins, -1 for categorical nodes of as many as the interactions say.

    ``sampler`` is that of a free block, ``None`` for a clamped one.
    """
    if sampler is not None and type(sampler) not in SAMPLERS:
        known = ", ".join(kind.__name__ for kind in SAMPLERS)
        raise CompileError(
            f"the custom sampler {type(sampler).__module__}.{type(sampler).__qualname__} has no lowering (known are "
            f"{known}); use SpinGibbsConditional, or register the sampler in "
            "thermofab.compiler.frontend.thrml_program.SAMPLERS if it is a Gibbs update of spins."
        )
    states = None if sampler is None else SAMPLERS[type(sampler)](sampler)
    struct = spec.node_shape_struct[kind]
    unsigned = np.issubdtype(getattr(struct, "dtype", np.bool_), np.unsignedinteger)
    categorical = is_categorical(kind) or unsigned if states is None else states > 0
    if not categorical:
        check_spin(kind, struct)
        if is_categorical(kind):
            raise CompileError(
                f"{kind.__name__} nodes are categorical, and {type(sampler).__name__} samples spins; use "
                "CategoricalGibbsConditional, or SpinNode for nodes of two states."
            )
        return 0
    check_category(kind, struct)
    return -1 if states is None else states


def _indices(blocks: Any) -> Blocks:
    start, found = 0, []
    for block in blocks:
        found.append(tuple(range(start, start + len(block))))
        start += len(block)
    return tuple(found)


def _all_slots(program: BlockSamplingProgram, nodes: tuple, free: Blocks) -> list[Slots]:
    spec = program.gibbs_spec
    # THRML orders its global state from a set, which differs between processes; its location map is the authority.
    sizes: dict[int, int] = {}
    for kind, _ in spec.node_global_location_map.values():
        sizes[kind] = sizes.get(kind, 0) + 1
    node_at = {kind: np.zeros(size, dtype=np.int64) for kind, size in sizes.items()}
    for k, node in enumerate(nodes):
        kind, place = spec.node_global_location_map[node]
        node_at[kind][place] = k
    slots = []
    for b, block in enumerate(free):
        heads = np.array(block, dtype=np.int64)
        for interaction, active, kinds, places in zip(
            program.per_block_interactions[b],
            program.per_block_interaction_active[b],
            program.per_block_interaction_global_inds[b],
            program.per_block_interaction_global_slices[b],
        ):
            if type(interaction) not in INTERACTIONS:
                kind = f"{type(interaction).__module__}.{type(interaction).__qualname__}"
                raise CompileError(
                    f"no lowering is known for the interaction {kind}; use DiscreteEBMInteraction, or register one in "
                    "thermofab.compiler.frontend.thrml_program.INTERACTIONS."
                )
            tails = [node_at[kind][np.asarray(place)] for kind, place in zip(kinds, places)]
            slots.append(INTERACTIONS[type(interaction)](interaction, np.asarray(active, dtype=bool), heads, tails))
    return slots


class _Names(NamedTuple):
    """Nodes as a reader of the program finds them: THRML nodes have no names."""

    free: Blocks
    clamped: Blocks

    def __call__(self, node: int) -> str:
        for kind, blocks in (("free", self.free), ("clamped", self.clamped)):
            for b, block in enumerate(blocks):
                if block and block[0] <= node <= block[-1]:
                    return f"node {node - block[0]} of {kind} block {b}"
        raise IndexError(node)


def _check_finite(slot: Slots, free: Blocks, clamped: Blocks) -> None:
    bad = ~np.isfinite(slot.weight)
    if np.any(bad):
        where = int(np.argwhere(bad)[0][0])
        raise CompileError(
            f"a weight or bias of {_Names(free, clamped)(int(slot.head[where]))} is {slot.weight[bad][0]}; every bias "
            "and weight must be a finite number. Look for a diverged training step where it was made."
        )


def _check_groups(head: np.ndarray, tail: np.ndarray, order: list[list[int]], free: Blocks, names: _Names) -> None:
    """Refuse edges between nodes that THRML updates from the same state."""
    group = np.full(int(max([*head.tolist(), *tail.tolist()], default=-1)) + 1 + sum(map(len, free)), -1)
    for g, members in enumerate(order):
        for b in members:
            group[list(free[b])] = g
    inside = (group[head] == group[tail]) & (group[head] >= 0)
    if not np.any(inside):
        return
    i, j = int(head[np.argmax(inside)]), int(tail[np.argmax(inside)])
    if i == j:
        raise CompileError(f"{names(i)} has an edge to itself; s·s = 1 is a constant, so remove the self-edge.")
    raise CompileError(
        f"{names(i)} and {names(j)} are coupled but THRML updates them at once, from the same state, which samples a "
        "wrong distribution; split the block so that coupled nodes are in different blocks, updated one after another."
    )


def _undirected(
    head: np.ndarray, tail: np.ndarray, weight: np.ndarray, n: int, clamped: Blocks, names: _Names
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Merge i → j with j → i; refuse pairs that differ. Returns ends, weights and the number of summed duplicates."""
    codes, place = np.unique(head * n + tail, return_inverse=True)
    if not len(codes):
        return head, tail, weight, 0
    sums = np.bincount(place.reshape(-1), weights=weight, minlength=len(codes))
    counts = np.bincount(place.reshape(-1), minlength=len(codes))
    i, j = codes // n, codes % n
    fixed = np.zeros(n, dtype=bool)
    fixed[[k for block in clamped for k in block]] = True
    back = np.searchsorted(codes, j * n + i)
    found = (back < len(codes)) & (codes[np.minimum(back, len(codes) - 1)] == j * n + i)
    other = np.where(found, sums[np.minimum(back, len(codes) - 1)], 0.0)
    # Duplicates are summed in either direction in float32, in different orders.
    differs = ~fixed[j] & (np.abs(sums - other) > 1e-5 * np.maximum(np.abs(sums), np.abs(other)))
    if np.any(differs):
        k = int(np.argmax(differs))
        a, b = names(int(i[k])), names(int(j[k]))
        raise CompileError(
            f"{a} sees {b} with weight {sums[k]:.6g}, but {b} sees {a} with {other[k]:.6g}; asymmetric interactions "
            "have no distribution of the form exp(-E). Give both directions the same weight."
        )
    keep = fixed[j] | (i < j)
    return i[keep], j[keep], sums[keep], int(np.sum(counts[keep] - 1))
