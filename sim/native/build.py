"""The kernel's shared libraries: one a generator, word width and accumulator width, for this machine's processor.

Topology, weights, tables and schedules are data of a run, so a handful of builds serves every fabric; each takes a few
seconds once and is kept beside the compiled RTL.
"""

import platform
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from thermofab.hw.cache import build_key, made_once
from thermofab.hw.spec import FabricSpec, UnsupportedError
from thermofab.sim.toolchain import find_compiler, run_tool

HERE = Path(__file__).resolve().parent
# C++ types by generator name; a fabric with another generator is refused.
GENERATORS = {"lfsr64": "Lfsr64", "lfsr32": "Lfsr32", "xoshiro128+": "Xoshiro"}
CXX_FLAGS = (
    *("-std=c++17", "-O3", "-fPIC", "-shared", "-pthread"),
    # Decisions of replica exchange are floating-point numbers that Python must agree with: no fused operations.
    *("-fvisibility=hidden", "-fno-gnu-unique", "-ffp-contract=off", "-w"),
)


def build_library(
    spec: FabricSpec,
    plain: bool = False,
    source: str = "kernel.cpp",
    includes: Sequence[str] = (),
    march: str = "native",
) -> Path:
    """The shared library for a fabric's arithmetic, built unless it is there already.

    Args:
        spec: the fabric.
        plain: leave out the parts written for AVX-512; bits do not change.
        source: the file whose functions the library offers.
        includes: folders of headers besides our own.
        march: the processor to compile for, by g++'s name; ``"native"`` is this one.

    Raises:
        UnsupportedError: the fabric's generator has no native form.
        DeviceError: the compiler failed.
        ToolMissingError: there is no g++.
    """
    if spec.rng not in GENERATORS:
        raise UnsupportedError(
            f"the generator '{spec.rng}' has no native form; those that have are {', '.join(GENERATORS)}. "
            "Use device='jax', which runs any generator, or add it to sim/native/generators.h."
        )
    program, version = find_compiler()
    flags = [
        *CXX_FLAGS,
        f"-march={march}",
        f"-DTHERMOFAB_GENERATOR={GENERATORS[spec.rng]}",
        f"-DTHERMOFAB_WORD_BITS={spec.word_bits}",
        f"-DTHERMOFAB_FIELD_BITS={16 if is_narrow(spec) else 32}",
        *(["-DTHERMOFAB_PLAIN"] if plain else []),
        *(f"-I{folder}" for folder in includes),
    ]
    sources = [file.read_text() for file in sorted([*HERE.glob("*.h"), *HERE.glob("*.cpp")])]

    def make(folder: Path) -> None:
        run_tool("the native kernel", [program, *flags, str(HERE / source), "-o", "kernel.so"], folder)

    return made_once(f"native-{build_key([version, processor(), source, *flags, *sources])}", make) / "kernel.so"


def is_narrow(spec: FabricSpec) -> bool:
    """Whether fields, dither included, fit in 16 bits."""
    return spec.field_max + 2**spec.dither_bits < 2**15


@cache
def processor() -> str:
    """What ``-march=native`` depends on: machine, model and instruction sets of the processor."""
    wanted = ("model name", "cpu family", "model", "flags", "Features", "CPU part")
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").split("\n\n")[0].splitlines()
    except OSError:
        return f"{platform.machine()} {platform.processor()} {platform.platform()}"
    return "\n".join([platform.machine(), *(line for line in lines if line.split(":")[0].strip() in wanted)])
