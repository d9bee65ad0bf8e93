"""The receiving side of a line's end: takes frames that are whole and expected, and puts their states into the ghosts.

The words cross from the other tile's clock, which comes with them, through a queue. Nothing of a frame is seen by
anyone before its check has passed. A frame is taken while a run goes on: before it, the host may still write states.
"""

from typing import Any

from amaranth import Cat, ClockDomain, ClockSignal, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.crc import Processor
from amaranth.lib.fifo import AsyncFIFO
from amaranth.lib.wiring import In, Out

from thermofab.hw.rtl.tiles.plan import HEADER, NUMBER_BITS, SESSION_BITS, End


class Receiver(wiring.Component):
    """See the head of this file.

    Ports:
        clear: a new session: nothing has come.
        session: what headers must say; running: frames with states may be taken.
        line_clk, line: from the other end, whose clock it is.
        come: frames taken, modulo 32.
        acknowledged, acknowledge: a number from the other end, and a strobe.
        answer: strobe: a frame with states has come, and is now taken or was before.
        load, value: ``[takes]``, a strobe and a state for each of the ghosts named in the plan, by position.
    """

    def __init__(self, end: End) -> None:
        self._end = end
        ghosts = sum(map(len, end.takes))
        super().__init__(
            {
                "clear": In(1),
                "session": In(SESSION_BITS),
                "running": In(1),
                "line_clk": In(1),
                "line": In(end.line.signature),
                "come": Out(NUMBER_BITS),
                "acknowledged": Out(NUMBER_BITS),
                "acknowledge": Out(1),
                "answer": Out(1),
                "load": Out(ghosts),
                "value": Out(ghosts),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m, end, line = Module(), self._end, self._end.line
        words = [line.state_words(len(ghosts)) for ghosts in end.takes]
        first, word, valid = self._queue(m)
        m.submodules.check = check = Processor(line.check)

        header = Signal(HEADER, name="header")
        states = Signal(max(1, *words) * line.width, name="states")
        fields = header.as_value()
        # of the next word of the frame in hand
        place = Signal(range(end.longest), name="place")
        active = Signal(name="active")
        colour = Signal(range(end.colours), name="colour")
        before = Signal(range(end.colours), init=end.colours - 1, name="before")
        fresh = Signal(name="fresh")
        again = Signal(name="again")
        whole = Signal(name="whole")
        m.d.comb += [
            check.data.eq(word),
            check.valid.eq(valid),
            check.start.eq(valid & first),
            fresh.eq(header.data & (header.number == self.come)),
            again.eq(header.data & (header.number == (self.come - 1)[:NUMBER_BITS])),
        ]
        m.d.sync += whole.eq(0)

        expected = Signal(range(max(1, *words) + 1))  # words of states, when the header has come
        with m.Switch(Mux(fresh, colour, before)):
            for number, count in enumerate(words):
                with m.Case(number):
                    m.d.comb += expected.eq(Mux(header.data, count, 0))
        after = Signal(range(end.longest + 1))  # words of the header and the states
        m.d.comb += after.eq(line.header_words + expected)
        with m.If(valid & (first | active)):
            m.d.sync += place.eq(place + 1)
            with m.If(first):
                m.d.sync += [active.eq(1), place.eq(1)]
            with m.If(first | (place < line.header_words)):
                m.d.sync += fields.eq(Cat(fields, word)[line.width :])
            with m.Elif(place < after):
                m.d.sync += states.eq(Cat(states, word)[line.width :])
            with m.Elif(place == after + line.check_words - 1):
                m.d.sync += [whole.eq(1), active.eq(0)]

        good = Signal(name="good")
        taken = Signal(name="taken")
        m.d.comb += [
            good.eq(whole & check.match_detected & (header.session == self.session) & ~self.clear),
            self.acknowledge.eq(good),
            self.acknowledged.eq(header.come),
            taken.eq(good & fresh & self.running),
            self.answer.eq(taken | (good & again)),
        ]
        start = 0
        for number, ghosts in enumerate(end.takes):
            bits = slice(start, start + len(ghosts))
            start += len(ghosts)
            padded = states[len(states) - words[number] * line.width :]
            m.d.comb += [
                self.value[bits].eq(padded[: len(ghosts)]),
                self.load[bits].eq((taken & (colour == number)).replicate(len(ghosts))),
            ]
        with m.If(taken):
            m.d.sync += [self.come.eq(self.come + 1), before.eq(colour), colour.eq(colour + 1)]
            with m.If(colour == end.colours - 1):
                m.d.sync += colour.eq(0)
        with m.If(self.clear):
            m.d.sync += [self.come.eq(0), colour.eq(0), before.eq(end.colours - 1), active.eq(0), whole.eq(0)]
        return m

    def _queue(self, m: Module) -> tuple[Any, Any, Any]:
        """First, word, valid: what comes over the line, in this clock domain. A full queue loses words, as lines do."""
        m.domains.line = ClockDomain(local=True, reset_less=True)
        m.d.comb += ClockSignal("line").eq(self.line_clk)
        width = self._end.line.width
        queue = AsyncFIFO(width=width + 1, depth=self._end.depth, r_domain="sync", w_domain="line")
        m.submodules.queue = queue
        m.d.comb += [
            queue.w_data.eq(Cat(self.line.data, self.line.first)),
            queue.w_en.eq(self.line.valid),
            queue.r_en.eq(1),
        ]
        return queue.r_data[width], queue.r_data[:width], queue.r_rdy
