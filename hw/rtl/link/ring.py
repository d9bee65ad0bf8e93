"""The replay buffer: sample words in a ring, numbered modulo 2^12, each kept until the host has it.

Three indices a ≤ s ≤ w: words before a are acknowledged and gone, words before s have been sent, words before w have
come from the fabric. The fabric waits while w - a is as much as the ring holds; sending waits while s = w.
"""

from typing import Any

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Out

from thermofab.hw.link.frames import INDEX_BITS, RING_WORDS
from thermofab.hw.rtl.link.interfaces import REPLAY, SAMPLE_WORDS
from thermofab.hw.rtl.link.memories import DONT_CARE


class Ring(wiring.Component):
    """Sample words, kept until acknowledged.

    Ports:
        valid, ready, payload: the fabric's sample stream.
        come, sent: w and s.
        unsent: w - s, a clock late.
        index, acknowledge, rewind: strobe ``acknowledge`` asks for a = ``index``, and with ``rewind`` for s =
            ``index``; an index outside a…w changes nothing. ``index`` and ``rewind`` stay for a clock after it.
        data: the word s, two clocks late; next: s has been taken, go on.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                **SAMPLE_WORDS.flip().members,
                **REPLAY.members,
                "data": Out(32),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bits = (RING_WORDS - 1).bit_length()
        m.submodules.memory = memory = Memory(shape=32, depth=RING_WORDS, init=[], attrs=DONT_CARE)
        write, read = memory.write_port(), memory.read_port()
        self._gone = gone = Signal(INDEX_BITS)
        kept = Signal(bits + 1)
        ahead, behind, asked = Signal(INDEX_BITS, name="ahead"), Signal(INDEX_BITS, name="behind"), Signal(name="asked")
        moved = Signal()
        m.d.comb += [
            moved.eq(self.valid & self.ready),
            write.addr.eq(self.come[:bits]),
            write.data.eq(self.payload),
            write.en.eq(moved),
            read.addr.eq(self.sent[:bits]),
        ]
        m.d.sync += self.data.eq(read.data)
        m.d.sync += [
            kept.eq(self.come[: bits + 1] - gone[: bits + 1]),
            # ``kept`` lags: up to two words that it does not count have come when ``ready`` shows. Four places held
            # back make the comparison a few gates.
            self.ready.eq(~(kept[bits] | kept[2:bits].all())),
            self.unsent.eq(self.come - self.sent),
            asked.eq(self.acknowledge),
            ahead.eq(self.index - gone),
            behind.eq(self.index - self.sent),
        ]
        with m.If(moved):
            m.d.sync += self.come.eq(self.come + 1)
        with m.If(self.next):
            m.d.sync += self.sent.eq(self.sent + 1)
        with m.If(asked & (ahead <= kept)):
            m.d.sync += gone.eq(self.index)
            # The host may acknowledge, after a rewind, what was sent before it: s never stays behind a.
            with m.If(self.rewind | ~behind[-1]):
                m.d.sync += self.sent.eq(self.index)
        return m
