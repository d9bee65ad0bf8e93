"""Bitstreams of boards: fabrics behind their serial line, placed and routed at a PLL's clock.

    python benchmarks/boards.py                 # all
    python benchmarks/boards.py tangnano20k     # those whose line has all these words; the other rows are kept

Clocks asked for are ones the board's PLL makes, near the fastest that place and route reached before. Writes
docs/results/boards.json, a row per build with the commit it was measured at.
"""

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from results import commit, keep_row

from thermofab.hw.boards.build import build_board
from thermofab.hw.boards.registry import find_board
from thermofab.hw.boards.toolchain import TOOLCHAINS
from thermofab.hw.spec import FabricSpec, fabric

SMALL = {"table_bits": 6, "levels": 1, "rng": "lfsr32", "min_shift": 4}


@dataclass(frozen=True)
class Build:
    """A fabric on a board at a clock."""

    board: str
    spec: FabricSpec
    megahertz: float
    baud: int = 1_000_000
    said: str = ""

    @property
    def line(self) -> str:
        words = [self.board, self.spec.architecture, self.spec.topology.name, self.said]
        return " ".join(filter(None, words))


BUILDS = (
    Build("ulx3s-85f", fabric("g4-4x4-torus"), 75.0),
    Build("ulx3s-85f", fabric("g4-8x8-torus"), 70.0),
    Build("ulx3s-85f", fabric("g12-16x16-torus", architecture="systolic"), 87.5),
    Build("ulx3s-85f", fabric("g12-70x70-torus", architecture="systolic"), 87.5),
    Build("icebreaker", fabric("complete-4", **SMALL), 18.0, said=" ".join(f"{k}={v}" for k, v in SMALL.items())),
    Build("tangnano20k", fabric("g4-4x4-torus"), 81.0, 1_012_500),
    Build("tangnano20k", fabric("g12-16x16-torus", architecture="systolic"), 81.0, 1_012_500),
)


def measured(build: Build) -> dict[str, Any]:
    """The row of a build."""
    board = find_board(build.board)
    with tempfile.TemporaryDirectory() as folder:
        made = build_board(board, build.spec, Path(folder), clock_mhz=build.megahertz, baud=build.baud)
    report = made.report
    places = {place.kind: place.used for place in report.utilisation.places}
    tools = TOOLCHAINS[board.part.family]
    return {
        "build": build.line,
        "board": board.name,
        "fabric": f"{build.spec.architecture} {build.spec.topology.name}",
        "settings": build.said,
        "sites": build.spec.n_sites,
        "lut4": places[tools.logic],
        "flip_flops": report.utilisation.flip_flops,
        "block_ram": places.get(tools.block_ram, 0),
        "asked_mhz": round(made.clock_mhz, 2),
        "achieved_mhz": round(min(clock.achieved_mhz for clock in report.clocks), 1),
        "met": report.met,
        "seconds": round(report.wall_seconds),
        "tools": list(report.tools),
        "commit": commit(),
    }


def main() -> None:
    for build in BUILDS:
        if all(word in build.line.split() for word in sys.argv[1:]):
            row = measured(build)
            print(row, flush=True)
            keep(row)


def keep(row: dict[str, Any]) -> None:
    keep_row("boards", row, ("build",), [(build.line,) for build in BUILDS])


if __name__ == "__main__":
    main()
