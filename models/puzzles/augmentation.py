"""Augmenter: puzzles turned into others by Sudoku's symmetries, never into one that is held out.

Digits are renamed; rows are shuffled within bands and bands among themselves, columns likewise. A puzzle whose new
solution a renaming of digits would turn into a held-out one keeps its places and has its digits renamed only.
"""

from dataclasses import dataclass

import numpy as np

from thermofab.models.puzzles.generation import PuzzleSet


@dataclass(frozen=True, eq=False)
class Augmenter:
    """Attributes: ``source``, what to draw from; ``held_out``, whose solutions must not arise; ``places``, whether
    rows and columns are shuffled too.
    """

    source: PuzzleSet
    held_out: PuzzleSet | None = None
    places: bool = True

    def draw(self, rows: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Puzzles and solutions int64 ``[b, q²]`` from rows int64 ``[b]`` of the source; a function of the seed."""
        rng, box = np.random.default_rng(seed), self.source.box
        count, side = len(rows), box.side
        names = np.zeros((count, side + 1), dtype=np.int64)
        names[:, 1:] = np.argsort(rng.random((count, side)), axis=1) + 1
        puzzles, solutions = self.source.puzzles[rows], self.source.solutions[rows]
        if self.places:
            row = _shuffled(rng, count, side // box.rows, box.rows)
            column = _shuffled(rng, count, side // box.columns, box.columns)
            place = (row[:, :, None] * side + column[:, None, :]).reshape(count, -1)
            moved = np.take_along_axis(solutions, place, axis=1)
            if self.held_out is not None:
                away = np.isin(box.relabelled_key(moved), self.held_out.keys)
                place[away] = np.arange(box.cells)
            puzzles = np.take_along_axis(puzzles, place, axis=1)
            solutions = np.take_along_axis(solutions, place, axis=1)
        return np.take_along_axis(names, puzzles, axis=1), np.take_along_axis(names, solutions, axis=1)


def _shuffled(rng: np.random.Generator, count: int, bands: int, lines: int) -> np.ndarray:
    """int64 ``[count, bands·lines]``: lines shuffled within bands, and bands shuffled."""
    band = np.argsort(rng.random((count, bands)), axis=1)
    line = np.argsort(rng.random((count, bands, lines)), axis=2)
    return (band[:, :, None] * lines + line).reshape(count, -1)
