"""The test bench of a fabric in small parts: bus driver, sample sink, monitors and scoreboard.

The parts are the same for both architectures; a monitor is what knows how a fabric shows its states. All act in the
middle of a clock, at its falling edge: what they see is what the next rising edge will see, and what they set is stable
long before it.
"""

import copy
import random
from collections.abc import Iterator, Sequence
from typing import Any

import cocotb
import numpy as np
from cocotb.triggers import FallingEdge
from drawing import Draw, Drawing, Gathered, Gathering, shown
from functional_coverage import Coverage, probe

from thermofab.hw.host.architectures import loading_of
from thermofab.hw.host.driver import RunSettings
from thermofab.hw.host.loading import Write
from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import FabricSpec, Image, RunPlan, Topology
from thermofab.sim.reference import Chain

PROBED = 6  # sweeps of a run in which the arithmetic is looked at for coverage


class BusDriver:
    """Writes and reads registers by name; what is written where is the loading's, as for the host's driver."""

    def __init__(self, dut, spec: FabricSpec) -> None:
        self.dut, self.spec, self.loading = dut, spec, loading_of(spec)
        self.map, self.sweep_clocks = self.loading.map, self.loading.sweep_clocks
        for name in ("bus_address", "bus_write", "bus_write_data", "bus_read"):
            getattr(dut, name).value = 0

    async def write_all(self, write: Write) -> None:
        """One write a clock; all have taken effect on return."""
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
        return await self.read_address(self.map[name].at(index))

    async def read_address(self, address: int) -> int:
        dut = self.dut
        dut.bus_address.value = address
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
        await self.write("PHASES", len(run.phases))
        if run.phases:
            await self.write("PHASE_SWEEPS", *(sweeps for sweeps, _ in run.phases))
            await self.write("PHASE_LEVEL", *(level for _, level in run.phases))
            await self.write("PHASE_MASK", *phase_masks)
        for name, value in (("SAMPLES", run.samples), ("STEPS", run.steps), ("LEVEL", run.level), ("MASK", mask)):
            await self.write(name, value)


class SampleSink:
    """Takes sample words, ready in a random share of the clocks; checks that a word on offer stays until taken."""

    def __init__(self, dut, loading: Any, rng: random.Random, coverage: Coverage) -> None:
        self.dut, self.loading, self.rng, self.coverage = dut, loading, rng, coverage
        self.ready_share = 1.0
        self.dropping = False  # around an abort, which may take away a word on offer
        self.raw = False  # words are no samples, but what `words` is to keep
        self.samples: list[int] = []
        self.words: list[int] = []
        self._offered: int | None = None

    def clear(self) -> None:
        self.samples, self.words, self._offered = [], [], None

    async def run(self) -> None:
        dut = self.dut
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
            self.coverage.hit("read-out: a word waits for its reader", not ready)
            self._offered = None if ready else word
            if ready:
                self.words.append(word)
                if not self.raw:
                    self._sample(bool(int(dut.sample_last.value)))

    def _sample(self, last: bool) -> None:
        assert last == (len(self.words) == self.loading.sample_words), "the last word of a sample is marked as such"
        if last:
            self.samples.append(mask_of(self.loading.samples(np.array([self.words], dtype=np.uint32))[0]))
            self.words = []


class Scoreboard:
    """Runs the reference beside the fabric and compares every site after every sweep."""

    def __init__(self, coverage: Coverage) -> None:
        self.chain: Chain | None = None
        self.expected_samples: list[int] = []
        self.compared = 0
        self.sweeps = 0
        self.coverage = coverage
        self._levels: list[tuple[int, int, bool]] = []
        self._masks: Sequence[np.ndarray] = ()

    def begin(self, chain: Chain, run: RunSettings, masks: Sequence[np.ndarray], phase_masks: Sequence[int],
              mask: int) -> None:  # fmt: skip
        """A run from the state of ``chain``, clamped by these masks in its phases and samples."""
        self.chain, self.sweeps, self._masks = chain, 0, masks
        self._levels = list(sweeps_of(run, phase_masks, mask))
        self.expected_samples = [self.state] if run.samples and not run.phases else []

    @property
    def state(self) -> int:
        assert self.chain is not None
        return sum(bit << k for k, bit in enumerate(self.chain.n))

    def sweep(self, state: int) -> None:
        """The fabric ended a sweep in ``state``."""
        assert self.chain is not None
        assert self.sweeps < len(self._levels), "the fabric swept more often than the schedule says"
        level, mask, sampled = self._levels[self.sweeps]
        self.chain.clamped = self._masks[mask].tolist()
        if self.sweeps < PROBED:
            probe(copy.deepcopy(self.chain), level, self.coverage)
        self.chain.sweep(level)
        wrong = state ^ self.state
        sites = [k for k in range(len(self.chain.n)) if wrong >> k & 1]
        assert not wrong, f"after sweep {self.sweeps} at level {level}, sites {sites} differ from the reference"
        self.compared += len(self.chain.n)
        self.sweeps += 1
        if sampled:
            self.expected_samples.append(state)

    def finished(self) -> bool:
        return self.sweeps == len(self._levels)


def sweeps_of(run: RunSettings, phase_masks: Sequence[int], mask: int) -> Iterator[tuple[int, int, bool]]:
    """``(level, clamp mask, the state afterwards is a sample)`` of every sweep; 0 sweeps or steps count as 1."""
    before = [(level, m) for (sweeps, level), m in zip(run.phases, phase_masks) for _ in range(max(1, sweeps))]
    for k, (level, phase_mask) in enumerate(before):
        yield level, phase_mask, k == len(before) - 1 and run.samples > 0
    for _ in range(run.samples - 1):
        for step in range(max(1, run.steps)):
            yield run.level, mask, step == max(1, run.steps) - 1


class Watch:
    """What both monitors share: who may change together, and who may not at all."""

    def __init__(self, dut, topology: Topology, scoreboard: Scoreboard) -> None:
        self.dut, self.scoreboard = dut, scoreboard
        self.clamped = 0
        self.watching = False
        self._neighbours = [0] * topology.n_sites
        for i, j in topology.edges.tolist():
            self._neighbours[i] |= 1 << j
            self._neighbours[j] |= 1 << i
        for row in topology.factors:
            for i in row:
                self._neighbours[i] |= sum(1 << j for j in row if j != i)

    def begin(self, clamped: int, loaded: bool) -> None:
        """A run begins under these clamps; ``loaded``: from states that have just been loaded."""
        self.clamped, self.watching = clamped, True

    def check_change(self, changed: int) -> None:
        """``changed`` sites took another state in one clock."""
        assert not changed & self.clamped, "a clamped site never changes"
        rest = changed
        while rest:
            site = (rest & -rest).bit_length() - 1
            assert not self._neighbours[site] & changed, "no two coupled sites update together"
            rest &= rest - 1


class SpatialMonitor(Watch):
    """All sites are shown in every clock, and ``sweep_done`` marks the state after a sweep."""

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
                self.swept(state)

    def swept(self, state: int) -> None:
        """The state after a sweep."""
        self.scoreboard.sweep(state)


class DenseMonitor(SpatialMonitor):
    """Beside the states: every draw of a sweep, in order."""

    def begin(self, clamped: int, loaded: bool) -> None:
        super().begin(clamped, loaded)
        self.draws: list[Draw] = []

    async def run(self) -> None:
        cocotb.start_soon(super().run())
        while True:
            await FallingEdge(self.dut.clk)
            if self.watching and int(self.dut.draw.value):
                self.draws.append(shown(self.dut))

    def swept(self, state: int) -> None:
        super().swept(state)
        chain = self.scoreboard.chain
        assert isinstance(chain, Drawing)
        assert self.draws == chain.draws, f"sweep {self.scoreboard.sweeps - 1}: site, field and word of a draw differ"
        self.draws, chain.draws = [], []


class RelayMonitor(Watch):
    """Wires carry partial sums in a sweep, so states are looked at after it; beside them, every root's field."""

    def __init__(self, dut, spec: FabricSpec, scoreboard: Scoreboard) -> None:
        super().__init__(dut, spec.topology, scoreboard)
        self._gathered = Gathered(len(dut.draw_bits))

    async def run(self) -> None:
        dut = self.dut
        while True:
            await FallingEdge(dut.clk)
            if self.watching:
                self._gathered.clock(int(dut.draw_adding.value), known_bits(dut.draw_bits.value))
                if int(dut.sweep_done.value):
                    self.scoreboard.sweep(int(dut.state.value))
                    chain = self.scoreboard.chain
                    assert isinstance(chain, Gathering)
                    self._gathered.check(chain.fields, chain.width)


class SystolicMonitor(Watch):
    """A bit an element is shown in every clock: its spin after a slot, and whether the slot's round is a sweep.

    Rounds that are no sweep show the state as it was, or, before the first sweep of a run, the states loaded.
    """

    def __init__(self, dut, spec: FabricSpec, scoreboard: Scoreboard) -> None:
        from thermofab.hw.host.systolic.timing import layout_of

        super().__init__(dut, spec.topology, scoreboard)
        layout = layout_of(spec)
        self._sites = [[(e, int(s)) for e, s in enumerate(layout.sites[:, t]) if s >= 0] for t in range(layout.n_slots)]
        self._last = max(t for t, sites in enumerate(self._sites) if sites)
        self._known: int | None = None
        self._loaded: int | None = None

    def begin(self, clamped: int, loaded: bool) -> None:
        super().begin(clamped, loaded)
        if loaded:
            # A run without a sweep may have left either the states known or those loaded before.
            self._known = self._known if self._loaded is None else None
            self._loaded = self.scoreboard.state

    async def run(self) -> None:
        dut = self.dut
        while True:
            await FallingEdge(dut.clk)
            if not self.watching:
                continue
            slot, bits = int(dut.state_slot.value), int(dut.state.value)
            if int(dut.state_update.value):
                self._swept(slot, bits)
            elif self._known is not None:
                shown = [(site, bits >> e & 1) for e, site in self._sites[slot]]
                same = all(self._known >> site & 1 == bit for site, bit in shown)
                loads = self._loaded is not None and all(self._loaded >> site & 1 == bit for site, bit in shown)
                assert same or loads, f"spins changed in slot {slot} of a round that is no sweep"

    def _swept(self, slot: int, bits: int) -> None:
        if self._loaded is not None or self._known is None:
            self._known, self._loaded = self.scoreboard.state, None
        known, changed = self._known, 0
        for element, site in self._sites[slot]:
            changed |= ((bits >> element & 1) ^ (known >> site & 1)) << site
        self.check_change(changed)
        self._known = known ^ changed
        if slot == self._last:
            self.scoreboard.sweep(self._known)


def monitor_of(dut, spec: FabricSpec, scoreboard: Scoreboard) -> Any:
    """The monitor of a fabric's architecture."""
    if spec.architecture == "systolic":
        return SystolicMonitor(dut, spec, scoreboard)
    if spec.architecture == "relay":
        return RelayMonitor(dut, spec, scoreboard)
    if spec.architecture == "dense":
        return DenseMonitor(dut, spec.topology, scoreboard)
    return SpatialMonitor(dut, spec.topology, scoreboard)


def mask_of(bits: np.ndarray) -> int:
    """Bits as one integer, bit k for site k."""
    return sum(1 << k for k in np.flatnonzero(bits).tolist())


class Replay:
    """A register bus that gives back what was read before: how a loading's synchronous decoder meets the simulator."""

    def __init__(self, registers: dict[tuple[str, int], int], words: list[int]) -> None:
        self._registers, self._words = registers, words

    def read(self, name: str, index: int = 0) -> int:
        return self._registers[name, index]

    def write(self, name: str, value: int) -> None:
        """It has happened."""

    def collect(self, words: int) -> np.ndarray:
        assert len(self._words) == words, f"{len(self._words)} words of counters came, not {words}"
        return np.array(self._words, dtype=np.uint32)


def known_bits(value) -> int:
    """A value of four-state logic, unknown bits as 0: those of draw units that have not drawn yet."""
    return int("".join(bit if bit in "01" else "0" for bit in str(value)), 2)
