"""A fabric behind its serial link in lock step with the reference, through the pins of the emitted Verilog."""

from dataclasses import dataclass
from pathlib import Path

from thermofab.hw.rtl.link.emit import NAME, emit_link_verilog
from thermofab.hw.spec import FabricSpec
from thermofab.sim.cosim.jobs import Job
from thermofab.sim.cosim.lockstep import Lockstep, run_lockstep
from thermofab.sim.cosim.simulation import Bench, Design
from thermofab.sim.cosim.simulators import chosen_simulator

THROUGH_THE_PINS = Bench("thermofab.sim.cosim.bench.link")


@dataclass(frozen=True)
class LinkJob(Job):
    """``divisor``: clocks per bit; ``steps``: requests of the random part."""

    divisor: int
    steps: int


def link_lockstep(
    spec: FabricSpec,
    simulator: str | None = None,
    *,
    divisor: int = 5,
    steps: int = 40,
    seed: int = 1,
    folder: str | Path | None = None,
) -> Lockstep:
    """Simulate a fabric and its end of the line: registers written once each, noise, and samples asked for again.

    Args:
        spec: the fabric.
        simulator: ``"icarus"`` or ``"verilator"``; by default the first that is installed.
        divisor: clocks per bit of the line.
        steps: requests of the random part; from 80 on, sequence numbers go round once.
        seed: fixes all choices.
        folder: as for :func:`thermofab.sim.cosim.lockstep`.

    Raises:
        BenchFailed, SpecError, ToolMissingError, DeviceError: as for :func:`thermofab.sim.cosim.lockstep`.
    """
    simulator = chosen_simulator(simulator)
    design = Design((emit_link_verilog(spec, divisor),), NAME)
    return run_lockstep(simulator, design, THROUGH_THE_PINS, LinkJob(spec.to_json(), seed, divisor, steps), folder)
