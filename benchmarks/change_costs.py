"""What a change costs: six changes, each a patch to this tree in benchmarks/change_costs/, and what they touch.

    python benchmarks/change_costs.py            # count, write docs/results/change_costs.json and the table of the page
    python benchmarks/change_costs.py --check    # does every patch apply to this tree?

Each patch is a change that works: conformance accepts the generator and the device, and programs compile and run with
the others. To try one: ``git apply benchmarks/change_costs/generator.patch``.
"""

import argparse
import subprocess
from pathlib import Path
from typing import Any

from page_tables import fill, results
from results import ROOT, write_results

PATCHES = Path(__file__).resolve().parent / "change_costs"
CHANGES = {
    "rule": "a lattice rule",
    "generator": "a generator, with gateware and a native form",
    "device": "a device over two others",
    "pass": "a compiler pass",
    "app": "an application with a command",
    "scale": "a power-of-two scale for every site's row of weights, on simulators",
}


def cost(patch: str) -> dict[str, Any]:
    """Of a patch as ``git diff`` writes it: files added, files changed, lines added and removed."""
    files: dict[str, list[str]] = {"added": [], "changed": []}
    lines = {"+": 0, "-": 0}
    new = in_hunk = False
    for line in patch.splitlines():
        if line.startswith("diff --git "):
            new = in_hunk = False
        elif line.startswith("new file mode"):
            new = True
        elif line.startswith("+++ b/") and not in_hunk:
            files["added" if new else "changed"].append(line.removeprefix("+++ b/"))
        elif line.startswith("@@"):
            in_hunk = True
        elif in_hunk and line[:1] in lines:
            lines[line[0]] += 1
    return {**files, "lines_added": lines["+"], "lines_removed": lines["-"]}


def table() -> str:
    rows = ["| change | files added | files changed | lines | where |", "|---|---|---|---|---|"]
    for row in results("change_costs")["rows"]:
        where = ", ".join(f"`{name}`" for name in _folders(row["added"] + row["changed"]))
        lines = f"+{row['lines_added']} −{row['lines_removed']}"
        patch = f"`{row['name']}.patch`"
        rows.append(f"| {row['change']} ({patch}) | {len(row['added'])} | {len(row['changed'])} | {lines} | {where} |")
    return "\n".join(rows)


def _folders(files: list[str]) -> list[str]:
    """The files themselves where they are few, else their folders with how many are in each."""
    if len(files) <= 6:
        return files
    parents = [str(Path(name).parent) for name in files]
    return [f"{name} ({parents.count(name)})" for name in sorted(set(parents))]


def unapplied() -> list[str]:
    """What git says of the patches that do not apply to this tree."""
    said = []
    for name in CHANGES:
        path = PATCHES / f"{name}.patch"
        done = subprocess.run(
            ["git", "apply", "--check", str(path)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        said += [f"{name}: {line}" for line in done.stderr.splitlines()]
    return said


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say whether every patch applies to this tree")
    asked = parser.parse_args()
    problems = unapplied()
    if problems:
        raise SystemExit("\n".join(problems))
    if asked.check:
        print(f"{len(CHANGES)} patches apply")
        return
    rows = [
        {"name": name, "change": change, **cost((PATCHES / f"{name}.patch").read_text())}
        for name, change in CHANGES.items()
    ]
    print(write_results("change_costs", {"rows": rows}))
    fill(["extending.md"], {"change-costs": table})


if __name__ == "__main__":
    main()
