"""bootstrap.py: Ctrl-C belongs to the command it runs, and what `tutorials` opens is there."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

ANSWERS_CTRL_C = """
import signal, sys, time

def answer(*_):
    time.sleep(0.6)
    sys.exit(7)

signal.signal(signal.SIGINT, answer)
print("ready", flush=True)
time.sleep(30)
"""
RUNS_IT = """
import os, signal, sys
import bootstrap

signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(bootstrap.run([sys.executable, "-c", sys.argv[1]], dict(os.environ)))
"""


def test_ctrl_c_is_answered_by_the_command():
    """As a terminal sends it: to both processes. Jupyter asks whether to stop, which takes its time."""
    running = subprocess.Popen(
        [sys.executable, "-c", RUNS_IT, ANSWERS_CTRL_C],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    assert running.stdout is not None and running.stdout.readline() == "ready\n"
    os.killpg(running.pid, signal.SIGINT)
    _, errors = running.communicate(timeout=20)
    assert (running.returncode, errors) == (7, "")


def test_tutorials_open_as_notebooks():
    """The settings that bootstrap.py hands to Jupyter Lab, where Jupyter looks for them."""
    named = (ROOT / "bootstrap.py").read_text()
    assert 'TUTORIALS / "tools" / "jupyter"' in named and "/lab/tree/tutorials/index.md" in named
    path = ROOT / "docs" / "tutorials" / "tools" / "jupyter" / "labconfig" / "default_setting_overrides.json"
    viewers = json.loads(path.read_text())["@jupyterlab/docmanager-extension:plugin"]["defaultViewers"]
    assert viewers == {"python": "Jupytext Notebook", "markdown": "Markdown Preview"}
