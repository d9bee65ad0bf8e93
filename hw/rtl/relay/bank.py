"""Memories of a bit, or a few, for each of many receivers: banks of 32 columns, as wide as a word of the host."""

from typing import Any

from amaranth import Cat, Module, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.bits import WORD


class Banks(wiring.Component):
    """A memory of ``depth`` words of ``columns`` bits.

    Ports:
        address, data: a word, a clock after its address.
        write_address, write, write_data: a word is written, whole.
        host_index, host_write, host_data: 32 columns of a word are written; above the word's address, the index has
            the columns' bank. It wins over ``write``.
    """

    def __init__(self, columns: int, depth: int, *, written: bool = False) -> None:
        self._columns, self._depth, self._written = columns, depth, written
        self._banks = -(-columns // WORD)
        index_bits = (self._banks * depth - 1).bit_length()
        ports: dict[str, Any] = {
            "address": In(range(depth)),
            "data": Out(columns),
            "host_index": In(index_bits),
            "host_write": In(1),
            "host_data": In(WORD),
        }
        if written:
            ports |= {"write_address": In(range(depth)), "write": In(1), "write_data": In(columns)}
        super().__init__(ports)

    def built_with(self) -> dict[str, object]:
        return {"columns": self._columns, "words": self._depth}

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        low = (self._depth - 1).bit_length()
        parts: list[Value] = []
        for bank in range(self._banks):
            width = min(WORD, self._columns - bank * WORD)
            memory = m.submodules[f"bank_{bank}"] = Memory(shape=unsigned(width), depth=self._depth, init=[])
            write, read = memory.write_port(), memory.read_port()
            chosen, data = Signal(name=f"chosen_{bank}"), self.host_data[:width]
            m.d.comb += [
                chosen.eq(self.host_write & ((self.host_index[low:] == bank) if self._banks > 1 else 1)),
                read.addr.eq(self.address),
                write.addr.eq(self.host_index),
                write.data.eq(data),
                write.en.eq(chosen),
            ]
            if self._written:
                with m.If(~self.host_write):
                    m.d.comb += [
                        write.addr.eq(self.write_address),
                        write.data.eq(self.write_data[bank * WORD :][:width]),
                        write.en.eq(self.write),
                    ]
            parts.append(read.data)
        m.d.comb += self.data.eq(Cat(parts))
        return m
