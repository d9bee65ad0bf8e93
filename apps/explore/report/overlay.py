"""Overlay: hypervolumes of several studies about one reference point, seeds of one search taken together."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from thermofab.apps.explore.executor import Task
from thermofab.apps.explore.report.facts import overlay
from thermofab.apps.explore.storage import RecordStore
from thermofab.apps.explore.study import StudyFile, StudyResult, run_study
from thermofab.hw.spec import SpecError


def read_result(path: Path) -> StudyResult:
    """A finished study, from its folder or its file: ``records.db`` stands beside it, and nothing is judged anew.

    Raises:
        SpecError: there is no study or no ``records.db``, or the study is not finished.
    """
    file = path / "study.json" if path.is_dir() else path
    study, records = StudyFile.read(file), file.parent / "records.db"
    if not records.exists():
        raise SpecError(f"{records} is not there; give a study's folder, or a study file beside its records.db.")
    store = RecordStore(records)
    try:
        return run_study(study, store, _Finished(file))
    finally:
        store.close()


class _Finished:
    """An executor for a study that needs none."""

    width = 1

    def __init__(self, file: Path) -> None:
        self.file = file

    def results(self, tasks: Sequence[Task]) -> Iterator[dict[str, Any]]:
        if tasks:
            raise SpecError(f"{self.file} is not finished; run 'thermofab explore' on it with its records.db first.")
        return iter(())


def overlay_facts(results: Sequence[StudyResult]) -> dict[str, Any]:
    """Hypervolume against fabrics judged, a line per search: the mean over its seeds, and the least and the most.

    A search that proposes a fabric twice judges fewer than another; its line goes on level.

    Returns:
        ``objectives``; ``reference``, a value per objective, the worst of all; ``series``, each with ``label``,
        ``studies``, ``judged`` (a number per study), ``points`` ``[k, mean]``, ``band`` ``[k, least, most]`` (empty for
        one study) and ``last`` (a hypervolume per study).

    Raises:
        SpecError: no study, or studies whose workloads or objectives differ.
    """
    if not results:
        raise SpecError("an overlay is of at least one study.")
    first = results[0].study
    for result in results:
        if (result.study.workloads, result.study.objectives) != (first.workloads, first.objectives):
            raise SpecError(
                f"studies under one hypervolume have the same workloads and objectives; {result.study.name!r} differs "
                f"from {first.name!r}."
            )
    found = overlay({str(number): result for number, result in enumerate(results)})
    longest = max(len(result.points) for result in results)
    series = []
    for label, numbers in _searches(results).items():
        curves = [found["curves"][str(number)] for number in numbers]
        level = np.array([curve + [curve[-1] if curve else 0.0] * (longest - len(curve)) for curve in curves])
        steps = range(1, longest + 1)
        several = len(numbers) > 1
        series.append(
            {
                "label": label,
                "studies": [results[number].study.name for number in numbers],
                "judged": [len(results[number].points) for number in numbers],
                "points": [[k, float(mean)] for k, mean in zip(steps, level.mean(axis=0))],
                "band": [[k, float(a), float(b)] for k, a, b in zip(steps, level.min(axis=0), level.max(axis=0))]
                if several
                else [],
                "last": [float(value) for value in level[:, -1]],
            }
        )
    return {
        "objectives": [one.name for one in first.objectives],
        "reference": [one.shown(cost) for one, cost in zip(first.objectives, found["reference"])],
        "series": series,
    }


def _searches(results: Sequence[StudyResult]) -> dict[str, list[int]]:
    """Numbers of the studies that differ in name and seed alone, by what they are called together."""
    groups: list[tuple[StudyFile, list[int]]] = []
    for number, result in enumerate(results):
        study = result.study
        plain = study.but(name="", seed=0, settings=replace(study.settings, seed=0))
        for known, numbers in groups:
            if known == plain:
                numbers.append(number)
                break
        else:
            groups.append((plain, [number]))
    samplers = [known.sampler for known, _ in groups]
    named = {}
    for known, numbers in groups:
        label = known.sampler
        if samplers.count(label) > 1:
            label = f"{results[numbers[0]].study.name}, {label}"
        if label in named:
            label = f"{label} ({len(named) + 1})"
        named[label + (f", {len(numbers)} seeds" if len(numbers) > 1 else "")] = numbers
    return named
