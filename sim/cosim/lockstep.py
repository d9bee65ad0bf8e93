"""One call: a fabric's Verilog, or a design of your own with its ports, in lock step with the reference."""

import shutil
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from thermofab.hw import emit_verilog
from thermofab.hw.spec import FabricSpec, SpecError
from thermofab.sim.cosim.coverage import Coverage
from thermofab.sim.cosim.jobs import FabricJob, Job
from thermofab.sim.cosim.simulation import Bench, Design, build
from thermofab.sim.cosim.simulators import chosen_simulator

TOP = "thermofab"
# Watches the ports that show states, and compares every site after every sweep; also aborts, back-pressure, wrong
# accesses, counters of moments and clocks.
EVERY_SWEEP = Bench("thermofab.sim.cosim.bench.every_sweep")
# Uses bus, sample stream and ``busy`` alone, as a host does: samples after every sweep, of any architecture.
EVERY_SAMPLE = Bench("thermofab.sim.cosim.bench.every_sample")


@dataclass(frozen=True)
class Lockstep:
    """A comparison in which nothing differed.

    Attributes:
        compared: site updates compared with the reference; of the serial link, answers and words.
        seed: of the bench's choices; the same seed gives the same run.
        simulator: ``"icarus"`` or ``"verilator"``.
        coverage: how often each situation was brought about; of benches that count none, empty.
    """

    compared: int
    seed: int
    simulator: str
    coverage: Coverage = field(repr=False)


def emitted(spec: FabricSpec) -> Design:
    """The Verilog of a fabric, as :func:`thermofab.emit_verilog` writes it."""
    return Design((emit_verilog(spec),), TOP)


def lockstep(
    spec: FabricSpec,
    simulator: str | None = None,
    *,
    updates: int = 2000,
    seed: int = 1,
    design: Design | None = None,
    bench: Bench = EVERY_SWEEP,
    folder: str | Path | None = None,
    flags: Iterable[str] = (),
) -> Lockstep:
    """Simulate a fabric over random images, schedules and clamps, and compare it with the reference.

    Args:
        spec: the fabric that the reference runs.
        simulator: ``"icarus"`` or ``"verilator"``; by default the first that is installed.
        updates: site updates to compare, at least.
        seed: fixes all choices.
        design: Verilog with the ports of an emitted fabric; by default that of ``spec``.
        bench: :data:`EVERY_SWEEP`, :data:`EVERY_SAMPLE`, or one of your own that reports ``compared``.
        folder: an existing folder for all files of the simulation; by default one that is removed unless the bench
            fails.
        flags: more of the simulator's compiler.

    Raises:
        BenchFailed: the design differs from the reference; the message says where first, the seed and the log.
        SpecError: there is no such simulator, ``updates`` is below 1, or ``folder`` does not exist.
        ToolMissingError: cocotb or the simulator is missing; the message says what to install.
        DeviceError: the simulator refuses the Verilog.
    """
    simulator = chosen_simulator(simulator)
    if updates < 1:
        raise SpecError(f"updates must be at least 1, got {updates}.")
    job = FabricJob(spec.to_json(), seed, updates)
    return run_lockstep(simulator, design or emitted(spec), bench, job, folder, flags)


def run_lockstep(
    simulator: str, design: Design, bench: Bench, job: Job, folder: str | Path | None, flags: Iterable[str] = ()
) -> Lockstep:
    """Build a design and run a bench that reports ``compared`` and, if it counts any, ``coverage``."""
    if folder is not None and not Path(folder).is_dir():
        raise SpecError(f"the folder {folder} does not exist; make it first, or leave it out.")
    place = Path(tempfile.mkdtemp(prefix="thermofab-lockstep-")) if folder is None else Path(folder)
    found = build(simulator, design, place, flags).run(bench, job)
    if folder is None:
        shutil.rmtree(place)
    return Lockstep(found["compared"], job.seed, simulator, Coverage.of(found.get("coverage", {})))
