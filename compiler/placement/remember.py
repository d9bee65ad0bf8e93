"""Remembering what a search found, by content: in memory for this process, on disk for the next.

A key holds everything that decides the outcome; what is kept is JSON. ``$THERMOFAB_CACHE`` says where
(:mod:`thermofab.hw.cache`); where that cannot be written, only memory serves.
"""

import json
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from thermofab.hw.cache import made_once
from thermofab.hw.spec.digest import digest_of

_MOST = 128
_known: OrderedDict[str, str] = OrderedDict()


def remembered(kind: str, key: tuple[Any, ...], make: Callable[[], Any]) -> Any:
    """``make()``, or what it gave for the same ``key`` before: a JSON value, tuples as lists."""
    name = digest_of(kind, *key)[:32]
    if name not in _known:
        made: list[str] = []

        def fill(folder: Path) -> None:
            made.append(json.dumps(make()))
            (folder / "value.json").write_text(made[0])

        try:
            _known[name] = (made_once(name, fill, kind) / "value.json").read_text()
        except OSError:
            _known[name] = made[0] if made else json.dumps(make())
    _known.move_to_end(name)
    while len(_known) > _MOST:
        _known.popitem(last=False)
    return json.loads(_known[name])


def forget() -> None:
    """Clears what this process remembers; what is on disk stays."""
    _known.clear()
