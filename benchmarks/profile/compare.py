"""The profiler's table on three programs, all peers in one run.

    python benchmarks/profile/compare.py

Writes docs/results/profile_methods.json and pictures of it; ``--draw`` draws from the results that are there.
"""

import argparse
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from page_tables import results
from results import ROOT, write_results

from thermofab.apps.profile import THRMLProfiler
from thermofab.apps.profile.builtin import BUILTIN
from thermofab.apps.profile.comparison import Comparison, Row
from thermofab.apps.profile.picture import draw
from thermofab.apps.profile.quality import Quality


def picture_of(name: str) -> Path:
    return ROOT / "docs" / "images" / f"profile-{name}.png"


def kept(table: dict[str, Any]) -> Comparison:
    """A table as it was written."""
    rows = []
    for row in table["rows"]:
        own: dict[str, Any] = {part.name: row[part.name] for part in fields(Row)}
        own["quality"] = Quality(**row["quality"]) if row["quality"] else None
        rows.append(Row(**own))
    return Comparison(table["name"], table["said"], table["state_space"], table["setting"], tuple(rows))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=128_000, help="of all chains together")
    parser.add_argument("--draw", action="store_true", help="draw from the results that are there")
    options = parser.parse_args()
    if options.draw:
        for name, table in results("profile_methods")["programs"].items():
            print(draw(kept(table), picture_of(name)))
        return
    profiler, found = THRMLProfiler(rounds=options.rounds, longest=3.0), {}
    for name in BUILTIN:
        table = profiler.compare_methods(name, num_samples=options.samples)
        print(table, flush=True)
        draw(table, picture_of(name))
        found[name] = table.to_json()
    print(write_results("profile_methods", {"rounds": options.rounds, "programs": found}))


if __name__ == "__main__":
    main()
