"""Everything around one fabric: bus driver, sink, monitor and scoreboard, and a run from its load to its end."""

import random

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge

from thermofab.hw.host import registers as rm
from thermofab.hw.host.driver import RunSettings
from thermofab.hw.spec import FabricSpec, RunPlan
from thermofab.hw.spec.clocks import sweep_clocks
from thermofab.sim.cosim.bench.architectures import watched
from thermofab.sim.cosim.bench.bus import BusDriver
from thermofab.sim.cosim.bench.ports import FabricPorts
from thermofab.sim.cosim.bench.run_coverage import cover_schedule, cover_state
from thermofab.sim.cosim.bench.scoreboard import Scoreboard
from thermofab.sim.cosim.bench.sink import SampleSink, mask_of
from thermofab.sim.cosim.coverage import Coverage, fabric_bins
from thermofab.sim.reference import Chain


class FabricBench:
    """See the head of this file.

    Attributes:
        counted: the samples that the counters of moments stand for; ``None`` if that is not known.
        counting: this run's samples go to the counters, not to the stream.
        after_abort: the last run was aborted.
        run: what is running, or ran last.
        clocks_per_sweep: of the image loaded.
    """

    def __init__(self, dut: FabricPorts, spec: FabricSpec, seed: int) -> None:
        self.dut, self.spec, self.watched = dut, spec, watched(spec)
        self.rng = np.random.default_rng(seed)
        self.bus = BusDriver(dut, spec)
        self.coverage = Coverage(fabric_bins(self.bus.map.names, spec.moment_bits > 0))
        self.scoreboard = Scoreboard(self.coverage)
        self.monitor = self.watched.monitor(dut, spec, self.scoreboard)
        self.sink = SampleSink(dut, self.bus.loading, random.Random(seed), self.coverage)
        self.counted: list[int] | None = None
        self.counting = self.after_abort = False
        self.run = RunSettings((), 0, 1, 0)
        self.clocks_per_sweep = self.bus.sweep_clocks

    async def start(self) -> None:
        """Clock, reset, and the parts that run beside the test."""
        await reset(self.dut)
        cocotb.start_soon(self.sink.run())
        cocotb.start_soon(self.monitor.run())

    def busy(self) -> bool:
        return bool(int(self.dut.busy.value))

    async def begin(self, plan: RunPlan, chain: Chain, run: RunSettings, loaded: bool) -> None:
        """Load an image and start a run that the monitor follows, under two clamp masks that phases choose from."""
        rng, spec = self.rng, self.spec
        masks = [plan.clamped, rng.random(spec.n_sites) < rng.choice([0.0, 0.3, 1.0], p=[0.45, 0.45, 0.1])]
        phase_masks, mask = rng.integers(0, 2, len(run.phases)).tolist(), int(rng.integers(0, 2))
        await self.bus.load(plan.image, masks)
        if loaded:
            await self.bus.load_states(plan)
        await self.bus.schedule(run, phase_masks, mask)
        # What a sweep takes is the image's where its order is.
        self.clocks_per_sweep = sweep_clocks(plan.image) if spec.programmed else self.bus.sweep_clocks
        self.counting = bool(spec.moment_bits) and rng.random() < 0.4
        await self.bus.write("STREAM", int(not self.counting))
        if spec.moment_bits and (self.counted is None or rng.random() < 0.5):
            await self.bus.write("CONTROL", rm.CLEAR_MOMENTS)
            self.counted = []
            self.coverage.hit("moments: counters cleared")
        self.sink.clear()
        self.sink.ready_share = float(rng.choice([1.0, 0.7, 0.2, 0.03]))
        self.run = run
        self.scoreboard.begin(chain, run, masks, phase_masks, mask)
        chosen = {*([mask] if run.samples > 1 else []), *phase_masks} or {mask}
        self.monitor.begin(mask_of(np.logical_and.reduce([masks[k] for k in chosen])), loaded)
        cover_schedule(self.coverage, run, phase_masks, mask)
        cover_state(self.coverage, chain, masks[mask], mask, loaded)
        self.coverage.hit("abort: and the next run carries on", self.after_abort and not loaded)
        self.after_abort = False
        await self.bus.write("CONTROL", rm.START)

    async def settle(self) -> None:
        """Until what the last sweep did has been seen: a fabric that runs in rounds shows it some slots later."""
        for _ in range(self.bus.sweep_clocks + 24 if self.watched.in_rounds else 1):
            await FallingEdge(self.dut.clk)
        self.monitor.watching = False

    async def ended(self) -> None:
        """Wait for the end of the run and check what came out of it, but for the counters of moments."""
        while self.busy():
            await FallingEdge(self.dut.clk)
        await self.settle()
        board = self.scoreboard
        assert board.finished(), "the run ended before its schedule did"
        expected = [] if self.counting else board.expected_samples
        assert self.sink.samples == expected, "nothing is lost on read-out"
        assert await self.bus.read("STATUS") == rm.DONE
        assert await self.bus.read("SWEEPS") == board.sweeps
        await self._check_clocks()

    async def check_errors(self) -> None:
        """After a run in which nothing wrong was done."""
        errors = await self.bus.read("ERRORS")
        assert errors & ~rm.ERROR_MOMENTS == 0, f"nothing was done that is wrong, but ERRORS reads {errors}"

    async def _check_clocks(self) -> None:
        """The counters of clocks against the number of sweeps."""
        cycles, stalls = await self.bus.read("CYCLES"), await self.bus.read("STALLS")
        assert await self.bus.read("CYCLES", 1) == 0
        assert await self.bus.read("SWEEP_CLOCKS") == self.bus.sweep_clocks
        each, words = self.clocks_per_sweep, self.bus.loading.sample_words
        sweeping = self.scoreboard.sweeps * each
        assert cycles - stalls >= sweeping, "a sweep takes SWEEP_CLOCKS"
        eager, samples = self.sink.ready_share == 1.0, len(self.scoreboard.expected_samples)
        self.coverage.hit("read-out: reader always ready", eager and samples)
        self.coverage.hit("read-out: the fabric stalls for the reader", stalls and not eager and not self.counting)
        self.coverage.hit("read-out: a sample is taken while the last one is read", samples > 2 and not eager)
        if eager and not self.counting:
            # A run in rounds waits for one to begin, and for another if its schedule came late in it; a load, a sample
            # before any sweep, the end and two drains take a round each.
            rounds = 7 * each if self.watched.in_rounds else 0
            assert cycles - stalls <= sweeping + rounds + words + self.watched.beyond


async def reset(dut: FabricPorts, clocks: int = 3) -> None:
    """Start the clock, and hold the fabric in reset for some of it."""
    dut.rst.value = 1
    Clock(dut.clk, 10, unit="ns").start()
    await ClockCycles(dut.clk, clocks)
    await FallingEdge(dut.clk)
    dut.rst.value = 0
    await FallingEdge(dut.clk)
