"""Puzzles read, made, checked and solved: by a recursive net, by their rules on a fabric, and by both."""

from typing import TYPE_CHECKING

from thermofab.apps.lazy import exports

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

__getattr__ = exports(
    __name__,
    {
        **dict.fromkeys(("ArcTask", "arc_task"), ".arc"),
        **dict.fromkeys(("EventLog", "Monitored", "Resilient"), ".blueprints"),
        **dict.fromkeys(("Annealing", "Answers", "ConstraintProgram", "rules_broken"), ".constraints"),
        **dict.fromkeys(("sampled_puzzles",), ".generation"),
        **dict.fromkeys(("Maze", "check_maze", "make_maze", "read_maze", "solves_maze"), ".maze"),
        **dict.fromkeys(("load_net", "read_puzzles", "trainer_of"), ".nets"),
        **dict.fromkeys(("trace_html",), ".page"),
        **dict.fromkeys(("trace_png",), ".picture"),
        **dict.fromkeys(("box_of", "check_sudoku", "read_sudoku", "sudoku_text"), ".puzzle"),
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
            ".solvers",
        ),
        **dict.fromkeys(
            ("TraceGraph", "TraceNode", "graph_of_dag", "graph_of_readings", "graph_of_solution"), ".trace"
        ),
    },
)
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
