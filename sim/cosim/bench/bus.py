"""Bus driver: writes and reads a fabric's registers by name, a word per clock.

Like all parts of the bench it acts in the middle of a clock, at its falling edge: what is seen there is what the next
rising edge will see, and what is set there is stable long before it.
"""

from collections.abc import Sequence

import numpy as np
from cocotb.triggers import FallingEdge

from thermofab.hw.host.architectures import loading_of
from thermofab.hw.host.driver import RunSettings
from thermofab.hw.host.loading import Write
from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import FabricSpec, Image, RunPlan
from thermofab.sim.cosim.bench.ports import BusPorts
from thermofab.sim.reference import Chain


class BusDriver:
    """What is written where is the loading's, as for the host's driver."""

    def __init__(self, dut: BusPorts, spec: FabricSpec) -> None:
        self.dut, self.spec, self.loading = dut, spec, loading_of(spec)
        self.map, self.sweep_clocks = self.loading.map, self.loading.sweep_clocks
        for pin in (dut.bus_address, dut.bus_write, dut.bus_write_data, dut.bus_read):
            pin.value = 0

    async def write_all(self, write: Write) -> None:
        """One write per clock; all have taken effect on return."""
        dut = self.dut
        dut.bus_write.value = 1
        for address, data in zip(np.asarray(write[0]).tolist(), np.asarray(write[1]).tolist()):
            dut.bus_address.value = address
            dut.bus_write_data.value = data & 0xFFFFFFFF
            await FallingEdge(dut.clk)
        dut.bus_write.value = 0
        await FallingEdge(dut.clk)
        await FallingEdge(dut.clk)

    async def write(self, name: str, *data: int, first: int = 0) -> None:
        """Entries of a register array from ``first`` on, or a single register."""
        addresses = [self.map[name].at(first + k) for k in range(len(data))]
        await self.write_all((np.array(addresses), np.array(data, dtype=np.int64)))

    async def read(self, name: str, index: int = 0) -> int:
        """An entry of a register array, or a single register."""
        dut = self.dut
        dut.bus_address.value = self.map[name].at(index)
        dut.bus_read.value = 1
        await FallingEdge(dut.clk)
        dut.bus_read.value = 0
        await FallingEdge(dut.clk)
        return int(dut.bus_read_data.value)

    async def load(self, image: Image, masks: Sequence[np.ndarray]) -> None:
        """Weights, biases, tables and shift of an image, and the two clamp masks."""
        for write in self.loading.image(image):
            await self.write_all(write)
        await self.write("SHIFT", image.shift)
        for number, mask in enumerate(masks):
            await self.write_all(self.loading.clamps(number, mask))

    async def load_states(self, plan: RunPlan) -> None:
        """States and generator states of a plan's first replica."""
        chain = Chain(plan, 0)
        await self.write_all(self.loading.states(np.array(chain.n, dtype=bool)))
        await self.write_all(self.loading.seeds(seed_words(chain.generator, plan.keys[0])))

    async def schedule(self, run: RunSettings, phase_masks: Sequence[int], mask: int) -> None:
        """A run's phases and samples, and the clamp masks that they use."""
        await self.write("PHASES", len(run.phases))
        if run.phases:
            await self.write("PHASE_SWEEPS", *(sweeps for sweeps, _ in run.phases))
            await self.write("PHASE_LEVEL", *(level for _, level in run.phases))
            await self.write("PHASE_MASK", *phase_masks)
        for name, value in (("SAMPLES", run.samples), ("STEPS", run.steps), ("LEVEL", run.level), ("MASK", mask)):
            await self.write(name, value)


class Replay:
    """A fabric that gives back what was read of it before: how a loading, which does not wait, decodes counters."""

    def __init__(self, registers: dict[tuple[str, int], int], words: list[int]) -> None:
        self._registers, self._words = registers, words

    def read(self, name: str, index: int = 0) -> int:
        return self._registers[name, index]

    def write(self, name: str, values: int | np.ndarray, first: int = 0) -> None:
        """It has happened."""

    def collect(self, words: int) -> np.ndarray:
        assert len(self._words) == words, f"{len(self._words)} words of counters came, not {words}"
        return np.array(self._words, dtype=np.uint32)
