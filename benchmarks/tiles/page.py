"""The tables of docs/tiles.md and docs/tiles-link.md, from docs/results/tiles_*.json.

python benchmarks/tiles/page.py
"""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from page_tables import fill, results


def table(head: list[str], rows: list[list[Any]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'s' if number != 1 else ''}"


def said(link: dict[str, Any] | None) -> str:
    """A link in words."""
    if link is None:
        return "exact"
    words = [f"every {link['period']} sweeps" if link["period"] > 1 else "every sweep"]
    words += [counted(link["bits"], "bit")] if link["bits"] is not None else []
    words += [counted(link["latency"], "step") + " late"] if link["latency"] else []
    words += ["between sweeps"] if link["aligned"] else []
    words += ["held"] if link["hold"] else []
    return ", ".join(words)


def distances() -> str:
    rows = results("tiles_distances")["rows"]
    cases = list(dict.fromkeys(row["case"] for row in rows))
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        found.setdefault(said(row), {})[row["case"]] = row
    # η is that of the boundaries' sizes, which differ between the fabrics only where bits or colours count.
    body = []
    for link, by_case in found.items():
        etas = sorted({f"{row['eta']:.3g}" for row in by_case.values()}, key=float, reverse=True)
        body.append([link, " or ".join(etas), *(distance(by_case.get(case)) for case in cases)])
    fabrics = {row["case"]: f"{row['case']}, `{row['fabric']}`, β = {row['beta']:g}" for row in rows}
    return table(["exchange", "η", *(fabrics[case] for case in cases)], body)


def distance(row: dict[str, Any] | None) -> str:
    if row is None:
        return ""
    return f"{row['tv']:.4f}" if row["tv"] > 1e-4 else f"{row['tv']:.0e}"


def ising() -> str:
    rows = results("tiles_ising")["rows"]
    betas = sorted({row["beta"] for row in rows})
    found: dict[str, dict[float, Any]] = {}
    for row in rows:
        found.setdefault(said(row["link"]), {})[row["beta"]] = row
    head = ["exchange", "η"] + [f"{what}, β = {beta:.3f}" for beta in betas for what in ("E", "C")]
    body = []
    for link, by_beta in found.items():
        first = next(iter(by_beta.values()))
        cells = [deviation(by_beta[beta], what) for beta in betas for what in ("energy", "heat")]
        body.append([link, f"{first['eta']:.3g}", *cells])
    return table(head, body)


def deviation(row: dict[str, Any], what: str) -> str:
    exact = row[f"{what}_exact"]
    # Deviations of |E|: a state of too high an energy is negative.
    return f"{100 * (row[what] / exact - 1):+.2f} ± {abs(100 * row[f'{what}_error'] / exact):.2f}"


def mixing() -> str:
    found = results("tiles_mixing")
    periods = list(dict.fromkeys(row["period"] for row in found["small"]))
    head = ["model", "time, sweeps", "one chip", *(f"held, k = {period}" for period in periods[1:])]
    cells: dict[tuple[str, str], list[str]] = {}
    for row in found["rows"]:
        model = f"{row['model']}, {found['side']}×{found['side']}, β = {row['beta']:g}"
        for what, shown in (("energy", "energy"), ("magnetisation", "\\|m\\|")):
            said = f"{sweeps(row[what])} ± {sweeps(row[f'{what}_error'], row[what])}"
            cells.setdefault((model, shown), []).append(said)
    for row in found["small"]:
        model = f"{row['model']}, `{row['fabric']}`, β = {row['beta']:g}"
        cells.setdefault((model, "relaxation"), []).append(sweeps(row["relaxation"]))
    return table(head, [[*names, *said] for names, said in cells.items()])


def sweeps(value: float, like: float | None = None) -> str:
    """A time to about three digits; ``value`` to as many decimals as ``like`` has then."""
    shown = value if like is None else like
    return f"{value:.{2 if shown < 10 else 1 if shown < 100 else 0}f}"


def million() -> str:
    rows = results("tiles_million")["rows"]
    one = rows[0]["updates_per_second"]
    return table(
        ["", "updates per ns", "of one chip", "memory, MB"],
        [
            [r["what"], f"{r['updates_per_second'] / 1e9:.3f}", f"{r['updates_per_second'] / one:.0%}", r["megabytes"]]
            for r in rows
        ],
    )


def rack() -> str:
    rows = results("tiles_rack")["rows"]
    return table(
        [
            "Mb/s to a neighbour",
            "exact, updates per ns",
            "free, updates per ns",
            "its η",
            "late, steps",
            "held: period",
        ],
        [
            [
                f"{r['megabits_per_second']:.0f}",
                f"{r['exact_updates_per_ns']:.0f}",
                f"{r['free_updates_per_ns']:.0f}",
                f"{r['free_eta']:.2f}",
                r["free_latency_steps"],
                r["held_period"],
            ]
            for r in rows
        ],
    )


def link_area() -> str:
    rows = results("tiles_link_area")["rows"]
    return table(
        ["states to and fro", "bits per clock", "words of the longest frame", "LUT4", "flip-flops"],
        [[r["states"], r["width"], r["frame_words"], r["lut4"], r["flip_flops"]] for r in rows],
    )


def link_clocks() -> str:
    rows = results("tiles_link_clocks")["rows"]
    return table(
        [
            "bits per clock",
            "one chip",
            "formula, λ = 0",
            "measured",
            "header and check, per colour",
            "the rest, per colour",
        ],
        [
            [r["width"], r["alone"], r["formula"], *(f"{r[k]:g}" for k in ("measured", "overhead_words", "beyond"))]
            for r in rows
        ],
    )


if __name__ == "__main__":
    fill(
        ["tiles.md", "tiles-link.md"],
        {
            "distances": distances,
            "ising": ising,
            "mixing": mixing,
            "million": million,
            "rack": rack,
            "link area": link_area,
            "link clocks": link_clocks,
        },
    )
