"""Clocks of a sweep of 2×2 tiles in gateware over clean lines, beside the contract's formula.

    python benchmarks/tiles/link_clocks.py

The tiles and lines are those of thermofab.sim.cosim.tiles, compiled by Verilator, all bits compared. The formula
is ``Wire.exact_clocks`` with λ = 0: the frame's header and check, and the way through the ends, are not in it. Writes
docs/results/tiles_link_clocks.json.
"""

import sys
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import write_results

from thermofab.hw.host.spatial.plan import plan_lanes
from thermofab.hw.rtl.tiles.plan import CHECK_BITS, HEADER_BITS, Line
from thermofab.hw.spec import Tiling, Wire, fabric, part_of
from thermofab.sim.cosim.tiles.run import tiles_lockstep

WIDTHS = (1, 4, 16)


def main() -> None:
    spec = fabric("g4-4x4-torus", levels=2, table_bits=5)
    tiling = Tiling.blocks(spec.topology, (2, 2))
    colours = spec.topology.n_colours
    clocks = plan_lanes(part_of(spec, tiling, 0).fabric).colour_clocks
    rows = []
    for width in WIDTHS:
        found = tiles_lockstep(spec, tiling, Line(width), scenarios=["clean"], seed=18)
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
