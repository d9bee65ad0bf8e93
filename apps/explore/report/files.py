"""The files of a report: page, pictures, table, numbers, and the study that reproduces them."""

import csv
import json
from pathlib import Path
from typing import Any

from thermofab.apps.explore.report.facts import facts_of
from thermofab.apps.explore.report.page import COLUMNS, page
from thermofab.apps.explore.study import StudyResult
from thermofab.hw.spec import SpecError


def write_report(result: StudyResult, folder: Path) -> list[Path]:
    """Write ``index.html``, ``front.png``, ``records.csv``, ``result.json`` and ``study.json`` into a folder.

    Raises:
        SpecError: the folder cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SpecError(f"the folder {folder} cannot be made ({error.strerror}); choose another place.") from error
    facts = facts_of(result)
    paths = [folder / name for name in ("index.html", "front.png", "records.csv", "result.json", "study.json")]
    paths[0].write_text(page(facts))
    _picture(result, facts, paths[1])
    _table(facts, paths[2])
    paths[3].write_text(json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    result.study.write(paths[4])
    return paths


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


def _picture(result: StudyResult, facts: dict[str, Any], path: Path) -> None:
    """The first two objectives of every point, and the hypervolume."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4), layout="constrained")
    plot, curve = figure.subplots(1, 2)
    objectives = result.study.objectives
    shown = [one for one in facts["points"] if one["values"]]
    for architecture in sorted({one["architecture"] for one in shown}):
        mine = [one for one in shown if one["architecture"] == architecture]
        x = [one["values"][0] for one in mine]
        y = [one["values"][min(1, len(objectives) - 1)] for one in mine]
        plot.scatter(x, y, s=[60 if one["front"] else 20 for one in mine], label=architecture, alpha=0.75)
    plot.set(xscale="log", yscale="log", xlabel=objectives[0].name, ylabel=objectives[min(1, len(objectives) - 1)].name)
    if shown:
        plot.legend(title="large: on the front", fontsize=8)
    curve.plot(range(1, len(result.hypervolumes) + 1), result.hypervolumes)
    curve.set(xlabel="fabrics judged", ylabel="hypervolume")
    figure.savefig(path, dpi=120)
