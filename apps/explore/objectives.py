"""Objectives: what a study wants much or little of, the front of what is not bettered, and the volume it covers.

Values are compared as decimal logarithms, smaller being better: log₁₀ max(value, floor), negated where much is wanted.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from thermofab.apps.explore.record import Record
from thermofab.hw.spec import SpecError

DIRECTIONS = ("max", "min")
OVER = ("mean", "worst")
# Below these, differences are not worth anything: the distance that a run of the default length can tell from 0.
_FLOORS = {"tv": 5e-3, "reported_tv": 5e-3}
_FLOOR = 1e-12


@dataclass(frozen=True)
class Objective:
    """One quantity.

    Attributes:
        measure: a measure of records, such as ``"ess_per_klut_second"``.
        direction: ``"max"`` or ``"min"``.
        over: what a candidate's several workloads make together: ``"mean"`` of logarithms, or the ``"worst"``.
        floor: values below count as this; by default 0.005 for distances.

    Raises:
        SpecError: an unknown direction or way of taking workloads together.
    """

    measure: str
    direction: str = "max"
    over: str = ""
    floor: float = 0.0

    def __post_init__(self) -> None:
        if not self.over:
            object.__setattr__(self, "over", "worst" if self.measure in _FLOORS else "mean")
        if not self.floor:
            object.__setattr__(self, "floor", _FLOORS.get(self.measure, _FLOOR))
        if self.direction not in DIRECTIONS or self.over not in OVER or self.floor <= 0:
            raise SpecError(
                f"an objective is max or min of a measure, over workloads mean or worst, with a positive floor; got "
                f"{self.direction!r}, {self.over!r}, {self.floor!r}."
            )

    @staticmethod
    def of(text: str) -> "Objective":
        """From ``"max:MEASURE"`` or ``"min:MEASURE"``.

        Raises:
            SpecError: other text.
        """
        direction, colon, measure = text.partition(":")
        if not colon or not measure or direction not in DIRECTIONS:
            raise SpecError(f"an objective is written max:MEASURE or min:MEASURE, got {text!r}.")
        return Objective(measure, direction)

    @staticmethod
    def from_json(data: str | Mapping[str, Any]) -> "Objective":
        return Objective.of(data) if isinstance(data, str) else Objective(**data)

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def name(self) -> str:
        return f"{self.direction}:{self.measure}"

    def cost(self, value: float) -> float:
        """A value as what is to be little."""
        logarithm = float(np.log10(max(value, self.floor)))
        return -logarithm if self.direction == "max" else logarithm

    def together(self, values: Sequence[float]) -> float:
        """The cost of several workloads."""
        costs = [self.cost(value) for value in values]
        return max(costs) if self.over == "worst" else float(np.mean(costs))

    def shown(self, cost: float) -> float:
        """The value that a cost stands for."""
        return float(10 ** (-cost if self.direction == "max" else cost))


@dataclass(frozen=True)
class Point:
    """A candidate over all workloads of a study.

    Attributes:
        name, digest: the candidate's.
        costs: of every objective; ``None`` where it is infeasible.
        reason: why, the first reason of a workload.
        violation: how many workloads it cannot run, and by how much limits are exceeded; 0 if it is feasible.
    """

    name: str
    digest: str
    costs: tuple[float, ...] | None
    reason: str | None
    violation: float


def point_of(records: Sequence[Record], objectives: Sequence[Objective], limits: Mapping[str, float]) -> Point:
    """One candidate's records, a workload each, as a point.

    Args:
        records: of one candidate.
        objectives: of the study.
        limits: largest allowed value by measure, on every workload.
    """
    candidate = records[0].candidate
    reasons, violation = [], 0.0
    for record in records:
        if not record.feasible:
            reasons.append(f"{record.workload}: {record.reason}")
            violation += 1
            continue
        unknown = [one.measure for one in objectives if record.value(one.measure) is None]
        if unknown:
            reasons.append(f"{record.workload}: {unknown[0]} is not known of this fabric")
            violation += 1
        for measure, most in limits.items():
            value = record.value(measure)
            if value is not None and value > most:
                reasons.append(f"{record.workload}: {measure} is {value:.4g}, above the limit of {most:g}")
                violation += float(min(value / most - 1, 1.0)) if most > 0 else 1.0
    if reasons:
        return Point(candidate.name, candidate.digest, None, reasons[0], violation)
    costs = tuple(one.together([record.value(one.measure) or 0.0 for record in records]) for one in objectives)
    return Point(candidate.name, candidate.digest, costs, None, 0.0)


def front(costs: Sequence[Sequence[float] | None]) -> list[int]:
    """Which points no other betters in one objective without being worse in another; of equal points all."""
    known = [k for k, row in enumerate(costs) if row is not None]
    rows = np.array([costs[k] for k in known], dtype=np.float64)
    kept = []
    for k, row in zip(known, rows):
        if not np.any(np.all(rows <= row, axis=1) & np.any(rows < row, axis=1)):
            kept.append(k)
    return kept


def hypervolume(costs: Sequence[Sequence[float] | None], reference: Sequence[float]) -> float:
    """Volume between the front and a reference point, which counts where it is worse in everything; exact, by slices
    along the last objective."""
    rows = [tuple(row) for row in costs if row is not None and all(a < b for a, b in zip(row, reference))]
    return _volume(sorted(set(rows), key=lambda row: row[-1]), tuple(reference))


def _volume(rows: list[tuple[float, ...]], reference: tuple[float, ...]) -> float:
    if not rows:
        return 0.0
    if len(reference) == 1:
        return reference[0] - min(row[0] for row in rows)
    total = 0.0
    for k, row in enumerate(rows):
        above = rows[k + 1][-1] if k + 1 < len(rows) else reference[-1]
        if above > row[-1]:
            slice_ = [other[:-1] for other in rows[: k + 1]]
            kept = [slice_[index] for index in front(slice_)]
            total += (above - row[-1]) * _volume(sorted(set(kept), key=lambda one: one[-1]), reference[:-1])
    return total
