"""Puzzles from samples: grids drawn by the constraint program itself, clues taken away in pairs.

This generator has nothing in common with the one that training uses (:func:`thermofab.models.puzzles.make_puzzles`)
but the solution counter: grids are annealed on a fabric instead of filled by search, clues go in pairs opposite each
other instead of one at a time, and a puzzle has as many clues as asked for instead of being minimal.
"""

import numpy as np

from thermofab.apps.reasoning.constraints import Annealing, ConstraintProgram
from thermofab.hw.spec import Device, SpecError
from thermofab.models.puzzles import Box, PuzzleSet, count_solutions
from thermofab.models.seeds import derived

CLUES = {4: 6, 6: 12, 9: 30}
_BATCH = 64
_FRUITLESS = 64  # batches without a new puzzle, after which there are taken to be no others


def sampled_puzzles(
    box: Box, count: int, seed: int, *, clues: int | None = None, device: str | Device = "native"
) -> PuzzleSet:
    """``count`` different puzzles with one solution each.

    Args:
        box: of side 4, 6 or 9.
        count: of puzzles.
        seed: of everything.
        clues: left, at least, if one solution remains; by default 6, 12 or 30. A puzzle has more where symmetry
            leaves no pair to take.
        device: that the grids are sampled on.

    Raises:
        SpecError: fewer than one puzzle or clue, or so many puzzles are not found.
    """
    clues = CLUES[box.side] if clues is None else clues
    if count < 1 or not 1 <= clues <= box.cells:
        raise SpecError(f"asked for {count} puzzles of {clues} clues; at least 1, and 1 to {box.cells} clues.")
    program = ConstraintProgram(box, device, Annealing(sweeps=128 if box.side == 9 else 32))
    rng, nothing = np.random.default_rng(seed), np.zeros(box.cells, dtype=np.int64)
    seen: set[bytes] = set()
    puzzles, solutions, batch, fruitless = [], [], 0, 0
    while len(puzzles) < count:
        found = program.sample(nothing, chains=_BATCH, seed=derived(seed, batch))
        batch, before = batch + 1, len(puzzles)
        for grid in found.grids[found.broken == 0]:
            puzzle = _thinned(box, grid, clues, rng)
            if len(puzzles) < count and puzzle.tobytes() not in seen:
                seen.add(puzzle.tobytes())
                puzzles.append(puzzle)
                solutions.append(grid)
        fruitless = fruitless + 1 if len(puzzles) == before else 0
        if fruitless == _FRUITLESS:
            raise SpecError(f"only {len(puzzles)} different puzzles of side {box.side} found; {count} were asked for.")
    return PuzzleSet(box, np.array(puzzles), np.array(solutions))


def _thinned(box: Box, grid: np.ndarray, clues: int, rng: np.random.Generator) -> np.ndarray:
    """The grid with opposite pairs of cells emptied, in random order, while one solution remains."""
    puzzle = grid.copy()
    for cell in rng.permutation((box.cells + 1) // 2).tolist():
        pair = sorted({cell, box.cells - 1 - cell})
        if (puzzle > 0).sum() - len(pair) < clues:
            continue
        puzzle[pair] = 0
        if count_solutions(box, puzzle) > 1:
            puzzle[pair] = grid[pair]
    return puzzle
