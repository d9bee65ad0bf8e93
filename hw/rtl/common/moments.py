"""On-fabric moments: Σn_i of every site and Σn_i·n_j of every edge, counted over the samples of any number of runs.

A sample is captured whole and walked at one pair per clock, sites as pairs (i, i), then edges: N + E clocks and
two more until the next sample can be taken. Counters stand in a memory, and the pairs in another that is fixed at
elaboration, so that this costs memories, two multiplexers over the states, and one adder. A counter that is full stays
so, and raises ``full``.
"""

from typing import Any

from amaranth import Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.spec import FabricSpec


class MomentCounters(wiring.Component):
    """Counts the states it is given.

    Ports:
        take: capture ``state``, only while ``free``. It is counted to its end, whatever becomes of the run.
        state: ``[N]``, the sites; free: nothing is being counted.
        clear: all counters are zero from here on.
        full: a counter had reached its end and was to count on.
        index, at_edges: the counter to read, of a site or of an edge.
        read, data: the counter, from the clock after ``read`` on; only while ``free``.
    """

    def __init__(self, spec: FabricSpec) -> None:
        self._spec = spec
        top = spec.topology
        self._count = top.n_sites + top.n_edges
        super().__init__(
            {
                "take": In(1),
                "free": Out(1),
                "clear": In(1),
                "full": Out(1),
                "state": In(top.n_sites),
                "index": In(range(max(2, top.n_sites, top.n_edges))),
                "at_edges": In(1),
                "read": In(1),
                "data": Out(spec.moment_bits),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        top = self._spec.topology
        bits = max(1, (top.n_sites - 1).bit_length())
        pairs = [i | i << bits for i in range(top.n_sites)] + [i | j << bits for i, j in top.edges.tolist()]
        rom = m.submodules.pairs = Memory(shape=2 * bits, depth=max(2, self._count), init=pairs)
        counters = m.submodules.counters = Memory(shape=self._spec.moment_bits, depth=max(2, self._count), init=[])
        pair, read, write = rom.read_port(), counters.read_port(), counters.write_port()

        snapshot = Signal(top.n_sites, reset_less=True)
        fresh = Signal(init=1)  # the next sample starts the counters
        starting = Signal()  # this one does
        place = Signal(range(self._count + 1))
        # stages: which pair, its states, its counter
        walking, looked, counting = Signal(name="walking"), Signal(name="looked"), Signal(name="counting")
        looked_at, counted_at = Signal.like(place, name="looked_at"), Signal.like(place, name="counted_at")
        both, old = Signal(name="both"), Signal(self._spec.moment_bits, name="old")
        m.d.comb += [
            self.free.eq(~(walking | looked | counting)),
            pair.addr.eq(place),
            read.addr.eq(Mux(self.free, self.index + Mux(self.at_edges, top.n_sites, 0), looked_at)),
            read.en.eq(~self.free | self.read),
            self.data.eq(Mux(fresh, 0, read.data)),
            old.eq(Mux(starting, 0, read.data)),
            write.addr.eq(counted_at),
            write.data.eq(Mux(old.all(), old, old + both)),
            write.en.eq(counting),
            self.full.eq(counting & both & old.all()),
        ]
        states = [snapshot.bit_select(pair.data[:bits], 1), snapshot.bit_select(pair.data[bits:], 1)]
        m.d.sync += [
            looked.eq(walking),
            looked_at.eq(place),
            counting.eq(looked),
            counted_at.eq(looked_at),
            both.eq(Cat(states).all()),
        ]
        with m.If(walking):
            m.d.sync += place.eq(place + 1)
            with m.If(place == self._count - 1):
                m.d.sync += walking.eq(0)
        with m.If(self.take & self.free):
            m.d.sync += [snapshot.eq(self.state), walking.eq(1), place.eq(0), starting.eq(fresh), fresh.eq(0)]
        with m.If(self.clear):
            m.d.sync += fresh.eq(1)
        return m
