"""Fan-out to many clients: every message in order and in time; and for an hour without growing."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


def load(*arguments):
    command = [sys.executable, str(ROOT / "benchmarks" / "serve" / "load.py"), "--print", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["rounds"]


def test_a_hundred_clients():
    for found in load("--clients", 100, "--messages", 15, "--rate", 5, "--stalled", 0):
        assert found["complete_and_in_order"] == found["clients"] == 100
        assert found["milliseconds"]["p99"] <= 250


@pytest.mark.soak
def test_an_hour_without_growing():
    """THERMOFAB_SOAK_MINUTES sets another length; memory is compared after the first fifth."""
    minutes = float(os.environ.get("THERMOFAB_SOAK_MINUTES", "60"))
    rate = 5
    (found,) = load("--clients", 100, "--messages", int(60 * minutes * rate), "--rate", rate, "--stalled", 0, "--churn")
    assert found["complete_and_in_order"] == found["clients"]
    settled, end = found["server_megabytes"]["settled"], found["server_megabytes"]["end"]
    assert end < 1.05 * settled, f"{settled} MB became {end} MB"
