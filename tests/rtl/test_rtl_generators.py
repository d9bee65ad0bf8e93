"""The gateware of every generator does what its integer step does."""

import random

import pytest
from amaranth import Module
from amaranth.sim import Simulator

from thermofab.hw.spec import generator, generator_names

CASES = [(name, bits) for name in generator_names() for bits in (16, 32) if bits <= generator(name).widest]


@pytest.mark.parametrize("name, word_bits", CASES)
def test_gateware_equals_the_integer_step(name, word_bits):
    """On single set bits, all ones, random states, and along a run."""
    integer = generator(name)
    rng = random.Random(1)
    width = 32 * integer.state_words
    states = [1 << k for k in range(width)] + [2**width - 1] + [rng.getrandbits(width) for _ in range(50)]
    gateware = integer.create(word_bits)
    m = Module()
    m.submodules.generator = gateware

    async def bench(ctx):
        def check(state: int) -> int:
            ctx.set(gateware.state, state)
            words = tuple(state >> (32 * k) & 0xFFFFFFFF for k in range(integer.state_words))
            after, word = integer.step(words, word_bits)
            packed = sum(w << (32 * k) for k, w in enumerate(after))
            assert (ctx.get(gateware.word), ctx.get(gateware.next)) == (word, packed), hex(state)
            return packed

        for state in states:
            check(state)
        state = states[-1]
        for _ in range(50):
            state = check(state)

    simulator = Simulator(m)
    simulator.add_testbench(bench)
    simulator.run()
