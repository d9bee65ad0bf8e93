"""How many of the background pages' listings run by our names, from the tests' own report.

python benchmarks/background.py   # about a minute, with ../shared/background beside the checkout
"""

import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.etree import ElementTree

from results import ROOT, write_results

TEST = "tests/apps/test_background_listings.py"
CASE = "test_a_listing_runs_or_fails_as_listed"


def cases(report: Path) -> list[ElementTree.Element]:
    """The listings' test cases of a JUnit report."""
    return [case for case in ElementTree.parse(report).iter("testcase") if case.attrib["name"].startswith(CASE + "[")]


def row(case: ElementTree.Element) -> dict[str, str]:
    """A listing's outcome: it runs, fails as the test lists it, was skipped, or is a failure of the test."""
    listing = case.attrib["name"].removeprefix(CASE)[1:-1]
    skipped = case.find("skipped")
    if skipped is not None:
        listed = skipped.attrib.get("type") == "pytest.xfail"
        return {
            "listing": listing,
            "outcome": "fails as listed" if listed else "skipped",
            "reason": skipped.attrib["message"],
        }
    failed = case.find("failure") is not None or case.find("error") is not None
    return {"listing": listing, "outcome": "fails" if failed else "runs"}


def main() -> None:
    with TemporaryDirectory() as folder:
        report = Path(folder) / "report.xml"
        command = [sys.executable, "-m", "pytest", "-q", TEST, "-m", "soak or not soak", f"--junitxml={report}"]
        subprocess.run(command, cwd=ROOT, check=False)
        rows = [row(case) for case in cases(report)]
    if not rows:
        raise SystemExit("no listing was found; put the pages into ../shared/background beside the checkout.")
    counts = Counter(one["outcome"] for one in rows)
    print(f"{len(rows)} listings: " + ", ".join(f"{count} {name}" for name, count in counts.items()))
    print(write_results("background_listings", {"summary": {"listings": len(rows), **counts}, "rows": rows}))


if __name__ == "__main__":
    main()
