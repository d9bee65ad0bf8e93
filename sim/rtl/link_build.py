"""A fabric behind its serial line, compiled by Verilator: the library that :mod:`thermofab.sim.rtl.board` runs."""

from importlib import metadata
from pathlib import Path

from thermofab.hw.cache import build_key, made_once
from thermofab.hw.rtl.link.emit import NAME, emit_link_verilog
from thermofab.hw.spec import FabricSpec
from thermofab.sim.rtl.build import OPTIMISE, compile_verilog
from thermofab.sim.rtl.tools import find_verilator, find_yosys_version
from thermofab.sim.toolchain import find_compiler

HERE = Path(__file__).resolve().parent


def build_link_library(spec: FabricSpec, divisor: int, clock_hz: int = 0, optimise: str = OPTIMISE) -> Path:
    """The shared library of ``LinkTop(spec, divisor)``, built unless it is there already.

    Raises:
        ToolMissingError: a tool is missing; the message says how to get it.
        DeviceError: a tool failed; the message holds the end of what it said.
    """
    tools = [*find_compiler(), find_yosys_version(), metadata.version("amaranth"), find_verilator().version]
    # The Verilog is the same for the same design, so it names the build by itself.
    verilog = emit_link_verilog(spec, divisor, clock_hz=clock_hz)
    sources = [(HERE / name).read_text() for name in ("link_harness.cpp", "build.py", "link_build.py")]
    key = build_key([verilog, optimise, *tools, *sources])

    def make(folder: Path) -> None:
        compile_verilog(folder, verilog, NAME, ("link_harness.cpp",), optimise)

    return made_once(f"link-{key}", make) / "fabric.so"
