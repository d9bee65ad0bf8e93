"""A cell by itself, in Amaranth's simulator: what it gathers, takes and keeps, against plain sums."""

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from thermofab.hw.host.relay.counter import addresses
from thermofab.hw.rtl.relay.cell import FIRST_BIT, TAKEN, Cell

FIELD = 24  # bits looked at


class Driven:
    """A cell and its masks."""

    def __init__(self, degree: int, weight_bits: int) -> None:
        self.degree, self.weight_bits = degree, weight_bits
        self.address_bits = 4 if weight_bits < 15 else 5
        self.cell: Any = Cell(degree, weight_bits, self.address_bits)

    async def load(self, ctx: Any, weights: list[int], children: set[int], parent: int | None) -> None:
        words = [0 if parent is None else 1 << parent]
        for k in range(self.weight_bits):
            words.append(sum((1 if j in children else w >> k & 1) << j for j, w in enumerate(weights)))
        ctx.set(self.cell.mask_write, 1)
        for address, word in zip(addresses(self.address_bits), words):
            ctx.set(self.cell.mask_address, address)
            ctx.set(self.cell.mask_data, word)
            await ctx.tick()
        ctx.set(self.cell.mask_write, 0)

    async def event(self, ctx: Any) -> None:
        ctx.set(self.cell.event, 1)
        await ctx.tick()
        ctx.set(self.cell.event, 0)

    def run(self, bench: Any) -> None:
        simulator = Simulator(self.cell)
        simulator.add_clock(1e-6)
        simulator.add_testbench(bench)
        simulator.run()


def test_addresses_pass_every_word_but_one():
    for bits in (4, 5):
        assert sorted(addresses(bits)) == list(range(2**bits - 1))


@pytest.mark.parametrize(
    ("degree", "weight_bits"), [(1, 2), (2, 3), (3, 8), (4, 8), (5, 16), (8, 8), (9, 14), (12, 15), (24, 8)]
)
def test_gathers_its_weights_and_its_children(degree, weight_bits):
    """Twice in a row, with the largest weights too: no carry of one sum is left to the next."""
    rng, driven = np.random.default_rng([degree, weight_bits]), Driven(degree, weight_bits)
    cell = driven.cell

    async def bench(ctx: Any) -> None:
        for turn in range(12):
            most = 2 ** (weight_bits - 1) - 1
            weights = rng.integers(-most, most + 1, degree).tolist()
            if turn % 4 == 3:
                weights = [int(rng.choice([-1, 1])) * most] * degree
            children = set(np.flatnonzero(rng.random(degree) < rng.choice([0.0, 0.3])).tolist())
            parent = None if rng.random() < 0.3 else int(rng.integers(degree))
            children -= {parent}
            weights = [0 if j in children or j == parent else w for j, w in enumerate(weights)]
            await driven.load(ctx, weights, children, parent)
            for _ in range(2):
                near = rng.integers(0, 2, degree).tolist()
                sums = {j: int(rng.integers(-(2**18), 2**18)) for j in children}
                expected = sum(sums.values()) + sum(w * n for w, n in zip(weights, near))
                await driven.event(ctx)
                bits = []
                for clock in range(1, FIRST_BIT + FIELD):
                    # A child's bit is on its wire a clock before the parent's of the same weight is on its own.
                    place = clock - (FIRST_BIT - 1)
                    for j in range(degree):
                        early = int(rng.integers(2)) if place < 0 else sums.get(j, 0) >> place & 1
                        ctx.set(cell.neighbours[j], early if j in children else near[j])
                    if clock >= FIRST_BIT:
                        bits.append(ctx.get(cell.state))
                    await ctx.tick()
                assert bits == [expected >> k & 1 for k in range(FIELD)]

    driven.run(bench)


def test_takes_its_parents_state_or_what_was_drawn_and_keeps_it():
    driven = Driven(5, 8)
    cell = driven.cell

    async def bench(ctx: Any) -> None:
        for parent in (None, 0, 4):
            await driven.load(ctx, [3, -1, 5, 7, -7], set(), parent)
            for wanted in (1, 0, 1):
                ctx.set(cell.neighbours, 0b10101)
                ctx.set(cell.taking, 0)
                await driven.event(ctx)  # gathers, and leaves bits and carries behind
                for _ in range(9):
                    await ctx.tick()
                ctx.set(cell.taking, 1)
                await ctx.tick()
                await driven.event(ctx)
                others = 0b11111 ^ (0 if parent is None else 1 << parent)
                ctx.set(cell.neighbours, others if not wanted or parent is None else 0b11111)
                ctx.set(cell.drawn, int(bool(wanted) and parent is None))
                await ctx.tick()
                ctx.set(cell.drawn, 0)
                for clock in range(TAKEN, 20):
                    assert ctx.get(cell.state) == wanted, f"parent {parent}, {clock} clocks after the event"
                    ctx.set(cell.neighbours, clock)
                    ctx.set(cell.taking, int(clock < TAKEN + 1))
                    await ctx.tick()
        ctx.set(cell.clear, 1)
        await ctx.tick()
        assert ctx.get(cell.state) == 0

    driven.run(bench)


def test_a_cell_without_neighbours_takes_what_was_drawn():
    cell: Any = Cell(0, 8, 4)

    async def bench(ctx: Any) -> None:
        for wanted in (1, 0, 1):
            ctx.set(cell.taking, 1)
            ctx.set(cell.event, 1)
            await ctx.tick()
            ctx.set(cell.event, 0)
            ctx.set(cell.drawn, wanted)
            await ctx.tick()
            ctx.set(cell.drawn, 0)
            await ctx.tick()
            assert ctx.get(cell.state) == wanted

    simulator = Simulator(cell)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
