"""Facts: everything that a study's page, pictures and tables show, as JSON-ready values."""

from collections.abc import Mapping
from typing import Any

from thermofab.apps.explore.candidate import OWN
from thermofab.apps.explore.importance import importance
from thermofab.apps.explore.record import Record
from thermofab.apps.explore.report.atlas import atlas
from thermofab.apps.explore.report.measures import measure_facts
from thermofab.apps.explore.study import StudyResult
from thermofab.apps.explore.workloads import workload
from thermofab.hw.spec import ToolMissingError


def facts_of(result: StudyResult, overlaid: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What a report says.

    Args:
        result: of the study.
        overlaid: this study and others (:func:`~thermofab.apps.explore.report.overlay.overlay_facts`), if they are to
            be shown in its place under the hypervolume.

    Returns:
        ``study``, ``rows`` (a record each, with its curves and the sites of its nodes), ``points`` (a candidate each,
        with the values of its objectives), ``measures`` (what they are called, and which way is better),
        ``maps`` (:mod:`~thermofab.apps.explore.report.maps`; a row's ``map`` is a number of one, or ``None``),
        ``hypervolume`` with its ``reference``, ``importance``, ``winners`` (by workload), ``about`` workloads.
    """
    objectives = result.study.objectives
    on_front = set(result.front)
    candidates = {record.candidate.digest: record.candidate for record in result.records}
    points = [
        {
            "name": point.name,
            "family": candidates[point.digest].family,
            "architecture": candidates[point.digest].architecture,
            "values": None if point.costs is None else [one.shown(c) for one, c in zip(objectives, point.costs)],
            "front": k in on_front,
            "reason": point.reason,
        }
        for k, point in enumerate(result.points)
    ]
    best = winners(result)
    maps, numbers = atlas(_important_first(result, best))
    return {
        "study": result.study.to_json(),
        "objectives": [one.name for one in objectives],
        "measures": measure_facts(objectives, {name for record in result.records for name in record.measures}),
        "about": {name: workload(name).about for name in result.study.workloads},
        "points": points,
        "rows": [row_of(record.to_json()) | {"map": numbers.get(record.key)} for record in result.records],
        "maps": maps,
        "hypervolume": list(result.hypervolumes),
        "reference": [one.shown(cost) for one, cost in zip(objectives, result.reference)],
        "importance": _importance(result),
        "winners": best,
        "overlay": overlaid,
        "fresh": result.fresh,
        "seconds": sum(record.seconds for record in result.records),
    }


def _important_first(result: StudyResult, best: list[dict[str, Any]]) -> list[Record]:
    """Records that run: winners, those of the front, the others."""
    won = {(one["workload"], one[place]) for one in best for place in ("first", "general")}
    ahead = {result.points[k].digest for k in result.front}

    def rank(record: Record) -> tuple[bool, bool]:
        return (record.workload, record.candidate.name) not in won, record.candidate.digest not in ahead

    return sorted((record for record in result.records if record.feasible), key=rank)


def _importance(result: StudyResult) -> Mapping[str, Mapping[str, float]]:
    try:
        return importance(result)
    except ToolMissingError:
        return {}


def row_of(record: dict[str, Any]) -> dict[str, Any]:
    """A record as a flat row."""
    candidate = record["candidate"]
    return {
        "name": record["name"],
        "family": candidate["family"],
        "architecture": candidate["architecture"],
        "workload": record["workload"],
        "key": record["key"],
        "feasible": record["feasible"],
        "reason": record["reason"],
        "measures": {
            name: [one["value"], one["standing"], one["unit"], one["how"]] for name, one in record["measures"].items()
        },
        "curves": record["curves"],
        "copies": record["copies"],
        "seconds": record["seconds"],
    }


def winners(result: StudyResult, measure: str = "ess_per_klut_second", tv: float = 0.02) -> list[dict[str, Any]]:
    """Of every workload the fabric with the most of a measure whose distance is at most ``tv``, the next of another
    family or architecture, and the best that is not the program's own graph."""
    found = []
    for name in result.study.workloads:
        good = [
            record
            for record in result.records
            if record.workload == name and record.feasible and record.value(measure) and (record.value("tv") or 0) <= tv
        ]
        good.sort(key=lambda record: -(record.value(measure) or 0.0))
        if not good:
            continue
        first = good[0]
        kind = (first.candidate.family, first.candidate.architecture)
        others = [one for one in good if (one.candidate.family, one.candidate.architecture) != kind]
        general = [one for one in good if one.candidate.family != OWN]
        found.append(
            {
                "workload": name,
                "measure": measure,
                "first": first.candidate.name,
                "value": first.value(measure),
                "tv": first.value("tv"),
                "sites": first.value("sites"),
                "clocks_per_sweep": first.value("clocks_per_sweep"),
                "ess_per_sweep": first.value("ess_per_sweep"),
                "lut4": first.value("lut4"),
                "second": others[0].candidate.name if others else None,
                "second_value": others[0].value(measure) if others else None,
                "general": general[0].candidate.name if general else None,
                "general_value": general[0].value(measure) if general else None,
            }
        )
    return found


def overlay(results: Mapping[str, StudyResult]) -> dict[str, Any]:
    """Hypervolumes of several studies of the same objectives about one reference point, the worst of all."""
    from thermofab.apps.explore.objectives import hypervolume

    worst = tuple(max(costs) for costs in zip(*(result.reference for result in results.values())))
    curves = {}
    for name, result in results.items():
        costs = [point.costs for point in result.points]
        curves[name] = [hypervolume(costs[: k + 1], worst) for k in range(len(costs))]
    return {"reference": list(worst), "curves": curves}
