"""Runs inside the simulator: a fabric in lockstep with the reference, over random images, schedules and read-outs.

The environment says what to do: ``THERMOFAB_FABRIC`` is a file with the spec, ``THERMOFAB_SEED`` fixes all choices,
``THERMOFAB_UPDATES`` is the number of site updates to compare, ``THERMOFAB_REPORT`` the file for the count.
"""

import json
import os
import random
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge
from rtl_bench import BusDriver, Monitor, SampleSink, Scoreboard, mask_of, words_of

from thermofab.hw.rtl import registers as rm
from thermofab.hw.spec import FabricSpec, RunPlan, Schedule, plan_run
from thermofab.sim.conformance import random_image
from thermofab.sim.reference import Chain

SPEC = FabricSpec.from_json(json.loads(Path(os.environ["THERMOFAB_FABRIC"]).read_text()))
SEED = int(os.environ["THERMOFAB_SEED"])


class Bench:
    """Everything around one fabric."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = np.random.default_rng(SEED)
        self.bus = BusDriver(dut, SPEC)
        self.scoreboard = Scoreboard()
        self.monitor = Monitor(dut, SPEC.topology, self.scoreboard)
        self.sink = SampleSink(dut, SPEC.n_sites, random.Random(SEED))

    async def start(self) -> None:
        """Clock, reset, and the parts that run beside the test."""
        self.dut.bus_address.value = 0
        self.dut.bus_write_data.value = 0
        self.dut.rst.value = 1
        Clock(self.dut.clk, 10, unit="ns").start()
        await ClockCycles(self.dut.clk, 3)
        await FallingEdge(self.dut.clk)
        self.dut.rst.value = 0
        cocotb.start_soon(self.sink.run())
        cocotb.start_soon(self.monitor.run())

    def random_plan(self, updates: int) -> RunPlan:
        """A random image and a random schedule of about ``updates`` site updates."""
        rng = self.rng
        steps = int(rng.choice([1, 1, 2, 5]))
        anneal = tuple((int(rng.integers(1, 5)), int(rng.integers(SPEC.levels))) for _ in range(rng.integers(0, 5)))
        samples = max(1, updates // (SPEC.n_sites * steps))
        schedule = Schedule(int(rng.integers(0, 6)), samples, steps, anneal, int(rng.integers(SPEC.levels)))
        return plan_run(random_image(rng, SPEC), schedule, 1, None, None, None)

    async def begin(self, plan: RunPlan, chain: Chain) -> None:
        """Load an image and start a run that the monitor follows, under two clamp masks that phases choose from."""
        masks = [plan.clamped, self.rng.random(SPEC.n_sites) < self.rng.choice([0.0, 0.3])]
        phase_masks = self.rng.integers(0, 2, len(plan.schedule.phases)).tolist()
        mask = int(self.rng.integers(0, 2))
        await self.bus.load(plan, masks)
        await self.bus.schedule(plan.schedule, phase_masks, mask)
        self.sink.clear()
        self.sink.ready_share = float(self.rng.choice([1.0, 0.7, 0.2]))
        self.scoreboard.begin(chain, plan.schedule, masks, phase_masks, mask)
        used = [masks[k] for k in {mask, *phase_masks}]
        self.monitor.clamped, self.monitor.watching = mask_of(np.logical_and.reduce(used)), True
        await self.bus.write("CONTROL", rm.START)

    async def ended(self) -> None:
        """Wait for the end of the run and check what came out of it."""
        while int(self.dut.busy.value):
            await FallingEdge(self.dut.clk)
        await FallingEdge(self.dut.clk)
        self.monitor.watching = False
        assert self.scoreboard.finished(), "the run ended before its schedule did"
        assert self.sink.samples == self.scoreboard.expected_samples, "nothing is lost on read-out"
        assert await self.bus.read("STATUS") == rm.DONE
        cycles, stalls = await self.bus.read("CYCLES"), await self.bus.read("STALLS")
        words = (SPEC.n_sites + 31) // 32
        sweeping = self.scoreboard.sweeps * await self.bus.read("SWEEP_CLOCKS")
        assert cycles - stalls >= sweeping, "a sweep takes SWEEP_CLOCKS"
        if self.sink.ready_share == 1.0:
            assert cycles - stalls <= sweeping + words + 4
        assert await self.bus.read("SWEEPS") == self.scoreboard.sweeps


def carried_on(plan: RunPlan, chain: Chain) -> Chain:
    """The chain of a run that starts where ``chain`` stands, with the plan's image and clamps."""
    after = Chain(plan, 0)
    after.n, after.rng = list(chain.n), list(chain.rng)
    return after


@cocotb.test()
async def lockstep(dut) -> None:
    """Every site after every sweep, through reconfiguration, aborts and back-pressure."""
    bench = Bench(dut)
    await bench.start()
    total, chain = int(os.environ["THERMOFAB_UPDATES"]), None
    for run in range(10**9):
        plan = bench.random_plan(min(total // 6, 20000))
        if chain is None or run % 2 == 0:
            chain = Chain(plan, 0)
            await bench.bus.load_states(chain)
        else:  # neither states nor generators are loaded: the run goes on from where the last one ended
            chain = carried_on(plan, chain)
        await bench.begin(plan, chain)
        if run % 3 == 1 and plan.schedule.n_sweeps * bench.bus.plan.sweep_clocks > 64:
            await reject_writes(bench)
        if run % 4 == 2:
            await abort(bench)
            chain = bench.scoreboard.chain if run % 8 == 6 else None
        else:
            await bench.ended()
        if bench.scoreboard.compared >= total:
            break
    Path(os.environ["THERMOFAB_REPORT"]).write_text(str(bench.scoreboard.compared))
    dut._log.info(f"{bench.scoreboard.compared} site updates compared with the reference, 0 differ")


async def reject_writes(bench: Bench) -> None:
    """Writes to locked registers and a second start, in mid-run, change nothing and are flagged."""
    names = [name for name in ("WEIGHTS", "BIASES", "TABLES", "SHIFT", "CLAMPS", "STATES", "SEED", "LEVEL", "STEPS",
                               "SAMPLES", "PHASES", "PHASE_SWEEPS", "MASK", "STREAM")
             if name in bench.bus.map.names]  # fmt: skip
    for name in bench.rng.permutation(names).tolist():
        await bench.bus.write(name, int(bench.rng.integers(2**32)))
    await bench.bus.write("CONTROL", rm.START)
    assert int(bench.dut.busy.value), "the run was long enough for all these writes"
    assert await bench.bus.read("ERRORS") & rm.ERROR_BUSY, "a locked register written in mid-run sets an error bit"
    await bench.bus.write("ERRORS", rm.ERROR_BUSY | rm.ERROR_VALUE)


async def abort(bench: Bench) -> None:
    """Abort in mid-run: the sweep in hand is ended, the read-out is dropped, and the next run starts clean."""
    for _ in range(int(bench.rng.integers(1, 60))):
        await FallingEdge(bench.dut.clk)
    bench.sink.dropping = True
    await bench.bus.write("CONTROL", rm.ABORT)
    for _ in range(bench.bus.plan.sweep_clocks + 6):
        await FallingEdge(bench.dut.clk)
        assert not int(bench.dut.sample_valid.value), "an abort drops the read-out"
    bench.monitor.watching = False
    bench.sink.dropping = False
    assert not int(bench.dut.busy.value), "an abort ends the run"
    assert await bench.bus.read("STATUS") in (rm.ABORTED, rm.DONE), "aborted, unless it was over before"
    still = int(bench.dut.state.value)
    assert still == bench.scoreboard.state, "an aborted run has done whole sweeps"
    await ClockCycles(bench.dut.clk, 5)
    await FallingEdge(bench.dut.clk)
    assert int(bench.dut.state.value) == still, "an aborted fabric stands still"
    words = [await bench.bus.read("STATES", k) for k in range(bench.bus.map["STATES"].count)]
    assert words == words_of([still >> k & 1 for k in range(SPEC.n_sites)])
    await bench.bus.write("ERRORS", 7)
