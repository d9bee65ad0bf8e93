"""What a page may ask for: one JSON object a message, and what it makes of the controls.

{"type": "beta", "factor": 0.8}              another factor on β
{"type": "clamp", "node": 17, "state": 1}    hold a node; null frees it
{"type": "free"}                             free every node that may be free
{"type": "sweeps", "per_frame": 20}          sweeps per frame
{"type": "restart", "seed": 3}               begin again from states drawn from a seed
{"type": "run", "running": false}            pause, or go on
{"type": "step"}                             one frame, while paused
"""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from thermofab.apps.serve.messages import MessageError
from thermofab.apps.view.controls import Controls
from thermofab.hw.spec import Program, SpecError

KEYS: Mapping[str, frozenset[str]] = {
    "beta": frozenset({"factor"}),
    "clamp": frozenset({"node", "state"}),
    "free": frozenset(),
    "sweeps": frozenset({"per_frame"}),
    "restart": frozenset({"seed"}),
    "run": frozenset({"running"}),
    "step": frozenset(),
}


def read(text: str) -> dict[str, Any]:
    """A message with the keys of its type.

    Raises:
        MessageError: it is no such message.
    """
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        raise MessageError("malformed", "a message is one JSON object; this is not JSON.") from None
    kind = message.get("type") if isinstance(message, dict) else None
    if not isinstance(kind, str) or kind not in KEYS:
        raise MessageError("unknown_type", f"a message is a JSON object with a type of {', '.join(KEYS)}.")
    if set(message) != {"type", *KEYS[kind]}:
        keys = ", ".join(sorted(KEYS[kind])) or "nothing else"
        raise MessageError("malformed", f"a message of type {kind} has, beside its type, {keys}.")
    if kind == "run" and not isinstance(message["running"], bool):
        raise MessageError("malformed", f"running is true or false, got {message['running']!r}.")
    return message


def applied(message: Mapping[str, Any], controls: Controls, program: Program, fixed: str | None) -> Controls:
    """The controls after a message.

    Args:
        fixed: why the factor on β cannot be changed, if so.

    Raises:
        MessageError: a value is out of range, or the program has no such node.
    """
    try:
        match message["type"]:
            case "beta":
                if fixed is not None:
                    raise SpecError(f"β cannot be changed: {fixed}")
                return replace(controls, factor=message["factor"])
            case "clamp":
                return controls.clamped(program, message["node"], message["state"])
            case "free":
                return controls.freed(program)
            case "sweeps":
                return replace(controls, sweeps=message["per_frame"])
            case "restart":
                return controls.restarted(message["seed"])
            case _:
                return controls
    except SpecError as error:
        raise MessageError("bad_request", str(error)) from None
