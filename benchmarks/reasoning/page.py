"""The tables of docs/reasoning.md and docs/trlinkos.md, from docs/results/.

    python benchmarks/reasoning/page.py

Everything between ``<!-- table: name -->`` and ``<!-- end -->`` is replaced.
"""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


def results(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "docs" / "results" / f"{name}.json").read_text())


def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * 2 + ["--:"] * (len(head) - 2), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def methods() -> str:
    kept = results("reasoning_solve")
    rows = []
    for method in ("plain", "latent noise", "back-tracking", "hybrid", "hybrid, no fields"):
        for by in ("", "head", "rules"):
            found = [row for row in kept["nets"] if (row["method"], row["chosen_by"]) == (method, by)]
            if found:
                shares = [row["exact"] for row in found]
                readings = sum(row["mean_readings"] for row in found) / len(found)
                each = ", ".join(f"{share:.3f}" for share in shares)
                rows.append([method, by, each, f"**{sum(shares) / len(shares):.3f}**", f"{readings:.2f}"])
    return table(["method", "chosen by", "exact: seed 0, 1, 2", "mean", "mean readings"], rows)


def alone() -> str:
    rows = []
    for row in results("reasoning_solve")["constraints_alone"]:
        size = f"{row['side']}×{row['side']}"
        rows.append([
            size, f"{row['puzzles_are']}, {row['clues']:.1f} clues", str(row["puzzles"]), f"{row['sweeps']:,}",
            str(row["chains"]), f"{row['one_chain']:.3f}", f"{row['any_chain']:.3f}",
            f"{1e3 * row['cpu_seconds_a_puzzle']:.1f}",
        ])  # fmt: skip
    head = ["Sudoku", "puzzles", "number", "sweeps", "chains", "one chain", "any chain", "CPU-ms per puzzle"]
    return table(head, rows)


def devices() -> str:
    rows = [
        [
            f"{row['side']}×{row['side']}", row["device"], str(row["sites"]), str(row["sweeps"]), str(row["chains"]),
            "yes" if row["same_bits"] else "NO", "yes" if row["solved"] else "no", f"{row['seconds']:.3f}",
        ]
        for row in results("reasoning_devices")["rows"]
    ]  # fmt: skip
    return table(["Sudoku", "device", "sites", "sweeps", "chains", "bits as jax", "solved", "seconds"], rows)


def fields() -> str:
    kept = results("reasoning_fields")["rows"]
    strengths = list(dict.fromkeys(row["strength"] for row in kept))
    rows = []
    for sweeps in dict.fromkeys(row["sweeps"] for row in kept):
        found = {row["strength"]: row for row in kept if row["sweeps"] == sweeps}
        cells = [f"{found[s]['one_chain']:.3f} ± {found[s]['standard_error']:.3f}" for s in strengths]
        rows.append([f"{sweeps:,}", *cells])
    return table(["sweeps", *(f"fields to -{s:g}" if s else "no fields" for s in strengths)], rows)


def search() -> str:
    kept = results("trlinkos_search")["rows"]
    rows = []
    for name in dict.fromkeys(row["search"] for row in kept):
        found = [row for row in kept if row["search"] == name]
        for label, field in (
            ("plain pass", "plain"), ("best by the value head", "value_head"), 
            ("best by the ranking", "ranked_no_margin"),
            ("`search` with the ranking", "ranked"), ("any state right", "any"),
        ):  # fmt: skip
            shares = [row[field] for row in found]
            rows.append([name, label, ", ".join(f"{s:.3f}" for s in shares), f"{sum(shares) / len(shares):.3f}"])
    return table(["search", "answer", "accuracy: seed 0, 1, 2", "mean"], rows)


TABLES = {"methods": methods, "alone": alone, "devices": devices, "fields": fields, "search": search}


def main() -> None:
    for page in (ROOT / "docs" / "reasoning.md", ROOT / "docs" / "trlinkos.md"):
        text = page.read_text()
        for name, made in TABLES.items():
            if f"<!-- table: {name} -->" in text:
                before, rest = text.split(f"<!-- table: {name} -->\n", 1)
                text = f"{before}<!-- table: {name} -->\n{made()}\n<!-- end -->" + rest.split("<!-- end -->", 1)[1]
        page.write_text(text)
        print(page.relative_to(ROOT))


if __name__ == "__main__":
    main()
