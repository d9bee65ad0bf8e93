"""Where what is built is kept, under a name made of everything that decides what it holds.

The home is ``$THERMOFAB_CACHE``, by default ``~/.cache/thermofab``. A thing is made in a folder of its own and moved
into place in one step, so processes that make the same thing at once do not meet.
"""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path


def cache_folder(kind: str = "rtl") -> Path:
    """Where things of a kind are kept."""
    home = os.environ.get("THERMOFAB_CACHE")
    return (Path(home) if home else Path.home() / ".cache" / "thermofab") / kind


def build_key(parts: Iterable[str]) -> str:
    """A digest to name a build by."""
    hasher = hashlib.sha256()
    for part in parts:
        hasher.update(part.encode() + b"\0")
    return hasher.hexdigest()[:32]


def made_once(name: str, make: Callable[[Path], None], kind: str = "rtl") -> Path:
    """The cached folder ``name``, filled by ``make`` if it is not there."""
    place = cache_folder(kind) / name
    if place.is_dir():
        return place
    place.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=place.parent))
    try:
        make(work)
        try:
            work.rename(place)
        except OSError:
            if not place.is_dir():
                raise
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return place
