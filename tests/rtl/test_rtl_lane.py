"""A lane alone, in Amaranth's simulator, against the lines of the arithmetic contract, update by update."""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import random

import numpy as np
import pytest
from amaranth import Module
from amaranth.sim import Simulator

from thermofab.hw.host.spatial.plan import NONE, plan_lanes
from thermofab.hw.rtl.common.datapath import shift_bits, table_address
from thermofab.hw.rtl.spatial.lane import Lane
from thermofab.hw.spec import Image, fabric, generator

SPECS = {
    "default": fabric("g4-4x4-torus"),
    "fixed shift": fabric("complete-3", min_shift=4),
    "no dither": fabric("complete-3", dither_bits=0, threshold_bits=16),
    "fine": fabric("king-3x3", profile="fine", rng="xoshiro128+"),
    "narrow field": fabric("complete-2", weight_bits=2, bias_bits=2, table_bits=12, dither_bits=1),
    "wide field": fabric("complete-13", weight_bits=16, bias_bits=24, table_bits=2, rng="lfsr32"),
    "no neighbours": fabric("complete-1"),
    "block memories": fabric("g4-8x8-torus", elements=4, levels=1),
}


def extreme_image(spec, rng) -> Image:
    """Weights and biases at and inside their limits, and fields beside both ends of the table."""

    def integers(limit, count):
        return np.array([rng.choice([-limit, limit, rng.randint(-limit, limit), 0]) for _ in range(count)])

    return Image(
        spec, integers(spec.weight_max, spec.topology.n_edges), integers(spec.bias_max, spec.n_sites),
        np.ones((spec.levels, spec.table_size)), spec.min_shift, np.full(spec.n_sites, -1),
    )  # fmt: skip


def expected_address(spec, image, site, near, word, shift) -> int:
    """Of a site whose neighbours' states are ``near`` by site."""
    field = int(image.biases[site])
    for j, edge in zip(spec.topology.neighbour_table[0][site], spec.topology.neighbour_table[1][site]):
        if j >= 0:
            field += int(image.weights[edge]) if near[j] else -int(image.weights[edge])
    half = spec.table_size // 2
    return max(-half, min(half - 1, (field + word % 2**shift) >> shift)) + half


@pytest.mark.parametrize("constant", [False, True], ids=["loaded", "constant"])
@pytest.mark.parametrize("name", SPECS)
def test_updates(name, constant):
    """Table address, new state and stepped generator of every slot, sweep after sweep, at every shift."""
    spec, rng = SPECS[name], random.Random(name)
    plan, integer = plan_lanes(spec), generator(spec.rng)
    described = plan.lanes[0]
    image = extreme_image(spec, rng)
    lane = Lane(plan, len(described.sources), constants=plan.contents(image, described) if constant else None)
    shifts = list(range(spec.min_shift, spec.dither_bits + 1))
    generators = {site: tuple(rng.getrandbits(32) for _ in range(integer.state_words)) for site in range(spec.n_sites)}
    checked = 0

    async def load(ctx):
        """The lane's chunks, through the loader's port, and its queue of generators."""
        for number, words in enumerate(plan.contents(image, described) if not constant else []):
            size = plan.chunk_sizes(described)[number]
            for place, word in enumerate(words):
                ctx.set(lane.coefficient_write, 1 << number)
                ctx.set(lane.coefficient_index, place >> size << plan.chunk | place & ((1 << size) - 1))
                ctx.set(lane.coefficient_data, word % 2 ** len(lane.coefficient_data))
                await ctx.tick()
            ctx.set(lane.coefficient_write, 0)
        states = [sum(w << 32 * k for k, w in enumerate(generators.get(site, (0,)))) for site in described.sites]
        ctx.set(lane.seed_shift, 1)
        for first in range(0, 32 * integer.state_words, plan.seed_bits):
            for state in states:
                ctx.set(lane.seed_in, state >> first & (2**plan.seed_bits - 1))
                await ctx.tick()
        ctx.set(lane.seed_shift, 0)

    async def update(ctx, slot, shift):
        """One update of a slot, alone in the pipeline."""
        nonlocal checked
        site = described.sites[slot]
        near = [rng.getrandbits(1) for _ in range(spec.n_sites)]
        clamped, before = rng.random() < 0.2, rng.getrandbits(1)
        word = high = 0
        if site != NONE:
            generators[site], word = integer.step(generators[site], spec.word_bits)
            high = word >> (spec.word_bits - spec.threshold_bits)
        threshold = max(1, min(2**spec.threshold_bits - 1, high + rng.choice([-1, 0, 1, 2])))
        ctx.set(lane.slot, slot)
        for k, sources in enumerate(described.sources):
            ctx.set(
                getattr(lane, f"neighbour_{k}"), near[sources[slot]] if sources[slot] != NONE else rng.getrandbits(1)
            )
        ctx.set(lane.clamped, clamped << slot)
        ctx.set(lane.state_load, 1 << slot)
        ctx.set(lane.state_value, before << slot)
        for clock in range(plan.latency):
            ctx.set(lane.valid, 1 << clock)
            if clock == plan.table_stage and site != NONE:
                assert ctx.get(lane.address) == expected_address(spec, image, site, near, word, shift), (site, shift)
            if clock == plan.table_stage + 1:
                assert ctx.get(lane.state) >> slot & 1 == before, "a site keeps its state until its update ends"
                ctx.set(lane.threshold, 2**spec.threshold_bits - 1 - threshold)
                ctx.set(lane.commit, 1 << slot)
            await ctx.tick()
            ctx.set(lane.state_load, 0)
        ctx.set(lane.valid, 0)
        ctx.set(lane.commit, 0)
        if site != NONE:
            expected = before if clamped else int(high < threshold)
            assert ctx.get(lane.state) >> slot & 1 == expected, (high, threshold, clamped)
            checked += 1

    async def bench(ctx):
        await load(ctx)
        for sweep in range(3 * len(shifts) + 30 // plan.slots):
            shift = shifts[sweep % len(shifts)]
            if spec.dither_bits:
                ctx.set(lane.dither_mask, 2**shift - 1)
            if shift_bits(spec):
                ctx.set(lane.extra_shift, shift - spec.min_shift)
            for slot in range(plan.slots):
                await update(ctx, slot, shift)

    simulator = Simulator(lane)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert checked >= 24


@pytest.mark.parametrize(
    "spec",
    [
        fabric("complete-3", weight_bits=2, bias_bits=4, dither_bits=2, table_bits=3),
        fabric("complete-3", weight_bits=3, bias_bits=3, dither_bits=0, table_bits=2),
        fabric("complete-3", weight_bits=2, bias_bits=2, dither_bits=3, min_shift=1, table_bits=5),
    ],
    ids=repr,
)
def test_the_address_of_every_field(spec):
    """Shift and clip of every field and dither, at every shift."""
    from amaranth import Signal, signed

    m = Module()
    dithered = Signal(signed(spec.field_bits))
    extra = Signal(max(1, shift_bits(spec)))
    address = Signal(spec.table_bits)
    m.d.comb += address.eq(table_address(m, spec, dithered, extra if shift_bits(spec) else None))
    half = spec.table_size // 2

    async def bench(ctx):
        for shift in range(spec.min_shift, spec.dither_bits + 1):
            ctx.set(extra, shift - spec.min_shift)
            for value in range(-spec.field_max, spec.field_max + 2**shift):
                ctx.set(dithered, value)
                assert ctx.get(address) == max(-half, min(half - 1, value >> shift)) + half, (value, shift)

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
