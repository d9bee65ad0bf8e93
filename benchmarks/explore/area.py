"""The explorer's area model against synthesis on configurations that it was not fitted to.

    python benchmarks/explore/area.py           # those that are missing; minutes each, kept by digest
    python benchmarks/explore/area.py dense     # those whose name has all these words

Yosys and nextpnr for an ECP5-85F, out of context, the wrapper taken off. docs/results/explore_area.json has a row each,
median and worst errors of all, of those with factors, of those of other widths or generators, and of those placed after
the model's form was settled (``later``), and the errors of leaving fitted points out.
"""

import sys
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import write_results

from thermofab.apps.explore.area import QUANTITIES, area_of, model_of
from thermofab.apps.explore.candidate import Candidate
from thermofab.apps.explore.synthesised import POINTS
from thermofab.apps.explore.workloads import workload
from thermofab.hw.spec import DeviceError
from thermofab.hw.spec.fabric import ARCHITECTURES

# Fabric, settings, and the workload whose own graph "own" is. The first were known when the model's form was chosen.
EARLIER: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("complete-24", {"architecture": "dense"}, ""),
    ("complete-32", {"architecture": "dense"}, ""),
    ("complete-96", {"architecture": "dense"}, ""),
    ("complete-32", {"architecture": "dense", "weight_bits": 6}, ""),
    ("king-4x4", {"architecture": "relay"}, ""),
    ("g4-6x6", {"architecture": "relay"}, ""),
    ("g8-8x8", {"architecture": "relay"}, ""),
    ("g4-4x4", {}, ""),
    ("king-4x4", {}, ""),
    ("g4-16x16-torus", {"architecture": "systolic"}, ""),
    ("own", {}, "portfolio"),
    ("own", {}, "potts"),
)
LATER: tuple[tuple[str, dict[str, Any], str], ...] = (
    ("own", {}, "market"),
    ("pdit4-2x3", {"weight_bits": 5}, ""),
    ("g8-5x5", {"weight_bits": 5}, ""),
    ("g8-5x5", {"architecture": "relay", "weight_bits": 6}, ""),
    ("complete-96", {"architecture": "dense", "weight_bits": 5}, ""),
)


def row_of(candidate: Candidate, source: str, synthesise: bool) -> dict[str, Any] | None:
    """Model and synthesis side by side; ``None`` where it was not placed."""
    spec = candidate.spec(workload(source).model if source else None)
    modelled = model_of(spec.architecture).of(spec)
    name = candidate.name.replace("own", f"own graph of {source},", 1) if source else candidate.name
    try:
        placed = area_of(spec, synthesise=synthesise)
    except DeviceError as refusal:
        return {"candidate": name, "refused": " ".join(str(refusal).split())[-200:]}
    if placed.standing != "measured":
        return None
    row: dict[str, Any] = {
        "candidate": name,
        "sites": spec.n_sites,
        "factors": len(spec.topology.factors),
        "widths": candidate.but(family="g8", rows=1, columns=1, torus=False, architecture="spatial")
        != Candidate.of("g8-1x1"),
    }
    for quantity in QUANTITIES:
        actual = getattr(placed, quantity)
        row[quantity] = {
            "placed": actual,
            "modelled": round(modelled[quantity], 1),
            "error": round(modelled[quantity] / actual - 1, 4),
        }
    return row


def errors_of(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """How many, and median and worst error of each quantity."""
    found: dict[str, Any] = {"configurations": len(rows)}
    for quantity in QUANTITIES:
        errors = [abs(row[quantity]["error"]) for row in rows]
        found[quantity] = {"median": round(median(errors), 4), "worst": max(errors)} if errors else None
    return found


def left_out() -> dict[str, Any]:
    """Errors of the model at each fitted point when it is left out, by architecture."""
    found = {}
    for architecture in ARCHITECTURES:
        model, fitted = model_of(architecture), [point for point in POINTS if point.architecture == architecture]
        found[architecture] = {
            "fitted": len(fitted),
            **{
                name: {"median": round(model.median_errors[name], 4), "worst": round(model.errors[name], 4)}
                for name in QUANTITIES
            },
        }
    return found


def main() -> None:
    rows: list[dict[str, Any]] = []
    for name, settings, source in EARLIER + LATER:
        candidate = Candidate.of(name, **settings)
        wanted = all(word in f"{candidate.name} {source}" for word in sys.argv[1:])
        row = row_of(candidate, source, wanted)
        if row is None:
            continue
        rows.append({**row, "later": (name, settings, source) in LATER})
        print(row, flush=True)
    placed = [row for row in rows if "refused" not in row]
    groups = {
        "all": placed,
        "with factors": [row for row in placed if row["factors"]],
        "other widths or generators": [row for row in placed if row["widths"]],
        "later": [row for row in placed if row["later"]],
    }
    errors = {name: errors_of(chosen) for name, chosen in groups.items()}
    for name, found in errors.items():
        print(name, found)
    write_results("explore_area", {"errors": errors, "left_out": left_out(), "rows": rows})


if __name__ == "__main__":
    main()
