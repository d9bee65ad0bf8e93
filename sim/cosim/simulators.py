"""The simulators that benches run on: Icarus and Verilator, which are installed, and what brings one that is not."""

import importlib.util
import shutil

from thermofab.hw.spec import SpecError, ToolMissingError
from thermofab.sim.rtl.tools import find_verilator
from thermofab.sim.toolchain import find_compiler

# The first starts at once and knows unknown values; the second compiles for half a minute and runs faster.
SIMULATORS = ("icarus", "verilator")
_PROGRAMS = {"icarus": ("iverilog", "vvp"), "verilator": ("make",)}
_PACKAGES = {"iverilog": "iverilog", "vvp": "iverilog", "make": "make"}


def check_simulator(name: str) -> None:
    """Raise unless a simulator and cocotb are installed.

    Raises:
        SpecError: there is no simulator of that name.
        ToolMissingError: a tool is missing; the message says what to install.
    """
    if name not in SIMULATORS:
        raise SpecError(f"unknown simulator '{name}'; known are {' and '.join(SIMULATORS)}.")
    if importlib.util.find_spec("cocotb") is None or importlib.util.find_spec("cocotb_tools") is None:
        raise ToolMissingError(
            "simulating a design against the reference needs cocotb 2.1 or newer, and it is not installed; install it "
            "with: pip install 'thermofab[rtl]'"
        )
    for program in _PROGRAMS[name]:
        check_program(program, name.capitalize())
    if name == "verilator":
        find_verilator()
        find_compiler()


def check_program(program: str, what: str) -> None:
    """Raise ``ToolMissingError`` unless a program that simulating on ``what`` needs is on the path."""
    if shutil.which(program) is None:
        raise ToolMissingError(
            f"simulating on {what} needs the program '{program}', and it is not on the path; install it with: "
            f"apt install {_PACKAGES[program]}"
        )


def installed_simulators() -> list[str]:
    """Those that can be used here, the one that starts soonest first."""
    return [name for name in SIMULATORS if _is_installed(name)]


def _is_installed(name: str) -> bool:
    try:
        check_simulator(name)
    except ToolMissingError:
        return False
    return True


def chosen_simulator(name: str | None) -> str:
    """``name`` if it is installed, or the first that is.

    Raises:
        SpecError, ToolMissingError: see :func:`check_simulator`; with no name, there is none at all.
    """
    if name is None:
        found = installed_simulators()
        name = found[0] if found else SIMULATORS[0]
    check_simulator(name)
    return name
