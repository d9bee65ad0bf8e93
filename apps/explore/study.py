"""Study: a file that says what is compared, and the run of it: resumable, shared by processes, on any executor."""

import json
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from threading import Event, Thread
from typing import Any

from thermofab.apps.explore.candidate import Candidate
from thermofab.apps.explore.evaluate import key_of
from thermofab.apps.explore.executor import Executor, InProcess, Task
from thermofab.apps.explore.objectives import Objective, Point, front, hypervolume, point_of
from thermofab.apps.explore.record import Record
from thermofab.apps.explore.search import SAMPLERS, search_of
from thermofab.apps.explore.settings import Settings
from thermofab.apps.explore.space import Space
from thermofab.apps.explore.storage import RecordStore
from thermofab.apps.explore.workloads import workload
from thermofab.hw.spec import SpecError

OBJECTIVES = (Objective("ess_per_klut_second", "max"), Objective("tv", "min"))
_POLL = 0.2  # seconds between looks for what other processes make
_SIGN = 60.0  # seconds between signs of life
Progress = Callable[[int, int, Record], None]


@dataclass(frozen=True)
class StudyFile:
    """Everything that decides a study's numbers, as a JSON or TOML file holds it.

    Attributes:
        name: of the study.
        workloads: names of :data:`~thermofab.apps.explore.workloads.WORKLOADS`, or ``file:PATH``.
        candidates: listed one by one.
        space: a grid of choices; at least one of the two is there.
        objectives: of the front, two or three as a rule.
        limits: largest allowed value by measure, on every workload; beyond it a point is infeasible.
        sampler: ``"grid"`` (all), ``"random"`` or ``"nsga2"``.
        trials: candidates judged at most; 0 takes all of a grid.
        population: of a generation of NSGA-II.
        seed: of the sampler.
        reference: of the hypervolume, one value per objective; by default the worst values that occurred.
        settings: how candidates are judged.

    Raises:
        SpecError: nothing to compare, or a field outside its range.
    """

    name: str
    workloads: tuple[str, ...]
    candidates: tuple[Candidate, ...] = ()
    space: Space | None = None
    objectives: tuple[Objective, ...] = OBJECTIVES
    limits: Mapping[str, float] = field(default_factory=dict)
    sampler: str = "grid"
    trials: int = 0
    population: int = 16
    seed: int = 0
    reference: tuple[float, ...] | None = None
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        if not self.workloads or not self.objectives or not (self.candidates or self.space):
            raise SpecError("a study has workloads, objectives, and candidates or a space.")
        if self.sampler not in SAMPLERS:
            raise SpecError(f"a sampler is one of {', '.join(SAMPLERS)}, got {self.sampler!r}.")
        if self.trials < 0 or self.population < 2 or self.seed < 0:
            raise SpecError("a study's trials and seed are not negative, and a population is of at least 2.")
        if self.reference is not None and len(self.reference) != len(self.objectives):
            raise SpecError(f"a reference point has a value per objective, {len(self.objectives)} here.")

    @staticmethod
    def read(path: Path) -> "StudyFile":
        """From a .json or .toml file.

        Raises:
            SpecError: there is no such file, or it is no study.
        """
        try:
            text = path.read_text()
            data = tomllib.loads(text) if path.suffix == ".toml" else json.loads(text)
        except OSError as error:
            raise SpecError(f"the study {path} cannot be read: {error.strerror}.") from error
        except ValueError as error:
            raise SpecError(f"{path} is neither JSON nor TOML: {error}.") from None
        return StudyFile.from_json(data)

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> "StudyFile":
        """Inverse of :meth:`to_json`."""
        known = {one.name for one in fields(StudyFile)}
        if set(data) - known or not {"name", "workloads"} <= set(data):
            raise SpecError(f"a study has a name, workloads, and of {', '.join(sorted(known))}; got {', '.join(data)}.")
        rest = dict(data)
        rest["workloads"] = tuple(rest["workloads"])
        rest["candidates"] = tuple(
            Candidate.of(one) if isinstance(one, str) else Candidate.from_json(one)
            for one in rest.get("candidates", ())
        )
        if rest.get("space") is not None:
            rest["space"] = Space.from_json(rest["space"])
        if "objectives" in rest:
            rest["objectives"] = tuple(map(Objective.from_json, rest["objectives"]))
        if rest.get("reference") is not None:
            rest["reference"] = tuple(map(float, rest["reference"]))
        if "settings" in rest:
            rest["settings"] = Settings.from_json(rest["settings"])
        return StudyFile(**rest)

    def to_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "workloads": list(self.workloads),
            "candidates": [one.to_json() for one in self.candidates],
            "space": None if self.space is None else self.space.to_json(),
            "objectives": [one.to_json() for one in self.objectives],
            "limits": dict(self.limits),
            "sampler": self.sampler,
            "trials": self.trials,
            "population": self.population,
            "seed": self.seed,
            "reference": None if self.reference is None else list(self.reference),
            "settings": self.settings.to_json(),
        }

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n")

    def but(self, **changes: Any) -> "StudyFile":
        """The same with other fields."""
        return replace(self, **changes)


@dataclass(frozen=True, eq=False)
class StudyResult:
    """What a study found.

    Attributes:
        study: the file.
        records: of every candidate judged, in the order of the search, a workload each.
        points: of every candidate judged, in that order; a candidate stands once.
        fresh: how many records this run made; the others were kept from before, or made by others.
        seconds: of this run.
    """

    study: StudyFile
    records: tuple[Record, ...]
    points: tuple[Point, ...]
    fresh: int
    seconds: float

    @cached_property
    def front(self) -> tuple[int, ...]:
        """Indices of points that no other betters."""
        return tuple(front([point.costs for point in self.points]))

    @cached_property
    def reference(self) -> tuple[float, ...]:
        """Costs of the reference point of the hypervolume: the study's, or the worst that occurred."""
        objectives = self.study.objectives
        if self.study.reference is not None:
            return tuple(one.cost(value) for one, value in zip(objectives, self.study.reference))
        costs = [point.costs for point in self.points if point.costs]
        return (
            tuple(max(row[k] for row in costs) for k in range(len(objectives))) if costs else (0.0,) * len(objectives)
        )

    @cached_property
    def hypervolumes(self) -> tuple[float, ...]:
        """After every point, in decades of every objective multiplied."""
        costs = [point.costs for point in self.points]
        return tuple(hypervolume(costs[: k + 1], self.reference) for k in range(len(costs)))


def run_study(
    study: StudyFile,
    store: RecordStore,
    executor: Executor | None = None,
    progress: Progress | None = None,
) -> StudyResult:
    """Judge a study's candidates, and keep every record at once.

    What ``store`` holds is not made again; what another process is making is waited for. The records, points and front
    depend on the study alone: not on the executor, the number of processes, or how often it was interrupted.

    Args:
        study: what to do.
        store: where records are kept.
        executor: where candidates are judged; by default here.
        progress: called with records there are, records known to be wanted, and each record as it comes.
    """
    begun, runner = time.perf_counter(), executor or InProcess()
    search = search_of(
        study.sampler, study.space, study.candidates, len(study.objectives), study.trials, study.population, study.seed
    )  # fmt: skip
    limits, points, records, fresh = study.limits, {}, {}, 0
    with _alive(store):
        while asked := search.ask():
            tasks = _tasks(study, asked)
            found, made = _judged(store, list(tasks.values()), runner, progress, len(records))
            fresh += made
            told = []
            for candidate in asked:
                mine = [found[tasks[candidate.digest, name].key] for name in study.workloads]
                point = point_of(mine, study.objectives, limits)
                records |= {record.key: record for record in mine}
                points.setdefault(point.digest, point)
                told.append(point)
            search.tell(told)
    seconds = time.perf_counter() - begun
    return StudyResult(study, tuple(records.values()), tuple(points.values()), fresh, seconds)


def _tasks(study: StudyFile, candidates: Sequence[Candidate]) -> dict[tuple[str, str], Task]:
    settings = study.settings.to_json()
    return {
        (one.digest, name): Task(key_of(one, workload(name), study.settings), one.to_json(), name, settings)
        for one in candidates
        for name in study.workloads
    }


def _judged(
    store: RecordStore, tasks: Sequence[Task], runner: Executor, progress: Progress | None, before: int
) -> tuple[dict[str, Record], int]:
    """Records of all tasks by key, and how many were made here."""
    by_key = {task.key: task for task in tasks}
    found, made = {}, 0

    def take(record: Record) -> None:
        found[record.key] = record
        if progress is not None:
            progress(before + len(found), before + len(by_key), record)

    while True:
        for record in store.get(key for key in by_key if key not in found).values():
            take(record)
        claimed: list[Task] = []
        for key, task in by_key.items():
            if len(claimed) == runner.width:
                break
            if key not in found and store.claim(key):
                claimed.append(task)
        # Between the look and the claim another process may have made it.
        for record in store.get(task.key for task in claimed).values():
            take(record)
            store.release([record.key])
        for data in runner.results([task for task in claimed if task.key not in found]):
            record = Record.from_json(data)
            made += store.put(record)
            take(record)
        if len(found) == len(by_key):
            return found, made
        if not claimed:
            time.sleep(_POLL)


@contextmanager
def _alive(store: RecordStore) -> Iterator[None]:
    """Signs of life while this lasts; claims end with it."""
    done = Event()

    def signs() -> None:
        while not done.wait(_SIGN):
            store.renew()

    thread = Thread(target=signs, daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        store.release()
