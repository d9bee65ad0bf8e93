"""Messages: the envelope ``{"type": …, "data": {…}}``, a JSON schema per type, and their text."""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.exceptions import best_match

from thermofab.hw.spec import SpecError

SCHEMAS = Path(__file__).parent / "schemas"


class MessageError(SpecError):
    """A message that is not what its type's schema says; ``code`` names the reason for counters."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class Encoded:
    """A message ready for any number of clients.

    Attributes:
        text: the JSON.
        sequence: its place in the journal, 0 if it is not kept there.
        topic: its symbol, empty if it is for everybody.
        at: ``time.perf_counter()`` when it was handed over, seconds.
    """

    text: str
    sequence: int
    topic: str
    at: float

    @cached_property
    def event(self) -> dict[str, Any]:
        """What an ASGI server sends, made once for all clients: the text, and under ``frame`` the bytes of an unmasked
        WebSocket frame of it, for a protocol that takes them."""
        body = self.text.encode()
        size = len(body)
        if size < 126:
            length = bytes([size])
        else:
            length = b"\x7e" + size.to_bytes(2, "big") if size < 1 << 16 else b"\x7f" + size.to_bytes(8, "big")
        return {"type": "websocket.send", "text": self.text, "frame": b"\x81" + length + body}


@dataclass(frozen=True, eq=False)
class Kind:
    """A type of message.

    Attributes:
        type: the envelope's ``type``.
        schema: JSON schema of the whole envelope.
        journalled: whether messages are numbered, kept and replayed. Their data then has ``symbol``, the topic, and
            integer ``sequence`` and ``previous``, which the server sets.
        check: what the schema cannot say; gets ``data`` and raises :class:`MessageError`.
    """

    type: str
    schema: Mapping[str, Any]
    journalled: bool = True
    check: Callable[[Mapping[str, Any]], None] | None = None

    def __post_init__(self) -> None:
        Draft202012Validator.check_schema(dict(self.schema))

    @cached_property
    def _validator(self) -> Draft202012Validator:
        return Draft202012Validator(dict(self.schema))

    def fault(self, message: Mapping[str, Any]) -> ValidationError | None:
        """The most telling violation of the schema."""
        return best_match(self._validator.iter_errors(message))


class Kinds:
    """The types of message that a server sends."""

    def __init__(self, kinds: Iterable[Kind]) -> None:
        self._kinds = {kind.type: kind for kind in kinds}

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def of(self, message: Mapping[str, Any]) -> Kind:
        """The kind of ``message``.

        Raises:
            MessageError: it is no envelope, or of no known type.
        """
        if not isinstance(message, Mapping) or set(message) != {"type", "data"}:
            raise MessageError("not_an_envelope", 'a message is {"type": …, "data": {…}} and nothing else.')
        kind = self._kinds.get(message["type"]) if isinstance(message["type"], str) else None
        if kind is None:
            known = ", ".join(self._kinds)
            raise MessageError("unknown_type", f"there is no message type {message['type']!r}; there are {known}.")
        return kind

    def encode(self, message: Mapping[str, Any]) -> str:
        """The text of a message that is what its schema says.

        Raises:
            MessageError: it is not; ``code`` is ``not_finite`` for NaN and infinities, ``schema`` for other faults.
        """
        kind = self.of(message)
        place = _not_finite(message["data"], "data")
        if place is not None:
            raise MessageError("not_finite", f"{place} is not a finite number; leave it out, or write null.")
        fault = kind.fault(message)
        if fault is not None:
            where = fault.json_path.removeprefix("$.")
            raise MessageError("schema", f"a {kind.type} message is refused: at {where}, {_short(fault.message)}.")
        if kind.check is not None:
            kind.check(message["data"])
        return json.dumps(message, allow_nan=False, separators=(",", ":"))


def error_message(code: str, sentence: str, symbol: str | None = None) -> dict[str, Any]:
    """An envelope that says what was refused or failed."""
    return {"type": "error", "data": {"code": code, "sentence": sentence} | ({"symbol": symbol} if symbol else {})}


@cache
def shipped_schema(name: str) -> dict[str, Any]:
    """A schema of :data:`SCHEMAS` by its name."""
    return json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))


CONTROL = tuple(Kind(name, shipped_schema(name), journalled=False) for name in ("error", "hello", "heartbeat", "pong"))
"""What every server sends beside its application's messages."""

_client = Draft202012Validator(shipped_schema("client"))


def read_client(text: str) -> dict[str, Any]:
    """What a client sent, checked.

    Raises:
        MessageError: it is not JSON, or nothing that a client may send.
    """
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise MessageError("malformed", "a message is one JSON object; this is not JSON.") from None
    if not _client.is_valid(message):
        raise MessageError(
            "malformed", 'a client sends {"type": "ack", "sequence": n} with n ≥ 1, or {"type": "ping"}.'
        )
    return message


def _not_finite(value: Any, place: str) -> str | None:
    if isinstance(value, float):
        return None if math.isfinite(value) else place
    if isinstance(value, Mapping):
        within = (_not_finite(inner, f"{place}.{name}") for name, inner in value.items())
    elif isinstance(value, list | tuple):
        within = (_not_finite(inner, f"{place}[{k}]") for k, inner in enumerate(value))
    else:
        return None
    return next((found for found in within if found is not None), None)


def _short(sentence: str) -> str:
    return sentence if len(sentence) <= 200 else sentence[:197] + "…"
