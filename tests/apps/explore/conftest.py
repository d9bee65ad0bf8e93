"""One small study and its report, for all tests that read one."""

import json

import pytest
from typer.testing import CliRunner

from thermofab.apps.cli import app
from thermofab.apps.explore import Settings, Space, StudyFile


@pytest.fixture(scope="session")
def reported():
    """The study of :func:`made`."""
    return StudyFile(
        "reported </script>",
        ("spin-glass", "expert-router"),
        space=Space(("king-4x4", "g8-8x8-torus", "complete-20", "own"), ("spatial", "dense")),
        settings=Settings(samples=200, warmup=50, replicas=16),
    )


@pytest.fixture(scope="session")
def made(tmp_path_factory, reported):
    """The folder of a report, and what the command printed."""
    folder = tmp_path_factory.mktemp("report")
    reported.write(folder / "asked.json")
    done = CliRunner().invoke(app, ["explore", str(folder / "asked.json"), "--out", str(folder / "out"), "--json"])
    assert done.exit_code == 0, done.output
    return folder / "out", json.loads(done.stdout)
