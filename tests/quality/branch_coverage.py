"""Branch coverage of hw/spec, sim and compiler by the test suite, as JSON and a table of docs/verification.md.

    python tests/quality/branch_coverage.py            measures, and writes docs/results/branch_coverage.json
    python tests/quality/branch_coverage.py --check    runs nothing; fails if that file is not good enough
    python tests/quality/branch_coverage.py --keep FOLDER    leaves coverage's data and JSON report in an empty folder

Settings are in pyproject.toml: processes that tests start are measured too, those inside a simulator included, and
nothing is left out but ``if TYPE_CHECKING``, bodies of ``...`` and ``raise NotImplementedError``. Caches of compiled
simulators start empty, so that what fills them runs.

A package passes at 90 % of its branches. Modules below 80 % are listed, each with the reason that
tests/quality/branch_coverage_notes.json gives for it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

# A script has only its own folder on the path.
sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))

from page_tables import fill, results
from results import ROOT, write_results

NAME = "branch_coverage"
NOTES = Path(__file__).resolve().parent / "branch_coverage_notes.json"
PACKAGES = ("hw/spec", "sim", "compiler")
LEAST, LEAST_OF_A_MODULE = 90.0, 80.0  # percent of branches
TESTS = (
    "tests/hw", "tests/compiler", "tests/sim", "tests/conformance", "tests/distribution", "tests/link", "tests/rtl",
    "tests/tiles", "tests/gate", "tests/test_bad_input.py", "tests/apps/test_cli.py",
    "tests/apps/optimise/test_optimise_minimise.py",  # descent and the range of β, parts of the compiler
    "tests/test_packaging.py::test_folders_refuse_their_bare_name",
)  # fmt: skip
# Two processes, a file of tests to one of them, as bootstrap.py runs them.
PROCESSES = ("-n", "2", "--dist", "loadfile")
OUTCOMES = ("failures", "errors", "skipped")


def measured(tests: Sequence[str], folder: Path, processes: Sequence[str] = PROCESSES) -> dict[str, Any]:
    """Run tests under coverage.

    Args:
        tests: what pytest is given.
        folder: where data and caches go; it exists, and holds none.
        processes: pytest-xdist's arguments.

    Returns:
        ``files``: of coverage's JSON report, by path; ``tests``: how many there were, by outcome, and seconds.
    """
    outcomes = folder / "tests.xml"
    environment = os.environ | {
        "COVERAGE_FILE": str(folder / "data"), "THERMOFAB_CACHE": str(folder / "cache"),
        "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1",
    }  # fmt: skip
    command = [sys.executable, "-m", "coverage", "run", "-m", "pytest", "-q", f"--junitxml={outcomes}"]
    subprocess.run([*command, *processes, *tests], cwd=ROOT, env=environment, check=False)
    if not outcomes.exists():
        raise SystemExit("pytest ended without results; what it said stands above.")
    report = folder / "report.json"
    for arguments in (["combine", "-q", str(folder)], ["json", "-q", "-o", str(report)]):
        subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, env=environment, check=True)
    return {"files": json.loads(report.read_text())["files"], "tests": _outcomes(outcomes)}


def _outcomes(file: Path) -> dict[str, float]:
    (suite,) = ElementTree.parse(file).getroot().iter("testsuite")
    counts = {name: int(suite.attrib[name]) for name in OUTCOMES}
    passed = int(suite.attrib["tests"]) - sum(counts.values())
    return {"passed": passed, **counts, "seconds": round(float(suite.attrib["time"]))}


def package_rows(files: Mapping[str, Any], reasons: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """By package: branches and statements, how many of them ran, and the modules below 80 % of their branches.

    Args:
        files: of coverage's JSON report, by path.
        reasons: why a module is below, by path.
    """
    rows = {}
    for package in PACKAGES:
        summaries = {file: each["summary"] for file, each in files.items() if file.startswith(f"{package}/")}
        total = {
            "branches": sum(one["num_branches"] for one in summaries.values()),
            "branches_run": sum(one["covered_branches"] for one in summaries.values()),
            "statements": sum(one["num_statements"] for one in summaries.values()),
            "statements_run": sum(one["covered_lines"] for one in summaries.values()),
        }
        percents = {
            file: _percent(one["covered_branches"], one["num_branches"])
            for file, one in summaries.items()
            if one["num_branches"]
        }
        rows[package] = {
            "branch_percent": _percent(total["branches_run"], total["branches"]),
            **total,
            "modules_below": [
                {"module": file, "branch_percent": percent, "reason": reasons.get(file)}
                for file, percent in sorted(percents.items())
                if percent < LEAST_OF_A_MODULE
            ],
        }
    return rows


def _percent(run: int, count: int) -> float:
    """To one decimal, rounded down: 89.96 % is below 90 %."""
    return 1000 * run // count / 10


def problems(content: Mapping[str, Any]) -> list[str]:
    """What of a measurement is not good enough, a line each."""
    tests = content["tests"]
    found = [f"{tests[name]} tests ended in {name}" for name in ("failures", "errors") if tests[name]]
    for package, row in content["packages"].items():
        if row["branch_percent"] < LEAST:
            found.append(f"{package}: {row['branch_percent']} % of the branches ran, below {LEAST:g} %")
        found += [
            f"{one['module']}: {one['branch_percent']} % of the branches ran, below {LEAST_OF_A_MODULE:g} %, and "
            f"{NOTES.name} gives no reason"
            for one in row["modules_below"]
            if not one["reason"]
        ]
    return found


def packages_table() -> str:
    content = results(NAME)
    rows = ["| package | branches run | of | share | statements run | of |", "|---|---|---|---|---|---|"]
    for package, row in content["packages"].items():
        rows.append(
            f"| `{package}` | {row['branches_run']} | {row['branches']} | {row['branch_percent']} % | "
            f"{row['statements_run']} | {row['statements']} |"
        )
    return "\n".join(rows)


def modules_table() -> str:
    below = [one for row in results(NAME)["packages"].values() for one in row["modules_below"]]
    if not below:
        return f"No module is below {LEAST_OF_A_MODULE:g} %."
    rows = ["| module | share | reason |", "|---|---|---|"]
    rows += [f"| `{one['module']}` | {one['branch_percent']} % | {one['reason']} |" for one in below]
    return "\n".join(rows)


PAGE = "verification.md"
TABLES = {"branch coverage": packages_table, "branch coverage below": modules_table}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only judge docs/results/branch_coverage.json")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="an empty folder for coverage's data and report")
    asked = parser.parse_args()
    if not asked.check:
        if asked.keep is not None:
            asked.keep.mkdir(parents=True, exist_ok=True)
            if any(asked.keep.iterdir()):
                raise SystemExit(f"{asked.keep} is not empty; data of another run would be added to this one's.")
        with tempfile.TemporaryDirectory(prefix="thermofab-coverage-") as temporary:
            found = measured(TESTS, (asked.keep or Path(temporary)).resolve())
        rows = package_rows(found["files"], json.loads(NOTES.read_text()))
        print(write_results(NAME, {"tests": found["tests"], "packages": rows}))
        fill([PAGE], TABLES)
    bad = problems(results(NAME))
    if bad:
        raise SystemExit("\n".join(bad))
    for package, row in results(NAME)["packages"].items():
        print(f"{package}: {row['branch_percent']} % of {row['branches']} branches ran")


if __name__ == "__main__":
    main()
