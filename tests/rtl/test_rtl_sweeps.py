"""The sequencer that asks for sweeps one at a time: schedules, samples, aborts and counters, clock by clock."""

import random
from typing import Any

import pytest
from amaranth.sim import Simulator

from thermofab.hw.host.registers import PHASE_SLOTS
from thermofab.hw.rtl.common.sweeps import SHORTEST, TURN, SweepSequencer
from thermofab.hw.spec import fabric

LEVELS = 4


class Sweeps:
    """A sequencer between a host, something that sweeps in random times, and a reader that is slow at random.

    ``swept`` counts the sweeps that show in the states, ``asked`` keeps level and mask of each, ``taken`` the value of
    ``swept`` in every sample.
    """

    def __init__(self, lead: int, seed: int, slow: float = 0.0) -> None:
        self.lead, self.rng, self.slow = lead, random.Random(seed), slow
        self.ctx: Any = None  # of the simulator, while it runs
        self.dut: Any = SweepSequencer(fabric("g4-2x2", levels=LEVELS), lead)
        self.shown, self.asked, self.taken, self.clocks = 0, [], [], 0
        self._length, self._showing, self._reading = 0, [], 0
        self.lengths: list[int] = []
        self.idle = 0  # busy clocks in which nothing sweeps and a sample waits for its reader

    def run(self, script: Any) -> None:
        simulator = Simulator(self.dut)
        simulator.add_clock(1e-6)

        async def bench(ctx: Any) -> None:
            self.ctx = ctx
            ctx.set(self.dut.free, 1)
            await script(self)

        simulator.add_testbench(bench)
        simulator.run()

    async def clock(self) -> None:
        """One clock: what the fabric around the sequencer does in it."""
        ctx, dut = self.ctx, self.dut
        ctx.set(dut.swept, 0)
        if self._length:
            self._length -= 1
            assert (ctx.get(dut.level), ctx.get(dut.mask)) == self.asked[-1], "the schedule in hand changed in a sweep"
            if not self._length:
                ctx.set(dut.swept, 1)
                self._showing.append(self.lead)
        if ctx.get(dut.go):
            assert not self._length, "a sweep was asked for in a sweep"
            self._length = SHORTEST + self.lead + self.rng.randrange(9)
            self.lengths.append(self._length)
            self.asked.append((ctx.get(dut.level), ctx.get(dut.mask)))
        self.shown += sum(left == 0 for left in self._showing)
        self._showing = [left - 1 for left in self._showing if left]
        done = ctx.get(dut.sweep_done)
        assert done == (self.shown > self._seen), "sweep_done is the clock in which the states show a sweep"
        self._seen = self.shown
        if ctx.get(dut.take):
            assert ctx.get(dut.free), "a sample was taken that the read-out has no room for"
            assert not self._showing, "a sample was taken before its sweep shows"
            self.taken.append(self.shown)
            self._reading = 1 if self.slow else 0
        elif self._reading:
            self._reading -= self.rng.random() >= self.slow
        await ctx.tick()
        ctx.set(dut.free, int(not self._reading))
        self.clocks += 1

    _seen = 0

    async def strobe(self, name: str) -> None:
        port = self._port(name)
        self.ctx.set(port, 1)
        await self.clock()
        self.ctx.set(port, 0)

    async def start(self, phases: list[tuple[int, int, int]], samples: int, steps: int, level: int, mask: int) -> None:
        """Write a schedule of ``(sweeps, level, mask)`` phases and go."""
        ctx, dut = self.ctx, self.dut
        for k, phase in enumerate(phases):
            for name, value in zip(("sweeps", "level", "mask"), phase):
                array = getattr(dut, f"phase_{name}")
                ctx.set(array.index, k)
                ctx.set(array.write_data, value)
                ctx.set(array.write, 1)
                await self.clock()
                ctx.set(array.write, 0)
        for name, value in (("phases", len(phases)), ("samples", samples), ("steps", steps), ("level", level),
                            ("mask", mask)):  # fmt: skip
            ctx.set(getattr(dut.run, name), value)
        self.shown, self._seen, self.asked, self.taken, self.lengths, self.clocks = 0, 0, [], [], [], 0
        await self.strobe("start")

    async def end(self) -> None:
        for _ in range(4000):
            if not self.ctx.get(self.dut.run.busy):
                return
            await self.clock()
        raise AssertionError("the run did not end")

    def get(self, name: str) -> int:
        return self.ctx.get(self._port(name))

    def _port(self, name: str) -> Any:
        """A port of the run, or the sequencer's own."""
        return getattr(self.dut.run if name in self.dut.run.signature.members else self.dut, name)


def expected(phases, samples, steps, level, mask):
    """Level and mask of every sweep, and after which sweeps a sample is taken."""
    asked = [(at, clamps) for sweeps, at, clamps in phases for _ in range(max(1, sweeps))]
    taken = [len(asked) + k * max(1, steps) for k in range(samples)]
    return asked + [(level, mask)] * ((samples - 1) * max(1, steps) if samples else 0), taken


@pytest.mark.parametrize("slow", [0.0, 0.9])
@pytest.mark.parametrize("lead", [0, 1, 2, 3, 6])
def test_schedules(lead, slow):
    """Sweeps with their levels and masks, samples, and counters of random schedules, one run after the other."""

    async def script(rig: Sweeps) -> None:
        for number in range(12):
            count = rig.rng.choice([0, 1, 2, 5, PHASE_SLOTS])
            phases = [(rig.rng.randrange(4), rig.rng.randrange(LEVELS), rig.rng.randrange(2)) for _ in range(count)]
            schedule = (phases, rig.rng.choice([0, 1, 2, 7]), rig.rng.randrange(4), number % LEVELS, number % 2)
            await rig.start(*schedule)
            await rig.end()
            asked, taken = expected(*schedule)
            assert rig.asked == asked and rig.taken == taken, schedule
            assert (rig.get("done"), rig.get("aborted"), rig.get("sweeps")) == (1, 0, len(asked))
            assert rig.get("cycles") == rig.clocks - 1, "every clock of the run is counted"
            if not slow:
                assert rig.get("stalls") == 0
                least = sum(rig.lengths) + TURN * len(asked)
                assert least <= rig.get("cycles") <= least + 8 + lead, "a sweep costs its length and the turn"
            for _ in range(20):
                assert not rig.get("busy") and not rig.get("go")
                await rig.clock()

    Sweeps(lead, 1, slow).run(script)


@pytest.mark.parametrize("lead", [0, 3])
def test_aborts(lead):
    """Whenever it comes, an abort ends the run with the sweep in hand, and the next run is whole."""

    async def script(rig: Sweeps) -> None:
        for wait in range(60):
            schedule = ([(2, 1, 1)] * (wait % 3), 3, 2, 2, 0)
            rig.slow = 0.97 if wait % 2 else 0.0
            await rig.start(*schedule)
            for _ in range(wait):
                await rig.clock()
            was_busy, asked = rig.get("busy"), len(rig.asked) + rig.get("go")
            rig._reading = 0  # the read-out is dropped
            await rig.strobe("abort")
            await rig.end()
            assert rig.get("sweeps") == rig.shown == asked, "whole sweeps, and none after the abort"
            assert (rig.get("aborted"), rig.get("done")) == ((1, 0) if was_busy else (0, 1))
            await rig.start(*schedule)
            await rig.end()
            assert (rig.asked, rig.taken) == expected(*schedule)

    Sweeps(lead, 2).run(script)


def test_a_held_run():
    """Held, a run neither sweeps nor counts; an abort then ends it at once."""

    async def script(rig: Sweeps) -> None:
        rig.ctx.set(rig.dut.hold, 1)
        await rig.start([(1, 0, 0)], 1, 1, 0, 0)
        for _ in range(30):
            await rig.clock()
        assert rig.get("busy") and not rig.asked and rig.get("cycles") == 0
        await rig.strobe("abort")
        assert not rig.get("busy") and rig.get("aborted")
        await rig.start([(1, 0, 0)], 1, 1, 0, 0)
        for _ in range(9):
            await rig.clock()
        rig.ctx.set(rig.dut.hold, 0)
        await rig.end()
        assert rig.get("done") and rig.taken == [1]

    Sweeps(0, 3).run(script)


def test_stalls():
    """A reader that does not come puts the next sweep off, and the clocks of waiting are counted."""

    async def script(rig: Sweeps) -> None:
        await rig.start([], 2, 1, 0, 0)
        while len(rig.taken) < 1:
            await rig.clock()
        rig._reading = 10**9
        for _ in range(60):
            await rig.clock()
        assert rig.get("busy") and len(rig.asked) == 1, "the second sample is due and has nowhere to go"
        stalls = rig.get("stalls")
        for _ in range(10):
            await rig.clock()
        assert rig.get("stalls") == stalls + 10
        rig._reading = 0
        await rig.end()
        assert rig.taken == [0, 1]

    Sweeps(0, 4).run(script)
