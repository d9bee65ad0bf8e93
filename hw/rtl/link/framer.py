"""From words to octets on the line: adds the CRC, stuffs, and sends while the next frame is written.

COBS needs each code octet before the run it counts. The frame is written into a memory with a hole where the code
belongs, and the hole is filled when the run ends: one write per octet of content, either the octet itself or, for a
zero, the code of the run it ends. The written frame has no zero, so a zero ends it for the sender as it does on the
line. Two halves of the memory take turns.
"""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.link.crc import SerialCrc
from thermofab.hw.rtl.link.interfaces import ANSWER
from thermofab.hw.rtl.link.memories import DONT_CARE


class Framer(wiring.Component):
    """Frames from words; at most ``DATA_WORDS + 1`` words a frame.

    Ports:
        word, last, valid, ready: a word moves in a clock where ``valid`` and ``ready`` are high; ``last`` ends the
            frame. ``ready`` is low while both halves hold frames that have not been sent.
        octet, octet_valid, octet_ready: to the transmitter.
    """

    def __init__(self, hierarchy: Hierarchy | None = None) -> None:
        self._hierarchy = hierarchy or InPlace()
        super().__init__(
            {
                **ANSWER.flip().members,
                "octet": Out(8),
                "octet_valid": Out(1),
                "octet_ready": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.memory = memory = Memory(shape=8, depth=512, init=[], attrs=DONT_CARE)
        write, read = memory.write_port(), memory.read_port()
        full = Signal(2)
        writing, sending = Signal(name="writing"), Signal(name="sending")  # the halves in hand
        self._write(m, write, full, writing)

        place = Signal(8)
        m.d.comb += read.addr.eq(Cat(place, sending))
        with m.FSM(name="sender"):
            with m.State("FETCH"):
                with m.If(full.bit_select(sending, 1)):
                    m.next = "SHOW"
            with m.State("SHOW"):  # a register between the memory, which is slow, and what is decided from its data
                m.d.sync += self.octet.eq(read.data)
                m.next = "SEND"
            with m.State("SEND"):
                m.d.comb += self.octet_valid.eq(1)
                with m.If(self.octet_ready):
                    m.d.sync += place.eq(place + 1)
                    m.next = "FETCH"
                    with m.If(self.octet == 0):
                        m.d.sync += [place.eq(0), sending.eq(~sending), full.bit_select(sending, 1).eq(0)]
                        m.next = "PAUSE"
            with m.State("PAUSE"):
                m.next = "FETCH"
        return m

    def _write(self, m: Module, write: Any, full: Signal, writing: Signal) -> None:
        crc = self._hierarchy.add(m, "crc", "link_crc", SerialCrc)
        shift, last = Signal(32, name="shift"), Signal(name="last")
        # of the next octet, and of the code of the run in hand
        place, hole = Signal(8, init=1, name="place"), Signal(8, name="hole")
        bit, octet = Signal(3, name="bit"), Signal(2, name="octet")
        giving = Signal()  # the CRC
        code, end = Signal(name="code"), Signal(name="end")  # in the states of these names
        current, zero = Signal(8, name="current"), Signal(name="zero")
        m.d.comb += [
            current.eq(Mux(giving, crc.octet, shift[:8]) & ~end.replicate(8)),
            zero.eq(((current == 0) & ~end) | code),
            crc.bit.eq(shift[0]),
            crc.give.eq(giving),
            write.addr.eq(Cat(Mux(zero, hole, place), writing)),
            write.data.eq(Mux(zero, place - hole, current)),
        ]
        with m.FSM(name="writer"):
            with m.State("IDLE"):
                m.d.comb += self.ready.eq(~full.bit_select(writing, 1))
                m.d.sync += shift.eq(self.word)
                m.d.sync += last.eq(self.last)
                with m.If(self.valid & self.ready):
                    m.next = "OCTET"
            with m.State("OCTET"):
                m.d.comb += write.en.eq(1)
                m.d.sync += place.eq(place + 1)
                with m.If(zero):
                    m.d.sync += hole.eq(place)
                m.next = "BITS"
            with m.State("BITS"):
                m.d.comb += crc.enable.eq(1)
                m.d.sync += [shift.eq(shift >> 1), bit.eq(bit + 1)]
                with m.If(bit == 7):
                    m.d.sync += octet.eq(octet + 1)
                    m.next = "OCTET"
                    with m.If(octet == 3):
                        m.next = "IDLE"
                        with m.If(giving):
                            m.next = "CODE"
                        with m.Elif(last):
                            m.d.sync += giving.eq(1)
                            m.next = "OCTET"
            with m.State("CODE"):
                m.d.comb += [code.eq(1), write.en.eq(1)]
                m.next = "END"
            with m.State("END"):
                m.d.comb += [end.eq(1), write.en.eq(1), crc.clear.eq(1)]
                m.d.sync += [place.eq(1), hole.eq(0), giving.eq(0)]
                m.d.sync += [full.bit_select(writing, 1).eq(1), writing.eq(~writing)]
                m.next = "IDLE"
