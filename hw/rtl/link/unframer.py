"""From octets to checked requests: undoes COBS, checks the CRC, and keeps the frame until it has been worked off.

Two halves of one memory take turns: while a request in one is worked off, the next arrives in the other. Nothing of a
frame is seen by anyone before its check has passed.
"""

from typing import Any

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In

from thermofab.hw.link.frames import DATA_WORDS
from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.link.crc import SerialCrc
from thermofab.hw.rtl.link.interfaces import REQUEST
from thermofab.hw.rtl.link.memories import DONT_CARE

LONGEST = 4 * (DATA_WORDS + 3)  # octets of content: header, address, data, CRC


class Unframer(wiring.Component):
    """Requests from a stream of octets.

    Ports:
        octet, valid, broken: from the receiver.
        full: a request waits; until ``release`` it stays where it is.
        words: its words, the CRC not counted.
        place, data: octet ``place`` of it, a clock later.
        release: strobe: it is worked off.
        refused: strobe: a frame was damaged, or came while two were waiting.
    """

    def __init__(self, hierarchy: Hierarchy | None = None) -> None:
        self._hierarchy = hierarchy or InPlace()
        super().__init__(
            {
                "octet": In(8),
                "valid": In(1),
                "broken": In(1),
                **REQUEST.members,
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        crc = self._hierarchy.add(m, "crc", "link_crc", SerialCrc)
        m.submodules.memory = memory = Memory(shape=8, depth=512, init=[], attrs=DONT_CARE)
        write, read = memory.write_port(), memory.read_port()
        filling = Signal()  # the half that the next frame goes to
        count = Signal(8)  # octets of it so far
        run = Signal(8)  # octets before the next code octet
        begun, spoiled = Signal(name="begun"), Signal(name="spoiled")
        bits, left = Signal(8, name="bits"), Signal(range(9), name="left")  # of the octet that goes into the CRC

        starts = Signal()
        ends = Signal()
        code = Signal()
        gives = Signal()
        m.d.comb += [
            ends.eq(self.valid & (self.octet == 0)),
            code.eq(run == 0),
            starts.eq(self.valid & ~ends & ~begun),
            gives.eq(self.valid & ~ends & begun),
            write.addr.eq(Cat(count, filling)),
            write.data.eq(self.octet & ~code.replicate(8)),
            write.en.eq(gives),
            read.addr.eq(Cat(self.place, ~filling)),
            self.data.eq(read.data),
            crc.bit.eq(bits[0]),
            crc.enable.eq(left != 0),
        ]
        with m.If(left != 0):
            m.d.sync += [bits.eq(bits >> 1), left.eq(left - 1)]
        with m.If(starts | gives):
            m.d.sync += [begun.eq(1), run.eq(run - 1)]
            with m.If(code):
                m.d.sync += run.eq(self.octet - 1)
        with m.If(gives):
            m.d.sync += [bits.eq(write.data), left.eq(8), count.eq(count + 1)]
            with m.If(count == LONGEST):
                m.d.sync += spoiled.eq(1)
        with m.If(self.broken):
            m.d.sync += spoiled.eq(1)

        with m.If(self.release):
            m.d.sync += self.full.eq(0)
        m.d.sync += self.refused.eq(0)
        with m.If(ends):
            m.d.comb += crc.clear.eq(1)
            m.d.sync += [begun.eq(0), spoiled.eq(0), run.eq(0), count.eq(0)]
            # The last octet went in ten clocks ago at least, so its eight bits are in the CRC.
            whole = crc.good & code & ~spoiled & (count[:2] == 0) & (count[3:] != 0)
            with m.If(whole & ~self.full):
                m.d.sync += [self.full.eq(1), self.words.eq(count[2:] - 1), filling.eq(~filling)]
            with m.Elif(begun | spoiled):
                m.d.sync += self.refused.eq(1)
        return m
