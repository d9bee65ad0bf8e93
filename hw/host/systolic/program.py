"""The slot program: for every slot, which tap each view shows, which element each input takes, and what is late.

It is a read-only memory of one bit per column; equal columns are kept once, constant ones not at all.
"""

from dataclasses import dataclass

import numpy as np

from thermofab.hw.host.systolic.layout import SystolicLayout


@dataclass(frozen=True, eq=False)
class Select:
    """An index: bit k is program column ``columns[k]``, or constant where that is -1 (0) or -2 (1)."""

    columns: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class SlotProgram:
    """The program of a layout.

    Attributes:
        words: ints ``[P]``, column c in bit c.
        columns: columns kept.
        used: the column that is high where some element has a site.
        views: a :class:`Select` a view.
        inputs: per kind of element, a :class:`Select` an input.
        late: per owned input, the column (as in :class:`Select`) of ``SystolicLayout.late``.
    """

    words: tuple[int, ...]
    columns: int
    used: Select
    views: tuple[Select, ...]
    inputs: tuple[tuple[Select, ...], ...]
    late: tuple[Select, ...]


def slot_program(layout: SystolicLayout) -> SlotProgram:
    """The program of a layout."""
    kept: dict[bytes, int] = {}
    rows: list[np.ndarray] = []

    def column(bits: np.ndarray) -> int:
        if not np.any(bits):
            return -1
        if np.all(bits):
            return -2
        key = np.packbits(bits).tobytes()
        if key not in kept:
            kept[key] = len(rows)
            rows.append(bits)
        return kept[key]

    def select(choice: np.ndarray, options: int) -> Select:
        bits = (options - 1).bit_length()
        return Select(tuple(column((choice >> k & 1).astype(bool)) for k in range(bits)))

    used = Select((column(layout.used),))
    views = tuple(select(view.choice, len(view.distances)) for view in layout.views)
    inputs = tuple(tuple(select(wire.choice, len(wire.steps)) for wire in kind) for kind in layout.inputs)
    late = tuple(Select((column(layout.late[:, b]),)) for b in range(layout.owned))
    words = tuple(
        int("".join("1" if row[t] else "0" for row in reversed(rows)) or "0", 2) for t in range(layout.n_slots)
    )
    return SlotProgram(words, len(rows), used, views, inputs, late)
