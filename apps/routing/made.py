"""Made prompts: templates of known difficulty, and the chance of each model on them. For tests and demonstrations.

Nothing here was asked of any model. A prompt has a kind and a difficulty d in 0…1 that its words and length show; a
model of the catalogue with quality q is right with probability σ(6 (q + skill - d)), skill +.15 where the model's name
says that it is made for the kind ("code" for code, "reasoner" for mathematics).
"""

from dataclasses import dataclass

import numpy as np

from thermofab.apps.routing.providers import Catalogue
from thermofab.apps.routing.requests import ExecuteRequest, TaskType

TEMPLATES: tuple[tuple[TaskType, float, str], ...] = (
    (TaskType.SIMPLE, 0.1, "Say hello to {name} in one line."),
    (TaskType.SIMPLE, 0.15, "What day comes after {day}?"),
    (TaskType.SUMMARISATION, 0.35, "Summarise this note from {name} in two sentences: we met on {day} and agreed."),
    (TaskType.QUESTION_ANSWERING, 0.4, "In which year was the {thing} invented, and by whom?"),
    (TaskType.TRANSLATION, 0.45, "Translate into French: {name} bought a {thing} on {day}."),
    (TaskType.CODE_GENERATION, 0.55, "Write def sort_{thing}(rows): in Python, by {day}; return rows."),
    (TaskType.DEBUGGING, 0.65, "This fails with KeyError: ```return {thing}[{number}]``` Find why and mend it."),
    (TaskType.MATHEMATICS, 0.7, "{name} sells {number} pieces at {price} dollars and pays {tax}% tax. What is left?"),
    (TaskType.MATHEMATICS, 0.9, "Prove that for every n > {number} the sum of divisors is below {price} n log n."),
    (TaskType.CODE_GENERATION, 0.9, "Implement distributed microservices for {thing}: consensus, sharding, retries."),
)
_SKILLS = {"code": (TaskType.CODE_GENERATION, TaskType.DEBUGGING), "reasoner": (TaskType.MATHEMATICS,)}
_NAMES = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald")
_DAYS = ("Monday", "Tuesday", "Friday", "Sunday")
_THINGS = ("telescope", "compass", "printer", "ledger", "battery", "loom")


@dataclass(frozen=True)
class Made:
    """``requests`` [N], ``chances`` [N, K] of a right answer, ``quality`` [N, K] 0 or 1 drawn from them."""

    requests: tuple[ExecuteRequest, ...]
    chances: np.ndarray
    quality: np.ndarray


def made(catalogue: Catalogue, rows: int, seed: int = 0) -> Made:
    """Requests and outcomes; a function of its arguments."""
    random = np.random.default_rng(seed)
    requests, chances = [], np.empty((rows, len(catalogue.models)))
    for row, template in enumerate(random.integers(0, len(TEMPLATES), rows)):
        kind, difficulty, text = TEMPLATES[template]
        words = {
            "name": random.choice(_NAMES), "day": random.choice(_DAYS), "thing": random.choice(_THINGS),
            "number": random.integers(2, 900), "price": random.integers(2, 90), "tax": random.integers(1, 30),
        }  # fmt: skip
        requests.append(ExecuteRequest(text.format(**words), kind))
        for k, model in enumerate(catalogue.models):
            skill = 0.15 if kind in _SKILLS.get(model.name, ()) else 0.0
            chances[row, k] = 1 / (1 + np.exp(-6 * (model.quality + skill - difficulty)))
    return Made(tuple(requests), chances, (random.random(chances.shape) < chances).astype(float))
