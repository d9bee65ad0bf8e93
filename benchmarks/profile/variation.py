"""How much of each deviation the applications bear, one at a time and all at once.

    python benchmarks/profile/variation.py                            # all of it
    python benchmarks/profile/variation.py --only digits --only potts # these anew, the others as they are in the file

Writes docs/results/profile_variation.json, after every application.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from results import ROOT, write_results

from thermofab.apps.profile.applications import APPLICATIONS
from thermofab.apps.profile.deviations import KINDS
from thermofab.apps.profile.joint import FACTORS, together
from thermofab.apps.profile.variation import Application, base_loss, bisected, tolerance

XLA = ("gain", "bias", "relaxation")  # kinds whose every fabrication is compiled anew


def of_application(application: Application, options: argparse.Namespace) -> dict[str, Any]:
    """Every kind by itself, then all at the amounts that were borne."""
    base, started = base_loss(application, options.fabrications), time.perf_counter()
    rows = []
    for kind in KINDS:
        if kind.name in XLA:
            row = bisected(application, kind, base, fabrications=options.compiled if kind.drawn else 2)
        else:
            row = tolerance(application, kind, base, fabrications=options.fabrications)
        seconds = time.perf_counter() - started
        print(f"{application.name}: {kind.name} borne {row.borne}, refused {row.refused} ({seconds:.0f} s)", flush=True)
        rows.append(row.to_json())
    amounts = {row["kind"]: row["borne"] for row in rows if row["borne"] is not None}
    joint = bisected(application, together(amounts), base, fabrications=options.joint)
    print(f"{application.name}: together borne {joint.borne} ({time.perf_counter() - started:.0f} s)", flush=True)
    return {
        "said": application.said, "unit": application.unit, "allowed": application.allowed,
        "base": base[0], "base_error": base[1], "rows": rows, "together": joint.to_json() | {"amounts": amounts},
        "seconds": round(time.perf_counter() - started),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fabrications", type=int, default=8)
    parser.add_argument("--compiled", type=int, default=3, help="fabrications of gains, each of which is compiled")
    parser.add_argument("--joint", type=int, default=2, help="fabrications of all at once, likewise")
    parser.add_argument("--only", action="append", default=[], choices=list(APPLICATIONS))
    options = parser.parse_args()
    path = ROOT / "docs" / "results" / "profile_variation.json"
    known = json.loads(path.read_text()) if path.exists() and options.only else {}
    content: dict[str, Any] = {
        "fabrications": options.fabrications, "compiled": options.compiled, "joint": options.joint,
        "factors": list(FACTORS),
        "kinds": {kind.name: {"said": kind.said, "unit": kind.unit, "amounts": list(kind.amounts)} for kind in KINDS},
        "applications": known.get("applications", {}),
    }  # fmt: skip
    found = content["applications"]
    for name in options.only or APPLICATIONS:
        found[name] = of_application(APPLICATIONS[name](), options)
        content["applications"] = found = {name: found[name] for name in APPLICATIONS if name in found}
        print(write_results("profile_variation", content), flush=True)


if __name__ == "__main__":
    main()
