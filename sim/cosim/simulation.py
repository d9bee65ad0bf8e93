"""Verilog built for a simulator, and benches run on it: what every kind of lock step has in common.

A bench is a module of cocotb tests, found by its name on the path of this process. It is told what to do by a job
(:mod:`.jobs`), and reports numbers by name.
"""

import contextlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermofab.hw.spec import DeviceError
from thermofab.sim.cosim.jobs import Job, report_file, write_job
from thermofab.sim.cosim.simulators import check_simulator

if TYPE_CHECKING:
    from cocotb_tools.runner import Runner

TIMESCALE = ("1ns", "1ps")
TAIL = 3000  # characters of a log that an error shows
# Lint and style are for those who write a design. Specify blocks hold delays, and bits are compared clock by clock.
_FLAGS = {"icarus": ("-gno-specify",), "verilator": ("-Wno-fatal", "-Wno-lint", "-Wno-style")}


@dataclass(frozen=True)
class Design:
    """Verilog to simulate.

    Attributes:
        verilog: texts of Verilog, each compiled as a file.
        top: the module that the bench sees, with the ports of an emitted fabric (docs/hardware.md) or, for a bench of
            your own, with any.
    """

    verilog: tuple[str, ...]
    top: str


@dataclass(frozen=True)
class Bench:
    """A module of cocotb tests by its name; with ``tests``, only these of its tests, in the module's order."""

    module: str
    tests: tuple[str, ...] = ()


class BenchFailed(AssertionError):
    """A design does not do what its bench expects; the message says what was seen, the seed and where the log is."""


@dataclass(frozen=True)
class Simulation:
    """A design built for a simulator in a folder."""

    design: Design
    folder: Path
    runner: "Runner"

    def run(self, bench: Bench, job: Job) -> dict[str, Any]:
        """Run a bench; what it reported.

        Raises:
            BenchFailed: a test failed, or the simulation ended early.
        """
        from cocotb_tools.check_results import get_results

        results, log = self.folder / "results.xml", self.folder / "test.log"
        report_file(self.folder).unlink(missing_ok=True)
        with contextlib.suppress(SystemExit):  # which says no more than that a test failed; the log says why
            self.runner.test(
                test_module=bench.module, testcase=bench.tests or None, hdl_toplevel=self.design.top,
                hdl_toplevel_lang="verilog", build_dir=self.folder / "build", test_dir=self.folder,
                results_xml=str(results), log_file=log, timescale=TIMESCALE,
                extra_env={**write_job(job, self.folder), "COCOTB_MAX_FAILURES": "1"},
            )  # fmt: skip
        said = log.read_text()
        try:
            count, failed = get_results(results)
        except RuntimeError:
            where = f"(seed {job.seed}; {log})"
            raise BenchFailed(f"the simulation ended without a result {where}:\n{said[-TAIL:]}") from None
        if failed or count < max(1, len(bench.tests)):
            why = re.findall(r"^.*?\b(\w+(?:Error|Failed|Exception): .+)$", said, re.M)
            headline = why[-1].removeprefix("AssertionError: ") if why else f"{failed} of {count} tests failed"
            raise BenchFailed(f"{headline}\n(seed {job.seed}; {log})\n{said[-TAIL:]}")
        return json.loads(report_file(self.folder).read_text())


def build(simulator: str, design: Design, folder: Path, flags: Iterable[str] = (), optimise: str = "-O0") -> Simulation:
    """Build a design.

    Args:
        simulator: ``"icarus"`` or ``"verilator"``.
        design: the Verilog.
        folder: where all files of the simulation go; it exists, and holds no other simulation.
        flags: more of the simulator's compiler.
        optimise: g++'s level, of Verilator only.

    Raises:
        SpecError, ToolMissingError: see :func:`check_simulator`.
        DeviceError: the simulator refuses the Verilog; the message holds what it said.
    """
    check_simulator(simulator)
    folder = folder.resolve()
    sources = [folder / f"design_{number}.v" for number in range(len(design.verilog))]
    for file, text in zip(sources, design.verilog, strict=True):
        file.write_text(text)
    place, log = folder / "build", folder / "build.log"
    runner, sources = _runner(simulator, design, folder, sources, optimise)
    try:
        runner.build(
            sources=sources, hdl_toplevel=design.top, build_dir=place, timescale=TIMESCALE,
            build_args=[*_FLAGS[simulator], *flags], log_file=log,
        )  # fmt: skip
    except RuntimeError as error:
        said = log.read_text()[-TAIL:] if log.exists() else str(error)
        raise DeviceError(f"{simulator.capitalize()} cannot build module '{design.top}' ({log}):\n{said}") from None
    if simulator == "verilator":
        from thermofab.sim.cosim.runners import keep_objects

        keep_objects(place, optimise)
    return Simulation(design, folder, runner)


def _runner(
    simulator: str, design: Design, folder: Path, sources: Sequence[Path], optimise: str
) -> "tuple[Runner, list[Path]]":
    from thermofab.sim.cosim.runners import PORTS, OnIcarus, OnVerilator, reuse_objects

    if simulator == "icarus":
        return OnIcarus(), [*sources]
    ports = folder / "ports.vlt"
    ports.write_text(PORTS.format(top=design.top))
    reuse_objects(folder / "build", optimise)
    return OnVerilator(optimise), [*sources, ports]
