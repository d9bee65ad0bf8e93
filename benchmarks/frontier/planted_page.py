"""The tables of docs/frontier-planted.md, from docs/results/frontier_xorsat.json and frontier_wishart.json.

python benchmarks/frontier/planted_page.py

``TABLES`` names them all, for other pages to fill in too.
"""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from page_tables import fill, results

# log10 of the median time in seconds = slope · n + constant, as figure-generation of github.com/OPUSLab/XORSATwithpbits
# (the data of arXiv 2312.08748) lists the fits of Kowalsky et al., arXiv 2103.08464, and the sizes it draws them over.
PUBLISHED = (
    ("SATonGPU, Bernaschi et al.", 0.0171, -5.9, "200 to 640"),
    ("Digital Annealer, Fujitsu", 0.0185, -3.56, "144 to 240"),
    ("simulated bifurcation, Toshiba", 0.0217, -2.6, "176 to 256"),
    ("parallel tempering of Kowalsky et al.", 0.0248, -0.97, "64 to 224"),
    ("virtual MemComputing machine", 0.025, -0.6, "16 to 112"),
    ("D-Wave Advantage", 0.08, -6.0, "16 to 80"),
)


def table(head: list[str], rows: list[list[Any]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def times() -> str:
    """Updates to solution by size, way and method."""
    found = results("frontier_xorsat")["rows"]
    columns = list(dict.fromkeys((row["way"], row["method"]) for row in found))
    by_size: dict[int, dict[Any, Any]] = {}
    for row in found:
        by_size.setdefault(row["size"], {})[row["way"], row["method"]] = row
    body = [[size, *(updates(cells.get(column)) for column in columns)] for size, cells in by_size.items()]
    return table(["N", *(f"{way}, {method}" for way, method in columns)], body)


def costs() -> str:
    """Of replica exchange: the length of a run, sweeps, and seconds, of both ways."""
    found = [row for row in results("frontier_xorsat")["rows"] if row["method"] == "exchange"]
    ways = list(dict.fromkeys(row["way"] for row in found))
    by = {(row["size"], row["way"]): row for row in found}
    body = []
    for size in dict.fromkeys(row["size"] for row in found):
        cells = [by[size, way] for way in ways]
        body.append(
            [size]
            + [f"{row['rungs']} × {row['length']:.0f}" for row in cells]
            + [number(row["sweeps"]) for row in cells]
            + [f"{row['ns_per_update']:.2g}" for row in cells]
            + [number(row["seconds"]) for row in cells]
            + [ratio(cells, "updates"), ratio(cells, "seconds")]
        )
    head = [f"{what}, {way}" for what in ("rungs × rounds", "sweeps", "ns an update", "seconds") for way in ways] + [
        "gadgets' updates over factor sites'",
        "seconds likewise",
    ]
    return table(["N", *head], body)


def fits() -> str:
    """Slopes and constants of this fabric, in updates and in seconds."""
    body = []
    for fit in results("frontier_xorsat")["fits"]:
        if "slope" not in fit:
            body.append([f"{fit['way']}, {fit['method']}", "too few sizes solved", "", "", ""])
            continue
        low, high = fit["slope_interval"]
        under, over = fit["constant_interval"]
        body.append([
            f"{fit['way']}, {fit['method']}", f"{fit['sizes'][0]} to {fit['sizes'][-1]}",
            f"{fit['slope']:.3f} ({low:.3f} to {high:.3f})", f"{fit['constant']:.1f} ({under:.1f} to {over:.1f})",
            f"{fit['seconds_slope']:.3f}", f"{fit['seconds_constant']:.1f}",
        ])  # fmt: skip
    return table(["", "N", "slope", "constant, updates", "slope, seconds", "constant, seconds"], body)


def published() -> str:
    body = [[name, sizes, f"{slope:g}", f"{constant:g}"] for name, slope, constant, sizes in PUBLISHED]
    return table(["published", "n", "slope", "constant, seconds"], body)


def ratios() -> str:
    found = results("frontier_wishart")
    body = []
    for row in found["ratios"]:
        name = f"**{row['ratio']:g}**" if row["ratio"] == found["ratio"] else f"{row['ratio']:g}"
        body.append([name, round(row["ratio"] * row["size"]), updates(row), number(row["seconds"])])
    return table(["α", "M", "updates", "seconds"], body)


def rounding() -> str:
    """Instances whose planted state is still the lowest known, and by how much it is missed in the mean."""
    found = results("frontier_wishart")["rounding"]
    bits = list(dict.fromkeys(row["bits"] for row in found))
    by = {(row["size"], row["bits"]): row for row in found}
    body = []
    for size in dict.fromkeys(row["size"] for row in found):
        cells = [by[size, each] for each in bits]
        how = "enumerated" if cells[0]["enumerated"] else "searched"
        body.append([size, how, *(f"{row['kept']} of {row['instances']}; {row['missed']:.2g}" for row in cells)])
    return table(["N", "", *(f"{each} bits" for each in bits)], body)


def solve() -> str:
    found = results("frontier_wishart")["solve"]
    ways = list(dict.fromkeys(row["way"] for row in found))
    by = {(row["ratio"], row["size"], row["way"]): row for row in found}
    body = []
    for ratio, size in dict.fromkeys((row["ratio"], row["size"]) for row in found):
        cells = [by[ratio, size, way] for way in ways]
        body.append([f"{ratio:g}", size, *map(updates, cells), *(number(row["seconds"]) for row in cells)])
    return table(["α", "N", *(f"updates, {way}" for way in ways), *(f"seconds, {way}" for way in ways)], body)


def updates(row: dict[str, Any] | None) -> str:
    """The median with its interval; a dash where half of the instances were not solved."""
    if row is None or row["updates"] is None:
        return "—"
    return f"{number(row['updates'])} ({number(row['low'])} to {number(row['high'])})"


def number(value: float | None) -> str:
    if value is None:
        return "—"
    if 0.001 <= value < 1000:
        return f"{value:.3g}" if value >= 100 else f"{value:.2g}"
    digits, power = f"{value:.1e}".split("e")
    return f"{digits}e{int(power)}"


def ratio(cells: list[dict[str, Any]], what: str) -> str:
    one, other = (row[what] for row in cells)
    return "—" if one is None or other is None else f"{other / one:.2g}"


TABLES = {
    "xorsat times": times,
    "xorsat costs": costs,
    "xorsat fits": fits,
    "xorsat published": published,
    "wishart ratios": ratios,
    "wishart rounding": rounding,
    "wishart solve": solve,
}


if __name__ == "__main__":
    fill(["frontier-planted.md"], TABLES)
