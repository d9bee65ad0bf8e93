"""The explorer's area model against synthesis on configurations that it was not fitted to.

    python benchmarks/explore/area.py           # those that are missing; minutes each, kept by digest
    python benchmarks/explore/area.py dense     # those whose name has all these words

Yosys and nextpnr for an ECP5-85F, out of context, the wrapper taken off. docs/results/explore_area.json.
"""

import sys
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import write_results

from thermofab.apps.explore.area import QUANTITIES, area_of, model_of
from thermofab.apps.explore.candidate import Candidate
from thermofab.hw.spec import DeviceError

HELD_OUT = tuple(
    Candidate.of(name, profile="default", **settings)
    for name, settings in (
        ("complete-24", {"architecture": "dense"}),
        ("complete-32", {"architecture": "dense"}),
        ("complete-96", {"architecture": "dense"}),
        ("king-4x4", {"architecture": "relay"}),
        ("g4-6x6", {"architecture": "relay"}),
        ("g4-4x4", {"architecture": "spatial"}),
        ("king-4x4", {"architecture": "spatial"}),
        ("complete-32", {"architecture": "dense", "weight_bits": 6}),
        ("g8-8x8", {"architecture": "relay"}),
        ("g4-16x16-torus", {"architecture": "systolic"}),
    )
)


def row_of(candidate: Candidate, synthesise: bool) -> dict[str, Any] | None:
    """Model and synthesis side by side; ``None`` where it was not placed."""
    spec = candidate.spec(None)
    modelled = model_of(spec.architecture).of(spec)
    try:
        placed = area_of(spec, synthesise=synthesise)
    except DeviceError as refusal:
        return {"candidate": candidate.name, "refused": " ".join(str(refusal).split())[-200:]}
    if placed.standing != "measured":
        return None
    row: dict[str, Any] = {"candidate": candidate.name, "sites": spec.n_sites}
    for quantity in QUANTITIES:
        actual = getattr(placed, quantity)
        row[quantity] = {
            "placed": actual,
            "modelled": round(modelled[quantity], 1),
            "error": round(modelled[quantity] / actual - 1, 4),
        }
    return row


def main() -> None:
    rows: dict[str, dict[str, Any]] = {}
    for candidate in HELD_OUT:
        wanted = all(word in candidate.name for word in sys.argv[1:])
        row = row_of(candidate, wanted)
        if row is None:
            continue
        rows[candidate.name] = row
        print(row, flush=True)
        placed = [one for one in rows.values() if "refused" not in one]
        errors = {
            quantity: {
                "median": median(abs(one[quantity]["error"]) for one in placed),
                "worst": max(abs(one[quantity]["error"]) for one in placed),
            }
            for quantity in QUANTITIES
            if placed
        }
        write_results("explore_area", {"held_out": len(placed), "errors": errors, "rows": list(rows.values())})


if __name__ == "__main__":
    main()
