"""The cocotb side of rtl_speed.py: loads a fabric, starts a run, and times the clocks until it ends.

Imported by the simulator it holds the test as well.
"""

import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from thermofab.hw.host.driver import FabricDriver, RunSettings
from thermofab.hw.spec import FabricSpec, Schedule, plan_run
from thermofab.sim.conformance import random_image
from thermofab.sim.cosim import Bench, emitted
from thermofab.sim.cosim.jobs import VARIABLE, Job, read_job, report
from thermofab.sim.cosim.simulation import build


@dataclass(frozen=True)
class SpeedJob(Job):
    """``sweeps`` of the run that is timed."""

    sweeps: int


class _Recorder:
    """A register bus that writes everything down."""

    def __init__(self) -> None:
        self.writes: list[tuple[int, int]] = []

    def write(self, addresses, data) -> None:
        pairs = zip(np.asarray(addresses).tolist(), (np.asarray(data).astype(np.int64) & 0xFFFFFFFF).tolist())
        self.writes += [(int(a), int(d)) for a, d in pairs]

    def read(self, address: int) -> int:
        return 0

    def collect(self, words: int) -> np.ndarray:
        return np.zeros(words, dtype=np.uint32)

    def wait(self) -> None:
        pass


@dataclass(frozen=True)
class Writes:
    """What a driver writes: ``load`` once, ``start(sweeps)`` for a run."""

    load: list[tuple[int, int]]
    spec: FabricSpec

    def start(self, sweeps: int) -> list[tuple[int, int]]:
        bus = _Recorder()
        FabricDriver(self.spec, bus).start(RunSettings(((sweeps, 0),), 0, 1, 0))
        return bus.writes


def recorded_writes(spec: FabricSpec) -> Writes:
    """The writes of loading a random image."""
    bus = _Recorder()
    driver = FabricDriver(spec, bus)
    image = random_image(np.random.default_rng(1), spec)
    driver.load(image)
    driver.prepare(plan_run(image, Schedule(0, 1), 1, None, None, None), 0)
    return Writes(bus.writes, spec)


def cocotb_seconds(spec: FabricSpec, simulator: str, sweeps: int) -> float:
    """Seconds of a run on the emitted Verilog under cocotb."""
    with tempfile.TemporaryDirectory() as folder:
        simulation = build(simulator, emitted(spec), Path(folder), optimise="-O1")
        return simulation.run(Bench("rtl_speed_bench"), SpeedJob(spec.to_json(), 1, sweeps))["seconds"]


if VARIABLE in os.environ:
    import cocotb
    from cocotb.clock import Clock
    from cocotb.triggers import ClockCycles, FallingEdge

    @cocotb.test()
    async def sweeps_per_second(dut) -> None:
        job = read_job(SpeedJob)
        writes = recorded_writes(job.spec)
        dut.bus_write.value, dut.bus_read.value, dut.sample_ready.value, dut.rst.value = 0, 0, 0, 1
        Clock(dut.clk, 10, unit="ns").start()
        await ClockCycles(dut.clk, 3)
        await FallingEdge(dut.clk)
        dut.rst.value = 0
        dut.bus_write.value = 1
        for address, data in [*writes.load, *writes.start(job.sweeps)]:
            dut.bus_address.value, dut.bus_write_data.value = address, data
            await FallingEdge(dut.clk)
        dut.bus_write.value = 0
        await ClockCycles(dut.clk, 4)
        started = time.perf_counter()
        await FallingEdge(dut.busy)
        report(seconds=time.perf_counter() - started)
