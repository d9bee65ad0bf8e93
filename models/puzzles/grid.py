"""Box: the shape of a Sudoku, and what follows from it.

A Sudoku of boxes r × c has side q = r·c and q² cells, numbered row by row. A grid is an int array ``[q²]`` of digits
1…q, 0 for an empty cell. Each row, column and box holds every digit once.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from thermofab.hw.spec import SpecError
from thermofab.hw.spec.seeding import GOLDEN


@dataclass(frozen=True)
class Box:
    """Boxes of ``rows`` × ``columns`` cells: (2, 2) is the 4×4 Sudoku, (2, 3) the 6×6, (3, 3) the 9×9.

    Raises:
        SpecError: a number below 1, or a side outside 2…9.
    """

    rows: int = 2
    columns: int = 3

    def __post_init__(self) -> None:
        if self.rows < 1 or self.columns < 1 or not 2 <= self.rows * self.columns <= 9:
            raise SpecError(f"a Sudoku's side rows·columns must be 2…9, got a box of {self.rows} by {self.columns}.")

    @property
    def side(self) -> int:
        return self.rows * self.columns

    @property
    def cells(self) -> int:
        return self.side**2

    @cached_property
    def units(self) -> np.ndarray:
        """int64 ``[3q, q]``: the cells of every row, column and box."""
        cell = np.arange(self.cells).reshape(self.side, self.side)
        boxes = cell.reshape(self.columns, self.rows, self.rows, self.columns).swapaxes(1, 2).reshape(-1, self.side)
        return np.concatenate([cell, cell.T, boxes])

    @cached_property
    def peers(self) -> tuple[tuple[int, ...], ...]:
        """Of every cell, the others it shares a unit with."""
        units = self.units
        return tuple(
            tuple(sorted({int(k) for k in units[(units == cell).any(axis=1)].ravel()} - {cell}))
            for cell in range(self.cells)
        )

    def solved(self, grids: np.ndarray) -> np.ndarray:
        """bool ``[...]``: which of the grids ``[..., q²]`` are complete and break no rule."""
        values = np.sort(np.asarray(grids)[..., self.units], axis=-1)
        return (values == np.arange(1, self.side + 1)).all(axis=(-1, -2))

    def violations(self, grids: np.ndarray) -> np.ndarray:
        """int64 ``[...]``: over all units, the digits that are missing from them; 0 exactly for solved grids."""
        values = np.asarray(grids)[..., self.units]
        present = (values[..., None] == np.arange(1, self.side + 1)).any(axis=-2)
        return (~present).sum(axis=(-1, -2))

    def relabelled_key(self, grids: np.ndarray) -> np.ndarray:
        """uint64 ``[...]``: a number that grids share exactly if renaming digits turns one into the other (sides ≤ 6),
        or a 64-bit hash of it (larger sides). Grids must be complete.
        """
        grids = np.asarray(grids, dtype=np.int64)
        rank = np.argsort(grids[..., : self.side], axis=-1)
        renamed = np.take_along_axis(rank, grids - 1, axis=-1).astype(np.uint64)
        key = np.zeros(grids.shape[:-1], dtype=np.uint64)
        base = np.uint64(self.side if self.side <= 6 else GOLDEN)
        # the last row and column follow from the rest, so that (q-2)(q-1) digits in base q ≤ 6 tell grids apart
        for cell in range(self.side, self.cells - self.side):
            if (cell + 1) % self.side:
                key = key * base + renamed[..., cell]
        return key
