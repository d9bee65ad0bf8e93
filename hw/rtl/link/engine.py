"""The packet engine: works off requests, one at a time, and sends samples between them.

One writes registers only if its sequence number is the one awaited, which then goes up; every other WRITE is answered
and left alone. So a WRITE happens once however often it arrives, and none happens before its predecessors. Reads of
registers change nothing and may happen again.
"""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In

from thermofab.hw.link.frames import (
    DATA_WORDS,
    INFO_LINK_WORDS,
    INFO_REGISTERS,
    PROTOCOL_VERSION,
    RING_WORDS,
    Kind,
)
from thermofab.hw.rtl.common.interfaces import bus_signature, flat
from thermofab.hw.rtl.link.interfaces import ANSWER, REPLAY, REQUEST

COUNT_BITS = 6


class Engine(wiring.Component):
    """Requests in, answers and samples out.

    Ports:
        full, words, place, data, release, refused: the unframer's.
        word, last, valid, ready: the framer's.
        come, sent, unsent, index, acknowledge, rewind, sample, next: the ring's.
        bus_…, busy: the fabric's.
    """

    def __init__(self, address_bits: int, divisor: int, clock_hz: int) -> None:
        self._constants = (divisor | RING_WORDS << 16, clock_hz)
        super().__init__(
            {
                **REQUEST.flip().members,
                **ANSWER.members,
                **REPLAY.flip().members,
                "sample": In(32),
                **flat("bus", bus_signature(address_bits)),
                "busy": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        self._word = Signal(32)  # of the request, as its octets come
        # Of the request, then of the answer.
        self._kind, self._tag, self._increment = Signal(3, name="kind"), Signal(8, name="tag"), Signal(name="increment")
        self._awaited = Signal(8)  # the sequence number of the next WRITE
        self._count = Signal(COUNT_BITS)  # words still to send after the header and the link words
        self._urge = Signal()  # the host wants what there is, even if it fills no frame
        m.d.comb += [
            self.index.eq(self._word[16:]),
            self.rewind.eq(self._kind == Kind.FETCH),
            self.bus_write_data.eq(self._word),
        ]
        refused = Signal()
        with m.FSM():
            self._idle(m, refused)
            self._request(m)
            self._decide(m)
            self._answer(m)
        with m.If(self.refused):
            m.d.sync += refused.eq(1)
        return m

    def _idle(self, m: Module, refused: Signal) -> None:
        """A request, else a complaint about a damaged one, else samples."""
        enough, some = Signal(name="enough"), Signal(name="some")
        m.d.comb += [
            enough.eq(self.unsent >= DATA_WORDS),
            some.eq((self.unsent != 0) & (self._urge | ~self.busy)),
        ]
        with m.State("IDLE"):
            m.d.sync += [self.place.eq(0), self._count.eq(0)]
            with m.If(self.full):
                m.next = "ASK"
            with m.Elif(refused):
                m.d.sync += [refused.eq(0), self._kind.eq(Kind.REFUSED)]
                m.next = "HEADER"
            with m.Elif(self.ready & (enough | some)):
                m.d.sync += [
                    self._kind.eq(Kind.DATA),
                    self._count.eq(Mux(enough, DATA_WORDS, self.unsent[:COUNT_BITS])),
                    self._urge.eq(0),
                ]
                m.next = "HEADER"

    def _request(self, m: Module) -> None:
        """Put the words of a request together, and do what they say."""
        with m.State("ASK"):
            m.next = "TAKE"
        with m.State("TAKE"):
            m.d.sync += [self._word.eq(Cat(self._word[8:], self.data)), self.place.eq(self.place + 1)]
            m.next = "ASK"
            with m.If(self.place[:2] == 3):
                m.next = "DATA"
                with m.If(self.place[2:] == 0):
                    m.next = "KIND"
                with m.If(self.place[2:] == 1):
                    m.next = "ADDRESS"
        with m.State("KIND"):
            m.d.sync += [
                self._kind.eq(self._word[:3]),
                self._increment.eq(self._word[4]),
                self._tag.eq(self._word[8:16]),
            ]
            m.next = "DECIDE"
        with m.State("ADDRESS"):
            m.d.sync += self.bus_address.eq(self._word)
            m.next = "ASK"
            with m.If(self.place[2:] == self.words):
                m.d.comb += self.release.eq(1)
                m.next = "HEADER"
        with m.State("DATA"):
            m.d.comb += self.bus_write.eq(self._kind == Kind.WRITE)
            m.d.sync += self.bus_address.eq(self.bus_address + self._increment)
            m.next = "ASK"
            with m.If(self.place[2:] == self.words):
                m.d.comb += self.release.eq(1)
                m.next = "HEADER"

    def _decide(self, m: Module) -> None:
        """The header is known: go on with the request, or answer at once."""
        alone, wanted = Signal(name="alone"), self._word[16 : 16 + COUNT_BITS]
        m.d.comb += alone.eq(self.words == 1)
        with m.State("DECIDE"):
            m.next = "HEADER"
            m.d.comb += self.release.eq(1)
            with m.Switch(self._kind):
                with m.Case(Kind.INFO):
                    m.d.sync += [self.bus_address.eq(0), self._increment.eq(1), self._count.eq(INFO_REGISTERS)]
                with m.Case(Kind.WRITE):
                    with m.If(alone):
                        m.d.sync += self._kind.eq(Kind.REFUSED)
                    with m.Elif(self._tag == self._awaited):
                        m.d.comb += self.release.eq(0)
                        m.d.sync += self._awaited.eq(self._awaited + 1)
                        m.next = "ASK"
                with m.Case(Kind.READ):
                    with m.If((self.words == 2) & (wanted <= DATA_WORDS)):
                        m.d.comb += self.release.eq(0)
                        m.d.sync += self._count.eq(wanted)
                        m.next = "ASK"
                    with m.Else():
                        m.d.sync += self._kind.eq(Kind.REFUSED)
                with m.Case(Kind.ACK):
                    m.d.comb += self.acknowledge.eq(1)
                    m.next = "SETTLE"
                with m.Case(Kind.FETCH):
                    m.d.comb += self.acknowledge.eq(1)
                    m.d.sync += self._urge.eq(1)
                with m.Default():
                    m.d.sync += self._kind.eq(Kind.REFUSED)
        # Until the ring's count of unsent words follows the acknowledgement.
        with m.State("SETTLE"):
            m.next = "SETTLED"
        with m.State("SETTLED"):
            m.next = "IDLE"

    def _answer(self, m: Module) -> None:
        """A header and words, from here, from registers or from the ring."""
        kind, count = self._kind, self._count
        link = Signal(range(INFO_LINK_WORDS))
        with m.State("HEADER"):
            m.d.comb += [
                self.word[:8].eq(Cat(kind, Const(0, 4), self.busy)),
                self.word[8:16].eq(self._tag),
                self.word[16:].eq(Mux(kind == Kind.DATA, self.sent, self.come)),
                self.last.eq(count == 0),
                self.valid.eq(1),
            ]
            with m.If(kind == Kind.WRITE):
                m.d.comb += self.word[16:].eq(self._awaited)
            with m.If(self.ready):
                m.next = "IDLE"
                with m.If(count != 0):
                    m.next = "READ"
                    with m.If(kind == Kind.INFO):
                        m.next = "LINK"
                    with m.If(kind == Kind.DATA):
                        m.next = "SAMPLE"
        with m.State("LINK"):
            m.d.comb += self.valid.eq(1)
            with m.Switch(link):
                with m.Case(0):
                    m.d.comb += self.word.eq(Cat(Const(PROTOCOL_VERSION, 8), Const(DATA_WORDS, 8), self._awaited))
                for k, constant in enumerate(self._constants, 1):
                    with m.Case(k):
                        m.d.comb += self.word.eq(constant)
            with m.If(self.ready):
                m.d.sync += link.eq(link + 1)
                with m.If(link == INFO_LINK_WORDS - 1):
                    m.d.sync += link.eq(0)
                    m.next = "READ"
        with m.State("READ"):
            m.d.comb += self.bus_read.eq(1)
            m.next = "WAIT"
        with m.State("WAIT"):
            m.next = "GIVE"
        with m.State("GIVE"):
            m.d.comb += [self.word.eq(self.bus_read_data), self.valid.eq(1), self.last.eq(count == 1)]
            with m.If(self.ready):
                m.d.sync += [count.eq(count - 1), self.bus_address.eq(self.bus_address + self._increment)]
                m.next = "READ"
                with m.If(count == 1):
                    m.next = "IDLE"
        with m.State("SAMPLE"):  # the framer takes a word longer than the ring needs to show the next
            m.d.comb += [self.word.eq(self.sample), self.valid.eq(1), self.last.eq(count == 1)]
            with m.If(self.ready):
                m.d.sync += count.eq(count - 1)
                m.d.comb += self.next.eq(1)
                with m.If(count == 1):
                    m.next = "IDLE"
