"""The link's parts in Amaranth's simulator, each against its plain-Python model."""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false

import random
import zlib

import numpy as np
import pytest
from amaranth import Elaboratable, Module
from amaranth.sim import Simulator

from tests.present import present
from thermofab.hw.link.frames import (
    BUSY,
    DATA_WORDS,
    INDEX_BITS,
    RING_WORDS,
    Deframer,
    Frame,
    Kind,
    answer,
    parse,
    request,
    unseal,
)
from thermofab.hw.rtl.link.crc import SerialCrc
from thermofab.hw.rtl.link.framer import Framer
from thermofab.hw.rtl.link.ring import Ring
from thermofab.hw.rtl.link.uart import UartReceiver, UartTransmitter, check_divisor
from thermofab.hw.rtl.link.unframer import Unframer
from thermofab.hw.spec import SpecError

CLOCK = 1e-6  # seconds
PATIENCE = 200_000  # clocks, several times what the longest bench takes


def simulate(design, *benches) -> None:
    """Run all benches to their ends, which must come within ``PATIENCE`` clocks."""

    async def limit(ctx):
        await ctx.delay(PATIENCE * CLOCK)
        raise AssertionError(f"the benches have not ended in {PATIENCE} clocks")

    simulator = Simulator(design)
    simulator.add_clock(CLOCK)
    for bench in benches:
        simulator.add_testbench(bench)
    simulator.add_testbench(limit, background=True)
    simulator.run()


class Loop(Elaboratable):
    """A transmitter wired to a receiver."""

    def __init__(self, divisor: int, receiving: int | None = None) -> None:
        self.transmitter, self.receiver = UartTransmitter(divisor), UartReceiver(receiving or divisor)

    def elaborate(self, platform):
        m = Module()
        m.submodules += [self.transmitter, self.receiver]
        m.d.comb += self.receiver.rx.eq(self.transmitter.tx)
        return m


@pytest.mark.parametrize(
    "divisor, receiving", [(1, 1), (2, 2), (3, 3), (8, 8), (13, 13), (40, 39), (40, 41)], ids=lambda d: str(d)
)
def test_octets_cross_the_line(divisor, receiving):
    """Back to back and with pauses; at forty clocks per bit also where the two clocks differ by 2.5%."""
    rng = random.Random(divisor)
    sent = [0x00, 0xFF, 0x55, 0xAA, *(rng.randrange(256) for _ in range(20))]
    loop, got = Loop(divisor, receiving), []

    async def send(ctx):
        for k, octet in enumerate(sent):
            ctx.set(loop.transmitter.octet, octet)
            ctx.set(loop.transmitter.valid, 1)
            clocks = 0
            while not ctx.get(loop.transmitter.ready):
                clocks += 1
                await ctx.tick()
            if 1 < k < 20:
                assert clocks == 10 * divisor - 1, "octets follow each other without a gap"
            await ctx.tick()
            if k >= 20:
                ctx.set(loop.transmitter.valid, 0)
                await ctx.tick().repeat(rng.randint(1, 7 * divisor))
        ctx.set(loop.transmitter.valid, 0)

    async def receive(ctx):
        async for _, _, valid, octet in ctx.tick().sample(loop.receiver.valid, loop.receiver.octet):
            if valid:
                got.append(octet)
            if len(got) == len(sent):
                break

    simulate(loop, send, receive)
    assert got == sent


def test_a_broken_octet_is_marked_and_the_line_waited_for():
    receiver, events = UartReceiver(4), []

    async def bench(ctx):
        async def level(value, clocks):
            ctx.set(receiver.rx, value)
            for _ in range(clocks):
                _, _, valid, broken, octet = await ctx.tick().sample(receiver.valid, receiver.broken, receiver.octet)
                events.extend([("octet", octet)] * valid + [("broken", None)] * broken)

        await level(1, 20)
        await level(0, 200)  # a break: no stop bit, and no second octet either
        await level(1, 20)
        for bit in (0, 1, 0, 0, 0, 0, 0, 1, 0, 1):
            await level(bit, 4)
        await level(1, 20)

    simulate(receiver, bench)
    assert events == [("broken", None), ("octet", 0x41)]


@pytest.mark.parametrize("offset", [-0.04, -0.03, 0.0, 0.03, 0.04])
def test_octets_of_another_clock_are_sampled_in_the_middle_of_their_bits(offset):
    """A line whose bits take 32·(1 + offset) clocks, from any fraction of a clock on: by the stop bit the edges are 9.5
    times that offset away, 0.38 of a bit, so a sample a quarter of a bit off its place is wrong in one direction."""
    receiver, got, sent = UartReceiver(32), [], [0x00, 0xFF, 0x55, 0x80, 0x7F, 0x01, 0xFE]
    bits = [1] * 3 + [bit for k, octet in enumerate(sent)
                      for bit in (0, *(octet >> b & 1 for b in range(8)), *[1] * (1 + k % 2))] + [1] * 3  # fmt: skip

    async def bench(ctx):
        for clock in range(int(len(bits) * 32 * (1 + offset))):
            ctx.set(receiver.rx, bits[int((clock + 0.37) / (32 * (1 + offset)))])
            _, _, valid, broken, octet = await ctx.tick().sample(receiver.valid, receiver.broken, receiver.octet)
            assert not broken
            got.extend([octet] * valid)

    simulate(receiver, bench)
    assert got == sent


@pytest.mark.parametrize("divisor", [0, -1, 1.5, True, 65536])
def test_bad_divisors_are_refused(divisor):
    with pytest.raises(SpecError, match=rf"^divisor counts clocks per bit and must be .* 1 to 65535, got {divisor}\.$"):
        check_divisor(divisor)


def test_the_check_is_that_of_zlib():
    crc, rng = SerialCrc(), random.Random(1)

    async def bench(ctx):
        for length in (0, 1, 4, 37):
            content = rng.randbytes(length)
            ctx.set(crc.clear, 1)
            await ctx.tick()
            ctx.set(crc.clear, 0)
            ctx.set(crc.enable, 1)
            for octet in content:
                for k in range(8):
                    ctx.set(crc.bit, octet >> k & 1)
                    await ctx.tick()
            assert not ctx.get(crc.good)
            given = []
            ctx.set(crc.give, 1)
            for _ in range(4):
                given.append(ctx.get(crc.octet))
                await ctx.tick().repeat(8)
            ctx.set(crc.give, 0)
            expected = zlib.crc32(content).to_bytes(4, "little")
            assert bytes(given) == expected
            ctx.set(crc.clear, 1)
            await ctx.tick()
            ctx.set(crc.clear, 0)
            for octet in content + expected:
                for k in range(8):
                    ctx.set(crc.bit, octet >> k & 1)
                    await ctx.tick()
            assert ctx.get(crc.good)
            ctx.set(crc.enable, 0)

    simulate(crc, bench)


def words_of(rng: random.Random, count: int) -> list[int]:
    """Words with many zero octets among them."""
    return [sum(rng.choice([0, 0, 1, 255, rng.randrange(256)]) << 8 * k for k in range(4)) for _ in range(count)]


def test_frames_are_taken_apart():
    """Whole frames are shown word by word, damaged ones refused, one more than fits refused, in any order."""
    unframer, rng = Unframer(), random.Random(2)
    refused = []

    async def bench(ctx):
        async def feed(octets):
            for octet in octets:
                ctx.set(unframer.octet, octet)
                ctx.set(unframer.valid, 1)
                await ctx.tick()
                ctx.set(unframer.valid, 0)
                for _ in range(9):
                    refused.append(ctx.get(unframer.refused))
                    await ctx.tick()

        async def shown():
            content = []
            for place in range(4 * ctx.get(unframer.words)):
                ctx.set(unframer.place, place)
                await ctx.tick()
                content.append(ctx.get(unframer.data))
            return bytes(content)

        async def release():
            ctx.set(unframer.release, 1)
            await ctx.tick()
            ctx.set(unframer.release, 0)
            await ctx.tick()
            assert not ctx.get(unframer.full)

        for count in (0, 1, 2, 30, DATA_WORDS, 3, DATA_WORDS):
            data = np.array(words_of(rng, count), dtype="<u4").tobytes()
            octets = request(Kind.WRITE, count, address=rng.randrange(2**32), data=data)
            await feed(octets)
            assert ctx.get(unframer.full)
            assert await shown() == unseal(octets[1:-1]) and not any(refused)
            other = request(Kind.READ, 9, 1, address=5)
            await feed(other)  # the first is still there: this one is refused, and harms nothing
            assert refused.count(1) == 1 and await shown() == unseal(octets[1:-1])
            refused.clear()
            await release()
            damaged = bytearray(octets)
            damaged[rng.randrange(1, len(octets) - 1)] ^= 1 << rng.randrange(8)
            await feed(bytes(damaged))
            assert not ctx.get(unframer.full) and any(refused)
            refused.clear()
            await feed(b"\0\0\0")
            assert not any(refused), "an empty frame is none"
            await feed(b"\1" * 300 + b"\0")  # longer than any
            assert refused.count(1) == 1 and not ctx.get(unframer.full)
            refused.clear()
            ctx.set(unframer.broken, 1)
            await ctx.tick()
            ctx.set(unframer.broken, 0)
            await feed(other[1:])
            assert not ctx.get(unframer.full) and refused.count(1) == 1
            refused.clear()
            await feed(other)
            assert ctx.get(unframer.full) and await shown() == unseal(other[1:-1])
            await release()

    simulate(unframer, bench)


def test_frames_are_put_together():
    """What the framer sends is what the codec would, octet for octet, while the line is fast or slow."""
    framer, rng = Framer(), random.Random(3)
    contents = [words_of(rng, count) for count in (0, 1, DATA_WORDS, 7, 0, DATA_WORDS, DATA_WORDS, 2)]
    contents[3] = [0] * 7
    frames = [
        Frame(Kind.READ, k % 2 == 1, k, rng.choice([0, 256, 999]), np.array(c, dtype=np.uint32))
        for k, c in enumerate(contents)
    ]
    got = bytearray()

    async def write(ctx):
        for frame in frames:
            head = int(frame.kind) | BUSY * frame.busy | frame.tag << 8 | frame.number << 16
            words = [head, *frame.words.tolist()]
            for k, word in enumerate(words):
                ctx.set(framer.word, word)
                ctx.set(framer.last, k == len(words) - 1)
                ctx.set(framer.valid, 1)
                while not ctx.get(framer.ready):
                    await ctx.tick()
                await ctx.tick()
            ctx.set(framer.valid, 0)

    async def send(ctx):
        while got.count(0) < len(frames):
            pace = 10 if got.count(0) < 4 else 30
            ctx.set(framer.octet_ready, 1)
            _, _, valid, octet = await ctx.tick().sample(framer.octet_valid, framer.octet)
            if valid:
                got.append(octet)
                ctx.set(framer.octet_ready, 0)
                await ctx.tick().repeat(pace)

    simulate(framer, write, send)
    assert bytes(got) == b"".join(answer(frame) for frame in frames)
    assert [present(parse(stuffed)).tag for stuffed in Deframer().feed(bytes(got))] == list(range(len(frames)))


def test_the_ring_keeps_what_is_not_acknowledged():
    """Against a list: words come in order, come again after a rewind, and stop when the ring is full."""
    ring, rng = Ring(), random.Random(4)
    modulus = 2**INDEX_BITS
    come: list[int] = []
    model = {"sent": 0, "gone": 0}
    seen = {"full": 0, "rewinds": 0, "ignored": 0}

    async def source(ctx):
        while len(come) < 3 * modulus // 2:
            ctx.set(ring.valid, rng.random() < 0.9)
            ctx.set(ring.payload, len(come) * 2654435761 % 2**32)
            _, _, valid, ready, payload = await ctx.tick().sample(ring.valid, ring.ready, ring.payload)
            if valid and ready:
                come.append(payload)
                assert len(come) - model["gone"] <= RING_WORDS, "nothing kept is overwritten"
            elif valid:
                seen["full"] += len(come) - model["gone"] >= RING_WORDS - 4
        ctx.set(ring.valid, 0)

    async def reader(ctx):
        while model["gone"] < 3 * modulus // 2 - 100:
            for _ in range(rng.randrange(90)):
                await ctx.tick().repeat(3)
                if ctx.get(ring.unsent):
                    assert ctx.get(ring.data) == come[model["sent"]], "a word sent is the word that came"
                    assert ctx.get(ring.sent) == model["sent"] % modulus
                    ctx.set(ring.next, 1)
                    await ctx.tick()
                    ctx.set(ring.next, 0)
                    model["sent"] += 1
            choice, rewind = rng.random(), rng.random() < 0.3
            index = rng.randint(model["gone"], model["sent"])
            if choice < 0.1:  # beyond what came, or long gone: ignored
                index = rng.choice([len(come) + rng.randint(600, 2000), model["gone"] - rng.randint(1, 1000)])
            ctx.set(ring.index, index % modulus)
            ctx.set(ring.rewind, rewind)
            ctx.set(ring.acknowledge, 1)
            await ctx.tick()
            ctx.set(ring.acknowledge, 0)
            if choice < 0.1:
                seen["ignored"] += 1
            else:
                model["gone"] = index
                if rewind:
                    seen["rewinds"] += model["sent"] > index
                    model["sent"] = index
            await ctx.tick().repeat(4)
            if rng.random() < 0.05:
                await ctx.tick().repeat(400)

    simulate(ring, source, reader)
    assert min(seen.values()) > 5, seen


def test_an_acknowledgement_after_a_rewind_moves_on():
    """The host may have, after all, what it asked for again: sending goes on after it."""
    ring = Ring()

    async def bench(ctx):
        ctx.set(ring.valid, 1)
        await ctx.tick().repeat(100)
        ctx.set(ring.valid, 0)
        for index, rewind, sent in ((0, 1, 0), (60, 0, 60), (40, 0, 60), (70, 1, 70), (80, 0, 80)):
            ctx.set(ring.index, index)
            ctx.set(ring.rewind, rewind)
            ctx.set(ring.acknowledge, 1)
            await ctx.tick()
            ctx.set(ring.acknowledge, 0)
            await ctx.tick().repeat(4)
            assert ctx.get(ring.sent) == sent

    simulate(ring, bench)
