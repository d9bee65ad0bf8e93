"""The serial link: words stay in the replay ring until they are acknowledged and come out as they went in, a WRITE
happens once and in its turn, octets cross the line, and the check is CRC-32.
"""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from amaranth import Array, Cat, Const, Elaboratable, Module, Mux, ResetSignal, Signal, Value
from amaranth.asserts import AnyConst, AnySeq
from amaranth.hdl import Assert, Assume

from tests.formal.formal_parts import drive, opened
from tests.formal.prove import Fault, Proof
from thermofab.hw.link.frames import CRC_POLYNOMIAL, DATA_WORDS, INDEX_BITS, Kind
from thermofab.hw.rtl.link import ring as ring_module
from thermofab.hw.rtl.link.crc import SerialCrc
from thermofab.hw.rtl.link.engine import Engine
from thermofab.hw.rtl.link.ring import Ring
from thermofab.hw.rtl.link.uart import UartReceiver, UartTransmitter


class Cells(Elaboratable):
    """Stands for a memory of one write and one read port, with cells that can be looked at. A read of the cell that is
    being written gives anything, so that what is proved leaves the tools every freedom.
    """

    def __init__(self, *, shape: int, depth: int, init: list[int], attrs: dict[str, str]) -> None:
        self.cells = Array(Signal(shape, name=f"cell_{k}") for k in range(depth))
        self._shape, bits = shape, (depth - 1).bit_length()
        self._write = {"addr": Signal(bits, name="write_addr"), "data": Signal(shape, name="write_data"),
                       "en": Signal(name="write_en")}  # fmt: skip
        self._read = {"addr": Signal(bits, name="read_addr"), "data": Signal(shape, name="read_data")}

    def write_port(self) -> Any:
        return type("Write", (), self._write)

    def read_port(self) -> Any:
        return type("Read", (), self._read)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        write, read = self.write_port(), self.read_port()
        with m.If(write.en):
            m.d.sync += self.cells[write.addr].eq(write.data)
        m.d.sync += read.data.eq(Mux(write.en & (write.addr == read.addr), AnySeq(self._shape), self.cells[read.addr]))
        return m


@contextmanager
def small_ring(places: int) -> Iterator[None]:
    """Rings elaborated in here have so many places, in cells that can be looked at."""
    whole = ring_module.RING_WORDS, ring_module.Memory
    ring_module.RING_WORDS, ring_module.Memory = places, Cells
    try:
        yield
    finally:
        ring_module.RING_WORDS, ring_module.Memory = whole


class RingKeepsWords(Elaboratable):
    """For runs of any length: at most ``PLACES`` words are kept; a, s and w move only as the protocol says, within
    a ≤ s ≤ w; and the word taken at any index is the word that came at that index. So no word is lost before it is
    acknowledged, none comes twice but on request, and none is overwritten, whether the ring is full or wraps.

    The fabric offers words as it likes; the host acknowledges and rewinds as it likes, to any index, not in two clocks
    in a row. The reader waits for ``unsent``, and for the word to reach ``data``, as the engine does at least.
    """

    PLACES = 8

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        ring = Ring()
        with small_ring(self.PLACES):
            m.submodules.ring = inside = opened(ring)
        cells = inside.submodules.memory.cells
        ports: Any = ring
        gone = ring._gone
        acknowledge, was, taken = Signal(), Signal(), Signal()
        index, rewind, held_index, held_rewind = Signal(INDEX_BITS), Signal(), Signal(INDEX_BITS), Signal()
        m.d.comb += [
            Assume(~ResetSignal()),
            acknowledge.eq(AnySeq(1)),
            Assume(~(was & acknowledge)),
            index.eq(Mux(was, held_index, AnySeq(INDEX_BITS))),
            rewind.eq(Mux(was, held_rewind, AnySeq(1))),
        ]
        m.d.sync += [was.eq(acknowledge), held_index.eq(index), held_rewind.eq(rewind)]

        # The reader: clocks since what it looks at last changed, and whether there was a word a clock ago.
        calm, some = Signal(3), Signal()
        m.d.sync += some.eq(ports.unsent != 0)
        with m.If(taken | acknowledge | was):
            m.d.sync += calm.eq(0)
        with m.Elif(calm != 4):
            m.d.sync += calm.eq(calm + 1)
        m.d.comb += [
            taken.eq(AnySeq(1)),
            Assume(~taken | ((calm == 4) & some & (ports.unsent != 0) & ~acknowledge & ~was)),
        ]
        drive(m, ring, acknowledge=acknowledge, index=index, rewind=rewind, next=taken)

        def distance(name: str, start: Value, end: Value) -> Signal:
            signal = Signal(INDEX_BITS, name=name)
            m.d.comb += signal.eq(end - start)
            return signal

        held, behind = distance("held", gone, ports.come), distance("behind", gone, ports.sent)
        m.d.comb += [Assert(held <= self.PLACES), Assert(behind <= held)]

        # A word is followed from where it comes in to where it is shown.
        mark, word, seen, moved = Signal(INDEX_BITS), Signal(32), Signal(), Signal()
        m.d.comb += [mark.eq(AnyConst(INDEX_BITS)), moved.eq(ports.valid & ports.ready)]
        with m.If(moved & (ports.come == mark)):
            m.d.sync += [word.eq(ports.payload), seen.eq(1)]
        place = (self.PLACES - 1).bit_length()
        with m.If(distance("marked", gone, mark) < held):
            m.d.comb += [Assert(seen), Assert(cells[mark[:place]] == word)]
        with m.If(taken & (ports.sent == mark)):
            m.d.comb += [Assert(seen), Assert(ports.data == word)]

        # Each index moves as the protocol says, and in no other way.
        begun, earlier = Signal(), {}
        m.d.sync += begun.eq(1)
        now = {"come": ports.come, "gone": gone, "sent": ports.sent, "held": held, "moved": moved, "taken": taken,
               "was": was, "index": index, "rewind": rewind}  # fmt: skip
        for name, value in now.items():
            earlier[name] = Signal(len(value), name=f"earlier_{name}")
            m.d.sync += earlier[name].eq(value)
        then_held = Signal(INDEX_BITS)
        m.d.sync += then_held.eq(earlier["held"])  # when the host's request came
        asked, within = distance("asked", earlier["gone"], earlier["index"]), Signal()
        m.d.comb += within.eq(earlier["was"] & (asked <= then_held))
        further = distance("further", earlier["gone"], earlier["sent"]) <= asked
        m.d.comb += [
            Assert(~begun | (ports.come == (earlier["come"] + earlier["moved"])[:INDEX_BITS])),
            Assert(~begun | (gone == Mux(within, earlier["index"], earlier["gone"]))),
            Assert(
                ~begun
                | (ports.sent == Mux(within & (earlier["rewind"] | further), earlier["index"],
                                     (earlier["sent"] + earlier["taken"])[:INDEX_BITS]))
            ),
        ]  # fmt: skip
        return m


class WritesHappenOnce(Elaboratable):
    """For runs of any length: a WRITE with words is carried out if its number is the one expected, which then goes up
    by one, and not at all otherwise. Carried out means that each of its words is given to the bus exactly once, in
    order, at its address; no other request gives the bus anything. So the WRITEs carried out are numbers 0, 1, 2, …
    (modulo 256), each once, however often and in what order they arrive.

    Requests are whatever the unframer can give: of any kind, of 1 to 62 words, any contents; they stay until their
    release. Framer, ring and fabric answer as they like.
    """

    ADDRESS = 4  # bits

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        engine = Engine(self.ADDRESS, 2, 0)
        m.submodules.engine = inside = opened(engine)
        machine = inside._generated["fsm"]
        ports: Any = engine

        def at(*names: str) -> Value:
            return Cat(machine.state == machine.encoding[name] for name in names).any()

        # The request: its header, its address and one word in some place of it are followed, the others are anything.
        full, words, data, place = Signal(), Signal(6), Signal(8), Signal(8)
        header, address, word, which = Signal(32), Signal(32), Signal(32), Signal(6)
        kept = [(full, 1), (words, 6), (header, 32), (address, 32), (word, 32)]
        waiting = Signal()  # the same request as in the clock before
        for value, bits in kept:
            before = Signal(bits, name=f"before_{value.name}")
            m.d.sync += before.eq(value)
            m.d.comb += value.eq(Mux(waiting, before, AnySeq(bits)))
        released = Signal(init=1)
        m.d.sync += [waiting.eq(full & ~ports.release), released.eq(ports.release), place.eq(ports.place)]
        m.d.comb += [
            Assume(~ResetSignal()),
            Assume(~(released & full)),
            Assume((words >= 1) & (words <= DATA_WORDS + 2)),
            which.eq(AnyConst(6)),
            Assume(which >= 2),
            data.eq(AnySeq(8)),
        ]
        for number, content in ((0, header), (1, address)):
            m.d.comb += Assume((place[2:] != number) | (data == content.word_select(place[:2], 8)))
        m.d.comb += Assume((place[2:] != which) | (data == word.word_select(place[:2], 8)))
        drive(m, engine, full=full, words=words, data=data)

        # The specification.
        expected, done = Signal(8), Signal(6)  # numbers; words of this request given to the bus
        is_write, in_turn = Signal(), Signal()
        m.d.comb += [
            is_write.eq((header[:3] == Kind.WRITE) & (words > 1)),
            in_turn.eq(is_write & (header[8:16] == expected)),
        ]
        with m.If(ports.bus_write):
            m.d.comb += [Assert(full & in_turn), Assert(done + 2 < words)]
            with m.If(done + 2 == which):
                m.d.comb += [
                    Assert(ports.bus_write_data == word),
                    Assert(ports.bus_address == (address + Mux(header[4], done, 0))[: self.ADDRESS]),
                ]
            m.d.sync += done.eq(done + 1)
        with m.If(ports.release):
            m.d.comb += [Assert(full), Assert(done + ports.bus_write + 2 == Mux(in_turn, words, 2))]
            m.d.sync += [done.eq(0), expected.eq(expected + in_turn)]

        # What holds in between, for the induction: how far the request in hand has been read, and what is known of it.
        far = Signal(6)
        m.d.comb += far.eq(ports.place[2:])
        reading, later = at("ASK", "TAKE"), Signal()
        m.d.comb += later.eq((reading & (far != 0)) | at("ADDRESS", "DATA"))
        carried = later & (engine._kind == Kind.WRITE)
        m.d.comb += [
            Assert(machine.state < len(machine.encoding)),
            Assert(engine._awaited == (expected + carried)[:8]),
            Assert(~(reading | later | at("KIND", "DECIDE")) | full),
            Assert(~at("KIND", "DECIDE") | (ports.place == 4)),
            Assert(~at("ADDRESS") | (ports.place == 8)),
            Assert(~at("DATA") | ((far >= 3) & (ports.place[:2] == 0))),
            Assert(~(reading & later) | (far < words)),
            Assert(~at("ADDRESS", "DATA") | (far <= words)),
            Assert(~at("KIND") | (engine._word == header)),
            Assert(~at("DECIDE") | (Cat(engine._kind, engine._tag, engine._increment)
                                    == Cat(header[:3], header[8:16], header[4]))),
            Assert(~later | (engine._kind == Kind.WRITE) | (engine._kind == Kind.READ)),
            Assert(~later | (Cat(engine._kind, engine._tag, engine._increment)
                             == Cat(header[:3], header[8:16], header[4]))),
            Assert(~carried | in_turn),
            Assert(~later | (engine._kind != Kind.READ) | (words == 2)),
            Assert(done == Mux(carried & (far > 2), far - Mux(at("DATA"), 3, 2), 0)),
        ]  # fmt: skip
        steps = (far - Mux(at("DATA"), 3, 2))[:6]  # of the address so far
        with m.If((reading & (far >= 2)) | at("DATA")):
            m.d.comb += Assert(ports.bus_address == (address + Mux(header[4], steps, 0))[: self.ADDRESS])
        return m


class OctetsCross(Elaboratable):
    """Any octet, given to the transmitter at any time, comes out of a receiver at the other end, and no other does."""

    def __init__(self, divisor: int) -> None:
        self._divisor = divisor

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        transmitter = m.submodules.transmitter = UartTransmitter(self._divisor)
        receiver = m.submodules.receiver = UartReceiver(self._divisor)
        octet, clock, sent, waiting = Signal(8), Signal(8), Signal(), Signal(8)
        start = Signal(2)
        m.d.comb += [octet.eq(AnyConst(8)), start.eq(AnyConst(2)), Assume(~ResetSignal())]
        m.d.comb += [
            receiver.rx.eq(transmitter.tx),
            transmitter.octet.eq(octet),
            transmitter.valid.eq((clock >= start) & ~sent),
        ]
        m.d.sync += clock.eq(clock + 1)
        with m.If(transmitter.valid & transmitter.ready):
            m.d.sync += sent.eq(1)
        came = Signal()
        with m.If(receiver.valid):
            m.d.sync += came.eq(1)
            m.d.comb += [Assert(sent & ~came), Assert(receiver.octet == octet)]
        m.d.comb += Assert(~receiver.broken)
        with m.If(sent):
            m.d.sync += waiting.eq(waiting + 1)
        with m.If(waiting > 10 * self._divisor + 4):
            m.d.comb += Assert(came)
        return m


class CrcIsExact(Elaboratable):
    """n octets, a bit a clock, and what is given are the CRC that a table-free octet-wise loop gives, inverted."""

    def __init__(self, octets: int) -> None:
        self._octets = octets

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        crc = m.submodules.crc = SerialCrc()
        bits = 8 * self._octets
        content, clock = Signal(bits), Signal(8)
        m.d.comb += [content.eq(AnyConst(bits)), Assume(~ResetSignal())]
        # The bits of the content are first added to the register's low end, octet by octet, then eight shifts follow.
        register: Value = Const(0xFFFFFFFF, 32)
        for octet in range(self._octets):
            mixed = Signal(32, name=f"mixed_{octet}")
            m.d.comb += mixed.eq(register ^ content.word_select(octet, 8))
            register = mixed
            for k in range(8):
                after = Signal(32, name=f"after_{octet}_{k}")
                m.d.comb += after.eq(Mux(register[0], (register >> 1) ^ CRC_POLYNOMIAL, register >> 1))
                register = after
        final = Signal(32)
        m.d.comb += final.eq(~register)
        giving = Signal()
        m.d.comb += [
            giving.eq((clock >= bits) & (clock < bits + 32)),
            crc.enable.eq((clock < bits) | giving),
            crc.bit.eq(Array(content)[clock]),
            crc.give.eq(giving),
            crc.clear.eq(0),
        ]
        m.d.sync += clock.eq(Mux(clock == 255, 255, clock + 1))
        for k in range(4):
            with m.If(clock == bits + 8 * k):
                m.d.comb += Assert(crc.octet == final.word_select(k, 8))
        return m


PROOFS = [
    Proof(
        "replay ring", "of 8 places: no more words than places are kept, a ≤ s ≤ w move as the protocol says, and the word "
        "taken at an index is the one that came at it, full, wrapped or rewound", RingKeepsWords, "prove", 8,
        Fault("hw/rtl/link/ring.py", "~(kept[bits] | kept[2:bits].all())", "~kept[bits]"), reach=16,
    ),
    Proof(
        "acknowledgements", "the same, where only requests within a…w may move a and s",
        RingKeepsWords, "prove", 8,
        Fault("hw/rtl/link/ring.py", "with m.If(asked & (ahead <= kept)):", "with m.If(asked):"),
    ),
    Proof(
        "writes once", "a WRITE is carried out if its number is the one expected, whole, in order, once, and no other request "
        "writes anything; for requests of any kind, length and content", WritesHappenOnce, "prove", 12,
        Fault("hw/rtl/link/engine.py", "with m.Elif(self._tag == self._awaited):", "with m.Elif((self._tag == self._awaited) | (self._tag == 1)):"), reach=34,
    ),
    *(
        Proof(
            f"line, {divisor} clocks per bit", "an octet given to the transmitter, at any time, is the one received, once",
            lambda divisor=divisor: OctetsCross(divisor), "bmc", 10 * divisor + 16,
            Fault("hw/rtl/link/uart.py", "self._divisor + self._divisor // 2 - 1", "2 * self._divisor + self._divisor // 2 - 1"),
        )
        for divisor in (1, 2, 3)
    ),
    Proof(
        "CRC", "CRC-32 of any octet, a bit a clock, is that of the octet-wise definition",
        lambda: CrcIsExact(1), "bmc", 36,
        Fault("hw/rtl/link/crc.py", "& ~self.give", ""),
    ),
]  # fmt: skip
