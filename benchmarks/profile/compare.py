"""The profiler's table on three programs, all peers in one run.

    python benchmarks/profile/compare.py

Writes docs/results/profile_methods.json and pictures of it.
"""

import argparse
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from results import ROOT, write_results

from thermofab.apps.profile import THRMLProfiler
from thermofab.apps.profile.builtin import BUILTIN
from thermofab.apps.profile.picture import draw


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--samples", type=int, default=128_000, help="of all chains together")
    options = parser.parse_args()
    profiler, found = THRMLProfiler(rounds=options.rounds, longest=3.0), {}
    for name in BUILTIN:
        table = profiler.compare_methods(name, num_samples=options.samples)
        print(table, flush=True)
        draw(table, ROOT / "docs" / "images" / f"profile-{name}.png")
        found[name] = table.to_json()
    print(write_results("profile_methods", {"rounds": options.rounds, "programs": found}))


if __name__ == "__main__":
    main()
