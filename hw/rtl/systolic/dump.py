"""The walk over a fabric's memories that streams them out, a bit of every element at a time.

An entry of the collector is a bit from every element already, so no multiplexer stands between elements and the host:
each needs one that picks a bit of its own entry. Lowest bit first, place by place: slots, or entries of the tables.
"""

from dataclasses import dataclass
from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


@dataclass(frozen=True)
class Walk:
    """Attributes: ``places`` to walk over; ``first``, the first bit of each, and ``bits``, how many."""

    places: int
    first: int
    bits: int


def bit_width(walks: tuple[Walk, ...]) -> int:
    """Bits of the number of a bit, of whichever walk."""
    return max(1, max(walk.first + walk.bits - 1 for walk in walks).bit_length())


class Dump(wiring.Component):
    """Walks one of several memories at a time. ``settle``: clocks from a change of `place` to what an element shows.

    Ports:
        start: a strobe for each walk, of which no two are high; stop: a strobe that ends it at once, whatever is on
            its way; busy: in between; space: the collector takes an entry.
        which: the number of the walk in hand; place, bit: what to read; push: the bits asked for ``LATENCY`` clocks ago
            are to be collected; end: the last.
        ask: a bit is being asked for, so promise room for it.
    """

    LATENCY = 3  # from `bit`, through a fan-out, to what an element shows

    def __init__(self, walks: tuple[Walk, ...], settle: int) -> None:
        self._walks, self._settle = walks, settle
        flags = ("busy", "push", "end", "ask")
        super().__init__(
            {
                "start": In(len(walks)),
                "space": In(1),
                "stop": In(1),
                "which": Out(max(1, (len(walks) - 1).bit_length())),
                "place": Out(max(1, max(walk.places - 1 for walk in walks).bit_length())),
                "bit": Out(bit_width(walks)),
                **{name: Out(1) for name in flags},
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        settle = Signal(range(self._settle + 1))
        first = Signal.like(self.bit, name="first")
        last_bit, last = Signal(name="last_bit"), Signal(name="last")
        with m.Switch(self.which):
            for k, walk in enumerate(self._walks):
                with m.Case(k) if k < len(self._walks) - 1 else m.Default():
                    m.d.comb += [
                        first.eq(walk.first),
                        last_bit.eq(self.bit == walk.first + walk.bits - 1),
                        last.eq(last_bit & (self.place == walk.places - 1)),
                    ]
        m.d.comb += self.ask.eq(self.busy & (settle == 0) & self.space)
        with m.If(settle != 0):
            m.d.sync += settle.eq(settle - 1)
        with m.If(self.start.any()):
            m.d.sync += [self.busy.eq(1), self.place.eq(0), settle.eq(self._settle)]
            for k, walk in enumerate(self._walks):
                with m.If(self.start[k]):
                    m.d.sync += [self.which.eq(k), self.bit.eq(walk.first)]
        with m.Elif(self.ask):
            m.d.sync += self.bit.eq(Mux(last_bit, first, self.bit + 1))
            with m.If(last_bit):
                m.d.sync += [self.place.eq(self.place + 1), settle.eq(self._settle)]
            with m.If(last):
                m.d.sync += self.busy.eq(0)
        asked: Any = Cat(self.ask, last)
        for k in range(self.LATENCY):
            delayed = Signal(2, name=f"asked_{k}")
            m.d.sync += delayed.eq(asked)
            # What is on its way is dropped with what the collector holds: there is no room promised for it any more.
            with m.If(self.stop):
                m.d.sync += delayed.eq(0)
            asked = delayed
        with m.If(self.stop):
            m.d.sync += self.busy.eq(0)
        m.d.comb += [self.push.eq(asked[0]), self.end.eq(asked[0] & asked[1])]
        return m
