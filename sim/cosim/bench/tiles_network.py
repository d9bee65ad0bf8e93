"""The parts of a bench of tiles: a host for each tile, the lines' controls, and a reference of the whole fabric."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, cast

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.handle import HierarchyObject, LogicArrayObject, LogicObject
from cocotb.triggers import ClockCycles, FallingEdge, RisingEdge, SimTimeoutError, with_timeout
from cocotb.utils import get_sim_time

from thermofab.hw.host import registers as rm
from thermofab.hw.host.driver import RunSettings
from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import Part, RunPlan
from thermofab.sim.cosim.bench.bus import BusDriver
from thermofab.sim.cosim.bench.scoreboard import sweeps_of
from thermofab.sim.cosim.tiles.channel import SHARE_BITS, SHARES
from thermofab.sim.reference import Chain

GIVE_UP = 1_000_000  # ns without an end after which tiles are wedged


@dataclass
class TilePins:
    """A tile's register bus: :class:`thermofab.sim.cosim.bench.ports.BusPorts`."""

    clk: LogicObject
    bus_address: LogicArrayObject
    bus_write: LogicObject
    bus_write_data: LogicArrayObject
    bus_read: LogicObject
    bus_read_data: LogicArrayObject


def bit(dut: HierarchyObject, name: str) -> LogicObject:
    return cast(LogicObject, dut[name])


def word(dut: HierarchyObject, name: str) -> LogicArrayObject:
    return cast(LogicArrayObject, dut[name])


class Tile:
    """One tile: its host, and what its own sites did."""

    def __init__(self, dut: HierarchyObject, number: int, part: Part) -> None:
        of_tile = f"t{number}_"
        pins = TilePins(
            clk=bit(dut, f"clk_{number}"),
            bus_address=word(dut, of_tile + "bus_address"),
            bus_write=bit(dut, of_tile + "bus_write"),
            bus_write_data=word(dut, of_tile + "bus_write_data"),
            bus_read=bit(dut, of_tile + "bus_read"),
            bus_read_data=word(dut, of_tile + "bus_read_data"),
        )
        self.part, self.clk, self.rst = part, pins.clk, bit(dut, f"rst_{number}")
        self.session, self.busy = word(dut, of_tile + "session"), bit(dut, of_tile + "busy")
        self.sweep_done, self._state = bit(dut, of_tile + "sweep_done"), word(dut, of_tile + "state")
        self._valid, self._payload = bit(dut, of_tile + "sample_valid"), word(dut, of_tile + "sample_payload")
        self.ready = bit(dut, of_tile + "sample_ready")
        self.bus = BusDriver(pins, part.fabric)
        self.states: list[np.ndarray] = []  # of the tile's own sites, after each sweep of the run
        self.times: list[float] = []
        self.words: list[int] = []
        self.patience = 1  # clocks that the reader of samples takes for a word

    def start(self) -> None:
        cocotb.start_soon(self._watch())
        cocotb.start_soon(self._collect())

    async def _watch(self) -> None:
        while True:
            await RisingEdge(self.sweep_done)
            await FallingEdge(self.clk)
            self.states.append(bits_of(int(self._state.value), self.part.own))
            self.times.append(get_sim_time("ns"))

    async def _collect(self) -> None:
        while True:
            self.ready.value = 0
            if not int(self._valid.value):
                await RisingEdge(self._valid)
            await ClockCycles(self.clk, self.patience)
            await FallingEdge(self.clk)
            self.words.append(int(self._payload.value))
            self.ready.value = 1
            await FallingEdge(self.clk)

    def clear(self) -> None:
        self.states, self.times, self.words = [], [], []

    async def load(self, plan: RunPlan, chain: Chain) -> None:
        """The image, and the states and generators of a chain, by the whole fabric's numbers."""
        part, image = self.part, self.part.image_of(plan.image)
        clamped = np.array(chain.clamped, dtype=bool)[part.members]
        await FallingEdge(self.clk)  # where the bus is driven
        await self.bus.load(image, [clamped, clamped])
        await self.bus.write_all(self.bus.loading.states(np.array(chain.n, dtype=bool)[part.members]))
        words = seed_words(chain.generator, plan.keys[0])[part.members]  # a new chain's
        await self.bus.write_all(self.bus.loading.seeds(words))
        await self.bus.write("STREAM", 1)

    async def control(self, command: int) -> None:
        await FallingEdge(self.clk)
        await self.bus.write("CONTROL", command)

    async def run(self, run: RunSettings) -> None:
        await FallingEdge(self.clk)
        await self.bus.schedule(run, [0] * len(run.phases), 0)
        await self.control(rm.START)

    def samples(self) -> np.ndarray:
        """The samples that came, of the tile's own sites."""
        words = np.array(self.words, dtype=np.uint32).reshape(-1, self.bus.loading.sample_words)
        return self.bus.loading.samples(words)[:, : self.part.own]


class Tiles:
    """All tiles and lines."""

    def __init__(self, dut: HierarchyObject, parts: list[Part], channels: int, periods: list[int]) -> None:
        self.dut, self.channels, self.periods = dut, channels, periods
        self.tiles = [Tile(dut, t, part) for t, part in enumerate(parts)]
        self.session = 0

    async def start(self, session: int) -> None:
        """Clocks, a reset of all tiles, and the parts that run beside the test."""
        self.lines()
        word(self.dut, "dead").value = word(self.dut, "frozen").value = 0
        for tile, period in zip(self.tiles, self.periods):
            tile.session.value = self.session = session
            tile.ready.value = 0
            tile.rst.value = 1
            Clock(tile.clk, period, unit="ns").start()
        for tile in self.tiles:
            await ClockCycles(tile.clk, 3)
            tile.rst.value = 0
            tile.start()

    def lines(self, **shares: float) -> None:
        """Shares of words that are lost, damaged, repeated, held; none by default."""
        for name in SHARES:
            word(self.dut, name).value = round(shares.get(name, 0.0) * 2**SHARE_BITS)

    def all_lines(self, name: str, on: bool) -> None:
        """``dead`` or ``frozen``, of all lines."""
        word(self.dut, name).value = 2**self.channels - 1 if on else 0

    def faults(self) -> int:
        return sum(int(word(self.dut, f"faults_{k}").value) for k in range(self.channels))

    def new_session(self) -> None:
        self.session = (self.session + 1) % 32
        for tile in self.tiles:
            tile.session.value = self.session

    async def together(self, doing: Callable[["Tile"], Coroutine[Any, Any, None]]) -> None:
        """Every tile's ``doing(tile)``, at once."""
        tasks = [cocotb.start_soon(doing(tile)) for tile in self.tiles]
        for task in tasks:
            await task

    async def load(self, plan: RunPlan, chain: Chain) -> None:
        await self.together(lambda tile: tile.load(plan, chain))

    async def start_run(self, run: RunSettings) -> None:
        for tile in self.tiles:
            tile.clear()
        await self.together(lambda tile: tile.run(run))

    async def ended(self) -> None:
        """All tiles are through."""
        for tile in self.tiles:
            if int(tile.busy.value):
                try:
                    await with_timeout(FallingEdge(tile.busy), GIVE_UP, "ns")
                except SimTimeoutError:
                    done = [len(tile.states) for tile in self.tiles]
                    raise AssertionError(f"the tiles are wedged after {done} sweeps") from None

    async def swept(self, sweeps: int) -> None:
        """Tile 0 has done so many sweeps of the run."""
        tile = self.tiles[0]
        while len(tile.states) < sweeps:
            await with_timeout(RisingEdge(tile.sweep_done), GIVE_UP, "ns")
            await FallingEdge(tile.clk)
            await FallingEdge(tile.clk)

    def compare(self, chain: Chain, run: RunSettings) -> int:
        """Advance the reference through the run, and hold every site after every sweep to it; how many those were."""
        compared, samples = 0, []
        for k, (level, _, sampled) in enumerate(sweeps_of(run, [0] * len(run.phases), 0)):
            chain.sweep(level)
            expected = np.array(chain.n, dtype=bool)
            samples += [expected] if sampled else []
            for t, tile in enumerate(self.tiles):
                wrong = np.flatnonzero(tile.states[k] != expected[tile.part.members[: tile.part.own]])
                assert not len(wrong), f"after sweep {k}, sites {wrong.tolist()} of tile {t} differ from the reference"
                compared += tile.part.own
        for tile in self.tiles:
            assert len(tile.states) == k + 1, "as many sweeps as the schedule says"
            own = np.array(samples)[:, tile.part.members[: tile.part.own]]
            assert np.array_equal(tile.samples(), own), "the samples are the reference's"
        return compared


def bits_of(value: int, count: int) -> np.ndarray:
    return np.array([value >> k & 1 for k in range(count)], dtype=bool)
