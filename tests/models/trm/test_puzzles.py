"""Sudokus: rules, solver, minimal puzzles, disjoint sets, augmentation that stays off held-out grids."""

import numpy as np
import pytest

from thermofab.hw.spec import SpecError
from thermofab.models.puzzles import Augmenter, Box, count_solutions, make_puzzles, random_grid, solve

SIX = Box(2, 3)


def test_there_are_288_grids_of_side_4():
    assert count_solutions(Box(2, 2), np.zeros(16, dtype=int), limit=1000) == 288


def test_units_of_the_6x6_box():
    assert SIX.units.shape == (18, 6)
    assert SIX.units[12].tolist() == [0, 1, 2, 6, 7, 8]
    assert all(len(peers) == 12 for peers in SIX.peers)


def test_puzzles_are_minimal_with_one_solution():
    made = make_puzzles(SIX, 12, seed=1)
    assert SIX.solved(made.solutions).all() and len(np.unique(made.keys)) == 12
    for puzzle, solution in zip(made.puzzles, made.solutions):
        np.testing.assert_array_equal(solve(SIX, puzzle), solution)
        for cell in np.flatnonzero(puzzle):
            less = puzzle.copy()
            less[cell] = 0
            assert count_solutions(SIX, less) == 2


def test_same_seed_same_puzzles():
    one, two = make_puzzles(SIX, 3, seed=5), make_puzzles(SIX, 3, seed=5)
    np.testing.assert_array_equal(one.puzzles, two.puzzles)
    assert (make_puzzles(SIX, 3, seed=6).puzzles != one.puzzles).any()


def test_keys_are_of_grids_up_to_renaming():
    rng = np.random.default_rng(0)
    grids = np.array([random_grid(SIX, rng) for _ in range(50)])
    names = np.concatenate([[0], rng.permutation(6) + 1])
    np.testing.assert_array_equal(SIX.relabelled_key(grids), SIX.relabelled_key(names[grids]))
    assert len(np.unique(SIX.relabelled_key(grids))) == 50


def test_augmented_puzzles_are_puzzles_and_never_held_out():
    # side 4 has 12 grids up to renaming, so shuffled rows and columns would meet the held-out ones often
    learn, held_out = make_puzzles(Box(2, 2), 10, seed=0).split(6)
    rows = np.arange(600) % 6
    puzzles, solutions = Augmenter(learn, held_out).draw(rows, seed=3)
    box = learn.box
    assert box.solved(solutions).all() and ((puzzles == 0) | (puzzles == solutions)).all()
    assert all(count_solutions(box, puzzle) == 1 for puzzle in puzzles[:20])
    assert not np.isin(box.relabelled_key(solutions), held_out.keys).any()
    unguarded = Augmenter(learn).draw(rows, seed=3)[1]
    assert np.isin(box.relabelled_key(unguarded), held_out.keys).any()


def test_violations_count_missing_digits():
    grid = random_grid(SIX, np.random.default_rng(0))
    assert SIX.violations(grid) == 0
    grid[0] = grid[0] % 6 + 1
    assert SIX.violations(grid) == 3 and not SIX.solved(grid)


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda: Box(4, 3), r"^a Sudoku's side rows·columns must be 2…9, got a box of 4 by 3\.$"),
        (lambda: solve(SIX, np.zeros(36, dtype=int)), r"^this puzzle has several solutions; it needs one\.$"),
        (
            lambda: make_puzzles(Box(2, 2), 13, 0),
            r"^only 12 solution grids of side 4 .* were found; 13 were asked for\.$",
        ),
        (lambda: make_puzzles(SIX, 2, 0).split(2), r"^a set of 2 puzzles cannot be split after the first 2\.$"),
    ],
)
def test_bad_input_is_refused(act, sentence):
    with pytest.raises(SpecError, match=sentence):
        act()
