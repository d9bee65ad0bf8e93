"""Clocks of a sweep of 2×2 tiles in gateware over clean lines, beside the contract's formula.

    python benchmarks/tiles/link_clocks.py

The tiles and lines are those of the tests' bench (tests/tiles), compiled by Verilator, all bits compared. The formula
is ``Wire.exact_clocks`` with λ = 0: the frame's header and check, and the way through the ends, are not in it. Writes
docs/results/tiles_link_clocks.json.
"""

import sys
import tempfile
from fractions import Fraction
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "tiles"))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests" / "rtl"))

from results import write_results
from tiles_runner import build, simulate

from thermofab.hw.host.spatial.plan import plan_lanes
from thermofab.hw.rtl.tiles.plan import CHECK_BITS, HEADER_BITS, Line
from thermofab.hw.spec import Tiling, Wire, fabric, part_of

WIDTHS = (1, 4, 16)


def main() -> None:
    spec = fabric("g4-4x4-torus", levels=2, table_bits=5)
    tiling = Tiling.blocks(spec.topology, (2, 2))
    colours = spec.topology.n_colours
    clocks = plan_lanes(part_of(spec, tiling, 0).fabric).colour_clocks
    rows = []
    for width in WIDTHS:
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            runner = build(spec, tiling, Line(width), Path(folder), patch)
            found = simulate(runner, Path(folder), patch, ["clean"], 18)
        formula = Wire(0, Fraction(width), clocks).exact_clocks(tiling)
        overhead = (HEADER_BITS + CHECK_BITS) // width
        rows.append(
            {
                "fabric": spec.topology.name,
                "width": width,
                "alone": colours * clocks,
                "formula": formula,
                "measured": found["sweep_clocks"],
                "overhead_words": overhead,
                "beyond": (found["sweep_clocks"] - formula) / colours - overhead,
                "compared": found["clean"],
            }
        )
        print(rows[-1], flush=True)
    print(write_results("tiles_link_clocks", {"rows": rows}))


if __name__ == "__main__":
    main()
