"""What six changes cost: the counts are git's, and the page has those of the patches that are kept."""

import subprocess

import pytest
from change_costs import CHANGES, PATCHES, cost, table
from page_tables import filled, results
from results import ROOT


@pytest.mark.parametrize("name", CHANGES)
def test_counts_are_those_of_git(name):
    path = PATCHES / f"{name}.patch"
    counted = subprocess.run(["git", "apply", "--numstat", str(path)], capture_output=True, text=True, check=True)
    lines = [line.split("\t") for line in counted.stdout.splitlines()]
    found = cost(path.read_text())
    assert sorted(found["added"] + found["changed"]) == sorted(file for _, _, file in lines)
    assert [found["lines_added"], found["lines_removed"]] == [sum(int(line[k]) for line in lines) for k in (0, 1)]
    # A file that the patch does not make is there.
    assert [file for file in found["changed"] if not (ROOT / file).exists()] == []
    assert [file for file in found["added"] if (ROOT / file).exists()] == []


def test_the_page_has_the_counts_of_the_patches():
    """Red if a patch was changed and ``python benchmarks/change_costs.py`` was not run after it."""
    kept = {row["name"]: row for row in results("change_costs")["rows"]}
    assert list(kept) == list(CHANGES)
    for name, row in kept.items():
        assert row == {"name": name, "change": CHANGES[name], **cost((PATCHES / f"{name}.patch").read_text())}
    page = (ROOT / "docs" / "extending.md").read_text()
    assert filled(page, {"change-costs": table}) == page
