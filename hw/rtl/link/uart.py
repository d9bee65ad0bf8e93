"""UART, 8 data bits, no parity, one stop bit, low bit first; a bit takes ``divisor`` clocks.

The receiver samples ``divisor // 2`` clocks into each bit, counted from the falling edge that starts the octet, so both
clocks may differ by almost half a bit in ten. Any divisor from 1 up works between sides that share a clock;
across two clocks and a synchroniser take 4 or more.
"""

from typing import Any

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from thermofab.hw.spec import SpecError

LARGEST_DIVISOR = 65535


def check_divisor(divisor: int) -> int:
    """``divisor``, refused unless a receiver and a transmitter can be built for it."""
    if isinstance(divisor, bool) or not isinstance(divisor, int) or not 1 <= divisor <= LARGEST_DIVISOR:
        raise SpecError(
            f"divisor counts clocks per bit and must be an integer from 1 to {LARGEST_DIVISOR}, got {divisor!r}."
        )
    return divisor


class UartReceiver(wiring.Component):
    """Octets from a line.

    Ports:
        rx: the line, high when idle; synchronised here.
        octet, valid: an octet, in the one clock where ``valid`` is high.
        broken: strobe: a stop bit was low.
    """

    def __init__(self, divisor: int) -> None:
        self._divisor = check_divisor(divisor)
        super().__init__({"rx": In(1), "octet": Out(8), "valid": Out(1), "broken": Out(1)})

    def built_with(self) -> dict[str, object]:
        return {"clocks per bit": self._divisor}

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        line = Signal(init=1)
        m.submodules.synchroniser = FFSynchronizer(self.rx, line, init=1)
        first = self._divisor + self._divisor // 2 - 1
        timer = Signal(range(first + 1))
        left = Signal(range(10))  # bits still to sample, the stop bit included
        waiting = Signal()  # after a broken octet, for the line to be idle again
        m.d.sync += [self.valid.eq(0), self.broken.eq(0)]
        with m.If(left == 0):
            m.d.sync += timer.eq(first)
            with m.If(line):
                m.d.sync += waiting.eq(0)
            with m.Elif(~waiting):
                m.d.sync += left.eq(9)
        with m.Elif(timer != 0):
            m.d.sync += timer.eq(timer - 1)
        with m.Else():
            m.d.sync += [timer.eq(self._divisor - 1), left.eq(left - 1)]
            with m.If(left != 1):
                m.d.sync += self.octet.eq(Cat(self.octet[1:], line))
            with m.Else():
                m.d.sync += [timer.eq(first), self.valid.eq(line), self.broken.eq(~line), waiting.eq(~line)]
        return m


class UartTransmitter(wiring.Component):
    """Octets to a line.

    Ports:
        octet, valid, ready: an octet moves in a clock where ``valid`` and ``ready`` are high.
        tx: the line, high when idle.
    """

    def __init__(self, divisor: int) -> None:
        self._divisor = check_divisor(divisor)
        super().__init__({"octet": In(8), "valid": In(1), "ready": Out(1), "tx": Out(1, init=1)})

    def built_with(self) -> dict[str, object]:
        return {"clocks per bit": self._divisor}

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        shift = Signal(9, init=0x1FF)
        timer = Signal(range(max(2, self._divisor)))
        left = Signal(range(11))
        last_clock = Signal()
        m.d.comb += [
            self.tx.eq(shift[0]),
            last_clock.eq(timer == 0),
            self.ready.eq((left == 0) | ((left == 1) & last_clock)),
        ]
        with m.If(self.valid & self.ready):
            m.d.sync += [shift.eq(Cat(0, self.octet)), left.eq(10), timer.eq(self._divisor - 1)]
        with m.Elif(left != 0):
            m.d.sync += timer.eq(timer - 1)
            with m.If(last_clock):
                m.d.sync += [shift.eq(Cat(shift[1:], 1)), left.eq(left - 1), timer.eq(self._divisor - 1)]
        return m
