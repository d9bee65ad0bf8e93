"""Tokens that an answer used: as the back end says, or estimated from its text as four characters each."""

import json
from dataclasses import dataclass
from typing import Any

_LONGEST_LINE = 1_000_000


@dataclass(frozen=True)
class Usage:
    """Tokens of the prompt and of the answer; ``stated`` by the back end, or else estimated."""

    prompt: int
    answer: int
    stated: bool


def usage_of(body: Any, prompt_tokens: int) -> Usage:
    """Of a whole answer, decoded from JSON."""
    found = _stated(body)
    return found or Usage(prompt_tokens, (_characters(body) + 3) // 4, False)


class StreamUsage:
    """Of a stream of server-sent events, fed as its bytes pass."""

    def __init__(self, prompt_tokens: int) -> None:
        self._prompt, self._characters, self._line = prompt_tokens, 0, b""
        self._found: Usage | None = None
        self.done = False
        """Whether ``data: [DONE]`` has passed."""

    def feed(self, part: bytes) -> None:
        *lines, self._line = (self._line + part).split(b"\n")
        if len(self._line) > _LONGEST_LINE:
            self._line = b""
        for line in lines:
            if not line.startswith(b"data:"):
                continue
            data = line[5:].strip()
            if data == b"[DONE]":
                self.done = True
                continue
            try:
                event = json.loads(data)
            except ValueError:
                continue
            self._characters += _characters(event)
            self._found = _stated(event) or self._found

    @property
    def usage(self) -> Usage:
        return self._found or Usage(self._prompt, (self._characters + 3) // 4, False)


def _stated(body: Any) -> Usage | None:
    usage = body.get("usage") if isinstance(body, dict) else None
    if not isinstance(usage, dict):
        return None
    prompt, answer = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not isinstance(prompt, int) or not isinstance(answer, int) or min(prompt, answer) < 0:
        return None
    return Usage(prompt, answer, True)


def _characters(body: Any) -> int:
    choices = body.get("choices") if isinstance(body, dict) else None
    total = 0
    for choice in choices if isinstance(choices, list) else []:
        said = choice.get("message") or choice.get("delta") if isinstance(choice, dict) else None
        content = said.get("content") if isinstance(said, dict) else None
        total += len(content) if isinstance(content, str) else 0
    return total
