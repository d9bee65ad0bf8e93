"""A chat request of the OpenAI interface, read as far as routing needs it; the rest is passed on as it came."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from thermofab.apps.routing.proxy.problems import bad_request
from thermofab.apps.routing.requests import Constraints, ExecuteRequest, Preferences, TaskType
from thermofab.hw.spec import SpecError

AUTO = "auto"  # the model's name that lets the router choose
_PREFERENCES = frozenset(field.name for field in fields(Preferences))
_CONSTRAINTS = frozenset(field.name for field in fields(Constraints)) - {"max_output_tokens"}
_TOKENS = ("max_completion_tokens", "max_tokens")


@dataclass(frozen=True)
class Chat:
    """A request.

    Attributes:
        body: what is passed on, without ``routing``.
        model: ``"auto"``, or a model's id.
        stream: whether the answer is wanted in parts.
        prompt: text of the last message of the user.
        history_tokens: of all other messages, estimated as four characters each.
        max_tokens: of the answer, if the client said.
        routing: the request's own field: preferences, constraints and ``task_type``.
    """

    body: dict[str, Any]
    model: str
    stream: bool
    prompt: str
    history_tokens: int
    max_tokens: int | None
    routing: Mapping[str, Any]

    def request(self, *, budget_left: float, load: float, max_cost: float | None, time: float) -> ExecuteRequest:
        """What the router is asked.

        Args:
            budget_left, load: see :class:`ExecuteRequest`.
            max_cost: USD that may be spent; the smaller of this and the client's own counts.
            time: POSIX seconds.

        Raises:
            Problem: 400, a field of ``routing`` that is unknown or outside its range.
        """
        given = dict(self.routing)
        try:
            task = TaskType(given.pop("task_type", TaskType.OTHER))
            preferences = {name: given.pop(name) for name in list(given) if name in _PREFERENCES}
            constraints = {name: given.pop(name) for name in list(given) if name in _CONSTRAINTS}
            if given:
                raise SpecError(f"unknown: {', '.join(sorted(map(str, given)))}.")
            for name in ("providers", "excluded"):
                if isinstance(constraints.get(name), list):
                    constraints[name] = tuple(constraints[name])
            costs = [cost for cost in (constraints.pop("max_cost", None), max_cost) if cost is not None]
            if self.max_tokens is not None:
                constraints["max_output_tokens"] = self.max_tokens
            limits = Constraints(max_cost=min(costs) if costs else None, **constraints)
            return ExecuteRequest(
                self.prompt, task, Preferences(**preferences), limits, time=time, history_tokens=self.history_tokens,
                budget_left=budget_left, load=load,
            )  # fmt: skip
        except (SpecError, ValueError, TypeError) as error:
            raise bad_request(f"routing: {error}", "routing") from None


def read_chat(raw: bytes) -> Chat:
    """A chat request.

    Raises:
        Problem: 400, naming the field at fault.
    """
    try:
        body = json.loads(raw)
    except (ValueError, RecursionError):
        raise bad_request("the body is not JSON.") from None
    if not isinstance(body, dict):
        raise bad_request("the body is not a JSON object.")
    model, messages = body.get("model", AUTO), body.get("messages")
    if not isinstance(model, str) or not model:
        raise bad_request(f"model is a text: {AUTO!r}, or one that /v1/models lists.", "model")
    if not isinstance(messages, list) or not messages or not all(isinstance(m, dict) for m in messages):
        raise bad_request("messages is a list of objects, not empty.", "messages")
    if not isinstance(body.get("stream", False), bool):
        raise bad_request("stream is true or false.", "stream")
    routing = body.pop("routing", {})
    if not isinstance(routing, dict):
        raise bad_request("routing is an object of preferences and constraints.", "routing")
    texts = [_text(message) for message in messages]
    asked = [k for k, message in enumerate(messages) if message.get("role") == "user" and texts[k].strip()]
    if not asked:
        raise bad_request("no message of the user has text: there is nothing to route.", "messages")
    rest = sum(map(len, texts)) - len(texts[asked[-1]])
    return Chat(body, model, body.get("stream", False), texts[asked[-1]], rest // 4, _max_tokens(body), routing)


def _text(message: Mapping[str, Any]) -> str:
    content = message.get("content")
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if isinstance(content, list) and all(isinstance(part, dict) for part in content):
        return "\n".join(str(part.get("text", "")) for part in content if part.get("type") == "text")
    raise bad_request("the content of a message is a text or a list of parts.", "messages")


def _max_tokens(body: Mapping[str, Any]) -> int | None:
    for name in _TOKENS:
        value = body.get(name)
        if value is not None:
            if not isinstance(value, int) or isinstance(value, bool) or value < 1:
                raise bad_request(f"{name} is a whole number of at least 1.", name)
            return value
    return None
