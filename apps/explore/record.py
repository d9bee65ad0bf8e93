"""Record: what is known of one candidate on one workload, each number with its standing."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from thermofab.apps.explore.candidate import Candidate
from thermofab.hw.spec import SpecError

STANDINGS = ("measured", "modelled", "quoted", "enumerated", "predicted", "bounded", "counted", "unknown")

Curve = tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Measure:
    """A number and what it is worth.

    Attributes:
        value: ``None`` where it is unknown.
        unit: "" for a pure number.
        standing: ``"measured"`` (by a run, a counter or placed synthesis), ``"modelled"`` (a fitted or derived
            formula), ``"quoted"`` (a maker's own), ``"enumerated"`` (all states), ``"bounded"`` (proved to be at most
            this), ``"predicted"`` (an estimate), ``"counted"`` (of a design, such as its sites) or ``"unknown"``.
        how: source, or the error of a model; may be "".
    """

    value: float | None
    unit: str
    standing: str
    how: str = ""

    def __post_init__(self) -> None:
        if self.standing not in STANDINGS:
            raise SpecError(f"standing must be one of {', '.join(STANDINGS)}, got {self.standing!r}.")


@dataclass(frozen=True)
class Record:
    """One candidate on one workload.

    Attributes:
        candidate, workload: what was judged, and by what.
        key: digest of candidate, workload and settings (:func:`~thermofab.apps.explore.evaluate.key_of`).
        feasible: whether the workload runs on the candidate and was judged to the end.
        reason: why not; ``None`` if feasible.
        measures: by name; those known before an infeasible point was given up are there too.
        curves: points (x, y) of what a table cannot show: ``"autocorrelation"`` of all observables together by the lag
            in sweeps, ``"r_hat"`` the largest split R-hat less 1 and, of an enumerated workload, ``"tv"``, both by the
            sweeps since the warm-up.
        copies: sites of every node of the workload, of its first copy on the fabric.
        seconds: that judging it took; no part of equality.
    """

    candidate: Candidate
    workload: str
    key: str
    feasible: bool
    reason: str | None
    measures: Mapping[str, Measure]
    curves: Mapping[str, Curve] = field(default_factory=dict)
    copies: tuple[tuple[int, ...], ...] = ()
    seconds: float = field(default=0.0, compare=False)

    def __post_init__(self) -> None:
        if self.feasible != (self.reason is None):
            raise SpecError("a record has a reason if, and only if, it is infeasible.")

    def value(self, measure: str) -> float | None:
        """A measure's value; ``None`` where there is none."""
        found = self.measures.get(measure)
        return None if found is None else found.value

    def to_json(self) -> dict[str, Any]:
        return {
            "candidate": self.candidate.to_json(),
            "name": self.candidate.name,
            "workload": self.workload,
            "key": self.key,
            "feasible": self.feasible,
            "reason": self.reason,
            "measures": {name: asdict(measure) for name, measure in self.measures.items()},
            "curves": {name: [list(point) for point in curve] for name, curve in self.curves.items()},
            "copies": [list(sites) for sites in self.copies],
            "seconds": self.seconds,
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "Record":
        """Inverse of :meth:`to_json`."""
        return Record(
            Candidate.from_json(data["candidate"]),
            data["workload"],
            data["key"],
            data["feasible"],
            data["reason"],
            {name: Measure(**measure) for name, measure in data["measures"].items()},
            {name: tuple((x, y) for x, y in curve) for name, curve in data["curves"].items()},
            tuple(map(tuple, data["copies"])),
            data["seconds"],
        )
