"""Builds a fabric's Verilog for cocotb and runs ``rtl_cocotb.py`` in the simulator."""

import contextlib
import json
import os
import re
import shutil
import time
from pathlib import Path

import pytest

from thermofab.hw import emit_verilog
from thermofab.hw.cache import cache_folder
from thermofab.hw.spec import FabricSpec
from thermofab.sim.rtl.tools import find_verilator
from thermofab.sim.toolchain import find_compiler

HERE = Path(__file__).resolve().parent
# The Verilator package leaves these variables of its makefile empty.
MAKE_VARIABLES = (
    "-- CFG_CXXFLAGS_PCH_I=-include CFG_CXXFLAGS_STD=-std=gnu++20 CFG_CXXFLAGS_COROUTINES=-fcoroutines "
    "CFG_LDLIBS_THREADS=-pthread PYTHON3=python3 PERL=perl OPT_FAST=-O0 OPT_SLOW=-O0 OPT_GLOBAL=-O0"
)


def simulators() -> list[str]:
    """Those installed of the simulators the bench runs on."""
    return ["verilator", *(["icarus"] if shutil.which("iverilog") else [])]


def simulate(
    simulator: str, spec: FabricSpec, seed: int, updates: int, folder: Path, monkeypatch, flags: tuple[str, ...] = ()
) -> int:
    """Run the lockstep bench; the number of site updates compared. ``flags`` go to Verilator as well.

    The folder then holds ``functional.json``, and with coverage flags ``coverage.dat``. ``THERMOFAB_SEED``, if set,
    takes the place of ``seed``.
    """
    runner_module = pytest.importorskip("cocotb_tools.runner")
    seed = int(os.environ.get("THERMOFAB_SEED", seed))
    source, report = folder / "fabric.v", folder / "report"
    source.write_text(emit_verilog(spec))
    (folder / "fabric.json").write_text(json.dumps(spec.to_json()))
    if simulator == "verilator":
        use_verilator(monkeypatch)
        runner, sources = ports_only(runner_module), [source, folder / "ports.vlt"]
        (folder / "ports.vlt").write_text('`verilator_config\npublic_flat_rw -module "thermofab" -var "*"\n')
        reuse_objects(folder / "build")
    else:
        runner, sources = runner_module.get_runner(simulator), [source]
    runner.build(
        sources=sources, hdl_toplevel="thermofab", build_dir=folder / "build", timescale=("1ns", "1ps"),
        build_args=["-Wno-fatal", "-Wno-lint", *flags] if simulator == "verilator" else [],
        log_file=folder / "build.log",
    )  # fmt: skip
    if simulator == "verilator":
        keep_objects(folder / "build")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(HERE), os.environ.get("PYTHONPATH", "")]))
    results, log = folder / "results.xml", folder / "test.log"
    with contextlib.suppress(SystemExit):  # which says no more than that a test failed; the log says why
        runner.test(
            test_module="rtl_cocotb", hdl_toplevel="thermofab", hdl_toplevel_lang="verilog",
            build_dir=folder / "build", test_dir=folder, results_xml=str(results), log_file=log,
            timescale=("1ns", "1ps"),
            extra_env={
                "THERMOFAB_FABRIC": str(folder / "fabric.json"), "THERMOFAB_SEED": str(seed),
                "THERMOFAB_UPDATES": str(updates), "THERMOFAB_REPORT": str(report),
                "THERMOFAB_COVERAGE": str(folder / "functional.json"),
            },
        )  # fmt: skip
    count, failed = runner_module.get_results(results)
    assert count == 1 and not failed, f"seed {seed}:\n" + log.read_text()[-3000:]
    return int(report.read_text())


def use_verilator(monkeypatch) -> None:
    """Let make and the runner find the Verilator package."""
    verilator = find_verilator()
    monkeypatch.setenv("VERILATOR_ROOT", verilator.root)
    monkeypatch.setenv("PATH", f"{Path(verilator.binary).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MAKEFLAGS", MAKE_VARIABLES)


def objects_folder() -> Path:
    """Where the objects of Verilator's own sources stay: they are the same for every fabric."""
    versions = (find_verilator().version, find_compiler()[1])
    return cache_folder() / ("verilated-" + re.sub(r"[^A-Za-z0-9.]+", "_", "-".join(versions)))


def reuse_objects(build: Path) -> None:
    """Put them where make looks, dated ahead so that it finds them newer than its makefiles too."""
    build.mkdir()
    if objects_folder().is_dir():
        for file in objects_folder().iterdir():
            ahead = time.time() + 3600
            os.utime(shutil.copy(file, build), (ahead, ahead))


def keep_objects(build: Path) -> None:
    if not objects_folder().is_dir():
        work = build / "objects"
        work.mkdir()
        for file in build.glob("verilated*.o"):
            shutil.copy(file, work)
        objects_folder().parent.mkdir(parents=True, exist_ok=True)
        shutil.move(work, objects_folder())


def ports_only(runner_module):
    """cocotb's Verilator runner, with the top module's signals visible to it and no others: every signal it may write
    is one that Verilator must not optimise, and this bench looks at ports only.
    """

    class PortsOnly(runner_module.Verilator):
        def _build_command(self):
            return [[part for part in command if part != "--public-flat-rw"] for command in super()._build_command()]

    return PortsOnly()
