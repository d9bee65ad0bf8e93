"""The test bench of a fabric in small parts: bus driver, sample sink, monitor and scoreboard.

All parts act in the middle of a clock, at its falling edge: what they see is what the next rising edge will see, and
what they set is stable long before it.
"""

import random
from collections.abc import Iterator, Sequence

import numpy as np
from cocotb.triggers import FallingEdge

from thermofab.hw.rtl.lanes import plan_lanes
from thermofab.hw.rtl.registers import RegisterMap, register_map
from thermofab.hw.spec import FabricSpec, RunPlan, Schedule, Topology
from thermofab.sim.reference import Chain


class BusDriver:
    """Writes and reads registers by name."""

    def __init__(self, dut, spec: FabricSpec) -> None:
        self.dut = dut
        self.plan = plan_lanes(spec)
        self.map: RegisterMap = register_map(spec)
        dut.bus_write.value = 0
        dut.bus_read.value = 0

    async def write_all(self, pairs: list[tuple[int, int]]) -> None:
        """One write a clock; all have taken effect on return."""
        dut = self.dut
        dut.bus_write.value = 1
        for address, data in pairs:
            dut.bus_address.value = address
            dut.bus_write_data.value = data & 0xFFFFFFFF
            await FallingEdge(dut.clk)
        dut.bus_write.value = 0
        await FallingEdge(dut.clk)

    async def write(self, name: str, *data: int, first: int = 0) -> None:
        """Entries of a register array from ``first`` on, or a single register."""
        await self.write_all([(self.map[name].at(first + k), value) for k, value in enumerate(data)])

    async def read(self, name: str, index: int = 0) -> int:
        dut = self.dut
        dut.bus_address.value = self.map[name].at(index)
        dut.bus_read.value = 1
        await FallingEdge(dut.clk)
        dut.bus_read.value = 0
        await FallingEdge(dut.clk)
        return int(dut.bus_read_data.value)

    async def load(self, plan: RunPlan, masks: Sequence[np.ndarray]) -> None:
        """Weights, biases, tables and shift of a plan, and the two clamp masks."""
        image = plan.image
        for name, values in (("WEIGHTS", image.weights), ("BIASES", image.biases), ("TABLES", image.tables.ravel())):
            if name in self.map.names:
                await self.write(name, *values.tolist())
        await self.write("SHIFT", image.shift)
        await self.write("CLAMPS", *(word for mask in masks for word in words_of(mask.tolist())))

    async def load_states(self, chain: Chain) -> None:
        """States and generator states of a chain."""
        await self.write("STATES", *words_of(chain.n))
        seed, states = self.map["SEED"].at(), np.array(chain.rng, dtype=np.uint32)
        await self.write_all([(seed, word) for word in self.plan.seed_words(states).tolist()])

    async def schedule(self, schedule: Schedule, phase_masks: Sequence[int], mask: int) -> None:
        phases = schedule.phases
        await self.write("PHASES", len(phases))
        if phases:
            await self.write("PHASE_SWEEPS", *(sweeps for sweeps, _ in phases))
            await self.write("PHASE_LEVEL", *(level for _, level in phases))
            await self.write("PHASE_MASK", *phase_masks)
        await self.write("SAMPLES", schedule.n_samples)
        await self.write("STEPS", schedule.steps_per_sample)
        await self.write("LEVEL", schedule.level)
        await self.write("MASK", mask)


def words_of(bits: list[int] | list[bool]) -> list[int]:
    """Bits as 32-bit words, bit 0 of word 0 first."""
    number = sum(1 << k for k, bit in enumerate(bits) if bit)
    return [(number >> shift) & 0xFFFFFFFF for shift in range(0, len(bits), 32)]


class SampleSink:
    """Takes sample words, ready in a random share of the clocks; checks that a word on offer stays until taken."""

    def __init__(self, dut, n_sites: int, rng: random.Random) -> None:
        self.dut, self.n_sites, self.rng = dut, n_sites, rng
        self.ready_share = 1.0
        self.dropping = False  # around an abort, which may take away a word on offer
        self.samples: list[int] = []
        self._words: list[int] = []
        self._offered: int | None = None

    def clear(self) -> None:
        self.samples, self._words, self._offered = [], [], None

    async def run(self) -> None:
        dut, per_sample = self.dut, (self.n_sites + 31) // 32
        dut.sample_ready.value = 0
        while True:
            await FallingEdge(dut.clk)
            if self.dropping:
                self.clear()
                dut.sample_ready.value = 0
                continue
            ready = self.rng.random() < self.ready_share
            dut.sample_ready.value = int(ready)
            if not int(dut.sample_valid.value):
                assert self._offered is None, "nothing is lost on read-out: a word went away before it was taken"
                continue
            word = int(dut.sample_payload.value)
            assert self._offered in (None, word), "nothing is lost on read-out: a word changed before it was taken"
            self._offered = None if ready else word
            if ready:
                self._words.append(word)
                last = bool(int(dut.sample_last.value))
                assert last == (len(self._words) == per_sample), "the last word of a sample is marked as such"
                if last:
                    self.samples.append(sum(w << (32 * k) for k, w in enumerate(self._words)))
                    self._words = []


class Scoreboard:
    """Runs the reference beside the fabric and compares every site after every sweep."""

    def __init__(self) -> None:
        self.chain: Chain | None = None
        self.expected_samples: list[int] = []
        self.compared = 0
        self.sweeps = 0
        self._levels: Iterator[tuple[int, int, bool]] = iter(())
        self._masks: Sequence[np.ndarray] = ()

    def begin(
        self, chain: Chain, schedule: Schedule, masks: Sequence[np.ndarray], phase_masks: Sequence[int], mask: int
    ) -> None:
        """A run of ``schedule`` from the state of ``chain``, clamped by these masks in its phases and samples."""
        self.chain, self.sweeps, self._masks = chain, 0, masks
        self._levels = sweeps_of(schedule, phase_masks, mask)
        self.expected_samples = [] if schedule.phases else [self.state]

    @property
    def state(self) -> int:
        assert self.chain is not None
        return sum(bit << k for k, bit in enumerate(self.chain.n))

    def sweep(self, state: int) -> None:
        """The fabric ended a sweep in ``state``."""
        assert self.chain is not None
        level, mask, sampled = next(self._levels, (None, 0, False))
        assert level is not None, "the fabric swept more often than the schedule says"
        self.chain.clamped = self._masks[mask].tolist()
        self.chain.sweep(level)
        wrong = state ^ self.state
        sites = [k for k in range(len(self.chain.n)) if wrong >> k & 1]
        assert not wrong, f"after sweep {self.sweeps} at level {level}, sites {sites} differ from the reference"
        self.compared += len(self.chain.n)
        self.sweeps += 1
        if sampled:
            self.expected_samples.append(state)

    def finished(self) -> bool:
        return next(self._levels, None) is None


def sweeps_of(schedule: Schedule, phase_masks: Sequence[int], mask: int) -> Iterator[tuple[int, int, bool]]:
    """``(level, clamp mask, the state afterwards is a sample)`` of every sweep."""
    before = [(level, m) for (sweeps, level), m in zip(schedule.phases, phase_masks) for _ in range(sweeps)]
    for k, (level, phase_mask) in enumerate(before):
        yield level, phase_mask, k == len(before) - 1
    for _ in range(schedule.n_samples - 1):
        for step in range(schedule.steps_per_sample):
            yield schedule.level, mask, step == schedule.steps_per_sample - 1


class Monitor:
    """Watches every clock of a run: who changes with whom, who is clamped, and the state after every sweep."""

    def __init__(self, dut, topology: Topology, scoreboard: Scoreboard) -> None:
        self.dut, self.scoreboard = dut, scoreboard
        self.clamped = 0
        self.watching = False
        self._neighbours = [0] * topology.n_sites
        for i, j in topology.edges.tolist():
            self._neighbours[i] |= 1 << j
            self._neighbours[j] |= 1 << i

    async def run(self) -> None:
        dut, before = self.dut, None
        while True:
            await FallingEdge(dut.clk)
            if not self.watching:
                before = None
                continue
            state = int(dut.state.value)
            if before is not None and state != before:
                self.check_change(state ^ before)
            before = state
            if int(dut.sweep_done.value):
                self.scoreboard.sweep(state)

    def check_change(self, changed: int) -> None:
        """``changed`` sites took another state in one clock."""
        assert not changed & self.clamped, "a clamped site never changes"
        rest = changed
        while rest:
            site = (rest & -rest).bit_length() - 1
            assert not self._neighbours[site] & changed, "no two coupled sites update together"
            rest &= rest - 1


def mask_of(bits: np.ndarray) -> int:
    """Bits as one integer, bit k for site k."""
    return sum(1 << k for k in np.flatnonzero(bits).tolist())
