"""A rack of small boards, on paper: what links it needs, from figures measured elsewhere in this repository.

    python benchmarks/tiles/rack.py

A tile is a systolic fabric of 4,900 p-bits, g12-70x70, placed and routed for an ECP5-85F (docs/evidence.md, Area):
114.4 MHz, 35.0 updates a clock. Nothing here ran on a board. Writes docs/results/tiles_rack.json.
"""

import sys
from fractions import Fraction
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import write_results

from thermofab.hw.spec import Tiling, Wire, topology

SIDE, MEGAHERTZ, PER_CLOCK, LATENCY, BOARDS = 70, 114.4, 35.0, 20, 64


def main() -> None:
    tiling = Tiling.blocks(topology(f"g12-{3 * SIDE}x{3 * SIDE}-torus"), (3, 3))
    leaving = [boundary for boundary in tiling.boundaries if boundary.source == 4]
    colour_clocks = round(SIDE * SIDE / PER_CLOCK / 2)
    rows = []
    for rate in (Fraction(1, 8), Fraction(1, 2), Fraction(1), Fraction(4), Fraction(16)):
        wire = Wire(LATENCY, rate, colour_clocks)
        exact, link = wire.exact_clocks(tiling), wire.link(tiling)
        free = 2 * colour_clocks
        eta = min(link.eta(boundary) for boundary in tiling.boundaries)
        # A held exchange, of one colour, is under way while tiles sweep on.
        widest = max(boundary.size for boundary in tiling.boundaries)
        period = 1 + -(-wire.transfer(-(-widest // 2)) // free)
        rows.append(
            {
                "bits_per_clock": float(rate),
                "megabits_per_second": float(rate) * MEGAHERTZ,
                "exact_clocks": exact,
                "exact_updates_per_ns": BOARDS * SIDE * SIDE * MEGAHERTZ / exact / 1000,
                "free_updates_per_ns": BOARDS * SIDE * SIDE * MEGAHERTZ / free / 1000,
                "free_eta": float(eta),
                "free_latency_steps": link.latency,
                "held_period": period,
                "held_eta": 1 / (2 * period),
            }
        )
        print(rows[-1])
    about = {
        "boards": BOARDS,
        "p_bits": BOARDS * SIDE * SIDE,
        "neighbours": len(leaving),
        "bits_per_neighbour": sorted({boundary.size for boundary in leaving}),
        "bits_per_sweep": sum(boundary.size for boundary in leaving),
        "boundary_share": float(tiling.on_boundary.mean()),
        "sweep_clocks": 2 * colour_clocks,
        "latency_clocks": LATENCY,
        "megahertz": MEGAHERTZ,
    }
    print(about)
    print(write_results("tiles_rack", {**about, "rows": rows}))


if __name__ == "__main__":
    main()
