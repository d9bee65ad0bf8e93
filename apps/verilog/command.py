"""``thermofab export``: a compiled program as register writes."""

import json
import re
from pathlib import Path
from typing import Annotated

import typer

from thermofab.apps.console import made, output


def export(
    program: Annotated[Path, typer.Argument(help="A program written by 'thermofab compile'.")],
    out: Annotated[Path, typer.Option(help="File to write.")],
    form: Annotated[str, typer.Option("--format", help="hex, c or json.")] = "hex",
    name: Annotated[str, typer.Option(help="Name of the program, in C of all its parts; the file's if left out.")] = "",
    samples: Annotated[int, typer.Option(help="Samples of the run.", min=1)] = 1000,
    warmup: Annotated[int, typer.Option(help="Sweeps before the first sample.", min=0)] = 100,
    steps: Annotated[int, typer.Option(help="Sweeps between samples.", min=1)] = 1,
    schedule: Annotated[
        Path | None, typer.Option(help="JSON of a whole Schedule, annealing phases included, instead of these three.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the run; the image's if left out.", min=0)] = None,
    replica: Annotated[int, typer.Option(help="Number of the chain.", min=0)] = 0,
    clamp: Annotated[list[str] | None, typer.Option(help="A node and its state, e.g. a=1; may be repeated.")] = None,
    built_in: Annotated[bool, typer.Option("--built-in", help="The fabric has the weights and biases in it.")] = False,
    expect: Annotated[
        str | None, typer.Option(help="Put in the words to expect, as this device draws them, e.g. reference.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Write a program and a schedule as register writes, for hosts that are not written in Python."""
    from thermofab.apps.files import read_program, read_schedule
    from thermofab.apps.verilog.export import clamp_of, export_program
    from thermofab.apps.verilog.formats import written
    from thermofab.hw.spec import Schedule

    compiled = read_program(program)
    asked = Schedule(warmup, samples, steps) if schedule is None else read_schedule(schedule)
    exported = export_program(
        compiled,
        asked,
        clamp=clamp_of(compiled, clamp or []) or None,
        seed=seed,
        replica=replica,
        built_in=built_in,
        expect=expect,
    )
    text = written(exported, form, name or re.sub(r"\W", "_", out.stem))
    made(out.parent)
    out.write_text(text)
    numbers = {
        "file": str(out),
        "writes": sum(len(step.data) for step in exported.steps),
        "runs": len(exported.steps) - 1,
        "samples": asked.n_samples,
        "sample_words": exported.sample_words,
        "words": asked.n_samples * exported.sample_words,
        "seed": exported.seed,
    }
    if as_json:
        output.print_json(json.dumps(numbers))
        return
    output.print(
        f"{out}: {numbers['writes']} writes, {numbers['words']} words of {asked.n_samples} samples to take, "
        f"seed {exported.seed}",
        markup=False,
    )
