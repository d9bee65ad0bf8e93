"""A fabric on a board: from a spec to a bitstream, with what it takes and how fast it runs."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from thermofab.hw.boards.board import Board, constraints
from thermofab.hw.boards.pll import Pll, find_pll
from thermofab.hw.boards.recipe import recipe_of
from thermofab.hw.boards.report import BuildReport
from thermofab.hw.boards.synthesis import Progress, SynthesisOptions, place_and_route, silent
from thermofab.hw.boards.toolchain import TOOLCHAINS
from thermofab.hw.boards.tools import find_tool
from thermofab.hw.spec import FabricSpec, SpecError

DEFAULT_BAUD = 1_000_000
# Both sides of a serial line may be off by this much in all; a receiver samples the tenth bit within half a bit.
BAUD_TOLERANCE = 0.02
SMALLEST_DIVISOR = 4
NAME = "thermofab_board"


@dataclass(frozen=True)
class BoardBuild:
    """A finished bitstream.

    Attributes:
        board: the board.
        spec: the fabric.
        clock_mhz: the fabric's clock.
        baud: the serial line's speed as built.
        pll: the settings behind that clock; None where it is the oscillator.
        report: cells, places, timing.
        bitstream: the file to load.
    """

    board: Board
    spec: FabricSpec
    clock_mhz: float
    baud: float
    pll: Pll | None
    report: BuildReport
    bitstream: Path

    def to_json(self) -> dict[str, Any]:
        return {
            "board": self.board.name,
            "fabric": self.spec.topology.name,
            "fabric_digest": self.spec.digest,
            "clock_mhz": self.clock_mhz,
            "baud": self.baud,
            "bitstream": str(self.bitstream),
            "report": self.report.to_json(),
        }

    def __str__(self) -> str:
        return (
            f"{self.spec!r} on {self.board.title}, clock {self.clock_mhz:g} MHz, {self.baud:.0f} baud\n"
            f"{self.report}\nbitstream {self.bitstream}"
        )


def find_divisor(clock_mhz: float, baud: int) -> int:
    """Clocks a bit of the serial line.

    Raises:
        SpecError: no whole number of clocks comes near enough to that speed.
    """
    if baud < 1:
        raise SpecError(f"baud is a positive number of bits per second, got {baud}.")
    divisor = round(1e6 * clock_mhz / baud)
    if divisor < SMALLEST_DIVISOR or abs(1e6 * clock_mhz / divisor / baud - 1) > BAUD_TOLERANCE:
        fastest = 1e6 * clock_mhz / max(SMALLEST_DIVISOR, divisor)
        raise SpecError(
            f"a clock of {clock_mhz:g} MHz makes no {baud} baud: a bit takes a whole number of clocks, at least "
            f"{SMALLEST_DIVISOR}; {fastest:.0f} baud would do."
        )
    return divisor


def board_rtlil(board: Board, spec: FabricSpec, pll: Pll | None, divisor: int) -> str:
    """The board's top module and all below it, in RTLIL."""
    from thermofab.hw.boards.top import BoardTop
    from thermofab.hw.rtl.emit import rtlil_of

    return rtlil_of(lambda hierarchy: BoardTop(board, spec, pll, divisor, hierarchy), NAME)


def build_board(
    board: Board,
    spec: FabricSpec,
    folder: Path,
    *,
    clock_mhz: float | None = None,
    baud: int = DEFAULT_BAUD,
    seed: int = 1,
    options: SynthesisOptions | None = None,
    progress: Progress = silent,
) -> BoardBuild:
    """Make a bitstream of ``spec`` for ``board`` in ``folder``.

    The folder also gets ``fabric.json`` (the spec, to open the board with), the pins, the tools' logs and the report.
    A build that misses its clock is a result: look at ``report.met``.

    Args:
        board, spec, folder: what, of what, where.
        clock_mhz: of the fabric; the board's default otherwise.
        baud: of the serial line.
        seed: of the placer.
        options: of synthesis; by default those that suit the fabric (:func:`recipe_of`).
        progress: called with each stage's name when it begins.

    Raises:
        SpecError: the clock or the serial speed cannot be made.
        ToolMissingError: a tool is missing; the message says how to get it.
        DeviceError: the fabric does not fit, or a tool failed.
    """
    for tool in ("yosys", TOOLCHAINS[board.part.family].nextpnr):
        find_tool(tool)
    asked = board.default_mhz if clock_mhz is None else clock_mhz
    pll = find_pll(board.part.family, board.oscillator_mhz, asked)
    made_mhz = pll.output_mhz if pll else board.oscillator_mhz
    divisor = find_divisor(made_mhz, baud)
    recipe = recipe_of(spec, board.part)
    report = place_and_route(
        board_rtlil(board, spec, pll, divisor), NAME, board.part, made_mhz, seed=seed, constraints=constraints(board),
        bitstream=True, options=options or recipe.options, place_options=recipe.place_options,
        floorplan=recipe.floorplan, folder=folder, progress=progress,
    )  # fmt: skip
    (folder / "fabric.json").write_text(json.dumps(spec.to_json()))
    build = BoardBuild(board, spec, made_mhz, 1e6 * made_mhz / divisor, pll, report, folder / report.bitstream)
    (folder / "build.json").write_text(json.dumps(build.to_json(), indent=1) + "\n")
    return build
