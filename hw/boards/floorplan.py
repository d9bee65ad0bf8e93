"""Where a systolic fabric's block RAMs go, so that placement begins with a shape.

A placer that knows nothing pulls 35 elements that all talk to a few neighbours into one heap, and then pushes them
apart along lines that have nothing to do with who talks to whom. Block RAMs are few, fixed in rows, and every element
hangs on its own: with those placed, in the order in which elements read each other, the rest follows.

Elements go to the rows in turn, from the left: the fourth is beside the first. What belongs to none of them (the slot
program, clamps, the queue of samples) keeps a gap in the middle.
"""

import re
from collections import defaultdict
from collections.abc import Iterable

from thermofab.hw.boards.part import Part
from thermofab.hw.host.systolic.timing import layout_of
from thermofab.hw.spec import FabricSpec

# Block RAM sites of the LFE5U-85F: rows, and columns in fours of the site's number within its tile.
_ROWS = {"85k": (22, 46, 70, 82)}
_COLUMNS = {
    "85k": tuple(
        first + step for first in (4, 13, 22, 31, 40, 49, 58, 69, 78, 87, 96, 105, 114) for step in (0, 2, 4, 6)
    )
}
_GAP = 2  # columns left free in the middle of every row


def block_ram_places(spec: FabricSpec, part: Part, cells: Iterable[str]) -> dict[str, str]:
    """A site (``"X4/Y22/EBR0"``) for block RAM cells of a systolic fabric, by name; empty where the part's sites are
    not known here, or the fabric is not systolic.

    Args:
        spec: the fabric.
        part: the part.
        cells: hierarchical names of all its block RAMs.
    """
    if spec.architecture != "systolic" or part.device not in _ROWS:
        return {}
    owners: dict[str, list[str]] = defaultdict(list)
    for cell in sorted(cells):
        owner = re.search(r"\b(element|moments|tables)_(\d+)", cell)
        owners[owner[0] if owner else ""].append(cell)
    order = layout_of(spec).order
    units = []
    for first in range(0, len(order), 2):
        pair = order[first : first + 2]
        of_pair = [owners[f"{kind}_{e}"] for e in pair for kind in ("element", "moments")]
        units.append(sum(of_pair[:2], []) + owners[f"tables_{first // 2}"] + sum(of_pair[2:], []))
    return _by_columns(units, _ROWS[part.device], _COLUMNS[part.device])


def _by_columns(units: list[list[str]], rows: tuple[int, ...], columns: tuple[int, ...]) -> dict[str, str]:
    """Units to the rows in turn, each in as many neighbouring sites as it needs; the last ones take what is left."""
    middle = len(columns) // 2
    free = {row: [c for k, c in enumerate(columns) if not middle - _GAP // 2 <= k < middle + _GAP // 2] for row in rows}
    size = max(map(len, units))
    whole = len(rows) * (len(free[rows[0]]) // size)
    places: dict[str, tuple[int, int]] = {}
    for k, unit in enumerate(units[:whole]):
        row = rows[k % len(rows)]
        places |= {cell: (free[row].pop(0), row) for cell in unit}
    rest = [(column, row) for row in rows for column in free[row]]
    for unit in units[whole:]:
        places |= {cell: rest.pop(0) for cell in unit[: len(rest)]}
    return {cell: f"X{column}/Y{row}/EBR{columns.index(column) % 4}" for cell, (column, row) in places.items()}
