"""The p-bit alone, in Amaranth's simulator, against the three lines of the arithmetic contract."""

import random

import pytest
from amaranth.sim import Simulator

from thermofab.hw.rtl.pbit import PBit, shift_bits
from thermofab.hw.spec import fabric, generator

SPECS = {
    "default": fabric("g4-4x4-torus"),
    "fixed shift": fabric("complete-3", min_shift=4),
    "no dither": fabric("complete-3", dither_bits=0, threshold_bits=16),
    "fine": fabric("king-3x3", profile="fine", rng="xoshiro128+"),
    "narrow field": fabric("complete-2", weight_bits=2, bias_bits=2, table_bits=12, dither_bits=1),
    "wide field": fabric("complete-13", weight_bits=16, bias_bits=24, table_bits=2, rng="lfsr32"),
}


def expected_address(spec, bias, weights, neighbours, word, shift) -> int:
    field = bias + sum(w if n else -w for w, n in zip(weights, neighbours))
    half = spec.table_size // 2
    return max(-half, min(half - 1, (field + word % 2**shift) >> shift)) + half


def stimulus(spec, degree, rng):
    """Random inputs, and fields at and beside both ends of the table, at every shift."""
    half = spec.table_size // 2
    for shift in range(spec.min_shift, spec.dither_bits + 1):
        for _ in range(12):
            weights = [rng.randint(-spec.weight_max, spec.weight_max) for _ in range(degree)]
            yield shift, rng.randint(-spec.bias_max, spec.bias_max), weights
        for edge in (-half, half - 1, half, 0):
            for off in (-1, 0, 1):
                bias = max(-spec.bias_max, min(spec.bias_max, (edge << shift) + off))
                yield shift, bias, [0] * degree
        for sign in (1, -1):
            yield shift, sign * spec.bias_max, [sign * spec.weight_max] * degree


@pytest.mark.parametrize("name", SPECS)
def test_datapath(name):
    """Address, new state and stepped generator; thresholds at and beside the compared bits."""
    spec = SPECS[name]
    degree = spec.topology.max_degree
    integer, rng = generator(spec.rng), random.Random(name)
    pbit = PBit(spec, degree)
    checked = 0

    async def bench(ctx):
        nonlocal checked

        async def load(words):
            ctx.set(pbit.seed_shift, 1)
            for word in words:
                ctx.set(pbit.seed_in, word)
                await ctx.tick()
            ctx.set(pbit.seed_shift, 0)

        for shift, bias, weights in stimulus(spec, degree, rng):
            neighbours = [rng.getrandbits(1) for _ in weights]
            words = tuple(rng.getrandbits(32) for _ in range(integer.state_words))
            after, word = integer.step(words, spec.word_bits)
            high = word >> (spec.word_bits - spec.threshold_bits)
            threshold = max(0, min(2**spec.threshold_bits - 1, high + rng.choice([-1, 0, 1, 2])))
            clamped, before = rng.random() < 0.2, rng.getrandbits(1)
            await load(words)
            assert ctx.get(pbit.seed_out) == words[0]
            ctx.set(pbit.bias, bias)
            for k, (weight, state) in enumerate(zip(weights, neighbours)):
                ctx.set(getattr(pbit, f"weight_{k}"), weight)
                ctx.set(getattr(pbit, f"neighbour_{k}"), state)
            if spec.dither_bits:
                ctx.set(pbit.dither_mask, 2**shift - 1)
            if shift_bits(spec):
                ctx.set(pbit.extra_shift, shift - spec.min_shift)
            address = ctx.get(pbit.address)
            assert address == expected_address(spec, bias, weights, neighbours, word, shift), (bias, weights, shift)
            ctx.set(pbit.threshold, threshold)
            ctx.set(pbit.clamped, clamped)
            ctx.set(pbit.state_load, 1)
            ctx.set(pbit.state_value, before)
            await ctx.tick()
            ctx.set(pbit.state_load, 0)
            await ctx.tick()
            assert ctx.get(pbit.state) == before, "a site whose colour has no clock keeps its state"
            assert ctx.get(pbit.seed_out) == words[0], "and its generator"
            ctx.set(pbit.update, 1)
            await ctx.tick()
            ctx.set(pbit.update, 0)
            assert ctx.get(pbit.state) == (before if clamped else int(high < threshold)), (high, threshold, clamped)
            out = []
            ctx.set(pbit.seed_shift, 1)
            for _ in after:
                out.append(ctx.get(pbit.seed_out))
                await ctx.tick()
            ctx.set(pbit.seed_shift, 0)
            assert tuple(out) == after, "the generator steps at every update, clamped or not"
            checked += 1

    simulator = Simulator(pbit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    assert checked >= 24


def test_the_address_follows_its_inputs_bit_by_bit():
    """Field sums of every combination of two small weights, both neighbours and both signs of the bias."""
    spec = fabric("complete-3", weight_bits=2, bias_bits=2, dither_bits=0, min_shift=0, table_bits=3)
    pbit = PBit(spec, 2)

    async def bench(ctx):
        for code in range(3**3 * 4):
            bias, w0, w1 = (code // 4 // 3**k % 3 - 1 for k in range(3))
            states = [code & 1, code >> 1 & 1]
            ctx.set(pbit.bias, bias)
            for k, weight in enumerate((w0, w1)):
                ctx.set(getattr(pbit, f"weight_{k}"), weight)
                ctx.set(getattr(pbit, f"neighbour_{k}"), states[k])
            assert ctx.get(pbit.address) == expected_address(spec, bias, (w0, w1), states, 0, 0)
            await ctx.tick()

    simulator = Simulator(pbit)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
