"""Counters of an element: how often each of its spins was up, and both ends of each edge that is counted here.

Both must be of one state of the fabric, the one after a whole sweep. When site i is updated in the sweep that makes a
sample, its neighbours of earlier colours already have their spins of that state: their edges are counted with i's new
spin (`take`). Its neighbours of later colours are as the sample left them in the next round: their edges are counted
then, with i's old spin (`trail`).
"""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.systolic.timing import SUM, Timing

READ_AHEAD = 2  # clocks between addressing a counter and adding to it


class Moments(wiring.Component):
    """One entry a slot: Σn of the site, then Σn·n of each owned edge, ``bits`` bits each.

    Ports:
        inputs: neighbours' states of the owned edges, at the sum stage.
        late: the neighbour has a later colour, at the write stage.
        old, new: the spin at the write stage.
        take, trail, zero: what is counted at the write stage; zero the entry instead.
        slot_read, slot_write: slots a clock before the entry is read, and written.
        dump_bit, dumped: bit ``dump_bit`` of the entry read, two clocks later.
    """

    def __init__(self, bits: int, owned: int, n_slots: int, timing: Timing) -> None:
        self._bits, self._owned, self._n_slots, self._timing = bits, owned, n_slots, timing
        slot = (n_slots - 1).bit_length()
        flags = ("old", "new", "take", "trail", "zero")
        ports: dict[str, Any] = {
            **{name: In(1) for name in flags},
            "slot_read": In(slot),
            "slot_write": In(slot),
            "dump_bit": In(max(1, (bits * (owned + 1) - 1).bit_length())),
            "dumped": Out(1),
        }
        if owned:
            ports |= {"inputs": In(owned), "late": In(owned)}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        bits, count = self._bits, self._owned + 1
        memory = m.submodules.counters = Memory(shape=unsigned(bits * count), depth=self._n_slots, init=[])
        write, read = memory.write_port(), memory.read_port()
        read_slot = Signal.like(self.slot_read, reset_less=True)
        write_slot = Signal.like(self.slot_write, reset_less=True)
        entry = Signal(bits * count, reset_less=True)
        total = Signal(bits * count, reset_less=True)
        changed = Signal()
        m.d.sync += [
            read_slot.eq(self.slot_read),
            write_slot.eq(self.slot_write),
            entry.eq(read.data),
            changed.eq(self.take | self.trail | self.zero),
        ]
        steps: list[Value] = [self.take & self.new]
        if self._owned:
            inputs: Value = self.inputs
            for k in range(self._timing.write - SUM):
                delayed = Signal(self._owned, name=f"inputs_{k}", reset_less=True)
                m.d.sync += delayed.eq(inputs)
                inputs = delayed
            early = (self.take & self.new).replicate(self._owned)
            after = (self.trail & self.old).replicate(self._owned)
            steps += list(inputs & ((self.late & after) | (~self.late & early)))
        for k, step in enumerate(steps):
            old = entry.word_select(k, bits)
            m.d.sync += total.word_select(k, bits).eq(Mux(self.zero, Const(0, bits), old + step))
        m.d.comb += [
            read.addr.eq(read_slot),
            write.addr.eq(write_slot),
            write.data.eq(total),
            write.en.eq(changed),
        ]
        chosen = Signal.like(self.dump_bit, reset_less=True)
        m.d.sync += [chosen.eq(self.dump_bit), self.dumped.eq(entry.bit_select(chosen, 1))]
        return m


class Dump(wiring.Component):
    """Walks all counters, a bit of every element at a time, lowest first: slot by slot, counter by counter.

    Ports:
        start, stop: strobes; busy: between them, or until all is read; space: the collector takes an entry.
        slot, bit: what to read; push: the bits asked for ``LATENCY`` clocks ago are to be collected; end: the last.
        ask: a bit is being asked for, so promise room for it.
    """

    LATENCY = 3  # from `bit`, through a fan-out, to `Moments.dumped`
    SETTLE = 5  # clocks from a change of `slot` to its entry

    def __init__(self, n_slots: int, bits: int) -> None:
        self._n_slots, self._bits = n_slots, bits
        flags = ("busy", "push", "end", "ask")
        super().__init__(
            {
                "start": In(1),
                "space": In(1),
                "stop": In(1),
                "slot": Out((n_slots - 1).bit_length()),
                "bit": Out(max(1, (bits - 1).bit_length())),
                **{name: Out(1) for name in flags},
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        settle = Signal(range(self.SETTLE + 1))
        last_bit, last = Signal(name="last_bit"), Signal(name="last")
        m.d.comb += [
            self.ask.eq(self.busy & (settle == 0) & self.space),
            last_bit.eq(self.bit == self._bits - 1),
            last.eq(last_bit & (self.slot == self._n_slots - 1)),
        ]
        with m.If(settle != 0):
            m.d.sync += settle.eq(settle - 1)
        with m.If(self.start):
            m.d.sync += [self.busy.eq(1), self.slot.eq(0), self.bit.eq(0), settle.eq(self.SETTLE)]
        with m.Elif(self.ask):
            m.d.sync += self.bit.eq(Mux(last_bit, 0, self.bit + 1))
            with m.If(last_bit):
                m.d.sync += [self.slot.eq(self.slot + 1), settle.eq(self.SETTLE)]
            with m.If(last):
                m.d.sync += self.busy.eq(0)
        with m.If(self.stop):
            m.d.sync += self.busy.eq(0)
        asked: Any = Cat(self.ask, last)
        for k in range(self.LATENCY):
            delayed = Signal(2, name=f"asked_{k}")
            m.d.sync += delayed.eq(asked)
            asked = delayed
        m.d.comb += [self.push.eq(asked[0]), self.end.eq(asked[0] & asked[1])]
        return m
