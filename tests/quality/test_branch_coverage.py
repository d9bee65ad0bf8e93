"""Branch coverage: processes that tests start count, what is too little is named, and the page has the numbers."""

import json

import pytest
from page_tables import filled
from results import ROOT

from tests.quality.branch_coverage import NOTES, PAGE, TABLES, measured, package_rows, problems


def test_a_process_that_a_test_starts_is_measured(tmp_path):
    """``import sim`` fails in a process of its own, and only there: red if that process does not count."""
    found = measured(["tests/test_packaging.py::test_folders_refuse_their_bare_name[sim]"], tmp_path, processes=())
    assert found["tests"]["passed"] == 1 and found["tests"]["failures"] == 0
    guard = found["files"]["sim/__init__.py"]
    assert [3, 4] in guard["executed_branches"] and [3, 4] not in guard["missing_branches"]
    # Files that nothing imported are in it as well, with nothing run.
    assert found["files"]["sim/cosim/bench/tiles.py"]["summary"]["covered_branches"] == 0
    assert not [file for file in found["files"] if not file.startswith(("hw/spec/", "sim/", "compiler/"))]


def summary(run, branches):
    return {
        "summary": {"num_branches": branches, "covered_branches": run, "num_statements": 10, "covered_lines": 9}
    }  # fmt: skip


def content(sim, reasons, **tests):
    files = {"hw/spec/a.py": summary(10, 10), "compiler/a.py": summary(9, 10), **sim}
    outcomes = {"passed": 3, "failures": 0, "errors": 0, "skipped": 1, **tests}
    return {"tests": outcomes, "packages": package_rows(files, reasons)}


@pytest.mark.parametrize(
    "sim, reasons, tests, expected",
    [
        ({"sim/a.py": summary(95, 100)}, {}, {}, []),
        ({"sim/a.py": summary(8999, 10000)}, {}, {}, ["sim: 89.9 % of the branches ran, below 90 %"]),
        ({"sim/a.py": summary(95, 100), "sim/b.py": summary(0, 0)}, {}, {}, []),
        ({"sim/a.py": summary(99, 100), "sim/b.py": summary(7, 10)}, {"sim/b.py": "needs a board"}, {}, []),
        (
            {"sim/a.py": summary(99, 100), "sim/b.py": summary(7, 10)}, {}, {},
            [
                "sim/b.py: 70.0 % of the branches ran, below 80 %, and branch_coverage_notes.json gives no reason"
            ],
        ),
        ({"sim/a.py": summary(95, 100)}, {}, {"failures": 2}, ["2 tests ended in failures"]),
    ],
)  # fmt: skip
def test_what_is_too_little_is_named(sim, reasons, tests, expected):
    assert problems(content(sim, reasons, **tests)) == expected


def test_numbers_of_a_package_are_the_sums_of_its_modules():
    row = content({"sim/a.py": summary(90, 100), "sim/b/c.py": summary(5, 10)}, {"sim/b/c.py": "why"})["packages"][
        "sim"
    ]
    assert (row["branch_percent"], row["branches_run"], row["branches"]) == (86.3, 95, 110)
    assert (row["statements_run"], row["statements"]) == (18, 20)
    assert row["modules_below"] == [{"module": "sim/b/c.py", "branch_percent": 50.0, "reason": "why"}]


def test_reasons_are_of_modules_there_are():
    assert [file for file in json.loads(NOTES.read_text()) if not (ROOT / file).exists()] == []


def test_the_page_has_the_numbers_that_were_measured():
    """Red if ``python tests/quality/branch_coverage.py`` was run and its page was not kept."""
    page = (ROOT / "docs" / PAGE).read_text()
    assert filled(page, TABLES) == page
