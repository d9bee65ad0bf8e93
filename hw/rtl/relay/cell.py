"""A site of a relay fabric: a state, a memory of masks, and a serial adder.

The wire of a cell is its state flip-flop. While a tree gathers its field it carries, least significant bit first,

    G_i = Σ_j w_ij n_j + Σ_children G_c        (a child's bits come a clock after those it was made of)

and the state otherwise. Word k of the memory has bit k of every weight; the bits of children are 1 in all of them. The
last word repeats, as the weights' sign. Word 0 has a one for the parent alone: with it, the sum is the parent's state.

An *event* takes the counter back to word 0. Before gathering, the clock spent there adds nothing that stays: at most
one bit of that word is set, so no carry arises. While the fabric *takes*, an event lets the cell work for that one
clock, in which a relay takes its parent's state, and a root, whose word 0 is empty, what its draw unit says.
"""

from typing import Any

from amaranth import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.relay.counter import TAPS, addresses
from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.relay.serial import SerialSum

# Clocks from an event to the first bit on the cell's wire, or to the state taken.
FIRST_BIT, TAKEN = 3, 2


class Cell(wiring.Component):
    """One site.

    Args:
        degree: its neighbours.
        weight_bits: bits of a weight; as many words of the memory follow the parent's.
        address_bits: of the memory.
        hierarchy: where its adders go.

    Ports:
        neighbours: their wires; state: its own.
        event: starts it, see above; taking: events mean "take the state".
        drawn: what the draw unit says; 0 but in the clock in which roots take it.
        clear: the state is 0 from the next clock on.
        mask_write, mask_address, mask_data: a word of the memory.
    """

    def __init__(self, degree: int, weight_bits: int, address_bits: int, hierarchy: Hierarchy | None = None) -> None:
        self._degree, self._address_bits, self._hierarchy = degree, address_bits, hierarchy or InPlace()
        self._last = addresses(address_bits)[weight_bits]
        ports: dict[str, Any] = {
            "event": In(1),
            "taking": In(1),
            "drawn": In(1),
            "clear": In(1),
            "state": Out(1),
        }
        if degree:
            ports |= {
                "neighbours": In(degree),
                "mask_write": In(1),
                "mask_address": In(address_bits),
                "mask_data": In(degree),
            }
        super().__init__(ports)

    def built_with(self) -> dict[str, object]:
        return {"degree": self._degree, "address bits": self._address_bits}

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        works = Signal()
        m.d.sync += works.eq(self.event | (works & ~self.taking))
        state, total = Signal(reset_less=True, name="state"), self._sum(m) if self._degree else self.drawn
        with m.If(self.clear):
            m.d.sync += state.eq(0)
        with m.Elif(works):
            m.d.sync += state.eq(total)
        m.d.comb += self.state.eq(state)
        return m

    def _sum(self, m: Module) -> Any:
        memory = m.submodules.masks = Memory(shape=self._degree, depth=1 << self._address_bits, init=[])
        write, read = memory.write_port(), memory.read_port(domain="comb")
        address = Signal(self._address_bits, reset_less=True)
        a, b = TAPS[self._address_bits]
        with m.If(self.event):
            m.d.sync += address.eq(0)
        with m.Elif(address != self._last):
            m.d.sync += address.eq(Cat(~(address[a] ^ address[b]), address))
        m.d.comb += [
            write.addr.eq(self.mask_address),
            write.data.eq(self.mask_data),
            write.en.eq(self.mask_write),
            read.addr.eq(address),
        ]
        return SerialSum(m, self._hierarchy, self.event).masked(read.data, self.neighbours, self.drawn)
