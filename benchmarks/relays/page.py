"""The tables of docs/relays.md, from docs/results/relays_*.json.

python benchmarks/relays/page.py

Everything between ``<!-- table: name -->`` and ``<!-- end -->`` is replaced.
"""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from relays.programs import CASES

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "relays.md"
ORDER = ("spatial", "systolic", "relay", "dense")
WAYS = ("embedded", "own graph", "relays", "dense")


def results(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "docs" / "results" / f"{name}.json").read_text())


def table(head: list[str], rows: list[list[Any]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 99.5 else f"{value:.3g}"


def by_program(mixing: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Rows by program and way."""
    found: dict[str, dict[str, Any]] = {}
    for row in mixing["rows"]:
        found.setdefault(row["program"], {})[row["way"]] = row
    return {case.name: found[case.name] for case in CASES if case.name in found}


@dataclass(frozen=True)
class Chip:
    """What a program occupies, the clock it reaches there, and the clocks of a sweep."""

    lut4: float
    megahertz: float
    clocks: float

    def rate(self, per_sweep: float) -> float:
        """Effective samples per second and thousand LUT4, given those per sweep."""
        return per_sweep * self.megahertz * 1e6 / self.clocks / (self.lut4 / 1000)


class Areas:
    """Chips for programs, from the fabrics that were placed and routed."""

    def __init__(self, area: dict[str, Any]) -> None:
        self._rows = [row for row in area["rows"] if "lut4" in row]

    def chip(self, architecture: str, row: dict[str, Any]) -> Chip:
        """By the site where there are cells or elements, by interpolation in N where there is one datapath."""
        known = [r for r in self._rows if r["architecture"] == architecture and "tile=1" not in r["line"]]
        if architecture == "dense":
            known.sort(key=lambda r: r["sites"])
            place, sizes = np.log(max(row["spins"], known[0]["sites"])), np.log([r["sites"] for r in known])
            lut4 = np.exp(np.interp(place, sizes, np.log([r["lut4"] for r in known])))
            return Chip(float(lut4), float(np.interp(place, sizes, [r["megahertz"] for r in known])), row["clocks"])
        wanted = 8 if row["degree"] <= 8 else 12
        cell = min((r for r in known if r["degree"] == wanted), key=lambda r: r["sites"])
        clocks = cell["sweep_clocks"] if architecture == "systolic" else row["clocks"]
        return Chip(cell["lut4"] / cell["sites"] * row["sites"], cell["megahertz"], clocks)


def geometric_mean(values: list[float]) -> float:
    return float(np.exp(np.mean(np.log(values))))


def gain(programs: dict[str, dict[str, Any]], areas: Areas) -> str:
    """Effective samples per second and kLUT, and how many times those of the embedding on a spatial fabric."""
    columns = (("embedded", "spatial"), ("embedded", "systolic"), ("relays", "relay"), ("dense", "dense"))
    rows: list[list[str]] = []
    gains: dict[str, list[float]] = {architecture: [] for _, architecture in columns[1:]}
    for name, ways in programs.items():
        line, base = [name], 0.0
        for way, architecture in columns:
            row = ways.get(way, {})
            if "kl" not in row:
                line.append("–")
                continue
            chip = areas.chip(architecture, row)
            rate = chip.rate(row["effective_per_sweep"])
            base = rate if architecture == "spatial" else base
            times = f" (×{figure(rate / base)})" if base and architecture != "spatial" else ""
            line.append(f"{figure(rate)}{times}: {row['sites']} sites, {chip.clocks} clocks")
            if base and architecture != "spatial" and row["five"]:
                gains[architecture].append(rate / base)
        rows.append(line)
    means = ", ".join(f"{architecture} ×{geometric_mean(values):.3g}" for architecture, values in gains.items())
    return (
        "Effective samples per second and thousand LUT4 of an ECP5-85F, host and read-out included, and how many\n"
        "times those of the embedding on a spatial fabric:\n\n"
        + table(["program", "embedded, spatial", "embedded, systolic", "relays, same lattice", "dense"], rows)
        + f"\n\nGeometric means over the first five: {means}."
    )


def simulators(programs: dict[str, dict[str, Any]]) -> str:
    """Effective samples per sweep and per processor second of the native simulator."""
    rows, gains = [], []
    for name, ways in programs.items():
        known = {way: ways[way] for way in WAYS if "kl" in ways.get(way, {})}
        per_sweep = [figure(known[way]["effective_per_sweep"]) if way in known else "–" for way in WAYS[:3]]
        per_second = [
            figure(known[way]["effective_per_cpu_s"]) if way in known else "–" for way in ("embedded", "relays")
        ]
        rows.append([name, *per_sweep, *per_second])
        if "embedded" in known and known["embedded"]["five"]:
            gains.append(known["relays"]["effective_per_cpu_s"] / known["embedded"]["effective_per_cpu_s"])
    head = ["program", *(f"per sweep, {way}" for way in WAYS[:3]), "per CPU s, embedded", "per CPU s, relays"]
    return (
        "Effective samples of one chain, measured at stride 1, and per processor second of the native simulator:\n\n"
        + table(head, rows)
        + f"\n\nGeometric mean of the gain per processor second over the first five: ×{geometric_mean(gains):.3g}."
    )


def area_table(area: dict[str, Any]) -> str:
    rows = []
    for row in sorted(area["rows"], key=lambda row: (ORDER.index(row["architecture"]), row["sites"])):
        if "lut4" not in row:
            rows.append([row["line"], row["sites"], row["degree"], row["refused"], "", "", "", ""])
            continue
        cells = "" if row["architecture"] == "dense" else row["lut4_per_site"]
        rows.append([row["line"], row["sites"], row["degree"], f"{row['lut4']:,}", cells, f"{row['flip_flops']:,}",
                     row["block_ram"], row["megahertz"]])  # fmt: skip
    head = ["fabric", "sites", "degree", "LUT4", "per site", "flip-flops", "block RAM", "MHz"]
    return "ECP5-85F, speed grade 6, out of context:\n\n" + table(head, rows)


def complete_table(complete: dict[str, Any]) -> str:
    """Seconds to compile complete graphs."""
    found: dict[int, dict[str, Any]] = {}
    for row in complete["rows"]:
        found.setdefault(row["nodes"], {})[row["way"]] = row
    rows = []
    for nodes, ways in found.items():
        cells = [
            f"{ways[way]['cpu_s']} s, {ways[way]['sites']} sites" if "sites" in ways[way] else ways[way]["refused"]
            for way in ("embedded", "relays")
        ]
        rows.append([f"K{nodes}", *(cell.split(";")[0].split(" was found")[0] for cell in cells)])
    return f"Processor time to compile onto {complete['lattice']}, nothing cached:\n\n" + table(
        ["program", "embedded", "relays"], rows
    )


def two_bits_table(found: dict[str, Any]) -> str:
    rows = [
        [row["degree"], row["bits"], row["lut4"], row["megahertz"], *row["clocks"].values()] for row in found["rows"]
    ]
    heights = [f"clocks per colour, height {height}" for height in found["rows"][0]["clocks"]]
    head = ["neighbours", "bits per clock", "LUT4", "MHz", *heights]
    return "The arithmetic of one cell, by itself:\n\n" + table(head, rows)


def soak_table(found: dict[str, Any]) -> str:
    rows = [
        [re.sub(r"FabricSpec\('([^']*)'.*", r"\1", row["fabric"]), row["architecture"],
         *(f"{row[name]:,}" for name in ("updates", "states", "clocks", "differ"))]
        for row in found["rows"]
    ]  # fmt: skip
    head = ["fabric", "architecture", "site updates", "states compared", "clocks of the RTL", "differ"]
    return "Compiled RTL beside the native simulator, random images, orders and trees:\n\n" + table(head, rows)


def filled(text: str) -> str:
    """The page with its tables made anew."""
    mixing, area = results("relays_mixing"), results("relays_area")
    programs, areas = by_program(mixing), Areas(area)
    made = {
        "gain": gain(programs, areas),
        "simulators": simulators(programs),
        "area": area_table(area),
        "complete": complete_table(results("relays_complete")),
        "two bits": two_bits_table(results("relays_two_bits")),
        "soak": soak_table(results("relays_soak")),
    }
    for name, content in made.items():
        block = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", flags=re.DOTALL)
        text = block.sub(lambda found, content=content: f"{found[1]}{content}\n{found[2]}", text)
    return text


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
