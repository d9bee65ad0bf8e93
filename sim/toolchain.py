"""Compiled simulators: the C++ compiler, and where what it makes is kept.

A build is kept under ``$THERMOFAB_CACHE`` (default ``~/.cache/thermofab``), named by a digest of everything that
decides what it holds. It is made in a folder of its own and moved into place in one step, so processes that build the
same thing at once do not meet.
"""

import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from thermofab.hw.spec import DeviceError, ToolMissingError


def cache_folder() -> Path:
    """Where builds are kept."""
    home = os.environ.get("THERMOFAB_CACHE")
    return (Path(home) if home else Path.home() / ".cache" / "thermofab") / "rtl"


@cache
def find_compiler() -> tuple[str, str]:
    """``(program, version)`` of the C++ compiler, g++.

    Raises:
        ToolMissingError: it is not on the path.
    """
    program = shutil.which("g++")
    if program is None:
        raise ToolMissingError(
            "compiling a simulator needs the C++ compiler g++, and none was found; install it with: apt install g++"
        )
    return program, tool_output([program, "-dumpfullversion", "-dumpmachine"])


def tool_output(command: list[str]) -> str:
    """What a tool prints on its standard output, stripped."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def run_tool(what: str, command: list[str], folder: Path, **environment: str) -> None:
    """Run a tool in ``folder``; a ``DeviceError`` with the end of what it said if it fails at building ``what``."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, env={**os.environ, **environment})
    if done.returncode:
        tail = "\n".join((done.stdout + done.stderr).strip().splitlines()[-12:])
        raise DeviceError(f"building {what} failed: {Path(command[0]).name} said\n{tail}")


def build_key(parts: Iterable[str]) -> str:
    """A digest to name a build by."""
    hasher = hashlib.sha256()
    for part in parts:
        hasher.update(part.encode() + b"\0")
    return hasher.hexdigest()[:32]


def made_once(name: str, make: Callable[[Path], None]) -> Path:
    """The cached folder ``name``, filled by ``make`` if it is not there."""
    place = cache_folder() / name
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
