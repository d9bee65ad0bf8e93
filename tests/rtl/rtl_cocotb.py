"""Runs inside the simulator: a fabric in lockstep with the reference, over random images, schedules and read-outs.

The environment says what to do: ``THERMOFAB_FABRIC`` is a file with the spec, ``THERMOFAB_SEED`` fixes all choices,
``THERMOFAB_UPDATES`` is the number of site updates to compare, ``THERMOFAB_REPORT`` the file for the count, and
``THERMOFAB_COVERAGE``, if set, that for the functional coverage.
"""

import json
import os
import random
from pathlib import Path

import cocotb
import numpy as np
from cocotb.clock import Clock
from cocotb.triggers import ClockCycles, FallingEdge
from drawing import Drawing, Gathering
from functional_coverage import LOCKED, Coverage, fabric_bins
from rtl_bench import BusDriver, Replay, SampleSink, Scoreboard, mask_of, monitor_of

from thermofab.hw.host import registers as rm
from thermofab.hw.host.driver import RunSettings
from thermofab.hw.spec import IDLE, FabricSpec, Image, RunPlan, Schedule, plan_run
from thermofab.hw.spec.clocks import sweep_clocks
from thermofab.sim.conformance import random_image
from thermofab.sim.reference import Chain

SPEC = FabricSpec.from_json(json.loads(Path(os.environ["THERMOFAB_FABRIC"]).read_text()))
SEED = int(os.environ["THERMOFAB_SEED"])
SYSTOLIC = SPEC.architecture == "systolic"
DENSE = SPEC.architecture == "dense"
RELAY = SPEC.architecture == "relay"
CHAIN = {"dense": Drawing, "relay": Gathering}.get(SPEC.architecture, Chain)
DUMP = 1 << 3  # CONTROL of a systolic fabric: stream the counters out


class Bench:
    """Everything around one fabric."""

    def __init__(self, dut) -> None:
        self.dut = dut
        self.rng = np.random.default_rng(SEED)
        self.coverage = Coverage(fabric_bins(SPEC.architecture, SPEC.moment_bits > 0))
        self.bus = BusDriver(dut, SPEC)
        self.scoreboard = Scoreboard(self.coverage)
        self.monitor = monitor_of(dut, SPEC, self.scoreboard)
        self.sink = SampleSink(dut, self.bus.loading, random.Random(SEED), self.coverage)
        self.counted: list[int] | None = None  # samples the counters stand for; None if that is not known
        self.run_settings = RunSettings((), 0, 1, 0)
        self.counting = False
        self.after_abort = False
        self.names = [name for name in LOCKED if name in self.bus.map.names]

    async def start(self) -> None:
        """Clock, reset, and the parts that run beside the test."""
        self.dut.rst.value = 1
        Clock(self.dut.clk, 10, unit="ns").start()
        await ClockCycles(self.dut.clk, 3)
        await FallingEdge(self.dut.clk)
        self.dut.rst.value = 0
        await FallingEdge(self.dut.clk)
        cocotb.start_soon(self.sink.run())
        cocotb.start_soon(self.monitor.run())

    def random_run(self, updates: int) -> RunSettings:
        """A random schedule of about ``updates`` site updates, or few."""
        rng = self.rng
        steps = int(rng.choice([0, 1, 1, 2, 5]))
        count = int(rng.choice([0, 0, 1, 2, 4, 16]))
        phases = tuple((int(rng.integers(0, 5)), int(rng.integers(SPEC.levels))) for _ in range(count))
        samples = int(rng.choice([0, 1, 5, max(1, updates // (SPEC.n_sites * max(1, steps)))], p=[0.1, 0.1, 0.2, 0.6]))
        return RunSettings(phases, samples, steps, int(rng.integers(SPEC.levels)))

    def random_image(self) -> Image:
        """Also with the largest weights and biases all of one sign, which reach both ends of the tables."""
        rng, image = self.rng, random_image(self.rng, SPEC)
        if rng.random() < 0.3:
            sign = int(rng.choice([-1, 1]))
            biases = np.full(SPEC.n_sites, sign * SPEC.bias_max)
            if image.order is not None:
                biases[image.order.colours == IDLE] = 0
            image = image.replace(weights=np.abs(image.weights) * sign, biases=biases)
        shift = [SPEC.min_shift, SPEC.dither_bits, image.shift][int(rng.integers(3))]
        return image.replace(shift=shift)

    async def begin(self, plan: RunPlan, chain: Chain, run: RunSettings, loaded: bool) -> None:
        """Load an image and start a run that the monitor follows, under two clamp masks that phases choose from."""
        rng, cover = self.rng, self.coverage
        masks = [plan.clamped, rng.random(SPEC.n_sites) < rng.choice([0.0, 0.3, 1.0], p=[0.45, 0.45, 0.1])]
        phase_masks, mask = rng.integers(0, 2, len(run.phases)).tolist(), int(rng.integers(0, 2))
        await self.bus.load(plan.image, masks)
        if loaded:
            await self.bus.load_states(plan)
        await self.bus.schedule(run, phase_masks, mask)
        # What a sweep takes is the image's where its order is.
        self.each = sweep_clocks(plan.image) if SPEC.programmed else self.bus.sweep_clocks
        self.counting = bool(SPEC.moment_bits) and rng.random() < 0.4
        await self.bus.write("STREAM", int(not self.counting))
        if SPEC.moment_bits and (self.counted is None or rng.random() < 0.5):
            await self.bus.write("CONTROL", rm.CLEAR_MOMENTS)
            self.counted = []
            cover.hit("moments: counters cleared")
        self.sink.clear()
        self.sink.ready_share = float(rng.choice([1.0, 0.7, 0.2, 0.03]))
        self.run_settings = run
        self.scoreboard.begin(chain, run, masks, phase_masks, mask)
        chosen = {*([mask] if run.samples > 1 else []), *phase_masks} or {mask}
        self.monitor.begin(mask_of(np.logical_and.reduce([masks[k] for k in chosen])), loaded)
        self._cover_run(run, masks, phase_masks, mask, chain, loaded)
        await self.bus.write("CONTROL", rm.START)

    def _cover_run(
        self, run: RunSettings, masks, phase_masks: list[int], mask: int, chain: Chain, loaded: bool
    ) -> None:
        hit, count, levels = self.coverage.hit, len(run.phases), [level for _, level in run.phases]
        hit("schedule: no phase", count == 0)
        hit("schedule: 1 to 15 phases", 0 < count < 16)
        hit("schedule: 16 phases", count == 16)
        hit("schedule: a phase of 0 sweeps", any(sweeps == 0 for sweeps, _ in run.phases))
        hit("schedule: the level changes between phases", len(set(levels)) > 1)
        hit("schedule: the mask changes between phases", len(set(phase_masks)) > 1)
        hit("schedule: the mask changes from phases to samples", count and phase_masks[-1] != mask and run.samples > 1)
        for name, value in (("sample", run.samples), ("step", run.steps)):
            hit(f"schedule: 0 {name}s", value == 0)
            hit(f"schedule: 1 {name}", value == 1)
            hit(f"schedule: more {name}s", value > 1)
        hit("state: states and generators loaded", loaded)
        hit("state: states and generators carried on", not loaded)
        used = masks[mask]
        hit("clamps: none", not used.any())
        hit("clamps: some", 0 < used.sum() < len(used))
        hit("clamps: all", used.all())
        hit("clamps: mask 1", mask == 1)
        held = np.array(chain.n)[used]
        hit("clamps: a site clamped at 0", (held == 0).any())
        hit("clamps: a site clamped at 1", (held == 1).any())
        hit("abort: and the next run carries on", self.after_abort and not loaded)
        self.after_abort = False

    async def settle(self) -> None:
        """Until what the last sweep did has been seen: a systolic fabric shows it some slots later."""
        for _ in range(self.bus.sweep_clocks + 24 if SYSTOLIC else 1):
            await FallingEdge(self.dut.clk)
        self.monitor.watching = False

    async def ended(self) -> None:
        """Wait for the end of the run and check what came out of it."""
        while int(self.dut.busy.value):
            await FallingEdge(self.dut.clk)
        await self.settle()
        board, sink = self.scoreboard, self.sink
        assert board.finished(), "the run ended before its schedule did"
        expected = [] if self.counting else board.expected_samples
        assert sink.samples == expected, "nothing is lost on read-out"
        assert await self.bus.read("STATUS") == rm.DONE
        assert await self.bus.read("SWEEPS") == board.sweeps
        await self.clocks()
        if self.counting:
            await self.counters()
        errors = await self.bus.read("ERRORS")
        assert errors & ~rm.ERROR_MOMENTS == 0, f"nothing was done that is wrong, but ERRORS reads {errors}"

    async def clocks(self) -> None:
        """The counters of clocks against the number of sweeps."""
        cycles, stalls = await self.bus.read("CYCLES"), await self.bus.read("STALLS")
        assert await self.bus.read("CYCLES", 1) == 0
        assert await self.bus.read("SWEEP_CLOCKS") == self.bus.sweep_clocks
        each, words = self.each, self.bus.loading.sample_words
        sweeping = self.scoreboard.sweeps * each
        assert cycles - stalls >= sweeping, "a sweep takes SWEEP_CLOCKS"
        eager, samples = self.sink.ready_share == 1.0, len(self.scoreboard.expected_samples)
        self.coverage.hit("read-out: reader always ready", eager and samples)
        self.coverage.hit("read-out: the fabric stalls for the reader", stalls and not eager and not self.counting)
        self.coverage.hit("read-out: a sample is taken while the last one is read", samples > 2 and not eager)
        if eager and not self.counting:
            # A systolic run waits for a round to begin, and for another if its schedule came late in it; a load, a
            # sample before any sweep, the end and two drains take a round each.
            more = 7 * each + words + 16 if SYSTOLIC else words + (15 if DENSE else 30 if RELAY else 4)
            assert cycles - stalls <= sweeping + more

    async def counters(self) -> None:
        """What the counters hold is the sum over the samples since they were cleared."""
        assert self.counted is not None
        bits, most = SPEC.moment_bits, 2**SPEC.moment_bits - 1
        self.coverage.hit("moments: counted over two runs", self.counted and self.scoreboard.expected_samples)
        self.counted += self.scoreboard.expected_samples
        words: list[int] = []
        registers: dict[tuple[str, int], int] = {}
        if SYSTOLIC:
            self.sink.clear()
            self.sink.raw = True
            await self.bus.write("CONTROL", DUMP)
            while int(self.dut.busy.value):
                await FallingEdge(self.dut.clk)
            await FallingEdge(self.dut.clk)
            words, self.sink.raw = self.sink.words, False
        else:
            for name in ("MOMENTS_SITES", "MOMENTS_EDGES"):
                for k in range(self.bus.map[name].count if name in self.bus.map.names else 0):
                    registers[name, k] = await self.bus.read(name, k)
        ones, both = self.bus.loading.counters(Replay(registers, words))
        taken = self.counted[:most] if SYSTOLIC else self.counted
        states = np.array([[s >> k & 1 for k in range(SPEC.n_sites)] for s in taken], dtype=np.int64)
        states = states.reshape(len(taken), SPEC.n_sites)
        first, second = SPEC.topology.edges.T
        sums = states.sum(axis=0), (states[:, first] * states[:, second]).sum(axis=0)
        assert np.array_equal(ones, np.minimum(sums[0], most)), f"Σn in {bits} bits over {len(taken)} samples"
        assert np.array_equal(both, np.minimum(sums[1], most)), f"Σn·n in {bits} bits over {len(taken)} samples"
        over = len(self.counted) > most if SYSTOLIC else bool((sums[0] > most).any())
        full = bool(await self.bus.read("ERRORS") & rm.ERROR_MOMENTS)
        assert full == over, f"a counter was {'not ' * (not over)}full, but ERRORS says otherwise"
        self.coverage.hit("moments: a counted run", len(taken))
        self.coverage.hit("moments: a counter full", over)
        self.coverage.hit("errors: ERRORS bit 3", full)
        if full:  # what comes later is counted no more, or where there is room only
            self.counted = None
            await self.bus.write("ERRORS", rm.ERROR_MOMENTS)

    async def reject_writes(self) -> None:
        """Writes to locked registers and a second start, in mid-run, change nothing and are flagged."""
        for name in self.rng.permutation(self.names).tolist():
            await self.bus.write(name, int(self.rng.integers(2**32)))
            if not int(self.dut.busy.value):
                break
            assert await self.bus.read("ERRORS") & rm.ERROR_BUSY, f"{name} written in mid-run is flagged"
            await self.bus.write("ERRORS", rm.ERROR_BUSY | rm.ERROR_VALUE)
            self.coverage.hit(f"locked in mid-run: {name}")
            self.coverage.hit("errors: ERRORS bit 0: a locked write")
        else:
            await self.bus.write("CONTROL", rm.START)
            assert await self.bus.read("ERRORS") == rm.ERROR_BUSY, "a start during a run is flagged"
            self.coverage.hit("errors: ERRORS bit 0: a start during a run")
            assert int(self.dut.busy.value), "the run was long enough for all these writes"
            await self.bus.write("ERRORS", rm.ERROR_BUSY)
            return
        raise AssertionError("the run was not long enough for all these writes")

    async def wrong_accesses(self) -> None:
        """Between runs: values out of range, addresses and directions that do not exist, and an abort."""
        write, read, hit = self.bus.write, self.bus.read, self.coverage.hit
        for name in ("LEVEL", "PHASES", "MASK", "PHASE_LEVEL"):
            await write(name, int(self.rng.integers(2**6, 2**32)))
            assert await read("ERRORS") == rm.ERROR_VALUE, f"{name} out of range is flagged"
            await write("ERRORS", rm.ERROR_VALUE)
        hit("errors: ERRORS bit 2")
        await write("STATUS", 0)
        assert await read("ERRORS") == rm.ERROR_ADDRESS, "a write to a register that is only read is flagged"
        await write("ERRORS", rm.ERROR_ADDRESS)
        hit("errors: ERRORS bit 1: a write")
        await read("SEED")
        assert await read("ERRORS") == rm.ERROR_ADDRESS, "a read of a register that is only written is flagged"
        await write("ERRORS", rm.ERROR_ADDRESS)
        hit("errors: ERRORS bit 1: a read")
        status = await read("STATUS")
        for register in self.bus.map.registers:
            for k in range(min(register.count, 4)):
                self.dut.bus_address.value = register.at(k)
                await FallingEdge(self.dut.clk)
                assert int(self.dut.bus_read_data.value) == status, "data stay until the next read"
        await write("CONTROL", rm.ABORT)
        assert await read("STATUS") == status, "an abort while idle changes nothing"
        hit("abort: while idle")
        await write("CONTROL", rm.START | rm.ABORT)
        assert not int(self.dut.busy.value), "an abort wins over a start"
        hit("abort: with a start in the same write")
        assert await read("ERRORS") == 0

    async def abort(self) -> bool:
        """Abort in mid-run: the sweep in hand is ended, the read-out is dropped, and the next run starts clean.
        Returns whether there was a run to abort.
        """
        board, dut, run = self.scoreboard, self.dut, self.run_settings
        when = self.rng.random()
        if when < 0.3:
            while not board.finished():
                await FallingEdge(dut.clk)
        else:
            # Weights are laid out before the first sweep, in many clocks: most aborts are to come after them.
            early = when > 0.8
            while not early and int(dut.busy.value) and not board.sweeps:
                await FallingEdge(dut.clk)
            for _ in range(int(self.rng.integers(1, (1 if early else 8) * self.each))):
                await FallingEdge(dut.clk)
        busy, phases = int(dut.busy.value), sum(max(1, sweeps) for sweeps, _ in run.phases)
        swept = busy and board.sweeps > 0
        self.coverage.hit("abort: before the first sweep", busy and not board.sweeps)
        self.coverage.hit("abort: in the phases", swept and board.sweeps < phases)
        self.coverage.hit("abort: between samples", swept and phases <= board.sweeps and not board.finished())
        unread = len(self.sink.samples) < len(board.expected_samples)
        name = "abort: after the last sweep, with samples to be read"
        self.coverage.hit(name, busy and board.finished() and unread)
        self.sink.dropping = True
        await self.bus.write("CONTROL", rm.ABORT)
        # The spatial fabric ends with the sweep in hand, or when its counters are through with a sample.
        counting = SPEC.n_sites + SPEC.topology.n_edges + 4 if SPEC.moment_bits else 0
        for _ in range(2 * self.each + 40 if SYSTOLIC else self.each + 20 + counting):
            await FallingEdge(dut.clk)
            assert SYSTOLIC or not int(dut.sample_valid.value), "an abort drops the read-out"
        await self.settle()
        assert not int(dut.busy.value), "an abort ends the run"
        assert not int(dut.sample_valid.value), "an abort drops the read-out"
        self.sink.dropping = False
        assert await self.bus.read("STATUS") in (rm.ABORTED, rm.DONE), "aborted, unless it was over before"
        assert await self.bus.read("SWEEPS") == board.sweeps, "an aborted run has done whole sweeps"
        if not SYSTOLIC:
            still = int(dut.state.value)
            assert still == board.state, "an aborted run has done whole sweeps"
            await ClockCycles(dut.clk, 5)
            await FallingEdge(dut.clk)
            assert int(dut.state.value) == still, "an aborted fabric stands still"
            if "STATES" in self.bus.map.names and self.bus.map["STATES"].access == "RW":
                words = [await self.bus.read("STATES", k) for k in range(self.bus.map["STATES"].count)]
                assert words == [still >> (32 * k) & 0xFFFFFFFF for k in range(len(words))]
        await self.bus.write("ERRORS", 0xF)
        self.counted, self.after_abort = None, True
        return bool(busy)


def carried_on(plan: RunPlan, chain: Chain) -> Chain:
    """The chain of a run that starts where ``chain`` stands, with the plan's image and clamps."""
    after = CHAIN(plan, 0)
    after.n, after.rng = list(chain.n), list(chain.rng)
    return after


@cocotb.test()
async def lockstep(dut) -> None:
    """Every site after every sweep, through reconfiguration, aborts and back-pressure."""
    dut._log.info(f"seed {SEED}")
    bench = Bench(dut)
    await bench.start()
    total, chain, turn = int(os.environ["THERMOFAB_UPDATES"]), None, 0
    plan = None
    while bench.scoreboard.compared < total or turn < 24:
        run = bench.random_run(min(total // 12, 10000))
        rejecting = turn % 6 == 1
        if rejecting:  # long enough for a write and a read of every locked register
            shortest = 5 if DENSE else 20 if RELAY else bench.bus.sweep_clocks
            first = (2 + (200 if SPEC.programmed else 160) // shortest, run.level)
            run = RunSettings((first, *run.phases[:8]), run.samples, run.steps, 0)
        loaded = chain is None or turn % 2 == 0
        image = bench.random_image()
        if RELAY and plan is not None and not loaded:  # generators are laid out by the trees, so those stay
            image = plan.image.replace(tables=image.tables, shift=image.shift)
        plan = plan_run(image, Schedule(0, 1), 1, None, None, None)
        if loaded:
            chain = CHAIN(plan, 0)
        else:  # neither states nor generators are loaded: the run goes on from where the last one ended
            chain = carried_on(plan, chain)
        await bench.begin(plan, chain, run, loaded)
        if rejecting:
            await bench.reject_writes()
        if turn % 4 == 2:
            await bench.abort()
        else:
            await bench.ended()
        chain = bench.scoreboard.chain
        if turn % 5 == 3:
            await bench.wrong_accesses()
        turn += 1
    Path(os.environ["THERMOFAB_REPORT"]).write_text(str(bench.scoreboard.compared))
    if os.environ.get("THERMOFAB_COVERAGE"):
        bench.coverage.write(os.environ["THERMOFAB_COVERAGE"])
    dut._log.info(f"{bench.scoreboard.compared} site updates compared with the reference, 0 differ; {turn} runs")
