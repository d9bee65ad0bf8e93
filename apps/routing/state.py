"""The 112 numbers of a request beside its prompt: task 15, providers 5 × 12, preferences 13, constraints 10, time 8,
context 6. Every slot is named in :data:`SLOTS`; every number is finite, float32, and about -1…1.
"""

from dataclasses import dataclass, fields
from math import cos, log1p, pi, sin

import numpy as np

from thermofab.apps.routing.providers import MAX_PROVIDERS, Catalogue, Model
from thermofab.apps.routing.requests import ExecuteRequest, Preferences, TaskType

PER_PROVIDER = (
    ("present", "1 where the catalogue has such a provider, else the twelve are 0"),
    ("permitted", "1 where the constraints permit the provider"),
    ("models", "its models, a twelfth each, at most 1"),
    ("cheapest", "cost of this request at its cheapest model, share of the catalogue's dearest"),
    ("dearest", "cost of this request at its dearest model, the same share"),
    ("fastest", "latency of its fastest model, share of the catalogue's slowest"),
    ("slowest", "latency of its slowest model, the same share"),
    ("context", "ln(1 + longest context in tokens)/16"),
    ("fits", "1 where prompt and answer fit its longest context"),
    ("prior quality", "best quality that the catalogue gives its models"),
    ("mean quality", "mean of the qualities that the catalogue gives its models"),
    ("previous", "1 where it answered before in this conversation"),
)
CONSTRAINT_SLOTS = (
    ("cost limited", "1 where max_cost is given"),
    ("cost limit", "max_cost as a share of the dearest model's cost, at most 1; 1 where not given"),
    ("latency limited", "1 where max_latency is given"),
    ("latency limit", "max_latency as a share of the slowest model's, at most 1; 1 where not given"),
    ("quality limited", "1 where min_quality is given"),
    ("quality limit", "min_quality; 0 where not given"),
    ("permitted", "share of the catalogue's models that the provider rules permit"),
    ("excluded", "names excluded, a tenth each, at most 1"),
    ("context needed", "ln(1 + min_context)/16"),
    ("answer length", "ln(1 + max_output_tokens)/16"),
)
TIME_SLOTS = (
    ("known", "1 where the request says its time; else the eight are 0"),
    ("hour, sine", "sin of the hour of the day (UTC) as an angle"),
    ("hour, cosine", "cos of the same"),
    ("weekday, sine", "sin of the day of the week as an angle, Monday 0"),
    ("weekday, cosine", "cos of the same"),
    ("year, sine", "sin of the day of the year as an angle, 365.2425 days from 1970-01-01"),
    ("year, cosine", "cos of the same"),
    ("weekend", "1 on Saturday and Sunday"),
)
CONTEXT_SLOTS = (
    ("turn", "ln(1 + turns of the conversation)/4, at most 1"),
    ("failures", "ln(1 + refused answers)/3, at most 1"),
    ("history", "ln(1 + tokens of the history)/16, at most 1"),
    ("budget", "share of the budget that is left"),
    ("load", "share of the back ends' capacity in use"),
    ("difficulty", "the caller's estimate, .5 where there is none"),
)


@dataclass(frozen=True)
class Slot:
    """One number of the state: its group, its name, and what it says."""

    group: str
    name: str
    meaning: str


def _slots() -> tuple[Slot, ...]:
    slots = [Slot("task", task.value, f"1 for requests of kind {task.name}") for task in TaskType]
    for k in range(MAX_PROVIDERS):
        slots += [Slot("provider", f"{k + 1}: {name}", meaning) for name, meaning in PER_PROVIDER]
    slots += [Slot("preference", field.name, "the preference of that name") for field in fields(Preferences)]
    for group, table in (("constraint", CONSTRAINT_SLOTS), ("time", TIME_SLOTS), ("context", CONTEXT_SLOTS)):
        slots += [Slot(group, name, meaning) for name, meaning in table]
    return tuple(slots)


SLOTS = _slots()
STATE_SIZE = len(SLOTS)
"""112"""


def state(request: ExecuteRequest, catalogue: Catalogue) -> np.ndarray:
    """The state of a request, float32 ``[112]``; a pure function, so the same arguments give the same bits."""
    numbers = [float(request.task_type is task) for task in TaskType]
    numbers += _providers(request, catalogue)
    numbers += [float(getattr(request.preferences, field.name)) for field in fields(Preferences)]
    numbers += _constraints(request, catalogue)
    numbers += _time(request.time)
    numbers += _context(request)
    return np.array(numbers, np.float32)


def output_tokens(model: Model, request: ExecuteRequest) -> int:
    """Tokens of the answer that are paid for: what is typical of the model, within the request's limit."""
    return min(model.output_tokens, request.constraints.max_output_tokens)


def costs(request: ExecuteRequest, catalogue: Catalogue) -> np.ndarray:
    """USD of this request at each model, float64 ``[K]``."""
    return np.array([model.cost(request.prompt_tokens, output_tokens(model, request)) for model in catalogue.models])


def _providers(request: ExecuteRequest, catalogue: Catalogue) -> list[float]:
    price, rules = costs(request, catalogue), request.constraints
    dearest, slowest = max(price.max(), 1e-12), max(model.latency for model in catalogue.models)
    before = (request.previous or "").split("/")[0]
    numbers: list[float] = []
    for provider in catalogue.providers:
        own = [(model, paid) for model, paid in zip(catalogue.models, price) if model.provider == provider]
        longest = max(model.context_tokens for model, _ in own)
        answer = min(output_tokens(model, request) for model, _ in own)
        permitted = provider not in rules.excluded and (rules.providers is None or provider in rules.providers)
        numbers += [
            1.0, float(permitted), min(1.0, len(own) / 12),
            min(paid for _, paid in own) / dearest, max(paid for _, paid in own) / dearest,
            min(model.latency for model, _ in own) / slowest, max(model.latency for model, _ in own) / slowest,
            log1p(longest) / 16, float(request.prompt_tokens + answer <= longest),
            max(model.quality for model, _ in own), sum(model.quality for model, _ in own) / len(own),
            float(before == provider),
        ]  # fmt: skip
    return numbers + [0.0] * (len(PER_PROVIDER) * (MAX_PROVIDERS - len(catalogue.providers)))


def _constraints(request: ExecuteRequest, catalogue: Catalogue) -> list[float]:
    rules, dearest = request.constraints, max(costs(request, catalogue).max(), 1e-12)
    slowest = max(model.latency for model in catalogue.models)
    permitted = [
        model.provider not in rules.excluded
        and model.id not in rules.excluded
        and (rules.providers is None or model.provider in rules.providers)
        for model in catalogue.models
    ]
    return [
        float(rules.max_cost is not None), 1.0 if rules.max_cost is None else min(1.0, rules.max_cost / dearest),
        float(rules.max_latency is not None),
        1.0 if rules.max_latency is None else min(1.0, rules.max_latency / slowest),
        float(rules.min_quality is not None), rules.min_quality or 0.0,
        sum(permitted) / len(permitted), min(1.0, len(rules.excluded) / 10),
        min(1.0, log1p(rules.min_context) / 16), min(1.0, log1p(rules.max_output_tokens) / 16),
    ]  # fmt: skip


def _time(seconds: float | None) -> list[float]:
    if seconds is None:
        return [0.0] * len(TIME_SLOTS)
    days = seconds / 86400
    # 1970-01-01 was a Thursday, three days after a Monday.
    weekday = (days + 3) % 7
    angles = (2 * pi * (days % 1), 2 * pi * weekday / 7, 2 * pi * (days % 365.2425) / 365.2425)
    return [1.0, *(turn(angle) for angle in angles for turn in (sin, cos)), float(weekday >= 5)]


def _context(request: ExecuteRequest) -> list[float]:
    return [
        min(1.0, log1p(request.turn) / 4), min(1.0, log1p(request.failures) / 3),
        min(1.0, log1p(request.history_tokens) / 16), request.budget_left, request.load,
        0.5 if request.difficulty is None else request.difficulty,
    ]  # fmt: skip
