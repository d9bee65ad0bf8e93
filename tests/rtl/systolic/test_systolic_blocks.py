"""Blocks of the systolic fabric in Amaranth's simulator."""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import numpy as np
import pytest
from amaranth.sim import Simulator

from thermofab.hw.rtl.common.datapath import clipped
from thermofab.hw.rtl.systolic.collector import Collector


@pytest.mark.parametrize("width, entries", [(1, 40), (3, 11), (8, 16), (31, 5), (32, 7), (35, 9), (70, 6)])
@pytest.mark.parametrize("ready", [1.0, 0.3])
def test_collector_packs_entries_and_loses_none(width, entries, ready):
    rng = np.random.default_rng(width)
    samples = rng.integers(0, 2, (6, entries, width))
    collector, received, ends = Collector(width, entries), [], []
    stream = collector.samples

    async def produce(ctx):
        for sample in samples:
            while not ctx.get(collector.room):
                await ctx.tick()
            ctx.set(collector.take, 1)
            await ctx.tick()
            ctx.set(collector.take, 0)
            for k, entry in enumerate(sample):
                ctx.set(collector.push, 1)
                ctx.set(collector.data, sum(int(bit) << e for e, bit in enumerate(entry)))
                ctx.set(collector.end, int(k == entries - 1))
                await ctx.tick()
                ctx.set(collector.push, 0)
                if rng.random() < 0.2:
                    await ctx.tick()
            # `room` is registered: a clock until it knows of what was promised.
            await ctx.tick().repeat(2)

    async def consume(ctx):
        shown = None
        words = -(-entries * width // 32)
        while len(received) < len(samples) * words:
            willing = rng.random() < ready
            ctx.set(stream.ready, int(willing))
            _, _, valid, payload, last = await ctx.tick().sample(
                collector.samples.valid, collector.samples.payload, collector.samples.last
            )
            if valid:
                assert shown in (None, payload), "a word on offer changed"
                shown = None if willing else payload
                if willing:
                    received.append(payload)
                    ends.append(last)
            else:
                assert shown is None, "a word on offer went away"
        ctx.set(stream.ready, 0)
        await ctx.tick().repeat(3)
        assert ctx.get(collector.empty)

    simulator = Simulator(collector)
    simulator.add_clock(1e-8)
    simulator.add_testbench(produce)
    simulator.add_testbench(consume)
    simulator.run()
    words = -(-entries * width // 32)
    for k, sample in enumerate(samples):
        number = sum(word << (32 * j) for j, word in enumerate(received[k * words : (k + 1) * words]))
        assert number == sum(int(bit) << j for j, bit in enumerate(sample.reshape(-1)))
        assert ends[k * words : (k + 1) * words] == [0] * (words - 1) + [1]


@pytest.mark.parametrize("width, bits", [(9, 4), (6, 6), (4, 7), (12, 2)])
def test_clipping(width, bits):
    from amaranth import Module, Signal, signed

    m, value, result = Module(), Signal(signed(width)), Signal(bits)
    m.d.comb += result.eq(clipped(m, value, bits))

    async def bench(ctx):
        for number in range(-(2 ** (width - 1)), 2 ** (width - 1)):
            ctx.set(value, number)
            await ctx.delay(1e-9)
            low, high = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
            assert ctx.get(result) == max(low, min(high, number)) % 2**bits

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
