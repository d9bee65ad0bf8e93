"""The tables of docs/area.md, from docs/results/{area,boards,asic}.json.

python benchmarks/area_page.py
"""

from typing import Any

from page_tables import fill, results


def table(head: list[str], rows: list[list[Any]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def fpga() -> str:
    rows = []
    for row in results("area")["rows"]:
        family, name = row["configuration"].split(" ", 1)
        if "refused" in row:
            rows.append(
                [family, f"`{name}`", row["sites"], refusal(row["refused"]), *[""] * 7, f"`{row['commit'][:7]}`"]
            )
            continue
        per_ns = row["updates_per_clock"] * row["megahertz"] / 1e3
        rows.append([
            family, f"`{name}`", row["sites"], f"{row['lut4']:,}", f"{row['lut4'] / row['sites']:.1f}",
            f"{row['flip_flops']:,}", row["block_ram"], row["megahertz"], f"{row['updates_per_clock']:.1f}",
            f"{per_ns:.2f}", f"{1e3 * per_ns / row['lut4']:.3f}", f"`{row['commit'][:7]}`",
        ])  # fmt: skip
    head = ["part", "configuration", "p-bits", "LUT4", "per p-bit", "flip-flops", "block RAM", "MHz",
            "updates per clock", "per ns", "per ns and kLUT", "measured at"]  # fmt: skip
    return table(head, rows)


def refusal(said: str) -> str:
    """A tool's refusal, short."""
    return said.split(": ", 1)[-1].split(";")[0]


def boards() -> str:
    rows = [
        [
            f"`{row['board']}`", f"`{row['fabric']}`" + (f", `{row['settings']}`" if row["settings"] else ""),
            row["sites"], f"{row['lut4']:,}", f"{row['flip_flops']:,}", row["block_ram"],
            f"{row['asked_mhz']:g}", f"{row['achieved_mhz']:g}" + ("" if row["met"] else ", **not met**"),
        ]
        for row in results("boards")["rows"]
    ]  # fmt: skip
    head = ["board", "fabric", "p-bits", "LUT4", "flip-flops", "block RAM", "clock asked, MHz", "achieved"]
    return table(head, rows)


def asic() -> str:
    rows = []
    for row in results("asic")["rows"]:
        behind = row["memory_bits"]
        rows.append([
            row["library"], f"`{row['configuration']}`", row["sites"], f"{row['cells']:,}", f"{row['flip_flops']:,}",
            f"{row['behind_gates']:,}" if row["library"] == "sky130" else "",
            f"{row['area_um2'] / 1e6:.3f}", f"{row['area_per_site_um2']:,.0f}",
            f"{behind / 1024:.1f}" if behind else "",
            row.get("path_ns", ""), row.get("megahertz", ""),
        ])  # fmt: skip
    head = ["library", "configuration", "p-bits", "cells", "flip-flops", "of these behind gates", "area, mm²",
            "µm² per p-bit", "kbit of memory beside it", "slowest path, ns", "MHz"]  # fmt: skip
    return table(head, rows)


if __name__ == "__main__":
    fill(["area.md"], {"fpga": fpga, "boards": boards, "asic": asic})
