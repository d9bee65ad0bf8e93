"""What one end of a line between tiles takes of an ECP5, by Yosys (not placed): LUT4, carries, flip-flops, LUT RAM.

    python benchmarks/tiles/link_area.py

Ends of g4 tiles of 8×8, 16×16 and 32×32 sites: as many states as a tile is wide, half of them of each colour. LUT4 are
places: a carry cell takes two, a LUT RAM of 16 × 4 bits six. Writes docs/results/tiles_link_area.json.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import write_results

from thermofab.hw.boards.part import ECP5_85
from thermofab.hw.boards.synthesis import synthesise
from thermofab.hw.rtl.emit import rtlil_of
from thermofab.hw.rtl.tiles.plan import End, Line
from thermofab.hw.rtl.tiles.top import Endpoint

SIDES, WIDTHS = (8, 16, 32), (1, 4, 16)


def main() -> None:
    rows = []
    for side in SIDES:
        for width in WIDTHS:
            half = side // 2
            by_colour = (tuple(range(half)), tuple(range(half, side)))
            end = End(Line(width), by_colour, by_colour)
            source = rtlil_of(lambda _, end=end: Endpoint(end), "link_end")
            used = synthesise(source, "link_end", ECP5_85).utilisation
            rows.append(
                {
                    "states": side,
                    "width": width,
                    "frame_words": end.longest,
                    "lut4": used.lut4 + 2 * used.carry + 6 * used.lut_ram,
                    "flip_flops": used.flip_flops,
                    "lut_ram": used.lut_ram,
                    "block_ram": used.block_ram,
                }
            )
            print(rows[-1], flush=True)
    print(write_results("tiles_link_area", {"part": ECP5_85.name, "rows": rows}))


if __name__ == "__main__":
    main()
