"""Puzzles read, made, checked and solved: by a recursive net, by their rules on a fabric, and by both."""

from thermofab.apps.reasoning.constraints import Annealing, Answers, ConstraintProgram, rules_broken
from thermofab.apps.reasoning.generation import sampled_puzzles
from thermofab.apps.reasoning.nets import load_net, read_puzzles, trainer_of
from thermofab.apps.reasoning.puzzle import box_of, check_sudoku, read_sudoku, sudoku_text
from thermofab.apps.reasoning.solvers import (
    Attempt,
    Chooser,
    HybridSettings,
    Solution,
    solve_by_both,
    solve_by_constraints,
    solve_by_net,
)

__all__ = [
    "Annealing",
    "Answers",
    "Attempt",
    "Chooser",
    "ConstraintProgram",
    "HybridSettings",
    "Solution",
    "box_of",
    "check_sudoku",
    "load_net",
    "read_puzzles",
    "read_sudoku",
    "rules_broken",
    "sampled_puzzles",
    "solve_by_both",
    "solve_by_constraints",
    "solve_by_net",
    "sudoku_text",
    "trainer_of",
]
