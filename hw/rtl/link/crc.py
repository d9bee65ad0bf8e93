"""CRC-32 (Ethernet, zlib), one bit per clock: r ← (r >> 1) ⊕ (r₀ ⊕ b)·0xEDB88320, from all ones; the CRC is ~r.

One bit per clock is enough, since a byte takes ten bits on the line, and costs a fifth of one byte per clock.
"""

from typing import Any

from amaranth import Const, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.link.frames import CRC_POLYNOMIAL, CRC_RESIDUE


class SerialCrc(wiring.Component):
    """The check of a frame.

    Ports:
        clear: back to all ones; wins over ``enable``.
        enable, bit: take a bit, the low one of each octet first.
        give: with ``enable``, take no bit but give the CRC away, 8 clocks per octet.
        octet: the next octet of the CRC.
        good: what was taken is a content and its CRC.
    """

    def __init__(self) -> None:
        super().__init__(
            {"clear": In(1), "enable": In(1), "bit": In(1), "give": In(1), "octet": Out(8), "good": Out(1)}
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        register = Signal(32, init=0xFFFFFFFF)
        feedback = (register[0] ^ self.bit) & ~self.give
        m.d.comb += [self.octet.eq(~register[:8]), self.good.eq(register == CRC_RESIDUE)]
        with m.If(self.clear):
            m.d.sync += register.eq(0xFFFFFFFF)
        with m.Elif(self.enable):
            m.d.sync += register.eq((register >> 1) ^ Mux(feedback, Const(CRC_POLYNOMIAL, 32), 0))
        return m
