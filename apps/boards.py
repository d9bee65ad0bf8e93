"""``thermofab build`` and ``thermofab flash``: a fabric onto a board."""

import json
from pathlib import Path
from typing import Annotated

import typer

from thermofab.apps.console import errors, output, steps

BoardName = Annotated[str, typer.Option("--board", help="A board by name: ulx3s-85f, icebreaker or tangnano20k.")]


def build(
    board: BoardName,
    fabric: Annotated[str, typer.Option(help="A fabric by name, or the JSON file of one.")] = "g4-4x4-torus",
    out: Annotated[Path | None, typer.Option(help="Folder for bitstream and reports; default out/BOARD.")] = None,
    mhz: Annotated[float | None, typer.Option(help="Clock of the fabric; the board's default if left out.")] = None,
    baud: Annotated[int, typer.Option(help="Speed of the serial line.", min=1)] = 1_000_000,
    setting: Annotated[
        list[str] | None,
        typer.Option("--set", help="A parameter of the fabric, e.g. table_bits=6; may be repeated."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the placer.", min=0)] = 1,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Build also what cannot fit by the area model.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Build a board's bitstream with the fabric behind its serial line; exit status 1 if it misses its clock."""
    from thermofab.apps.files import read_fabric
    from thermofab.apps.size import check_size
    from thermofab.hw.boards.build import build_board
    from thermofab.hw.boards.registry import find_board
    from thermofab.hw.boards.synthesis import STAGES

    wanted, spec = find_board(board), read_fabric(fabric, setting or [])
    if not unchecked and (doubt := check_size(wanted, spec)):
        errors.print(doubt)
    folder = Path("out") / board if out is None else out
    with steps(len(STAGES), as_json) as step:
        made = build_board(wanted, spec, folder, clock_mhz=mhz, baud=baud, seed=seed, progress=step)
    output.print_json(json.dumps(made.to_json())) if as_json else output.print(str(made), markup=False)
    if not made.report.met:
        if not as_json:
            output.print(
                "the clock is not met: do not rely on this bitstream; ask for a lower --mhz, or try another --seed",
            )
        raise typer.Exit(1)


def flash(
    bitstream: Annotated[Path, typer.Argument(help="A bitstream, or the folder 'thermofab build' wrote.")],
    board: BoardName,
    permanent: Annotated[bool, typer.Option(help="Write the flash that the board starts from.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Load a bitstream onto a board with openFPGALoader."""
    from thermofab.hw.boards.flash import flash as load
    from thermofab.hw.boards.registry import find_board
    from thermofab.hw.boards.toolchain import TOOLCHAINS

    found = find_board(board)
    if bitstream.is_dir():
        bitstream /= TOOLCHAINS[found.part.family].bitstream
    load(found, bitstream, permanent)
    if as_json:
        output.print_json(json.dumps({"bitstream": str(bitstream), "board": board, "permanent": permanent}))
        return
    output.print(f"{bitstream} is on the {board}")
