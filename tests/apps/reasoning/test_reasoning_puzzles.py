"""Sudokus and mazes: read, checked, made; each kind of bad puzzle has its own sentence."""

import numpy as np
import pytest

from thermofab.apps.reasoning import (
    Maze,
    box_of,
    check_maze,
    check_sudoku,
    make_maze,
    read_maze,
    read_sudoku,
    sampled_puzzles,
    solves_maze,
    sudoku_text,
)
from thermofab.hw.spec import SpecError
from thermofab.models.puzzles import count_solutions

GRID = "1234341221434321"


@pytest.mark.parametrize(("side", "count"), [(4, 20), (6, 20), (9, 3)])
def test_sampled_puzzles_have_one_solution_and_are_different(side, count):
    box = box_of(side)
    made = sampled_puzzles(box, count, seed=3)
    assert len({puzzle.tobytes() for puzzle in made.puzzles}) == count
    for puzzle, solution in zip(made.puzzles, made.solutions):
        assert count_solutions(box, puzzle) == 1 and box.solved(solution)
        assert (solution[puzzle > 0] == puzzle[puzzle > 0]).all()
        assert np.array_equal(puzzle > 0, (puzzle > 0)[::-1])  # clues opposite each other
    again = sampled_puzzles(box, count, seed=3)
    assert np.array_equal(made.puzzles, again.puzzles)


def test_printed_grids_are_read_again():
    box = box_of(6)
    puzzle = sampled_puzzles(box, 1, seed=1).puzzles[0]
    read_box, read = read_sudoku(sudoku_text(box, puzzle))
    assert read_box == box and np.array_equal(read, puzzle)
    assert np.array_equal(check_sudoku(box, puzzle.reshape(6, 6)), puzzle)


@pytest.mark.parametrize(
    ("act", "sentence"),
    [
        (lambda: box_of(5), r"^Sudokus here have side 4, 6 or 9, got 5\.$"),
        (lambda: read_sudoku("12x4" * 4), r"^a Sudoku is written in digits, .*; found 'x'\.$"),
        (lambda: read_sudoku("12345"), r"^a Sudoku has 16, 36 or 81 cells, this text has 5\.$"),
        (lambda: check_sudoku(box_of(4), np.zeros(15, int)), r"^a Sudoku of side 4 has shape \[16\] or \[4, 4\]"),
        (lambda: check_sudoku(box_of(4), np.zeros(16)), r"^a Sudoku holds integers, got float64\.$"),
        (
            lambda: check_sudoku(*read_sudoku("5" + GRID[1:])),
            r"^digits must be 0 \(empty\) to 4; row 1, column 1 holds 5\.$",
        ),
        (
            lambda: check_sudoku(*read_sudoku("1" + "0" * 14 + "1"[:0] + "0")),
            r"^this puzzle has several solutions; give clues until one is left\.$",
        ),
        (
            lambda: check_sudoku(*read_sudoku("1001" + "0" * 12)),
            r"^this puzzle has no solution: row 1, column 1 and row 1, column 4 both hold 1\.$",
        ),
        (
            lambda: check_sudoku(*read_sudoku("1230" + "0004" + "0" * 8)),
            r"^this puzzle has no solution: its clues contradict each other\.$",
        ),
        (lambda: sampled_puzzles(box_of(4), 0, 0), r"^asked for 0 puzzles of 6 clues; at least 1, and 1 to 16 cl"),
        (lambda: check_maze(read_maze("S#G")), r"^this maze has no solution: no path leads from S to G\.$"),
        (
            lambda: check_maze(read_maze("S  \n # \n  G")),
            r"^this maze has several solutions: 2 shortest paths of 4 steps\.$",
        ),
        (lambda: read_maze("S G\nG  "), r"^a maze has one G, this one has 2\.$"),
        (lambda: read_maze("S\nG "), r"^a maze is written in lines of equal length\.$"),
        (lambda: read_maze("SxG"), r"^a maze is written with #, blanks, dots, S and G; found 'x'\.$"),
        (lambda: make_maze(1, 5, 0), r"^a maze has at least 2 by 2 rooms and no negative loops, got 1 by 5 and 4\.$"),
        (lambda: Maze(np.ones((2, 2), bool), (0, 0), (0, 0)), r"^start and goal of a maze are different squares\.$"),
        (lambda: Maze(np.zeros((2, 2), bool), (0, 0), (0, 1)), r"^the start of a maze is a floor square, and row 0, "),
    ],
)  # fmt: skip
def test_bad_puzzles_are_refused(act, sentence):
    with pytest.raises(SpecError, match=sentence):
        act()


@pytest.mark.parametrize("seed", range(8))
def test_mazes_have_one_shortest_path_and_loops(seed):
    import networkx as nx

    maze = make_maze(6, 9, seed, loops=5)
    path = check_maze(maze)
    graph = nx.Graph([(a, b) for a in ((x, y) for x, y in np.argwhere(maze.floor).tolist()) for b in maze.around(a)])
    assert list(nx.all_shortest_paths(graph, maze.start, maze.goal)) == [path]  # an independent count
    assert graph.number_of_edges() - graph.number_of_nodes() + 1 > 0  # loops beyond the tree
    assert solves_maze(maze, path) and not solves_maze(maze, path[:-1]) and not solves_maze(maze, path[::2])
    assert np.array_equal(read_maze(maze.text(path)).floor, maze.floor)
