"""The tables of docs/relays.md, from docs/results/relays_mixing.json and relays_area.json.

python benchmarks/relays/page.py

Everything between ``<!-- table: name -->`` and ``<!-- end -->`` is replaced.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from relays.programs import CASES

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "relays.md"
ORDER = ("spatial", "relay", "dense")
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


class Areas:
    """LUT4 and clock of what a program occupies, from the fabrics that were placed and routed."""

    def __init__(self, area: dict[str, Any]) -> None:
        self._rows = [row for row in area["rows"] if "lut4" in row]

    def of(self, way: str, row: dict[str, Any]) -> tuple[float, float]:
        """LUT4, by the site where there are cells and by interpolation in N where there is one datapath; and MHz."""
        if way == "dense":
            known = sorted((r["sites"], r["lut4"], r["megahertz"]) for r in self._rows if r["architecture"] == "dense")
            sizes = np.log([size for size, _, _ in known])
            place = np.log(max(row["spins"], known[0][0]))
            return float(np.exp(np.interp(place, sizes, np.log([lut for _, lut, _ in known])))), float(
                np.interp(place, sizes, [mhz for _, _, mhz in known])
            )
        architecture = "relay" if way == "relays" else "spatial"
        cells = [r for r in self._rows if r["architecture"] == architecture and "tile=1" not in r["line"]]
        wanted = 8 if row["degree"] <= 8 else 12
        cell = min((r for r in cells if r["degree"] == wanted), key=lambda r: r["sites"])
        return cell["lut4"] / cell["sites"] * row["sites"], cell["megahertz"]

    def rate(self, way: str, row: dict[str, Any]) -> float:
        """Effective samples per second and thousand LUT4."""
        lut4, megahertz = self.of(way, row)
        return row["effective_per_sweep"] * megahertz * 1e6 / row["clocks"] / (lut4 / 1000)


def geometric_mean(values: list[float]) -> float:
    return float(np.exp(np.mean(np.log(values))))


def gain(programs: dict[str, dict[str, Any]], areas: Areas) -> str:
    """Effective samples per second and kLUT, and how many times those of the embedding."""
    rows, gains = [], {"relays": [], "dense": []}
    for name, ways in programs.items():
        line = [name]
        base = areas.rate("embedded", ways["embedded"]) if "kl" in ways.get("embedded", {}) else None
        for way in ("embedded", "relays", "dense"):
            row = ways.get(way, {})
            if "kl" not in row:
                line += ["–"]
                continue
            rate = areas.rate(way, row)
            times = f" (×{figure(rate / base)})" if base is not None and way != "embedded" else ""
            line.append(f"{figure(rate)}{times}: {row['sites']} sites, {row['clocks']} clocks")
            if base is not None and way != "embedded" and row["five"]:
                gains[way].append(rate / base)
        rows.append(line)
    means = ", ".join(f"{way} ×{geometric_mean(values):.3g}" for way, values in gains.items())
    return (
        "Effective samples per second and thousand LUT4 of an ECP5-85F, host and read-out included, and how many\n"
        "times those of the embedding:\n\n"
        + table(["program", "embedded, spatial", "relays, same lattice", "dense"], rows)
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


def filled(text: str) -> str:
    """The page with its tables made anew."""
    mixing, area = results("relays_mixing"), results("relays_area")
    programs, areas = by_program(mixing), Areas(area)
    made = {"gain": gain(programs, areas), "simulators": simulators(programs), "area": area_table(area)}
    for name, content in made.items():
        block = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", flags=re.DOTALL)
        text = block.sub(lambda found, content=content: f"{found[1]}{content}\n{found[2]}", text)
    return text


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
