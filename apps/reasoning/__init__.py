"""Puzzles read, made, checked and solved: by a recursive net, by their rules on a fabric, and by both."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from thermofab.apps.reasoning.arc import ArcTask, arc_task
    from thermofab.apps.reasoning.blueprints import EventLog, Monitored, Resilient
    from thermofab.apps.reasoning.constraints import Annealing, Answers, ConstraintProgram, rules_broken
    from thermofab.apps.reasoning.generation import sampled_puzzles
    from thermofab.apps.reasoning.maze import Maze, check_maze, make_maze, read_maze, solves_maze
    from thermofab.apps.reasoning.nets import load_net, read_puzzles, trainer_of
    from thermofab.apps.reasoning.page import trace_html
    from thermofab.apps.reasoning.picture import trace_png
    from thermofab.apps.reasoning.puzzle import box_of, check_sudoku, read_sudoku, sudoku_text
    from thermofab.apps.reasoning.solvers import (
        Attempt,
        Chooser,
        HybridSettings,
        Solution,
        device_choice,
        solve_by_both,
        solve_by_constraints,
        solve_by_net,
    )
    from thermofab.apps.reasoning.trace import TraceGraph, TraceNode, graph_of_dag, graph_of_readings, graph_of_solution

_HERE = "thermofab.apps.reasoning."
_HOME = {
    **dict.fromkeys(("ArcTask", "arc_task"), _HERE + "arc"),
    **dict.fromkeys(("EventLog", "Monitored", "Resilient"), _HERE + "blueprints"),
    **dict.fromkeys(("Annealing", "Answers", "ConstraintProgram", "rules_broken"), _HERE + "constraints"),
    **dict.fromkeys(("sampled_puzzles",), _HERE + "generation"),
    **dict.fromkeys(("Maze", "check_maze", "make_maze", "read_maze", "solves_maze"), _HERE + "maze"),
    **dict.fromkeys(("load_net", "read_puzzles", "trainer_of"), _HERE + "nets"),
    **dict.fromkeys(("trace_html",), _HERE + "page"),
    **dict.fromkeys(("trace_png",), _HERE + "picture"),
    **dict.fromkeys(("box_of", "check_sudoku", "read_sudoku", "sudoku_text"), _HERE + "puzzle"),
    **dict.fromkeys(
        (
            "Attempt",
            "Chooser",
            "HybridSettings",
            "Solution",
            "device_choice",
            "solve_by_both",
            "solve_by_constraints",
            "solve_by_net",
        ),
        _HERE + "solvers",
    ),
    **dict.fromkeys(
        ("TraceGraph", "TraceNode", "graph_of_dag", "graph_of_readings", "graph_of_solution"), _HERE + "trace"
    ),
}
__all__ = [
    "Annealing",
    "Answers",
    "ArcTask",
    "Attempt",
    "Chooser",
    "ConstraintProgram",
    "EventLog",
    "HybridSettings",
    "Maze",
    "Monitored",
    "Resilient",
    "Solution",
    "TraceGraph",
    "TraceNode",
    "arc_task",
    "box_of",
    "check_maze",
    "check_sudoku",
    "device_choice",
    "graph_of_dag",
    "graph_of_readings",
    "graph_of_solution",
    "load_net",
    "make_maze",
    "read_maze",
    "read_puzzles",
    "read_sudoku",
    "rules_broken",
    "sampled_puzzles",
    "solve_by_both",
    "solve_by_constraints",
    "solve_by_net",
    "solves_maze",
    "sudoku_text",
    "trace_html",
    "trace_png",
    "trainer_of",
]


def __getattr__(name: str) -> Any:
    """Names load when first used: the command line needs no torch to say what it can do."""
    if name not in _HOME:
        raise AttributeError(f"module 'thermofab.apps.reasoning' has no attribute '{name}'")
    value = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value
