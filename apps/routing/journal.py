"""Outcomes on disk: one JSON object a line, only ever appended to, enough to learn the same again."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from thermofab.apps.routing.requests import Constraints, ExecuteRequest, Preferences, TaskType
from thermofab.hw.spec import SpecError


@dataclass(frozen=True)
class Outcome:
    """A request, the model that answered with its propensity, and how it went (0…1, seconds).

    Raises:
        SpecError: a quality outside 0…1, a latency that is negative, or a propensity outside (0, 1].
    """

    request: ExecuteRequest
    model: str
    propensity: float
    quality: float
    latency: float

    def __post_init__(self) -> None:
        if not 0 <= self.quality <= 1:
            raise SpecError(f"the actual quality must be in [0, 1], got {self.quality}.")
        if not 0 <= self.latency < float("inf"):
            raise SpecError(f"the actual latency must be at least 0 seconds, got {self.latency}.")
        if not 0 < self.propensity <= 1:
            raise SpecError(f"a propensity is in (0, 1], got {self.propensity}.")

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @staticmethod
    def from_json(content: dict[str, Any]) -> "Outcome":
        """
        Raises:
            SpecError: not what :meth:`to_json` gives.
        """
        try:
            asked = dict(content["request"])
            rules = dict(asked["constraints"])
            rules |= {name: tuple(rules[name]) for name in ("providers", "excluded") if rules[name] is not None}
            asked |= {"task_type": TaskType(asked["task_type"]), "constraints": Constraints(**rules)}
            asked["preferences"] = Preferences(**asked["preferences"])
            rest = {field.name: content[field.name] for field in fields(Outcome) if field.name != "request"}
            return Outcome(ExecuteRequest(**asked), **rest)
        except (KeyError, TypeError, ValueError) as error:
            raise SpecError(f"not an outcome of a journal: {error!r}.") from None


def append(path: Path, outcome: Outcome) -> None:
    """Add a line; it is on its way to the disk when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(outcome.to_json(), ensure_ascii=False) + "\n")


def read(path: Path) -> Iterator[Outcome]:
    """Outcomes in order. A last line that was cut off while being written is left out.

    Raises:
        SpecError: no such file, or a line that is no outcome.
    """
    if not path.is_file():
        raise SpecError(f"there is no journal {path}.")
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            try:
                content = json.loads(line)
            except json.JSONDecodeError:
                if not line.endswith("\n"):
                    return
                raise SpecError(f"line {number} of {path} is not JSON.") from None
            yield Outcome.from_json(content)
