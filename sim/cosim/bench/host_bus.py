"""A simulated fabric as the host's register bus: the driver and devices of this project run on it as on a board."""

from collections.abc import Sequence

import numpy as np
from cocotb.task import resume
from cocotb.triggers import FallingEdge

from thermofab.sim.cosim.bench.ports import FabricPorts

# Clocks without a sample word after which a run counts as stuck.
PATIENCE = 20_000


class SimulatedBus:
    """The fabric's bus and stream as a :class:`thermofab.hw.host.driver.RegisterBus`, called from another thread."""

    def __init__(self, dut: FabricPorts) -> None:
        self.dut = dut
        for pin in (dut.bus_address, dut.bus_write, dut.bus_write_data, dut.bus_read, dut.sample_ready):
            pin.value = 0

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
