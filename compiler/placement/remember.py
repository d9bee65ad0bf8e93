"""Remembering what a search found, by content: in memory for this process, on disk for the next.

A key holds everything that decides the outcome; what is kept is JSON. ``$THERMOFAB_CACHE`` says where
(:mod:`thermofab.hw.cache`); where that cannot be written, only memory serves.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from thermofab.compiler.recent import Recent
from thermofab.hw.cache import made_once
from thermofab.hw.spec.digest import digest_of

_known: Recent[str] = Recent(128)


def remembered(kind: str, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    """``make()``, or what it gave for the same ``key`` before: a JSON value, tuples as lists."""
    name = digest_of(kind, *key)[:32]
    if (known := _known.get(name)) is None:
        made: list[str] = []

        def fill(folder: Path) -> None:
            made.append(json.dumps(make()))
            (folder / "value.json").write_text(made[0])

        try:
            known = (made_once(name, fill, kind) / "value.json").read_text()
        except OSError:
            known = made[0] if made else json.dumps(make())
        _known.put(name, known)
    return json.loads(known)


def forget() -> None:
    """Clears what this process remembers; what is on disk stays."""
    _known.clear()
