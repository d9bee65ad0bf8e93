"""Other projects' test-suites: their source from PyPI, a run on a device, and what came of it in a row."""

import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent


def unpacked(package: str, version: str, folder: Path, sdist: Path | None) -> Path:
    """The tests of a source distribution, unpacked in ``folder``; it is fetched from PyPI where none is given."""
    if sdist is None:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-binary", package]
        subprocess.run(
            [*command, f"{package}=={version}", "--dest", str(folder)], check=True, stdout=subprocess.DEVNULL
        )
        sdist = next(folder.glob(f"{package}-*.tar.gz"))
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    return next(folder.glob(f"{package}-*/tests"))


def outcomes_of(
    tests: Path, device: str, chosen: Sequence[str], limit: float, **suite: str
) -> tuple[list[dict[str, Any]], bool]:
    """What suite_record.py kept of a run of pytest with these arguments, and whether it ended within ``limit`` s.

    The adapter finds ``device`` in SUITE_DEVICE, and ``suite`` likewise under the names given here.
    """
    out = tests.parent / f"{device}.json"
    out.unlink(missing_ok=True)
    paths = f"{ROOT}{os.pathsep}{HERE}"
    environment = {**os.environ, "SUITE_DEVICE": device, "SUITE_OUT": str(out), "PYTHONPATH": paths, **suite}
    quiet = ["-q", "-p", "no:cacheprovider", "-p", "suite_record", "--continue-on-collection-errors"]
    finished = True
    try:
        command = [sys.executable, "-m", "pytest", *quiet, *chosen]
        subprocess.run(command, env=environment, cwd=tests.parent, timeout=limit, check=False)
    except subprocess.TimeoutExpired:
        finished = False
    outcomes = json.loads(out.read_text()) if out.exists() else []
    if not outcomes:
        raise RuntimeError(f"no test of the suite ended on {device} within {limit:g} s.")
    return outcomes, finished


def row_of(device: str, outcomes: list[dict[str, Any]], finished: bool) -> dict[str, Any]:
    """Counts, and every test that failed with the first line of its error."""
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
