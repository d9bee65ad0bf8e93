"""cocotb's runners: the simulator's Python finds what this process finds, and Verilator is the one this project uses.

Every signal that cocotb may write is one that Verilator must not optimise, so of a design only the top module's ports
are public: benches look at no more. Objects of Verilator's own sources are the same for every design and are kept.
"""

import contextlib
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from cocotb_tools.runner import Icarus, Runner, Verilator

from thermofab.hw.cache import cache_folder
from thermofab.sim.rtl.tools import find_verilator
from thermofab.sim.toolchain import find_compiler

PORTS = '`verilator_config\npublic_flat_rw -module "{top}" -var "*"\n'
ALL_PUBLIC = "--public-flat-rw"


def make_variables(optimise: str) -> str:
    """For make: the Verilator package leaves these variables of its makefile empty."""
    levels = " ".join(f"OPT_{part}={optimise}" for part in ("FAST", "SLOW", "GLOBAL"))
    return (
        "-- CFG_CXXFLAGS_PCH_I=-include CFG_CXXFLAGS_STD=-std=gnu++20 CFG_CXXFLAGS_COROUTINES=-fcoroutines "
        f"CFG_LDLIBS_THREADS=-pthread PYTHON3=python3 PERL=perl {levels}"
    )


class SamePath(Runner):
    """Benches are found where this process finds modules: a relative folder on its path is made absolute."""

    def _set_env_common(self) -> None:
        super()._set_env_common()
        self.env["PYTHONPATH"] = os.pathsep.join(str(Path(place).resolve()) for place in sys.path)


class OnIcarus(SamePath, Icarus):
    """Nothing else."""


class OnVerilator(SamePath, Verilator):
    """With ports public alone. ``optimise``: g++'s level, ``"-O0"`` builds fastest."""

    def __init__(self, optimise: str) -> None:
        super().__init__()
        self._found, self._optimise = find_verilator(), optimise

    def _simulator_in_path_build_only(self) -> None:
        self.executable = self._found.binary

    def _set_env_build(self) -> None:
        super()._set_env_build()
        self.env["VERILATOR_ROOT"] = self._found.root
        self.env["MAKEFLAGS"] = make_variables(self._optimise)

    def _build_command(self) -> list[Sequence[str]]:
        return [[part for part in command if part != ALL_PUBLIC] for command in super()._build_command()]


def objects_folder(optimise: str) -> Path:
    """Where the objects of Verilator's own sources stay."""
    versions = (find_verilator().version, find_compiler()[1], optimise)
    return cache_folder() / ("verilated-" + re.sub(r"[^A-Za-z0-9.]+", "_", "-".join(versions)))


def reuse_objects(build: Path, optimise: str) -> None:
    """Put them where make looks, dated ahead so that it finds them newer than its makefiles too."""
    build.mkdir(parents=True, exist_ok=True)
    if objects_folder(optimise).is_dir():
        for file in objects_folder(optimise).iterdir():
            ahead = time.time() + 3600
            os.utime(shutil.copy(file, build), (ahead, ahead))


def keep_objects(build: Path, optimise: str) -> None:
    """Keep those of a build, unless some are kept already."""
    place = objects_folder(optimise)
    if place.is_dir():
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    work = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
    for file in build.glob("verilated*.o"):
        shutil.copy(file, work)
    with contextlib.suppress(OSError):  # another process was first
        work.rename(place)
    shutil.rmtree(work, ignore_errors=True)
