"""THRML's own tests with its samplers replaced by ours: which of them pass on a device, and why the others do not.

    python benchmarks/suites/thrml_suite.py                          # fetches THRML's source from PyPI
    python benchmarks/suites/thrml_suite.py --sdist thrml-0.1.4.tar.gz --devices native

The tests run as they are. Before they import THRML, its sample_states, sample_with_observation, estimate_moments and
estimate_kl_grad are replaced by thermofab's calls of these names, on the device. A test that never calls one of them
says nothing of ours and is counted apart.

Tests that compare counts with probabilities are written for one key: at others THRML's own sampler misses some of their
bounds too. So every sampling test that failed by an assertion runs again with other keys, on the device and with
THRML's own samplers, and the rows say how often each passed.

The source distribution lacks two things that its tests load: their helpers, for which thrml_utils.py stands in, and the
digits of test_train_mnist.py, which is not collected then.
"""

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from results import write_results  # noqa: E402
from suites.suite_run import outcomes_of, row_of, unpacked  # noqa: E402

VERSION = "0.1.4"
DEVICES = ("native", "jax-xla")
THEIRS = "thrml"  # in the place of a device: its own samplers, left as they are
ADAPTER = Path(__file__).with_name("thrml_adapter.py")


def run_suite(tests: Path, device: str, select: str, limit: float, keys: int) -> dict[str, Any]:
    """The row of a device; sampling tests that an assertion failed run again with so many other keys."""
    chosen = ["-k", select] if select else []
    outcomes, finished = outcomes_of(tests, device, [*chosen, "tests"], limit, SUITE_KEYS="0")
    unlucky = [one["test"] for one in outcomes if one["sampled"] and one["reason"].startswith("AssertionError")]
    again = [other_keys(tests, device, test, limit, keys) for test in unlucky]
    return {**row_of(device, outcomes, finished), "other keys": again}


def other_keys(tests: Path, device: str, test: str, limit: float, keys: int) -> dict[str, Any]:
    """How often a test passes with other keys, on the device and with THRML's own samplers."""
    passed = {}
    for name in (device, THEIRS):
        outcomes, finished = outcomes_of(tests, name, [test], limit, SUITE_KEYS=str(keys))
        if not finished:
            raise RuntimeError(f"{keys} runs of {test} on {name} did not end within {limit:g} s; take fewer --keys.")
        passed[name] = sum(one["outcome"] == "passed" for one in outcomes)
    return {"test": test, "keys": keys, "passed": passed[device], "passed by thrml": passed[THEIRS]}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--sdist", type=Path, help="THRML's source distribution; fetched if left out.")
    parser.add_argument("--devices", nargs="+", default=list(DEVICES))
    parser.add_argument("--select", default="", help="Tests to run, as pytest's -k has it; all if left out.")
    parser.add_argument("--limit", type=float, default=1800, help="Seconds per device, and per test with other keys.")
    parser.add_argument("--keys", type=int, default=40, help="Other keys for a test that an assertion failed.")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        tests = unpacked("thrml", VERSION, Path(name), options.sdist)
        shutil.copy(ADAPTER, tests / "conftest.py")
        (tests / "__init__.py").touch()
        if not (tests / "utils.py").exists():
            shutil.copy(Path(__file__).with_name("thrml_utils.py"), tests / "utils.py")
        rows = [run_suite(tests, device, options.select, options.limit, options.keys) for device in options.devices]
    print(json.dumps(rows, indent=1))
    print(write_results("thrml_suite", {"thrml": VERSION, "rows": rows}))


if __name__ == "__main__":
    main()
