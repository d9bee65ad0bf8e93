"""A fabric behind its serial line, compiled by Verilator: the library that :mod:`thermofab.sim.rtl.board` runs."""

from pathlib import Path

from thermofab.hw.cache import made_once
from thermofab.hw.rtl.link.emit import NAME, emit_link_verilog
from thermofab.hw.spec import FabricSpec
from thermofab.sim.rtl.build import OPTIMISE, compile_verilog, library_key, versions


def build_link_library(spec: FabricSpec, divisor: int, clock_hz: int = 0, optimise: str = OPTIMISE) -> Path:
    """The shared library of ``LinkTop(spec, divisor)``, built unless it is there already.

    Raises:
        ToolMissingError: a tool is missing; the message says how to get it.
        DeviceError: a tool failed; the message holds the end of what it said.
    """
    harness = ("link_harness.cpp",)
    tools = versions("verilator")
    verilog = emit_link_verilog(spec, divisor, clock_hz=clock_hz)
    key = library_key(verilog, "verilator", optimise, tools, harness)

    def make(folder: Path) -> None:
        compile_verilog(folder, verilog, NAME, harness, optimise)

    return made_once(f"link-{key}", make) / "fabric.so"
