"""Undirected terms of a sampling program with categorical variables or terms of three nodes and more.

A term appears once for every free node in it, seen from there. All must agree, and together they are one term of the
energy.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thermofab.hw.spec.discrete import Factor
from thermofab.hw.spec.errors import CompileError

# The spins and the categorical variables of a term, ascending.
Key = tuple[tuple[int, ...], tuple[int, ...]]


def undirected_terms(
    slots: Sequence[Any],
    categories: np.ndarray,
    order: Sequence[Sequence[int]],
    free: Sequence[Sequence[int]],
    clamped: Sequence[Sequence[int]],
    names: Callable[[int], str],
) -> tuple[list[Factor], np.ndarray, int]:
    """``(factors, categories, duplicates)`` of a program's slots.

    Args:
        slots: :class:`~thermofab.compiler.frontend.thrml_program.Slots` of all blocks.
        categories: int ``[n]``, 0 for spins, -1 for categorical nodes whose number of states the weights tell.
        order: free blocks updated together, by number.
        free, clamped: node indices of the blocks.
        names: a node, for messages.

    Raises:
        CompileError: nodes of a term are updated at once, a node is in a term twice, numbers of states differ, or the
            nodes of a term see it with different weights.
    """
    sizes = categories.copy()
    group = {k: g for g, members in enumerate(order) for b in members for k in free[b]}
    seen: dict[Key, dict[int, np.ndarray]] = {}
    repeated = 0
    for slot in slots:
        for row, head in enumerate(slot.head.tolist()):
            spins = [int(tail[row]) for tail in slot.tails]
            variables = [int(tail[row]) for tail in slot.categories]
            (variables if categories[head] else spins).insert(0, head)
            _check_members(spins + variables, group, names)
            weight = slot.weight[row]
            for k, size in zip(variables, weight.shape):
                if sizes[k] not in (-1, size):
                    raise CompileError(
                        f"{names(k)} has {sizes[k]} states, but an interaction has weights for {size} of them; give "
                        "sampler and weights the same number of states."
                    )
                sizes[k] = size
            along = sorted(range(len(variables)), key=lambda k: variables[k])
            key = tuple(sorted(spins)), tuple(sorted(variables))
            views = seen.setdefault(key, {})
            repeated += head in views
            views[head] = views.get(head, 0.0) + weight.transpose(along)
    for key, views in seen.items():
        _check_views(key, views, group, names)
    lost = np.flatnonzero(sizes < 0)
    if len(lost):
        raise CompileError(
            f"{names(int(lost[0]))} is categorical, clamped and in no interaction, so nothing tells how many states "
            "it has; leave it out of the program."
        )
    factors = _factors({key: next(iter(views.values())) for key, views in seen.items()})
    return factors, sizes, repeated


def _check_members(members: list[int], group: dict[int, int], names: Callable[[int], str]) -> None:
    for place, i in enumerate(members):
        for j in members[place + 1 :]:
            if i == j:
                raise CompileError(f"{names(i)} is in one term twice; s·s = 1, so write the term without it.")
            if i in group and group[i] == group.get(j):
                raise CompileError(
                    f"{names(i)} and {names(j)} are coupled but THRML updates them at once, from the same state, which "
                    "samples a wrong distribution; split the block so that coupled nodes are in "
                    "different blocks, updated one "
                    "after another."
                )


def _check_views(key: Key, views: dict[int, np.ndarray], group: dict[int, int], names: Callable[[int], str]) -> None:
    members = [*key[0], *key[1]]
    first, weight = next(iter(views.items()))
    for k in members:
        if k not in group or k == first:
            continue
        other = views.get(k, np.zeros_like(weight))
        # Duplicates are summed in float32, in different orders.
        if np.any(np.abs(weight - other) > 1e-5 * np.maximum(np.abs(weight), np.abs(other)).max()):
            raise CompileError(
                f"{names(first)} and {names(k)} see a term over {len(members)} nodes with different weights "
                f"({np.ravel(weight)[:3]}… and {np.ravel(other)[:3]}…); asymmetric interactions "
                f"have no distribution of the "
                "form exp(-E). Give all nodes of a term the same weights."
            )


def _factors(terms: dict[Key, np.ndarray]) -> list[Factor]:
    """One factor for every shape of term."""
    shapes: dict[tuple[int, tuple[int, ...]], list[Key]] = {}
    for key, weight in terms.items():
        shapes.setdefault((len(key[0]), weight.shape), []).append(key)
    return [
        Factor(
            np.array([key[0] for key in keys], dtype=np.int32).reshape(len(keys), spins),
            np.array([key[1] for key in keys], dtype=np.int32).reshape(len(keys), len(shape)),
            np.stack([terms[key] for key in keys]),
        )
        for (spins, shape), keys in shapes.items()
    ]
