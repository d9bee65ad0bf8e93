"""What a bench is told and what it reports: two JSON files in the folder of a simulation.

A job is a frozen dataclass of JSON values. The caller writes it, the bench reads it by its class; the environment
variable ``THERMOFAB_JOB`` names the file. Modules of cocotb take no arguments, so there is no other way in.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from thermofab.hw.spec import FabricSpec

VARIABLE = "THERMOFAB_JOB"


@dataclass(frozen=True)
class Job:
    """What every bench is told.

    Attributes:
        fabric: the spec as JSON (:meth:`FabricSpec.to_json`).
        seed: fixes all choices of the bench.
    """

    fabric: dict[str, Any]
    seed: int

    @property
    def spec(self) -> FabricSpec:
        return FabricSpec.from_json(self.fabric)


@dataclass(frozen=True)
class FabricJob(Job):
    """``updates``: site updates to compare."""

    updates: int


Kind = TypeVar("Kind", bound=Job)


def write_job(job: Job, folder: Path) -> dict[str, str]:
    """Write a job; the environment in which :func:`read_job` finds it."""
    file = folder / "job.json"
    file.write_text(json.dumps(asdict(job)))
    return {VARIABLE: str(file)}


def read_job(kind: type[Kind]) -> Kind:
    """The job of this simulation, inside the simulator."""
    return kind(**json.loads(Path(os.environ[VARIABLE]).read_text()))


def report_file(folder: Path) -> Path:
    return folder / "report.json"


def report(**found: Any) -> None:
    """Add JSON values to what the bench reports, inside the simulator."""
    file = report_file(Path(os.environ[VARIABLE]).parent)
    known = json.loads(file.read_text()) if file.exists() else {}
    file.write_text(json.dumps(known | found))
