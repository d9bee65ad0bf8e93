"""Runs inside the simulator: a fabric of any architecture, driven by the host's driver through bus and stream only.

Samples are taken after every sweep, so every state of a run is compared with the reference's. The environment is that
of ``rtl_cocotb.py``.
"""

import json
import os
from collections.abc import Sequence
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.task import bridge, resume
from cocotb.triggers import ClockCycles, FallingEdge

from thermofab.hw.host.driver import FabricDriver
from thermofab.hw.spec import FabricSpec, Schedule, open_device, plan_run
from thermofab.sim.conformance import random_image

SPEC = FabricSpec.from_json(json.loads(Path(os.environ["THERMOFAB_FABRIC"]).read_text()))
SEED = int(os.environ["THERMOFAB_SEED"])
# Clocks without a sample word after which a run counts as stuck.
PATIENCE = 20_000


class SimulatedBus:
    """The fabric's bus and stream as a :class:`thermofab.hw.host.driver.RegisterBus`, called from another thread."""

    def __init__(self, dut) -> None:
        self.dut = dut
        for name in ("bus_address", "bus_write", "bus_write_data", "bus_read", "sample_ready"):
            getattr(dut, name).value = 0

    def write(self, addresses: Sequence[int] | np.ndarray, data: Sequence[int] | np.ndarray) -> None:
        resume(self._write)([int(a) for a in addresses], [int(d) & 0xFFFFFFFF for d in data])

    def read(self, address: int) -> int:
        return resume(self._read)(int(address))

    def collect(self, words: int) -> np.ndarray:
        return np.array(resume(self._collect)(words), dtype=np.uint32)

    def wait(self) -> None:
        resume(self._wait)()

    async def _write(self, addresses: list[int], data: list[int]) -> None:
        dut = self.dut
        dut.bus_write.value = 1
        for address, word in zip(addresses, data):
            dut.bus_address.value, dut.bus_write_data.value = address, word
            await FallingEdge(dut.clk)
        dut.bus_write.value = 0
        await FallingEdge(dut.clk)

    async def _read(self, address: int) -> int:
        dut = self.dut
        dut.bus_address.value, dut.bus_read.value = address, 1
        await FallingEdge(dut.clk)
        dut.bus_read.value = 0
        await FallingEdge(dut.clk)
        return int(dut.bus_read_data.value)

    async def _collect(self, words: int) -> list[int]:
        dut, taken, idle = self.dut, [], 0
        dut.sample_ready.value = 1
        while len(taken) < words:
            if int(dut.sample_valid.value):
                taken.append(int(dut.sample_payload.value))
                idle = 0
            idle += 1
            assert idle < PATIENCE, f"the run is stuck after {len(taken)} of {words} words"
            await FallingEdge(dut.clk)
        dut.sample_ready.value = 0
        return taken

    async def _wait(self) -> None:
        while int(self.dut.busy.value):
            await FallingEdge(self.dut.clk)


def runs(bus: SimulatedBus, updates: int) -> int:
    """Random images and schedules until ``updates`` site updates are compared; how many were."""
    rng, driver, reference = np.random.default_rng(SEED), FabricDriver(SPEC, bus), open_device("reference", SPEC)
    driver.check_identity()
    compared = 0
    while compared < updates:
        level = int(rng.integers(SPEC.levels))
        samples = max(2, min(updates, 2_000) // SPEC.n_sites // 2)
        schedule = Schedule(int(rng.integers(0, 4)), samples, 1, (), level)
        image = random_image(rng, SPEC)
        driver.load(image)
        driver.prepare(plan_run(image, schedule, 1, None, None, None), 0)
        states, _ = driver.run(schedule)
        reference.load(image)
        expected = reference.run(schedule).sites[0]
        wrong = np.argwhere(states != expected)
        assert not len(wrong), f"sample {wrong[0][0]} differs from the reference, at site {wrong[0][1]} first"
        drawing = SPEC.n_sites if image.order is None else int(image.order.is_root.sum())
        compared += schedule.n_sweeps * drawing
    return compared


@cocotb.test()
async def every_state_of_every_run(dut) -> None:
    dut.rst.value = 1
    bus = SimulatedBus(dut)
    Clock(dut.clk, 10, unit="ns").start()
    await ClockCycles(dut.clk, 4)
    await FallingEdge(dut.clk)
    dut.rst.value = 0
    await FallingEdge(dut.clk)
    compared = await bridge(runs)(bus, int(os.environ["THERMOFAB_UPDATES"]))
    Path(os.environ["THERMOFAB_REPORT"]).write_text(str(compared))
    dut._log.info(f"{compared} site updates compared with the reference, 0 differ")
