"""Sudokus of any box shape: grids, a solution counter, minimal puzzles, disjoint sets of them, augmentation."""

from thermofab.models.puzzles.augmentation import Augmenter
from thermofab.models.puzzles.generation import PuzzleSet, make_puzzles
from thermofab.models.puzzles.grid import Box
from thermofab.models.puzzles.solver import count_solutions, random_grid, solve

__all__ = ["Augmenter", "Box", "PuzzleSet", "count_solutions", "make_puzzles", "random_grid", "solve"]
