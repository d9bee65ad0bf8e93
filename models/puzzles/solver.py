"""Exact search: fill the cell with the fewest candidates, digits as bits of an integer; counts solutions to a limit."""

import numpy as np

from thermofab.hw.spec import SpecError
from thermofab.models.puzzles.grid import Box


def count_solutions(box: Box, puzzle: np.ndarray, limit: int = 2) -> int:
    """How many complete grids agree with the puzzle, at most ``limit``."""
    return len(_search(box, puzzle, limit, None))


def solve(box: Box, puzzle: np.ndarray) -> np.ndarray:
    """The puzzle's one solution, int64 ``[q²]``.

    Raises:
        SpecError: it has none, or several.
    """
    found = _search(box, puzzle, 2, None)
    if len(found) != 1:
        raise SpecError(f"this puzzle has {'no solution' if not found else 'several solutions'}; it needs one.")
    return found[0]


def random_grid(box: Box, rng: np.random.Generator) -> np.ndarray:
    """A complete grid int64 ``[q²]``, digits tried in random order (not uniform over grids)."""
    return _search(box, np.zeros(box.cells, dtype=np.int64), 1, rng)[0]


def _search(box: Box, puzzle: np.ndarray, limit: int, rng: np.random.Generator | None) -> list[np.ndarray]:
    peers, full = box.peers, (1 << box.side) - 1
    grid, free = [0] * box.cells, [full] * box.cells
    for cell, digit in enumerate(np.asarray(puzzle).tolist()):
        if digit:
            bit = 1 << (digit - 1)
            if not free[cell] & bit:
                return []
            grid[cell] = digit
            for peer in peers[cell]:
                free[peer] &= ~bit
    found: list[np.ndarray] = []

    def descend() -> bool:
        best, least = -1, box.side + 1
        for cell in range(box.cells):
            if not grid[cell]:
                count = free[cell].bit_count()
                if count < least:
                    best, least = cell, count
                    if count <= 1:
                        break
        if best < 0:
            found.append(np.array(grid, dtype=np.int64))
            return len(found) >= limit
        digits = [d for d in range(1, box.side + 1) if free[best] >> (d - 1) & 1]
        for digit in rng.permutation(digits).tolist() if rng is not None else digits:
            bit = 1 << (digit - 1)
            narrowed = [peer for peer in peers[best] if free[peer] & bit]
            grid[best] = digit
            for peer in narrowed:
                free[peer] &= ~bit
            if descend():
                return True
            for peer in narrowed:
                free[peer] |= bit
            grid[best] = 0
        return False

    descend()
    return found
