"""What parts of a systolic fabric cost in LUTs and block RAMs of an ECP5, by Yosys alone, nothing placed.

    python benchmarks/systolic_costs.py fabric LABEL   # the g12-16x16-torus as the code has it now, kept under LABEL
    python benchmarks/systolic_costs.py taps           # a ring whose view chooses from 64 to 1024 taps
    python benchmarks/systolic_costs.py factors        # one element with factors, beside one without them
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
from thermofab.hw.host.systolic.layout import Input, View
from thermofab.hw.host.systolic.program import Select
from thermofab.hw.host.systolic.timing import Timing, adder_levels, factor_block_rams
from thermofab.hw.rtl.architectures import fabric_top
from thermofab.hw.rtl.emit import rtlil_of
from thermofab.hw.rtl.systolic.element import Element
from thermofab.hw.rtl.systolic.ring import Ring
from thermofab.hw.spec import FabricSpec, Image, fabric
from thermofab.sim.conformance import random_image

FABRIC = "g12-16x16-torus"
FACTORS = ((0, 0), (1, 2), (2, 2), (4, 3), (4, 5))  # factors of a site, and other sites of each
TAPS = (64, 128, 256, 512, 1024)


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


def measure_taps() -> None:
    """docs/results/systolic_taps.json: what a view takes beside its ring, which has twice as many places as taps."""
    rows = []
    for taps in TAPS:
        made = [row_of(cells_of(lambda _, taps=taps, k=k: _ring(taps, k), fabric(FABRIC))) for k in (0, 1)]
        rows.append({"taps": taps, **{part: made[1][part] - made[0][part] for part in made[0]}})
    write_results("systolic_taps", {"rows": rows})


def measure_factors() -> None:
    """docs/results/systolic_factors.json: an element of 256 sites and 8 neighbours, with factors added."""
    rows = []
    spec = fabric("g8-16x16-torus", architecture="systolic")
    for factors, others in FACTORS:
        cells = row_of(cells_of(lambda hierarchy, f=factors, k=others: _element(spec, f, k, hierarchy), spec))
        memories = factor_block_rams(256, (others,) * factors, spec.weight_bits)
        rows.append({"factors": factors, "sites": others + 1, "memories": memories, **cells})
    write_results("systolic_factors", {"slots": 256, "rows": rows})


def _element(spec: FabricSpec, factors: int, others: int, hierarchy: Any) -> Element:
    """An element whose every input takes one of two views."""
    weights = 8
    places = tuple(tuple(range(weights + others * f, weights + others * (f + 1))) for f in range(factors))
    count = weights + others * factors
    wire = Input(0, (0, 1), np.zeros(256, dtype=np.int64))
    inputs = tuple((wire, Select((b % 8,))) for b in range(count))
    return Element(spec, 256, Timing(adder_levels(weights, factors)), inputs, 8, 5, hierarchy, None, places)


def factors_table() -> str:
    made = results("systolic_factors")
    heads = ("factors a site", "sites of each", "block RAM", "of factors", "LUT4", "carry cells", "flip-flops")
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    lines += [
        f"| {row['factors']} | {row['sites'] if row['factors'] else ''} | {row['block_ram']} | {row['memories']} | "
        f"{row['lut4']} | {row['carry']} | {row['flip_flops']} |"
        for row in made["rows"]
    ]
    return "\n".join(lines)


def _ring(taps: int, view: int) -> Ring:
    """A ring with one view of so many taps, every other place, each chosen by a bit of the program."""
    bits = (taps - 1).bit_length()
    views = ((View(tuple(range(1, 2 * taps, 2)), np.arange(2 * taps) % taps), Select(tuple(range(bits)))),)
    return Ring(2 * taps, views[:view], Timing(3), bits)


def taps_table() -> str:
    rows = results("systolic_taps")["rows"]
    lines = ["| taps | LUT4 | a tap | flip-flops | `PFUMX`, `L6MUX21` |", "|---|---|---|---|---|"]
    lines += [
        f"| {row['taps']} | {row['lut4']} | {row['lut4'] / row['taps']:.2f} | {row['flip_flops']} | {row['wide_mux']} |"
        for row in rows
    ]
    return "\n".join(lines)


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


TABLES = {"fabric": fabric_table, "taps": taps_table, "factors": factors_table}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("fabric")
    one.add_argument("label")
    one.add_argument("--built-in", action="store_true", help="coefficients of a random image as read-only memory")
    commands.add_parser("taps")
    commands.add_parser("factors")
    commands.add_parser("tables")
    asked = parser.parse_args()
    if asked.command == "fabric":
        measure_fabric(asked.label, asked.built_in)
    elif asked.command == "taps":
        measure_taps()
    elif asked.command == "factors":
        measure_factors()
    else:
        fill(["systolic.md"], TABLES)


if __name__ == "__main__":
    main()
