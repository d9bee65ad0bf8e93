"""bootstrap.py: Ctrl-C belongs to the command it runs, and what `tutorials` opens is there."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import bootstrap

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


def test_an_environment_keeps_what_other_jobs_installed(tmp_path, monkeypatch):
    """The fault: the demo cleared the development tools, and the tests cleared the demo's. Only pip is not run here."""
    done = []
    monkeypatch.setattr(bootstrap, "VENV", tmp_path / "env")
    monkeypatch.setattr(bootstrap.venv, "create", lambda where, **_: (done.append("made"), where.mkdir(exist_ok=True)))
    monkeypatch.setattr(bootstrap.subprocess, "run", lambda command, check: done.append(command[-1].split("[")[1]))
    (tmp_path / "pyproject.toml").write_text("one")
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)

    def installed(job: str) -> list[str]:
        done.clear()
        bootstrap.install(bootstrap.EXTRAS[job])
        return list(done)

    assert installed("demo") == ["made", "rtl]"]
    assert installed("demo") == []
    assert installed("test") == ["dev,docs,rtl]"]
    assert installed("demo") == installed("lint") == installed("test") == []
    (tmp_path / "pyproject.toml").write_text("two")
    assert installed("demo") == ["made", "dev,docs,rtl]"]
