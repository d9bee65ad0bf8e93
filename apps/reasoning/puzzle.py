"""A Sudoku as people write it: read, checked before any work, printed."""

import math

import numpy as np

from thermofab.hw.spec import SpecError
from thermofab.models.puzzles import Box, count_solutions

BOXES = {4: Box(2, 2), 6: Box(2, 3), 9: Box(3, 3)}
_EMPTY = "._*"
_BETWEEN = " \n\r\t,;|+-"


def box_of(side: int) -> Box:
    """The box of a side.

    Raises:
        SpecError: a side other than 4, 6 and 9.
    """
    if side not in BOXES:
        raise SpecError(f"Sudokus here have side 4, 6 or 9, got {side}.")
    return BOXES[side]


def read_sudoku(text: str) -> tuple[Box, np.ndarray]:
    """The box and the cells int64 ``[q²]`` of a puzzle's text.

    Cells are digits in reading order, 0 or a dot where empty; blanks, commas, bars and line ends between them are
    ignored, as are dashes, so that grids as printed here can be read again.

    Raises:
        SpecError: another character, or not 16, 36 or 81 cells.
    """
    cells = [mark for mark in text if mark not in _BETWEEN]
    wrong = [mark for mark in cells if not (mark.isascii() and mark.isdigit()) and mark not in _EMPTY]
    if wrong:
        raise SpecError(f"a Sudoku is written in digits, with 0 or a dot for an empty cell; found {wrong[0]!r}.")
    side = math.isqrt(len(cells))
    if side not in BOXES or side * side != len(cells):
        raise SpecError(f"a Sudoku has 16, 36 or 81 cells, this text has {len(cells)}.")
    return BOXES[side], np.array([0 if mark in _EMPTY else int(mark) for mark in cells], dtype=np.int64)


def check_sudoku(box: Box, puzzle: np.ndarray) -> np.ndarray:
    """The puzzle, int64 ``[q²]``, if it has exactly one solution.

    Raises:
        SpecError: another shape, digits out of range, two equal clues in a unit, no solution, or several.
    """
    puzzle = np.asarray(puzzle)
    if puzzle.shape == (box.side, box.side):
        puzzle = puzzle.reshape(-1)
    if puzzle.shape != (box.cells,):
        raise SpecError(
            f"a Sudoku of side {box.side} has shape [{box.cells}] or [{box.side}, {box.side}], got "
            f"{list(puzzle.shape)}."
        )
    if puzzle.dtype.kind not in "iu":
        raise SpecError(f"a Sudoku holds integers, got {puzzle.dtype}.")
    outside = np.flatnonzero((puzzle < 0) | (puzzle > box.side))
    if len(outside):
        raise SpecError(
            f"digits must be 0 (empty) to {box.side}; {_place(box, int(outside[0]))} holds {puzzle[outside[0]]}."
        )
    for cell, digit in enumerate(puzzle.tolist()):
        twin = next((peer for peer in box.peers[cell] if digit and puzzle[peer] == digit), None)
        if twin is not None:
            raise SpecError(
                f"this puzzle has no solution: {_place(box, cell)} and {_place(box, twin)} both hold {digit}."
            )
    solutions = count_solutions(box, puzzle)
    if solutions == 0:
        raise SpecError("this puzzle has no solution: its clues contradict each other.")
    if solutions > 1:
        raise SpecError("this puzzle has several solutions; give clues until one is left.")
    return puzzle.astype(np.int64)


def sudoku_text(box: Box, grid: np.ndarray) -> str:
    """The grid in rows, with bars between boxes; a dot is an empty cell."""
    marks = np.array([str(digit) if digit else "." for digit in np.asarray(grid).tolist()]).reshape(box.side, -1)
    lines = []
    for number, row in enumerate(marks):
        if number and number % box.rows == 0:
            lines.append("-+-".join(["-" * (2 * box.columns - 1)] * box.rows))
        parts = [" ".join(row[start : start + box.columns]) for start in range(0, box.side, box.columns)]
        lines.append(" | ".join(parts))
    return "\n".join(lines)


def _place(box: Box, cell: int) -> str:
    return f"row {cell // box.side + 1}, column {cell % box.side + 1}"
