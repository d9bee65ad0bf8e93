"""The walk over the colours of a sweep: which word of the event memory comes when.

A colour of height H with fields of S bits takes S + 2H + 5 clocks:

    gather   H + 1   its events in rising order, the deepest sites first, so that a parent starts a clock after its
                     children; the last are the roots'
    wait     S + 3   fields come, addresses and thresholds are looked up
    take     H + 1   the same events in falling order: roots take what was drawn, their children a clock later theirs

and the next colour's follow without a gap. Between the last of a sweep and the first of the next pass RELAY_TURN.
"""

from typing import Any

from amaranth import Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.relay.plan import COLOURS, EVENT_WORDS
from thermofab.hw.host.relay.registers import TALLEST
from thermofab.hw.spec.clocks import RELAY_WIDTHS

WAIT = 3  # clocks between gathering and taking, beside the field's


class Colours(wiring.Component):
    """Walks when told to.

    Ports:
        go: a strobe, a sweep begins; swept: a strobe, it is in its last clock.
        last_colour, field_bits: of the image; height_write, height_index, height: those of its colours.
        gathering, taking: what the word of the event memory is for; word: its address, in clocks with either.
        roots: a strobe, the word is that of a colour's roots, to gather.
        colour: that one; first, last: it is the sweep's first, or last.
        drawn: a strobe, a clock before the roots are to take.
    """

    def __init__(self) -> None:
        super().__init__(
            {
                "go": In(1),
                "swept": Out(1),
                "last_colour": In(range(COLOURS)),
                "field_bits": In(range(RELAY_WIDTHS[1] + 1)),
                "height_write": In(1),
                "height_index": In(range(COLOURS)),
                "height": In(range(TALLEST + 1)),
                "word": Out(range(EVENT_WORDS)),
                **{name: Out(1) for name in ("gathering", "taking", "roots", "first", "last", "drawn")},
                "colour": Out(range(COLOURS)),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        word, gathering, taking = self.word, self.gathering, self.taking
        upcoming = Signal(range(COLOURS))
        next_height = self._next_height(m, upcoming)
        height = Signal(range(TALLEST + 1))
        left = Signal(range(TALLEST + 1))
        top = Signal(range(EVENT_WORDS))
        waiting, waited = Signal(name="waiting"), Signal(range(RELAY_WIDTHS[1] + WAIT + 1), name="waited")
        # the word is the last of gathering or taking; a colour begins
        final, begins = Signal(name="final"), Signal(name="begins")

        m.d.comb += [self.roots.eq(gathering & final), begins.eq(self.go | (taking & final & ~self.last))]
        m.d.sync += [self.drawn.eq(waiting & (waited == 1)), self.swept.eq(0)]
        with m.If(gathering | taking):
            m.d.sync += [left.eq(left - 1), final.eq(left == 1)]
        with m.If(gathering):
            m.d.sync += word.eq(word + 1)
            with m.If(final):
                m.d.sync += [gathering.eq(0), waiting.eq(1), word.eq(word), top.eq(word)]
                m.d.sync += waited.eq(self.field_bits + (WAIT - 1))
        with m.If(waiting):
            m.d.sync += waited.eq(waited - 1)
        with m.If(self.drawn):
            m.d.sync += [waiting.eq(0), taking.eq(1), left.eq(height), final.eq(height == 0)]
            m.d.sync += self.swept.eq(self.last & (height == 0))
        with m.If(taking):
            m.d.sync += [word.eq(word - 1), self.swept.eq(self.last & (left == 1))]
            with m.If(final):
                m.d.sync += [taking.eq(0), word.eq(top + 1)]
        with m.If(begins):
            m.d.sync += [gathering.eq(1), height.eq(next_height), left.eq(next_height), final.eq(next_height == 0)]
            m.d.sync += [self.colour.eq(upcoming), self.first.eq(self.go), self.last.eq(0)]
            m.d.sync += upcoming.eq(upcoming + 1)
            with m.If(upcoming == self.last_colour):
                m.d.sync += [self.last.eq(1), upcoming.eq(0)]
        with m.If(self.go):
            m.d.sync += word.eq(0)
        return m

    def _next_height(self, m: Module, upcoming: Value) -> Value:
        heights = m.submodules.heights = Memory(shape=range(TALLEST + 1), depth=COLOURS, init=[])
        write, read = heights.write_port(), heights.read_port()
        m.d.comb += [
            write.addr.eq(self.height_index),
            write.data.eq(self.height),
            write.en.eq(self.height_write),
            read.addr.eq(upcoming),
        ]
        return read.data
