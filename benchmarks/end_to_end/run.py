"""Reported distances against independent ones, and long runs against trusted ones.

    python benchmarks/end_to_end/run.py fuzz                 # 1,120 programs of up to 13 sites, ten minutes
    python benchmarks/end_to_end/run.py larger               # 280 of 15 to 18 sites, solved all the same
    python benchmarks/end_to_end/run.py cases                # programs known to be hard, minutes
    python benchmarks/end_to_end/run.py large                # K16, K24, RBMs on large fabrics, and the embeddings
    python benchmarks/end_to_end/run.py large --programs K16 # these only; rows of others stay
    PYTHONPATH=OTHER python benchmarks/end_to_end/run.py fuzz --label before   # the same of another release

Every part is written to docs/results/end_to_end.json under its name, with its command, machine and commit; ``--label``
adds a word to the name. ``fuzz`` and ``cases`` solve every compiled program with tests/compiler/independent_solver.py,
which shares no code with the compiler. The modules of the parts say what their figures are.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve()
sys.path.insert(0, str(HERE.parents[1]))
sys.path.append(str(HERE.parents[2]))  # the package tests; last, so that another release can come before

from common import RESULTS, commit, record  # noqa: E402
from timing import machine  # noqa: E402


def part_of(options: argparse.Namespace, known: dict[str, Any]) -> dict[str, Any]:
    """What a part finds; its module is imported with it, so that another release need only have what it takes."""
    if options.part == "fuzz":
        from fuzz import fuzz

        return fuzz(options.programs_count, options.label == "before")
    if options.part == "larger":
        from larger import larger

        return larger(options.programs_count // 4)
    if options.part == "cases":
        from cases import cases

        return cases()
    from large import PROGRAMS, large

    return large(tuple(options.programs or PROGRAMS), known.get("rows"))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("part", choices=["fuzz", "larger", "cases", "large"])
    parser.add_argument(
        "--count",
        dest="programs_count",
        type=int,
        default=1120,
        help="programs of fuzz, and four times those of larger",
    )
    parser.add_argument("--programs", nargs="*", help="programs of large")
    parser.add_argument("--label", default="", help="added to the name of the part in the result file")
    parser.add_argument("--json", type=Path, default=RESULTS)
    options = parser.parse_args()
    name = " ".join(filter(None, [options.part, options.label]))
    known = json.loads(options.json.read_text()).get(name, {}) if options.json.exists() else {}
    started = time.perf_counter()
    found = part_of(options, known)
    head = {
        "command": "python benchmarks/end_to_end/run.py " + " ".join(sys.argv[1:]),
        "machine": machine(),
        "commit": commit(),
        "seconds": round(time.perf_counter() - started),
    }
    record(options.json, name, head | found)
    print(f"{name}: {head['seconds']} s, written to {options.json}", flush=True)


if __name__ == "__main__":
    main()
