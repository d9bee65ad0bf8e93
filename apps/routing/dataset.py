"""Prompts with the quality of every model's answer, read from a CSV file or made."""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from thermofab.apps.routing.made import made
from thermofab.apps.routing.providers import Catalogue
from thermofab.apps.routing.requests import ExecuteRequest, TaskType
from thermofab.hw.spec import SpecError


@dataclass(frozen=True)
class Answers:
    """``requests`` [N]; ``groups`` [N], to hold out whole; ``quality`` float64 [N, K], NaN unknown."""

    requests: tuple[ExecuteRequest, ...]
    groups: np.ndarray
    quality: np.ndarray


def read_answers(path: Path, catalogue: Catalogue) -> Answers:
    """From a CSV file, gzipped or not: a column ``prompt``, one a model by id, and perhaps ``task``.

    Qualities are 0…1, true or false, empty where unknown; ``task`` is a group, and a kind of work where it names one.

    Raises:
        SpecError: no such file, a column missing, or a quality that is no number in 0…1.
    """
    if not path.is_file():
        raise SpecError(f"there is no {path}; a CSV file with prompt, {', '.join(catalogue.ids)} is expected.")
    with (gzip.open if path.suffix == ".gz" else open)(path, "rt", newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        missing = [name for name in ("prompt", *catalogue.ids) if name not in (reader.fieldnames or ())]
        if missing:
            raise SpecError(f"{path} lacks the columns {', '.join(missing)}.")
        rows = list(reader)
    kinds = set(TaskType)
    requests, quality = [], np.empty((len(rows), len(catalogue.ids)))
    for number, row in enumerate(rows):
        task = row.get("task") or ""
        requests.append(ExecuteRequest(row["prompt"], TaskType(task) if task in kinds else TaskType.OTHER))
        for k, name in enumerate(catalogue.ids):
            quality[number, k] = _quality(row[name], f"{name} in row {number + 1} of {path}")
    return Answers(tuple(requests), np.array([row.get("task") or "" for row in rows]), quality)


def _quality(text: str, where: str) -> float:
    words = {"": float("nan"), "true": 1.0, "false": 0.0}
    try:
        value = words[text.strip().lower()] if text.strip().lower() in words else float(text)
    except ValueError:
        raise SpecError(f"{where} must be a quality in 0…1, true or false, got {text!r}.") from None
    if not np.isnan(value) and not 0 <= value <= 1:
        raise SpecError(f"{where} must be a quality in 0…1, got {value}.")
    return value


def made_answers(catalogue: Catalogue, rows: int, seed: int) -> Answers:
    """The package's made prompts, grouped by kind."""
    one = made(catalogue, rows, seed)
    return Answers(one.requests, np.array([request.task_type.value for request in one.requests]), one.quality)
