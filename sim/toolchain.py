"""The C++ compiler that makes compiled simulators, and how tools are run."""

import os
import shutil
import subprocess
from functools import cache
from pathlib import Path

from thermofab.hw.spec import DeviceError, ToolMissingError


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
