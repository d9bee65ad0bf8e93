"""Counters of an element: how often each of its spins was up, and both ends of each edge that is counted here.

Both must be of one state of the fabric, the one after a whole sweep. When site i is updated in the sweep that makes a
sample, its neighbours of earlier colours already have their spins of that state: their edges are counted with i's new
spin (`take`). Its neighbours of later colours are as the sample left them in the next round: their edges are counted
then, with i's old spin (`trail`).
"""

from typing import Any

from amaranth import Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.systolic.timing import SUM, Timing

READ_AHEAD = 2  # clocks between addressing a counter and adding to it


class ElementMoments(wiring.Component):
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
