"""The collector: a queue of slots, packed into the 32-bit words of the sample stream.

An entry is a bit from every element. Entries follow each other without gaps, the lowest element first, and the end of
a sample fills its last word up with zeros.
"""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.bits import WORD
from thermofab.hw.rtl.common.interfaces import SAMPLES, SampleStream


def queue_depth(entries: int) -> int:
    """Depth of a queue that takes a sample of ``entries`` entries while another is read, where memory is available; at
    least 8, as ``space`` is known some clocks late.
    """
    depth = max(8, 1 << (entries - 1).bit_length())
    return depth if depth > 256 else 2 * depth


class Collector(wiring.Component):
    """``entries`` is the number of entries of a sample; ``width`` the number of elements.

    Ports:
        take: room for a sample is promised to the round that begins; single: room for one entry is.
        push, data, end: an entry, and whether it is its sample's last; there must be room.
        flush: drop everything.
        room: a whole sample fits; space: an entry does; empty: nothing is held.
        samples: the stream.
    """

    samples: SampleStream

    def __init__(self, width: int, entries: int) -> None:
        self._width, self._entries, self._depth = width, entries, queue_depth(entries)
        inputs = ("take", "push", "end", "flush", "single")
        outputs = ("room", "space", "empty")
        super().__init__(
            {
                **{name: In(1) for name in inputs},
                **{name: Out(1, init=name == "empty") for name in outputs},
                "data": In(width),
                "samples": Out(SAMPLES),
            }
        )

    def built_with(self) -> dict[str, object]:
        return {"elements": self._width, "entries a sample": self._entries, "depth": self._depth}

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        width, depth = self._width, self._depth
        memory = m.submodules.queue = Memory(shape=unsigned(width + 1), depth=depth, init=[])
        write, read = memory.write_port(), memory.read_port()
        tail = Signal(range(depth))
        head = Signal(range(depth))
        held = Signal(range(depth + 1))
        promised = Signal(range(depth + 1))  # entries held or on their way
        pop, fetched = Signal(name="pop"), Signal(name="fetched")
        entry, waiting = Signal(width + 1, name="entry"), Signal(name="waiting")
        m.d.comb += [
            write.addr.eq(tail),
            write.data.eq(Cat(self.data, self.end)),
            write.en.eq(self.push),
            read.addr.eq(head),
        ]

        # head moves when a read is begun; its data stand a clock later, and are kept in `entry` until packed.
        take_entry = Signal()
        m.d.comb += pop.eq((held != 0) & ~fetched & (~waiting | take_entry))
        m.d.sync += [
            fetched.eq(pop),
            head.eq(head + pop),
            tail.eq(tail + self.push),
            held.eq(held + self.push - pop),
            promised.eq(promised + Mux(self.take, self._entries, 0) + self.single - pop),
            self.room.eq(promised <= depth - self._entries),
            self.space.eq(promised < depth - 4),
        ]
        with m.If(take_entry):
            m.d.sync += waiting.eq(0)
        with m.If(fetched):
            m.d.sync += [entry.eq(read.data), waiting.eq(1)]
        busy = self._pack(m, entry, waiting, take_entry)
        m.d.sync += self.empty.eq((promised == 0) & ~fetched & ~waiting & ~busy & ~self.samples.valid)
        with m.If(self.flush):
            m.d.sync += [signal.eq(0) for signal in (tail, head, held, promised, fetched, waiting)]
        return m

    def _pack(self, m: Module, entry: Signal, waiting: Signal, take_entry: Signal) -> Signal:
        """Entries to words; returns whether bits are left."""
        bits = Signal(self._width + WORD)
        filled = Signal(range(self._width + WORD + 1))
        ending, leave, some = Signal(name="ending"), Signal(name="leave"), Signal(name="some")
        full = Signal()
        m.d.comb += [
            full.eq(filled >= WORD),
            leave.eq((full | (ending & (filled != 0))) & (~self.samples.valid | self.samples.ready)),
            take_entry.eq(waiting & ~full & ~ending),
            some.eq(filled != 0),
        ]
        with m.If(self.samples.valid & self.samples.ready):
            m.d.sync += self.samples.valid.eq(0)
        with m.If(take_entry):
            m.d.sync += [
                bits.eq(bits | (entry[:-1] << filled[: (WORD - 1).bit_length()])),
                filled.eq(filled + self._width),
                ending.eq(entry[-1]),
            ]
        with m.If(leave):
            m.d.sync += [
                self.samples.valid.eq(1),
                self.samples.payload.eq(bits[:WORD]),
                self.samples.last.eq(ending & (filled <= WORD)),
                bits.eq(bits >> WORD),
                filled.eq(Mux(full, filled - WORD, 0)),
            ]
            with m.If(filled <= WORD):
                m.d.sync += ending.eq(0)
        with m.If(self.flush):
            m.d.sync += [signal.eq(0) for signal in (bits, filled, ending, self.samples.valid)]
        return some
