"""Coverage of the cocotb benches: functional bins, and lines and toggles of the Verilog, as a page of the docs.

    python tests/quality/coverage_report.py [FOLDER]     writes docs/coverage.md

Runs are kept in FOLDER, if one is given, and those it holds are not run again; with ``--page-only`` behind it,
no run is made, and the page is of those that the folder holds.

The fabrics and seeds are those of the default regression. Lines and toggles are Verilator's, of the emitted Verilog,
summed over the instances of a module and over the fabrics of an architecture that have a module of that name.
"""

import json
import re
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

# A script has only its own folder on the path; the fabrics are those of the tests.
sys.path.append(str(Path(__file__).resolve().parents[2]))

from tests.link.test_link_cocotb import SPECS
from tests.rtl.test_rtl_cocotb import SHORT
from thermofab.sim.cosim import lockstep
from thermofab.sim.cosim.coverage import Coverage, merged
from thermofab.sim.cosim.jobs import report_file
from thermofab.sim.cosim.link import link_lockstep

ROOT = Path(__file__).resolve().parents[2]
FLAGS = ("--coverage-line", "--coverage-toggle")
# Fabrics whose Verilog is instrumented, which takes minutes to build.
INSTRUMENTED = ("torus", "open, fine, other generator", "systolic torus")
TITLES = {
    "spatial": "Spatial fabric",
    "systolic": "Systolic fabric",
    "relay": "Relay fabric",
    "dense": "Dense fabric",
    "link": "Serial link",
}
UPDATES, LINK_STEPS = 20_000, 80
# Inputs of a module that its parent ties to a constant, and high bits of counters that no test runs long enough to
# reach, never toggle; the report shows what is left rather than excuse it.
POINT = re.compile(r"C '(?P<keys>.*)' (?P<count>\d+)$")


def points(file: Path) -> dict[tuple[str, str, str], int]:
    """Hits of each coverage point of a Verilator data file, by kind, module and place."""
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    for line in file.read_text().splitlines():
        match = POINT.match(line)
        if not match:
            continue
        keys = dict(part.split("\x02", 1) for part in match["keys"].split("\x01") if "\x02" in part)
        kind, _, module = keys["page"].removeprefix("v_").partition("/")
        found[kind, module, f"{keys['l']}.{keys['n']} {keys['o']}"] += int(match["count"])
    return found


def structural(files: dict[str, Path]) -> list[str]:
    """A table of the share of lines and toggles hit, a row a module of each architecture."""
    tally: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: {"line": [0, 0], "toggle": [0, 0]})
    for name, file in files.items():
        architecture = "systolic" if SHORT[name].architecture == "systolic" else "spatial"
        for (kind, module, _), count in points(file).items():
            base = re.sub(r"\d+$", "", module.removeprefix("thermofab_")) if module != "thermofab" else "top"
            share = tally[architecture, base]["toggle" if kind == "toggle" else "line"]
            share[0] += count > 0
            share[1] += 1
    lines = [
        "| architecture | module | lines and branches hit | of | toggles hit | of | share of toggles |",
        "|---|---|---|---|---|---|---|",
    ]
    for (architecture, module), kinds in sorted(tally.items()):
        (hit, of), (toggled, toggles) = kinds["line"], kinds["toggle"]
        share = f"{100 * toggled / toggles:.0f}%" if toggles else ""
        lines.append(f"| {architecture} | `{module}` | {hit} | {of} | {toggled} | {toggles} | {share} |")
    return lines


def bins(title: str, covered: Coverage) -> list[str]:
    """A table of bins, those never hit first."""
    closed = len(covered.counts) - len(covered.open())
    lines = ["", f"## {title}: {closed} of {len(covered.counts)} bins hit", ""]
    if covered.open():
        lines += ["Not hit: " + "; ".join(covered.open()) + ".", ""]
    lines += ["| bin | hits |", "|---|---|"]
    return lines + [f"| {name} | {count} |" for name, count in covered.counts.items()]


def kept(folder: Path) -> dict[str, Any]:
    """What a run in ``folder`` reported."""
    return json.loads(report_file(folder).read_text())


def run_all(root: Path, page_only: bool) -> tuple[list[str], dict[str, list[Coverage]], dict[str, Path]]:
    """Make the runs that ``root`` does not hold, unless ``page_only``: what they are, their bins by kind of fabric, and
    Verilator's data by fabric.
    """
    runs, functional, data = [], defaultdict(list), {}
    for name, spec in SHORT.items():
        folder = root / re.sub(r"\W+", "-", name)
        if not report_file(folder).exists():
            if page_only:
                continue
            folder.mkdir(parents=True)
            flags = FLAGS if name in INSTRUMENTED else ()
            found = lockstep(spec, "verilator", updates=UPDATES, seed=1, folder=folder, flags=flags)
            print(f"{name}: {found.compared} updates", flush=True)
        functional[spec.architecture].append(Coverage.of(kept(folder)["coverage"]))
        runs.append(f"{name} ({kept(folder)['compared']} updates)")
        if name in INSTRUMENTED:
            data[name] = folder / "coverage.dat"
    for name, spec in SPECS.items():
        folder = root / f"link-{name}"
        if not report_file(folder).exists():
            if page_only:
                continue
            folder.mkdir(parents=True)
            found = link_lockstep(spec, "verilator", divisor=5, steps=LINK_STEPS, seed=1, folder=folder)
            print(f"link, {name}: {found.compared} answers and words", flush=True)
        functional["link"].append(Coverage.of(kept(folder)["coverage"]))
        runs.append(f"link, {name}")
    return runs, functional, data


def main() -> int:
    with tempfile.TemporaryDirectory() as place:
        root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(place)
        runs, functional, data = run_all(root, "--page-only" in sys.argv)
        sums = {kind: merged(covered) for kind, covered in functional.items()}
        table = structural(data)
    lines = [
        "# Coverage",
        "",
        "What the cocotb benches of the default regression bring about, with their seeds: functional bins first, which "
        "are situations named beforehand, then lines and toggles of the emitted Verilog. Written by "
        "`python tests/quality/coverage_report.py`, from these runs: " + "; ".join(runs) + ".",
        *(line for kind, title in TITLES.items() if kind in sums for line in bins(title, sums[kind])),
        "",
        "## Lines and toggles",
        "",
        "Verilator's points, over these fabrics of the regression: "
        + "; ".join(INSTRUMENTED)
        + ". High bits of 32- and "
        "64-bit counters (samples, steps, cycles) and constants of the register map do not toggle in runs of this "
        "length, nor do address bits above the map; they are counted as not hit.",
        "",
        *table,
    ]
    (ROOT / "docs" / "coverage.md").write_text("\n".join(lines) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
