"""What parts of a systolic fabric cost in LUTs and block RAMs of an ECP5, by Yosys alone, nothing placed.

    python benchmarks/systolic_costs.py fabric LABEL   # the g12-16x16-torus as the code has it now, kept under LABEL
    python benchmarks/systolic_costs.py tables         # the tables of docs/systolic.md

``fabric`` keeps the rows of other labels, with the commit each was measured at. It takes a minute or two.
"""

import argparse
from typing import Any

import numpy as np
from page_tables import fill, results
from results import commit, write_results

from thermofab.hw.boards.out_of_context import WATCHED_ONLY, Wrapper
from thermofab.hw.boards.part import ECP5_85
from thermofab.hw.boards.recipe import recipe_of
from thermofab.hw.boards.report import Utilisation
from thermofab.hw.boards.synthesis import synthesise
from thermofab.hw.rtl.architectures import fabric_top
from thermofab.hw.rtl.emit import rtlil_of
from thermofab.hw.spec import FabricSpec, Image, fabric
from thermofab.sim.conformance import random_image

FABRIC = "g12-16x16-torus"


def cells_of(build: Any, spec: FabricSpec) -> Utilisation:
    """Cells of a component, in the wrapper that keeps its ports, less what the wrapper takes."""
    wrappers: list[Wrapper] = []

    def wrapped(hierarchy: Any) -> Wrapper:
        wrappers.append(Wrapper(lambda inner: build(inner), hierarchy, WATCHED_ONLY))
        return wrappers[0]

    source = rtlil_of(wrapped, "measured")
    mapped = synthesise(source, "measured", ECP5_85, recipe_of(spec, ECP5_85).options).utilisation
    over = wrappers[0].overhead
    return Utilisation(
        mapped.lut4 - over.lut4, mapped.carry, mapped.flip_flops - over.flip_flops, mapped.lut_ram, mapped.block_ram,
        mapped.dsp, mapped.wide_mux,
    )  # fmt: skip


def row_of(cells: Utilisation) -> dict[str, int]:
    return {"lut4": cells.lut4, "carry": cells.carry, "flip_flops": cells.flip_flops, "lut_ram": cells.lut_ram,
            "block_ram": cells.block_ram, "wide_mux": cells.wide_mux}  # fmt: skip


def measure_fabric(label: str, built_in: bool) -> None:
    """One row more of docs/results/systolic_fabric.json."""
    spec = fabric(FABRIC, architecture="systolic")
    image: Image | None = random_image(np.random.default_rng(1), spec) if built_in else None
    cells = row_of(cells_of(lambda hierarchy: fabric_top(spec, hierarchy, image), spec))
    rows = [row for row in _kept("systolic_fabric") if row["label"] != label]
    rows.append({"label": label, "commit": commit(), **cells})
    write_results("systolic_fabric", {"fabric": FABRIC, "rows": rows})


def _kept(name: str) -> list[dict[str, Any]]:
    try:
        return results(name)["rows"]
    except FileNotFoundError:
        return []


def fabric_table() -> str:
    made = results("systolic_fabric")
    lines = [
        f"| `{made['fabric']}` | LUT4 | carry cells | flip-flops | LUT RAM | block RAM |",
        "|---|---|---|---|---|---|",
    ]
    parts = ("lut4", "carry", "flip_flops", "lut_ram", "block_ram")
    lines += [f"| {row['label']} | " + " | ".join(f"{row[part]:,}" for part in parts) + " |" for row in made["rows"]]
    return "\n".join(lines)


TABLES = {"fabric": fabric_table}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("fabric")
    one.add_argument("label")
    one.add_argument("--built-in", action="store_true", help="coefficients of a random image as read-only memory")
    commands.add_parser("tables")
    asked = parser.parse_args()
    if asked.command == "fabric":
        measure_fabric(asked.label, asked.built_in)
    else:
        fill(["systolic.md"], TABLES)


if __name__ == "__main__":
    main()
