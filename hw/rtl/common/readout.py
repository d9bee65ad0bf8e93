"""The read-out: a snapshot of the states, handed over 32 at a time under valid/ready."""

from typing import Any

from amaranth import Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.rtl.common.interfaces import SAMPLES, SampleStream


class Readout(wiring.Component):
    """Takes ``state`` when told to and streams it, site 0 in bit 0 of the first word, zeros above the last site.

    Ports:
        take: capture ``state``, only while ``free``.
        state: ``[N]``, the sites; free: nothing is left to read.
        flush: drop what has not been read.
        samples: the stream.
    """

    samples: SampleStream

    def __init__(self, n_sites: int) -> None:
        self._n_sites = n_sites
        super().__init__(
            {
                "take": In(1),
                "flush": In(1),
                "free": Out(1),
                "state": In(n_sites),
                "samples": Out(SAMPLES),
            }
        )

    def built_with(self) -> dict[str, object]:
        return {"sites": self._n_sites}

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        words = (self._n_sites + 31) // 32
        snapshot = Signal(32 * words)
        left = Signal(range(words + 1))
        m.d.comb += [
            self.samples.payload.eq(snapshot[:32]),
            self.samples.valid.eq(left != 0),
            self.samples.last.eq(left == 1),
            self.free.eq(left == 0),
        ]
        with m.If(self.samples.valid & self.samples.ready):
            m.d.sync += [snapshot.eq(snapshot >> 32), left.eq(left - 1)]
        with m.If(self.take & self.free):
            m.d.sync += [snapshot.eq(self.state), left.eq(Const(words))]
        with m.If(self.flush):
            m.d.sync += left.eq(0)
        return m
