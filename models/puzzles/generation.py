"""Sets of minimal puzzles with one solution, train and held-out ones with no solution grid in common.

A puzzle is minimal if taking any clue away gives it a second solution. Clues are taken from a random complete grid in
random order, each for good if one solution remains; one pass leaves a minimal puzzle. No two puzzles of a set,
in either part, have solutions that a renaming of digits turns into one another.
"""

from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import SpecError
from thermofab.models.puzzles.grid import Box
from thermofab.models.puzzles.solver import count_solutions, random_grid

_FRUITLESS = 2000  # grids in a row that were there before, after which there are taken to be no others


@dataclass(frozen=True, eq=False)
class PuzzleSet:
    """Puzzles and their solutions, int64 ``[B, q²]``; 0 is an empty cell."""

    box: Box
    puzzles: np.ndarray
    solutions: np.ndarray

    def __len__(self) -> int:
        return len(self.puzzles)

    @property
    def keys(self) -> np.ndarray:
        """uint64 ``[B]``: :meth:`Box.relabelled_key` of the solutions."""
        return self.box.relabelled_key(self.solutions)

    def split(self, first: int) -> tuple["PuzzleSet", "PuzzleSet"]:
        """The first so many, and the others."""
        if not 0 < first < len(self):
            raise SpecError(f"a set of {len(self)} puzzles cannot be split after the first {first}.")
        parts = [(self.puzzles[part], self.solutions[part]) for part in (slice(first), slice(first, None))]
        return PuzzleSet(self.box, *parts[0]), PuzzleSet(self.box, *parts[1])


def minimal_puzzle(box: Box, solution: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A minimal puzzle int64 ``[q²]`` with this solution."""
    puzzle = solution.copy()
    for cell in rng.permutation(box.cells).tolist():
        kept, puzzle[cell] = puzzle[cell], 0
        if count_solutions(box, puzzle) > 1:
            puzzle[cell] = kept
    return puzzle


def make_puzzles(box: Box, count: int, seed: int) -> PuzzleSet:
    """``count`` minimal puzzles of solutions that no renaming of digits turns into one another.

    Raises:
        SpecError: there are not so many solutions, or too few are left to find them by chance.
    """
    rng = np.random.default_rng(seed)
    seen: set[int] = set()
    puzzles, solutions, fruitless = [], [], 0
    while len(puzzles) < count:
        solution = random_grid(box, rng)
        key = int(box.relabelled_key(solution))
        if key in seen:
            fruitless += 1
            if fruitless > _FRUITLESS:
                raise SpecError(
                    f"only {len(puzzles)} solution grids of side {box.side} that differ by more than a renaming of "
                    f"digits were found; {count} were asked for."
                )
            continue
        fruitless = 0
        seen.add(key)
        solutions.append(solution)
        puzzles.append(minimal_puzzle(box, solution, rng))
    return PuzzleSet(box, np.array(puzzles), np.array(solutions))
