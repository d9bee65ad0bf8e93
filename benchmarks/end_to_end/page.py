"""docs/end-to-end.md from docs/results/end_to_end.json and table_ends.json.

python benchmarks/end_to_end/page.py
"""

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "docs" / "results"
INTRODUCTION = """# End to end, measured

How far compiled programs are from the distributions that were asked for, and whether [the report](report.md) says so.
Every enumerated distance is right, and `fine` holds a total variation of 0.01 for couplings up to 1.5 with one site per
node. Where a program is too large to enumerate, predictions are mostly too high; the counts below say how often one is too
low, and whether a program then compiled beyond its tolerance.

Distances are solved by `tests/compiler/independent_solver.py`, which shares no code with the compiler. The left of an
arrow is a compiler that does not weigh the end-to-end distance. `python benchmarks/end_to_end/page.py` makes this page from
`docs/results/end_to_end.json` and `docs/results/table_ends.json`, which hold the command, machine and commit of every
part."""


def table(head: list[str], rows: list[list[Any]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(map(str, row)) + " |" for row in rows])


def percent(share: float) -> str:
    return f"{100 * share:.0f}%"


def provenance(part: dict[str, Any]) -> str:
    return f"`{part['command'].strip()}`, {part['seconds']} s."


def fuzz(now: dict[str, Any], before: dict[str, Any]) -> str:
    old = {(row["sigma"], row["profile"]): row for row in before["shares"]}
    rows = []
    for row in now["shares"]:
        past = old[row["sigma"], row["profile"]]
        shares = [f"{percent(past[name])} → {percent(row[name])}" for name in ("compiled", "within_0.01", "above_0.05")]
        rows.append([row["sigma"], row["profile"], row["programs"], *shares])
    reported, predicted, tolerances = now["reported"], now["predicted"], now["tolerances"]
    return f"""## Random programs

{provenance(now)} {now["programs"]} programs of up to 13 sites, J ~ N(0, σ), 4 to 16 weight bits: sparse graphs, cliques,
strong edges, wires, trunks, factors.

* Reported and enumerated: {reported["enumerated"]}; differing by more than 1%: {len(reported["violations"])}.
* Predicted (`verify=False`): {predicted["programs"]}, of which {predicted["above_0.01"]} are above 0.01 in truth, and
  {predicted["less_than_half"]} of those were predicted at less than half. Median of prediction over truth:
  {predicted["median_over_independent_above_0.01"]:.2f}. Refused by prediction: {predicted["refused"]}, of which
  {predicted["refused_within_0.05"]} are within 0.05 in truth.
* `tolerance=0.05`: {tolerances["0.05 compiled"]} compiled, {tolerances["0.05 refused"]} refused; `tolerance=0.01`:
  {tolerances["0.01 compiled"]} and {tolerances["0.01 refused"]}; beyond their tolerance: {len(tolerances["beyond"])}.

Shares without → with the end-to-end distance, of all widths:

{table(["σ", "profile", "programs", "compiled", "TV ≤ 0.01", "TV > 0.05"], rows)}"""


def larger(now: dict[str, Any]) -> str:
    spread = now["quantiles_above_0.01"]
    return f"""## Too large to be solved while they are compiled

{provenance(now)} {now["programs"]} programs of 15 to 18 spins on graphs of two colours, solved over all states afterwards.
{now["above_0.01"]} compiled ones are above 0.01; {now["less_than_half"]} of them were predicted at less than half (least
{spread["least"]:.2f}, median {spread["median"]:.2f}, 95% {spread["95%"]:.1f}). {now["refused"]} were refused,
{now["refused_within_0.05"]} of which are within 0.05 in truth; {now["beyond_tolerance"]} compiled beyond their tolerance."""


def predictions(found: dict[str, Any]) -> str:
    ratios = found["summary"]["ratio at shares"]
    rows = [[f"{float(share):.0%}", f"{value:.2f}"] for share, value in ratios.items()]
    summary = found["summary"]
    return f"""The table's part alone: `{found["command"]}`: {summary["programs"]} programs of 13 and 14
spins on the default profile; {summary["above 0.01"]} where the table costs more than 0.01, {summary["below half"]} of them
predicted at less than half. Prediction over enumeration, at shares of those programs:

{table(["share", "ratio"], rows)}"""


def graphs(now: dict[str, Any], before: dict[str, Any]) -> str:
    rows = []
    for row, past in zip(now["complete_graphs"]["rows"], before["complete_graphs"]["rows"]):
        names = ("above_0.05", "within_0.01")
        shares = [f"{percent(past[name])} → {percent(row[name])}" for name in names]
        rows.append([row["sigma"], row["profile"], *shares, percent(row["refused"])])
    bar = now["acceptance"]["rows"][0]
    return f"""### K6, one site per node

{table(["σ", "profile", "TV > 0.05", "TV ≤ 0.01", "refused"], rows)}

One site per node, K6 and sparse graphs, σ ≤ 1.5, 8-bit weights, `fine`: {percent(bar["within_0.01"])} of
{bar["programs"]} within 0.01, largest {bar["largest"]:.4f}."""


def cases(now: dict[str, Any], before: dict[str, Any]) -> str:
    rows = []
    for row, past in zip(now["two_nodes"]["rows"], before["two_nodes"]["rows"]):
        if "tv" in row and "tolerance" not in row:
            name = f"two nodes, J = 6, {row['profile']}: TV"
            rows.append([name, f"{past['tv']:.3g}", f"{row['tv']:.3g}", row["reported"]])
    for row, past in zip(now["strong_path"]["rows"], before["strong_path"]["rows"]):
        name = f"path of 20, one J = 4, {row['profile']}, {row['weight_bits']} bits: largest error of a mean"
        key = "largest_difference_of_a_mean"
        rows.append([name, f"{past[key]:.2g}", f"{row[key]:.2g}", row["reported"]])
    for row, past in zip(now["large_bias"]["rows"], before["large_bias"]["rows"]):
        key = "largest_difference_of_a_mean"
        name = f"a bias of 10⁵ on one of 20, {row['profile']}: largest error of the others' means"
        rows.append([name, f"{past[key]:.2g}", f"{row[key]:.2g}", row["reported"]])
    for row, past in zip(now["free_spins"]["rows"], before["free_spins"]["rows"]):
        name = f"100 free spins of b = 0.7, {row['profile']}: σ off"
        rows.append([name, past["sigmas"], row["sigmas"], row["reported"]])
    for row in now["torus"]["rows"]:
        rows.append([f"torus 32×32, J = 2, {row['profile']}", "nothing said", "", row["reported"]])
    return f"""## Hard cases

{provenance(now)}

{table(["case", "without", "with", "report"], rows)}

{graphs(now, before)}"""


def large(now: dict[str, Any]) -> str:
    rows = []
    for row in now["rows"]:
        said = row.get("refused") or row.get("failed") or ""
        outcome = "no embedding found" if "no embedding" in said else "refused" if said else "compiled"
        if row.get("refused") and "would cost" in said:
            outcome += ": " + said.split("would cost ")[1].split(". ")[0]
        sigmas = row.get("z", row.get("sigmas"))
        rows.append(
            [row["program"], row["fabric"], row["profile"], outcome, "" if sigmas is None else f"{sigmas:+.2f}"]
        )
    return f"""## Large programs

{provenance(now)} SK couplings and RBMs on fabrics that must embed them: refused, or the mean energy of a long run against
replica exchange in floating point, in standard errors.

{table(["program", "fabric", "profile", "outcome", "σ off"], rows)}"""


def main() -> None:
    results = json.loads((RESULTS / "end_to_end.json").read_text())
    ends = json.loads((RESULTS / "table_ends.json").read_text())
    parts = [
        INTRODUCTION,
        fuzz(results["fuzz"], results["fuzz before"]),
        larger(results["larger"]),
        predictions(ends),
        cases(results["cases"], results["cases before"]),
        large(results["large"]),
    ]
    (ROOT / "docs" / "end-to-end.md").write_text("\n\n".join(parts) + "\n")


if __name__ == "__main__":
    main()
