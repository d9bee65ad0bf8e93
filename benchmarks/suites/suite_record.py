"""Plugin of pytest that keeps what became of every test of another project's suite, and whether it sampled on ours.

Adapters (the conftest.py of such a suite) call :func:`called` whenever a test calls what they have put in place. The
file ``$SUITE_OUT`` is written after every test, for a time limit may end the run.
"""

import json
import os
from pathlib import Path
from typing import Any

OUT = Path(os.environ["SUITE_OUT"])
OUTCOMES: list[dict[str, Any]] = []
CALLS = {"made": 0, "seen": 0}  # so far, and when the last test or class of tests ended
SAMPLING_CLASSES: set[str] = set()  # those that sample while they are made, for all of their tests


def called() -> None:
    """A test has called a sampler of ours."""
    CALLS["made"] += 1


def pytest_runtest_logreport(report: Any) -> None:
    if report.when == "call" or report.outcome != "passed":
        # An error that comes from outside of a test has no place in it.
        crash = getattr(report.longrepr, "reprcrash", None) if report.failed else None
        reason = "" if not report.failed else (crash.message if crash else str(report.longrepr)).splitlines()[0]
        _keep(report.nodeid, report.outcome, reason, _has_called() or _class_of(report.nodeid) in SAMPLING_CLASSES)


def pytest_collectreport(report: Any) -> None:
    if _has_called():
        SAMPLING_CLASSES.add(report.nodeid)
    if report.failed:
        _keep(report.nodeid, "not collected", str(report.longrepr).strip().splitlines()[-1], sampled=False)


def _has_called() -> bool:
    """Whether a sampler was called since this was last asked."""
    before, CALLS["seen"] = CALLS["seen"], CALLS["made"]
    return CALLS["made"] > before


def _class_of(test: str) -> str:
    return test.rpartition("::")[0]


def _keep(test: str, outcome: str, reason: str, sampled: bool) -> None:
    OUTCOMES.append({"test": test, "outcome": outcome, "reason": reason, "sampled": sampled})
    OUT.write_text(json.dumps(OUTCOMES))
