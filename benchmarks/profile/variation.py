"""How much of each deviation four applications bear.

    python benchmarks/profile/variation.py

Writes docs/results/profile_variation.json.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from results import write_results

from thermofab.apps.profile.applications import APPLICATIONS
from thermofab.apps.profile.deviations import KINDS
from thermofab.apps.profile.variation import base_loss, tolerance

XLA = ("gain", "bias", "relaxation")  # kinds whose every fabrication is compiled anew


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--fabrications", type=int, default=16)
    parser.add_argument("--compiled", type=int, default=4, help="fabrications of gains, each of which is compiled")
    options = parser.parse_args()
    found, started = {}, time.perf_counter()
    for name, make in APPLICATIONS.items():
        application = make()
        base = base_loss(application, options.fabrications)
        rows = []
        for kind in KINDS:
            count = options.compiled if kind.name in XLA else options.fabrications
            row = tolerance(application, kind, base, fabrications=count)
            print(
                f"{name}: {kind.name} borne {row.borne}, refused {row.refused} ({time.perf_counter() - started:.0f} s)"
            )
            rows.append(row.to_json())
        found[name] = {
            "said": application.said, "unit": application.unit, "allowed": application.allowed,
            "base": base[0], "base_error": base[1], "rows": rows,
        }  # fmt: skip
    kinds = {kind.name: {"said": kind.said, "unit": kind.unit, "amounts": list(kind.amounts)} for kind in KINDS}
    content = {
        "fabrications": options.fabrications,
        "compiled": options.compiled,
        "kinds": kinds,
        "applications": found,
    }
    print(write_results("profile_variation", content))


if __name__ == "__main__":
    main()
