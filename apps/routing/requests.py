"""What a router is asked: a prompt, its kind, what its owner prefers, and what must hold.

Nothing here reads a clock: the time of a request is one of its fields, so the same request always gives the same state.
"""

from dataclasses import dataclass, fields
from enum import StrEnum
from math import isfinite
from typing import Any

from thermofab.hw.spec import SpecError


def _number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and isfinite(value)


class TaskType(StrEnum):
    """The kind of work asked for; one slot of the state each, in this order."""

    SIMPLE = "simple"
    QUESTION_ANSWERING = "question_answering"
    CODE_GENERATION = "code_generation"
    CODE_ANALYSIS = "code_analysis"
    CODE_REVIEW = "code_review"
    DEBUGGING = "debugging"
    REFACTORING = "refactoring"
    TESTING = "testing"
    DOCUMENTATION = "documentation"
    MATHEMATICS = "mathematics"
    REASONING = "reasoning"
    SUMMARISATION = "summarisation"
    TRANSLATION = "translation"
    CREATIVE_WRITING = "creative_writing"
    OTHER = "other"


@dataclass(frozen=True)
class Preferences:
    """What the asker would like; every number is in [0, 1].

    The first six act on every decision; the rest describe the answer wanted, and act as far as a router has learnt
    from outcomes that they matter.

    Attributes:
        quality_weight: worth of a right answer.
        cost_weight: weight of the cost, which is measured as a share of the dearest permitted model's.
        latency_weight: weight of the latency, as a share of the slowest permitted model's.
        exploration: probability that a permitted model is drawn evenly instead of the best one.
        caution: standard errors subtracted from a quality that rests on few outcomes.
        loyalty: bonus for the provider that answered before in this conversation.
        verbosity: 0 short answers, 1 long ones.
        creativity: 0 literal, 1 free.
        formality: 0 casual, 1 formal.
        structure: need of machine-readable output.
        tool_use: need of calling tools.
        streaming: need of a first token soon.
        privacy: need of keeping the prompt local.

    Raises:
        SpecError: a number outside [0, 1], or no weight above zero.
    """

    quality_weight: float = 0.6
    cost_weight: float = 0.3
    latency_weight: float = 0.1
    exploration: float = 0.0
    caution: float = 0.0
    loyalty: float = 0.0
    verbosity: float = 0.5
    creativity: float = 0.5
    formality: float = 0.5
    structure: float = 0.0
    tool_use: float = 0.0
    streaming: float = 0.0
    privacy: float = 0.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not _number(value) or not 0 <= value <= 1:
                raise SpecError(f"the preference {field.name} must be a number in [0, 1], got {value!r}.")
        if self.quality_weight == self.cost_weight == self.latency_weight == 0:
            raise SpecError("at least one of quality_weight, cost_weight and latency_weight must be above 0.")


@dataclass(frozen=True)
class Constraints:
    """What must hold: a model that violates one of these is never chosen.

    Attributes:
        max_cost: USD a request, at most.
        max_latency: seconds, at most; compared with a model's typical latency.
        min_quality: predicted probability of a right answer, at least.
        providers: providers permitted; None permits all.
        excluded: providers, or models as "provider/name", that are not permitted.
        min_context: tokens that the model's context must hold, at least.
        max_output_tokens: tokens of the answer that are paid for, at most.

    Raises:
        SpecError: a limit outside its range, no provider permitted, or one both permitted and excluded.
    """

    max_cost: float | None = None
    max_latency: float | None = None
    min_quality: float | None = None
    providers: tuple[str, ...] | None = None
    excluded: tuple[str, ...] = ()
    min_context: int = 0
    max_output_tokens: int = 512

    def __post_init__(self) -> None:
        for name in ("max_cost", "max_latency"):
            value = getattr(self, name)
            if value is not None and (not _number(value) or value <= 0):
                raise SpecError(f"{name} must be a positive number or None, got {value!r}.")
        if self.min_quality is not None and (not _number(self.min_quality) or not 0 <= self.min_quality <= 1):
            raise SpecError(f"min_quality must be a number in [0, 1] or None, got {self.min_quality!r}.")
        if self.min_context < 0 or self.max_output_tokens < 1:
            raise SpecError("min_context must be at least 0 and max_output_tokens at least 1.")
        for name in ("providers", "excluded"):
            value = getattr(self, name)
            if value is not None and (isinstance(value, str) or not all(isinstance(item, str) for item in value)):
                raise SpecError(f"{name} must be a tuple of names, got {value!r}.")
        if self.providers is not None:
            if not self.providers:
                raise SpecError("contradictory constraints: no provider is permitted; None permits all.")
            both = sorted(set(self.providers) & set(self.excluded))
            if both:
                raise SpecError(f"contradictory constraints: {', '.join(both)} both permitted and excluded.")


@dataclass(frozen=True)
class ExecuteRequest:
    """A prompt with everything that a decision may rest on.

    Attributes:
        prompt: text, not empty.
        task_type: kind of work, said by the caller.
        preferences, constraints: see there.
        time: POSIX seconds in UTC, an input; None says that it is not known.
        turn: turns of this conversation so far.
        failures: answers of this conversation that were refused so far.
        history_tokens: tokens of the conversation before the prompt.
        budget_left: share of the budget that is left, 0…1.
        load: share of the back ends' capacity in use, 0…1.
        difficulty: the caller's own estimate, 0 easy … 1 hard; None says that there is none.
        previous: model that answered before in this conversation, as "provider/name".

    Raises:
        SpecError: an empty prompt, or a field outside its range.
    """

    prompt: str
    task_type: TaskType = TaskType.OTHER
    preferences: Preferences = Preferences()
    constraints: Constraints = Constraints()
    time: float | None = None
    turn: int = 0
    failures: int = 0
    history_tokens: int = 0
    budget_left: float = 1.0
    load: float = 0.0
    difficulty: float | None = None
    previous: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.prompt, str) or not self.prompt.strip():
            raise SpecError("the prompt is empty; a request needs text to route.")
        if not isinstance(self.task_type, TaskType):
            raise SpecError(f"task_type must be one of {', '.join(TaskType)}, got {self.task_type!r}.")
        if self.time is not None and not _number(self.time):
            raise SpecError(f"time must be POSIX seconds or None, got {self.time!r}.")
        for name in ("turn", "failures", "history_tokens"):
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                raise SpecError(f"{name} must be a count of at least 0, got {value!r}.")
        estimate = 0.5 if self.difficulty is None else self.difficulty
        for name, value in (("budget_left", self.budget_left), ("load", self.load), ("difficulty", estimate)):
            if not _number(value) or not 0 <= value <= 1:
                raise SpecError(f"{name} must be a number in [0, 1], got {value!r}.")

    @property
    def prompt_tokens(self) -> int:
        """Tokens of prompt and history, estimated as four characters each."""
        return self.history_tokens + max(1, (len(self.prompt) + 3) // 4)
