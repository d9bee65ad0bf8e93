"""THRML's own tests with its samplers replaced by ours: which of them pass on a device, and why the others do not.

    python benchmarks/suites/thrml_suite.py                          # fetches THRML's source from PyPI
    python benchmarks/suites/thrml_suite.py --sdist thrml-0.1.4.tar.gz --devices native

The tests run as they are. Before they import THRML, its sample_states, sample_with_observation, estimate_moments and
estimate_kl_grad are replaced by thermofab's calls of these names, on the device. A test that never calls one of them
says nothing of ours and is counted apart. The source distribution lacks two things that its tests load: their helpers,
for which thrml_utils.py stands in, and the digits of test_train_mnist.py, which is not collected then.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from results import ROOT, write_results  # noqa: E402

VERSION = "0.1.4"
DEVICES = ("native", "jax-xla")
ADAPTER = '''
"""Replaces THRML's samplers before its tests import them, and keeps what became of every test."""
import functools, json, os, sys
import pytest
import thrml, thrml.block_sampling, thrml.models, thrml.models.ising
import thermofab as fab

calls, outcomes = [], []

def replacement(name):
    ours = getattr(fab, name)
    @functools.wraps(ours)
    def call(*args, **options):
        calls.append(name)
        return ours(*args, device=os.environ["SUITE_DEVICE"], **options)
    return call

for name in ("sample_states", "sample_with_observation", "estimate_moments", "estimate_kl_grad"):
    made = replacement(name)
    for module in [module for key, module in sys.modules.items() if key.split(".")[0] == "thrml"]:
        if hasattr(module, name):
            setattr(module, name, made)

def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        reason = str(report.longrepr.reprcrash.message).splitlines()[0] if report.failed else ""
        outcomes.append({"test": report.nodeid, "outcome": report.outcome, "reason": reason, "calls": len(calls)})

def pytest_collectreport(report):
    if report.failed:
        reason = str(report.longrepr).strip().splitlines()[-1]
        outcomes.append({"test": report.nodeid, "outcome": "not collected", "reason": reason, "calls": len(calls)})

def pytest_runtest_logfinish():
    with open(os.environ["SUITE_OUT"], "w") as file:  # after every test: a time limit may end the run
        json.dump(outcomes, file)
'''


def fetched(folder: Path) -> Path:
    """THRML's source distribution, from PyPI."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", "thrml", f"thrml=={VERSION}"]
    subprocess.run([*command, "--dest", str(folder)], check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob("thrml-*.tar.gz"))


def run_suite(tests: Path, device: str, select: str, limit: float) -> dict[str, Any]:
    """Counts, and every test that failed with the first line of its error."""
    out = tests.parent / f"{device}.json"
    environment = {**os.environ, "SUITE_DEVICE": device, "SUITE_OUT": str(out), "PYTHONPATH": str(ROOT)}
    chosen = ["-k", select] if select else []
    quiet = ["-q", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    command = [sys.executable, "-m", "pytest", *quiet, *chosen, "tests"]
    finished = True
    try:
        subprocess.run(command, env=environment, cwd=tests.parent, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        finished = False
    outcomes = json.loads(out.read_text()) if out.exists() else []
    if not outcomes:
        raise RuntimeError(f"no test of the suite ended on {device} within {limit:g} s.")
    for outcome, before in zip(outcomes, [0, *(one["calls"] for one in outcomes)]):
        outcome["sampled"] = outcome["outcome"] != "not collected" and outcome["calls"] > before
    sampling = [one for one in outcomes if one["sampled"]]
    return {
        "device": device,
        "finished": finished,
        "tests": sum(one["outcome"] != "not collected" for one in outcomes),
        "sampling": len(sampling),
        "sampling passed": sum(one["outcome"] == "passed" for one in sampling),
        "other passed": sum(one["outcome"] == "passed" and not one["sampled"] for one in outcomes),
        "sampling tests": [one["test"] for one in sampling],
        "failed": [
            {name: one[name] for name in ("test", "outcome", "reason", "sampled")}
            for one in outcomes
            if one["outcome"] in ("failed", "not collected")
        ],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sdist", type=Path, help="THRML's source distribution; fetched if left out.")
    parser.add_argument("--devices", nargs="+", default=list(DEVICES))
    parser.add_argument("--select", default="", help="Tests to run, as pytest's -k has it; all if left out.")
    parser.add_argument("--limit", type=float, default=1800, help="Seconds per device.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with tarfile.open(options.sdist or fetched(folder)) as archive:
            archive.extractall(folder, filter="data")
        tests = next(folder.glob("thrml-*/tests"))
        (tests / "conftest.py").write_text(ADAPTER)
        (tests / "__init__.py").touch()
        if not (tests / "utils.py").exists():
            shutil.copy(Path(__file__).with_name("thrml_utils.py"), tests / "utils.py")
        rows = [run_suite(tests, device, options.select, options.limit) for device in options.devices]
    print(json.dumps(rows, indent=1))
    print(write_results("thrml_suite", {"thrml": VERSION, "rows": rows}))


if __name__ == "__main__":
    main()
