"""The conftest.py that thrml_suite.py puts beside THRML's tests: ours in the place of its samplers, and a record.

It replaces THRML's samplers before the tests import them. The environment says what to do:

    SUITE_DEVICE   the device, or "thrml" for THRML's own samplers
    SUITE_KEYS     0: the tests' own keys; n: every test n times, its k-th time with 1 to n folded into every key
    SUITE_OUT      the file that keeps what became of every test
"""

import functools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import pytest
import thrml.block_sampling  # noqa: F401  (replaced below, by name)
import thrml.models.ising  # noqa: F401
from _pytest.runner import runtestprotocol

import thermofab as fab

NAMES = ("sample_states", "sample_with_observation", "estimate_moments", "estimate_kl_grad")
DEVICE, OUT, KEYS = os.environ["SUITE_DEVICE"], Path(os.environ["SUITE_OUT"]), int(os.environ["SUITE_KEYS"])
OUTCOMES: list[dict[str, Any]] = []


class _State:
    calls = 0  # of the four functions
    seen = 0  # calls, when the last test ended
    fold = 0  # into every key; 0: none


def replacement(name: str, theirs: Callable[..., Any]) -> Callable[..., Any]:
    """The function of this name: on the device, with the key of this repetition."""
    ours = theirs if DEVICE == "thrml" else functools.partial(getattr(fab, name), device=DEVICE)

    @functools.wraps(theirs)
    def call(key: Any, *args: Any, **options: Any) -> Any:
        _State.calls += 1
        return ours(jax.random.fold_in(key, _State.fold) if _State.fold else key, *args, **options)

    return call


def replace_samplers() -> None:
    modules = [module for name, module in sys.modules.items() if name.split(".")[0] == "thrml"]
    for name in NAMES:
        found = [module for module in modules if hasattr(module, name)]
        made = replacement(name, getattr(found[0], name))
        for module in found:
            setattr(module, name, made)


replace_samplers()


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: Any, nextitem: Any) -> bool | None:
    if not KEYS:
        return None
    for fold in range(1, KEYS + 1):
        _State.fold = fold
        if fold > 1:
            item._initrequest()  # fixtures anew, as plugins that repeat tests do
        for report in runtestprotocol(item, nextitem=item if fold < KEYS else nextitem, log=False):
            item.ihook.pytest_runtest_logreport(report=report)
    return True


def pytest_runtest_logreport(report: Any) -> None:
    if report.when == "call" or report.outcome != "passed":
        # A test outside a class is a path and a message; one that a library stopped has no such place.
        crash = getattr(report.longrepr, "reprcrash", None) if report.failed else None
        reason = "" if not report.failed else (crash.message if crash else str(report.longrepr)).splitlines()[0]
        keep(report.nodeid, report.outcome, reason, _State.calls > _State.seen)
        _State.seen = _State.calls


def pytest_collectreport(report: Any) -> None:
    if report.failed:
        keep(report.nodeid, "not collected", str(report.longrepr).strip().splitlines()[-1], sampled=False)


def keep(test: str, outcome: str, reason: str, sampled: bool) -> None:
    """Written after every test, for a time limit may end the run."""
    OUTCOMES.append({"test": test, "outcome": outcome, "reason": reason, "sampled": sampled})
    OUT.write_text(json.dumps(OUTCOMES))
