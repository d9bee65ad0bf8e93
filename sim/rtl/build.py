"""From a FabricSpec to a shared library, through Verilator or CXXRTL and g++, remembered by content.

A build is named by a digest of what goes into it: the design as this process has elaborated it (not the sources it came
from, which may have changed since they were imported), the C++ around it, the tools and their options.
"""

import re
import shutil
from functools import lru_cache, partial
from importlib import metadata
from pathlib import Path

from thermofab.hw.cache import build_key, made_once
from thermofab.hw.rtl.emit import emit_rtlil, emit_verilog
from thermofab.hw.spec import DeviceError, FabricSpec, Image
from thermofab.sim.rtl.tools import find_verilator, find_yosys_version
from thermofab.sim.toolchain import find_compiler, run_tool

_FORM = "1"  # of what this file makes of the same design; a change of it forgets the builds kept
HERE = Path(__file__).resolve().parent
TOP = "thermofab"  # module
# C++20 is what Verilator's runtime asks for; symbols stay inside the library, as several are loaded at once.
CXX_FLAGS = ("-std=c++20", "-fPIC", "-fvisibility=hidden", "-fno-gnu-unique", "-w", "-DCXXRTL_NDEBUG")
VERILATOR_FLAGS = tuple(
    "--x-assign fast --x-initial fast --no-assert -Wno-fatal -Wno-lint --quiet --output-split-cfuncs 300".split()
)
OPTIMISE = "-O1"
HARNESS = {"verilator": ("verilator_engine.h", "harness.cpp"), "cxxrtl": ("cxxrtl_engine.h", "harness.cpp")}
INCLUDED = ("harness.h",)  # by those

_run = partial(run_tool, "the RTL")


def build_library(spec: FabricSpec, engine: str, optimise: str = OPTIMISE, image: Image | None = None) -> Path:
    """The shared library of a fabric, built unless it is there already.

    Args:
        spec: the fabric.
        engine: ``"verilator"`` or ``"cxxrtl"``.
        optimise: g++'s level: ``"-O0"`` builds fastest, ``"-O2"`` runs fastest.
        image: an image whose weights and biases are built in.

    Raises:
        ToolMissingError: a tool is missing; the message says how to get it.
        DeviceError: a tool failed; the message holds the end of what it said.
    """
    if engine not in HARNESS:
        raise DeviceError(f"unknown RTL engine '{engine}'; known are {', '.join(HARNESS)}.")
    if optimise not in ("-O0", "-O1", "-O2", "-O3"):
        raise DeviceError(f"optimise must be one of -O0, -O1, -O2, -O3, got '{optimise}'.")
    harness = HARNESS[engine]
    tools, design = versions(engine), _design(spec, image, engine)
    key = library_key(design, engine, optimise, tools, (*harness, *INCLUDED))

    def make(folder: Path) -> None:
        if engine == "verilator":
            compile_verilog(folder, design, TOP, harness, optimise)
        else:
            _compile_cxxrtl(folder, design, harness, optimise)

    return made_once(f"{engine}-{key}", make) / "fabric.so"


def versions(engine: str) -> list[str]:
    """The tools that a build goes through.

    Raises:
        ToolMissingError: one is missing.
    """
    translator = find_verilator().version if engine == "verilator" else find_yosys_version()
    return [*find_compiler(), metadata.version("amaranth"), translator]


def library_key(design: str, engine: str, optimise: str, tools: list[str], harness: tuple[str, ...]) -> str:
    """What names the build of a design, given as text, with these sources of this package around it."""
    flags = [*CXX_FLAGS, *VERILATOR_FLAGS, optimise]
    return build_key([_FORM, engine, *flags, *tools, *((HERE / name).read_text() for name in harness), design])


@lru_cache(maxsize=8)
def _design(spec: FabricSpec, image: Image | None, engine: str) -> str:
    """The design as the engine reads it."""
    if engine == "verilator":
        return emit_verilog(spec, name=TOP, image=image, sources=False)
    return emit_rtlil(spec, TOP, image)


def _compile(folder: Path, optimise: str, includes: list[str], extra: list[str]) -> None:
    """``fabric.cpp`` to ``fabric.so``."""
    program, _ = find_compiler()
    flags = [*CXX_FLAGS, optimise, f"-I{HERE}", "-I.", *(f"-I{path}" for path in includes)]
    _run([program, *flags, "-shared", "-Wl,-Bsymbolic", "fabric.cpp", *extra, "-o", "fabric.so"], folder)


def compile_verilog(folder: Path, verilog: str, top: str, harness: tuple[str, ...], optimise: str) -> None:
    """Verilog to ``fabric.so`` in ``folder``; ``harness`` names the sources of this package around the model."""
    verilator = find_verilator()
    runtime = _verilator_runtime(optimise)
    (folder / "fabric.v").write_text(verilog)
    command = [verilator.binary, "--cc", "fabric.v", "--top-module", top, "--prefix", "Vtop", "--Mdir", "c++"]
    _run([*command, *VERILATOR_FLAGS], folder, VERILATOR_ROOT=verilator.root)
    generated = sorted((folder / "c++").glob("*.cpp"))
    edge = re.search(r"\b__Vtrigprevexpr_\w*__clk__0\b", (folder / "c++" / "Vtop___024root.h").read_text())
    lines = [f"#define THERMOFAB_CLOCK_EDGE {edge[0]}"] if edge else []
    # One translation unit: the headers, which cost more than the model, are read once and from a precompiled form.
    lines += ['#include "Vtop.h"', '#include "Vtop___024root.h"']
    lines += [f'#include "{file.name}"' for file in generated if "Slow" not in file.name]
    lines += [*(f'#include "{name}"' for name in harness), '#pragma GCC optimize ("O0")']
    lines += [f'#include "{file.name}"' for file in generated if "Slow" in file.name]  # runs once, at the start
    (folder / "fabric.cpp").write_text("\n".join(lines) + "\n")
    includes = ["c++", f"{verilator.root}/include"]
    extra = ["-include", str(runtime / "runtime.h"), "-pthread"]
    _compile(folder, optimise, includes, [*extra, *map(str, sorted(runtime.glob("*.o")))])
    shutil.rmtree(folder / "c++")


def _verilator_runtime(optimise: str) -> Path:
    """Verilator's own sources as objects and its header precompiled: made once a version, not once a fabric."""
    verilator, (program, version) = find_verilator(), find_compiler()

    def make(folder: Path) -> None:
        include = f"-I{verilator.root}/include"
        (folder / "runtime.h").write_text('#include "verilated.h"\n')
        _run([program, *CXX_FLAGS, optimise, include, "-x", "c++-header", "runtime.h", "-o", "runtime.h.gch"], folder)
        for name in ("verilated", "verilated_threads"):
            source = f"{verilator.root}/include/{name}.cpp"
            _run([program, *CXX_FLAGS, "-O1", include, "-c", source, "-o", f"{name}.o"], folder)

    key = build_key([verilator.version, verilator.root, program, version, optimise, *CXX_FLAGS])
    return made_once(f"verilator-runtime-{key}", make)


def _compile_cxxrtl(folder: Path, design: str, harness: tuple[str, ...], optimise: str) -> None:
    """RTLIL to ``fabric.so`` in ``folder``."""
    from amaranth._toolchain.yosys import find_yosys

    yosys = find_yosys(lambda version: version >= (0, 40))
    # Flattened, a fabric of 64 sites compiles for two minutes; with its modules kept, for seconds.
    script = [f"read_rtlil <<rtlil\n{design}\nrtlil", "write_cxxrtl -noflatten -g0"]
    (folder / "model.h").write_text(yosys.run(["-q", "-"], "\n".join(script), ignore_warnings=True))
    lines = [f'#include "{name}"' for name in ("model.h", *harness)]
    (folder / "fabric.cpp").write_text("\n".join(lines) + "\n")
    runtime = Path(str(yosys.data_dir())) / "include" / "backends" / "cxxrtl" / "runtime"
    _compile(folder, optimise, [str(runtime)], [])
    (folder / "model.h").unlink()
