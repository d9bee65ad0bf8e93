"""Two ends of a line in Amaranth's simulator: a frame of the run before a reset, which comes after it, is dropped for
its session alone.
"""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import pytest
from amaranth import Module, ResetInserter, Signal
from amaranth.sim import Simulator

from thermofab.hw.rtl.tiles.plan import Line, plan_tile
from thermofab.hw.rtl.tiles.top import Endpoint
from thermofab.hw.spec import Tiling, fabric

SPEC, LINE = fabric("g4-4x4-torus", levels=2, table_bits=5), Line(4, patience=128)
OLD, NEW = 3, 4  # sessions
STALE, FRESH = 0b0110, 0b1001  # the boundary's states in the run before the reset, and after it


class Ends:
    """An end that sends and the one it sends to, with one reset; the line between them is the test's."""

    def __init__(self) -> None:
        tiling = Tiling.blocks(SPEC.topology, (2, 2))
        ends = [plan_tile(SPEC, tiling, tile, LINE).ends[0] for tile in (0, 1)]  # tile 0 to tile 1, and back
        self.sends, self.takes = (Endpoint(end) for end in ends)
        self.words = LINE.frame_words(len(ends[0].sends[0]))
        self.reset, self.design = Signal(), Module()
        for name, end in (("sends", self.sends), ("takes", self.takes)):
            self.design.submodules[name] = ResetInserter(self.reset)(end)

    async def begin(self, ctx, session: int) -> None:
        """A reset of both, a session, and a run."""
        ctx.set(self.reset, 1)
        await ctx.tick()
        ctx.set(self.reset, 0)
        for end in (self.sends, self.takes):
            for port, value in ((end.session, session), (end.clear, 1), (end.steps, 0), (end.colour, 0)):
                ctx.set(port, value)
        await ctx.tick()
        for end in (self.sends, self.takes):
            ctx.set(end.clear, 0)
            ctx.set(end.running, 1)
        await ctx.tick()

    async def step(self, ctx, states: int) -> list[tuple[int, int]]:
        """The first step of a run: the words of its frame, each with whether it is the first."""
        for port, value in ((self.sends.state, states), (self.sends.steps, 1), (self.sends.colour, 1)):
            ctx.set(port, value)
        found = []
        while len(found) < self.words:
            await ctx.tick()
            if ctx.get(self.sends.out.valid):
                found.append((ctx.get(self.sends.out.first), ctx.get(self.sends.out.data)))
        return found

    async def hear(self, ctx, words: list[tuple[int, int]]) -> list[int]:
        """The states that ghosts are given while words come, a clock of the line for two of the tile."""
        given, end = [], self.takes
        for word in [*words, *[None] * 16]:
            ctx.set(end.into.valid, word is not None)
            if word is not None:
                ctx.set(end.into.first, word[0])
                ctx.set(end.into.data, word[1])
            for level in (1, 0):
                ctx.set(end.line_clk, level)
                if load := ctx.get(end.load):
                    given.append(ctx.get(end.value) & load)
                await ctx.tick()
        return given


@pytest.mark.parametrize(("session", "taken"), [(NEW, FRESH), (OLD, STALE)], ids=["changed", "kept"])
def test_a_frame_of_the_run_before_a_reset_is_dropped_for_its_session_alone(session, taken):
    """The old run's first frame comes ahead of the new one's, whose number is the same. With a new session the ghosts
    are given the states of the new one; were the session kept, those of the old.
    """
    ends, given = Ends(), []

    async def bench(ctx) -> None:
        await ends.begin(ctx, OLD)
        stale = await ends.step(ctx, STALE)
        await ends.begin(ctx, session)
        fresh = await ends.step(ctx, FRESH)
        given.extend(await ends.hear(ctx, [*stale, *fresh]))

    simulator = Simulator(ends.design)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    first_colour = 0b0011
    assert given == [taken & first_colour]
