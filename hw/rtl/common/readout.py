"""The read-out: a snapshot of the states, handed over 32 at a time under valid/ready."""

from typing import Any

from amaranth import Const, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out


class Readout(wiring.Component):
    """Takes ``state`` when told to and streams it, site 0 in bit 0 of the first word, zeros above the last site.

    Ports:
        take: capture ``state``; only while ``free``.
        flush: drop what has not been read.
        valid, ready, payload: the stream; a word moves in a clock where both are high. ``valid`` waits for no
            ``ready``, and a word shown stays until it moves (or is flushed).
        last: the word on show ends a sample.
    """

    def __init__(self, n_sites: int) -> None:
        self._n_sites = n_sites
        super().__init__(
            {
                "take": In(1),
                "flush": In(1),
                "free": Out(1),
                "state": In(n_sites),
                "valid": Out(1),
                "ready": In(1),
                "payload": Out(32),
                "last": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        ports: Any = self
        words = (self._n_sites + 31) // 32
        snapshot = Signal(32 * words)
        left = Signal(range(words + 1))
        m.d.comb += [
            ports.payload.eq(snapshot[:32]),
            ports.valid.eq(left != 0),
            ports.last.eq(left == 1),
            ports.free.eq(left == 0),
        ]
        with m.If(ports.valid & ports.ready):
            m.d.sync += [snapshot.eq(snapshot >> 32), left.eq(left - 1)]
        with m.If(ports.take & ports.free):
            m.d.sync += [snapshot.eq(ports.state), left.eq(Const(words))]
        with m.If(ports.flush):
            m.d.sync += left.eq(0)
        return m
