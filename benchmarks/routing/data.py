"""RouteLLM's weak/strong answers as prompts, subjects and qualities."""

import csv
import gzip
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from thermofab.hw.spec import SpecError

DEFAULT = Path("../shared/data/routing/weak_strong_responses.csv.gz")
MODELS = ("mixtral-8x7b", "gpt-4-1106")
COSTS = np.array([0.0, 1.0])
"""Share of calls to the dear model is what is paid."""


@dataclass(frozen=True)
class Responses:
    """``prompts`` [N], ``subjects`` [N], ``quality`` float64 [N, 2]: weak, strong."""

    prompts: list[str]
    subjects: np.ndarray
    quality: np.ndarray

    def take(self, rows: np.ndarray) -> "Responses":
        return Responses([self.prompts[k] for k in rows], self.subjects[rows], self.quality[rows])


def read_responses(path: Path = DEFAULT) -> Responses:
    """
    Raises:
        SpecError: no such file.
    """
    if not path.is_file():
        raise SpecError(f"there is no {path}; give the path of weak_strong_responses.csv.gz.")
    with gzip.open(path, "rt", newline="") as file:
        rows = list(csv.DictReader(file))
    quality = [[row["weak_correct"] == "True", row["strong_correct"] == "True"] for row in rows]
    return Responses([row["prompt"] for row in rows], np.array([row["task"] for row in rows]), np.array(quality, float))
