"""The files of a report: page, pictures, table, numbers, and the study that reproduces them."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from thermofab.apps.console import made
from thermofab.apps.explore.report.curves import draw_curves
from thermofab.apps.explore.report.facts import facts_of
from thermofab.apps.explore.report.front import draw_front
from thermofab.apps.explore.report.map_picture import draw_maps
from thermofab.apps.explore.report.measures import COLUMNS
from thermofab.apps.explore.report.overlay import overlay_facts
from thermofab.apps.explore.report.overlay_files import draw_overlay
from thermofab.apps.explore.report.page import page
from thermofab.apps.explore.study import StudyResult
from thermofab.hw.spec import SpecError


def write_report(result: StudyResult, folder: Path, others: Sequence[StudyResult] = ()) -> list[Path]:
    """Write ``index.html``, ``front.png``, ``curves.png``, ``maps.png``, ``records.csv``, ``result.json`` and
    ``study.json`` into a folder.

    Args:
        result: of the study.
        folder: made if it is not there.
        others: studies of the same workloads and objectives to overlay; then there is an ``overlay.png`` too.

    Raises:
        SpecError: the folder cannot be made, or another study has other workloads or objectives.
    """
    try:
        made(folder)
    except OSError as error:
        raise SpecError(f"the folder {folder} cannot be made ({error.strerror}); choose another place.") from error
    overlaid = overlay_facts([result, *others]) if others else None
    facts = facts_of(result, overlaid)
    paths = [folder / name for name in ("index.html", "records.csv", "result.json", "study.json")]
    paths[0].write_text(page(facts))
    _table(facts, paths[1])
    paths[2].write_text(json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    result.study.write(paths[3])
    pictures = (("front.png", draw_front), ("curves.png", draw_curves), ("maps.png", draw_maps))
    paths += [draw(facts, folder / name) for name, draw in pictures]
    return paths if overlaid is None else [*paths, draw_overlay(overlaid, folder / "overlay.png")]


def _table(facts: dict[str, Any], path: Path) -> None:
    """A row a record; every measure with its standing behind it."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        head = ["name", "workload", "feasible", "reason"]
        writer.writerow(head + [text for name in COLUMNS for text in (name, f"{name}_is")])
        for row in facts["rows"]:
            cells = [row[name] for name in head]
            for name in COLUMNS:
                value, standing = (*row["measures"].get(name, (None, None)),)[:2]
                cells += [value, standing]
            writer.writerow(cells)
