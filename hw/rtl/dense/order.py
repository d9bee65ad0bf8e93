"""The walk through the order: one entry per row, colour by colour, each when the one before shows.

The entries stand in block RAM and are read in a ring, two ahead, so that the flag of an entry is known when it is
issued. An entry is issued ``parts`` times, a clock each. After the last of a colour nothing is issued until its new
state can be read: ``latency`` clocks after its own reading. That is all the interlock there is; the end of a sweep is
the end of its last colour, and its ``swept`` comes early by what the sequencer takes to begin the next.
"""

from typing import Any

from amaranth import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.dense.format import LAST_OF_COLOUR, ROW_AT
from thermofab.hw.rtl.common.sweeps import TURN
from thermofab.hw.rtl.dense.stages import block_memory
from thermofab.hw.spec.dense import ROW_BITS, DensePlan

EARLY = TURN + 1  # clocks from swept to the first issue of the next sweep


class OrderWalk(wiring.Component):
    """Issues entries.

    Ports:
        restart: a strobe between runs: the next entry is the first; takes three clocks.
        go: a sweep begins, in the next clock.
        swept: its last colour is over in ``EARLY`` clocks.
        issue: a part of a row begins; first_part, last_part: of its row.
        site, row: the site, and the address of the part, which is the site where rows have one part.
        last: LAST, the last entry in use.
        write, index, data: the host writes an entry.
    """

    def __init__(self, plan: DensePlan) -> None:
        self._plan = plan
        super().__init__(
            {
                "restart": In(1),
                "go": In(1),
                "swept": Out(1),
                **issue_signature(plan).members,
                "last": In(plan.site_bits),
                "write": In(1),
                "index": In(plan.site_bits),
                "data": In(32),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m, plan = Module(), self._plan
        n = plan.spec.n_sites
        flag = LAST_OF_COLOUR.bit_length() - 1
        rows = row_bits(plan) if plan.parts > 1 else 0
        memory = m.submodules.order = block_memory(plan.site_bits + 1 + rows, n)
        write, read = memory.write_port(), memory.read_port()

        # Entries on their way: the address of one, the memory's answer, the one in hand.
        place = Signal(plan.site_bits)
        filling = Signal(2)  # two clocks after a restart
        advance = Signal()
        # is it the order's last
        at_end, ends_next, ends = Signal(name="at_end"), Signal(name="ends_next"), Signal(name="ends")
        site, last_of_colour = Signal(plan.site_bits, reset_less=True, name="site"), Signal(name="last_of_colour")
        m.d.comb += [
            write.addr.eq(self.index),
            write.en.eq(self.write),
            read.addr.eq(place),
            read.en.eq(advance),
            at_end.eq(place == self.last),
            self.site.eq(site),
        ]
        m.d.comb += write.data[: plan.site_bits].eq(self.data)
        m.d.comb += write.data[plan.site_bits].eq(self.data[flag])
        m.d.sync += filling.eq(filling >> 1)
        with m.If(advance):
            m.d.sync += [
                place.eq(Mux(at_end, 0, place + 1)),
                ends_next.eq(at_end),
                site.eq(read.data[: plan.site_bits]),
                last_of_colour.eq(read.data[plan.site_bits]),
                ends.eq(ends_next),
            ]
        with m.If(self.restart):
            m.d.sync += [place.eq(0), filling.eq(3)]

        active, waiting = Signal(name="active"), Signal(range(plan.latency), name="waiting")
        over = Signal()  # the sweep's last entry has been issued
        m.d.comb += [
            self.issue.eq(active & ~waiting.any()),
            advance.eq(filling.any() | (self.issue & self.last_part)),
            self.swept.eq(over & (waiting == EARLY)),
        ]
        with m.If(self.go):
            m.d.sync += active.eq(1)
        with m.If(waiting.any()):
            m.d.sync += waiting.eq(waiting - 1)
        with m.If(self.swept):
            m.d.sync += over.eq(0)
        with m.If(self.issue & self.last_part & last_of_colour):
            m.d.sync += waiting.eq(plan.latency - 1)
        with m.If(self.issue & self.last_part & ends):
            m.d.sync += [active.eq(0), over.eq(1)]
        self._parts(m, read.data[plan.site_bits + 1 :], advance)
        if plan.parts > 1:
            m.d.comb += write.data[plan.site_bits + 1 :].eq(self.data[ROW_AT:])
        return m

    def _parts(self, m: Module, row_ahead: Any, advance: Signal) -> None:
        """Which part of its row is issued, and where that stands."""
        plan = self._plan
        if plan.parts == 1:
            m.d.comb += [self.first_part.eq(1), self.last_part.eq(1), self.row.eq(self.site)]
            return
        part, row = Signal(range(plan.parts), name="part"), Signal(row_bits(plan), reset_less=True, name="row")
        m.d.comb += [
            self.first_part.eq(part == 0),
            self.last_part.eq(part == plan.parts - 1),
            self.row.eq(row),
        ]
        with m.If(self.issue):
            m.d.sync += [part.eq(Mux(self.last_part, 0, part + 1)), row.eq(row + 1)]
        with m.If(advance):
            m.d.sync += row.eq(row_ahead)


def issue_signature(plan: DensePlan) -> wiring.Signature:
    """What the walk tells the datapath."""
    return wiring.Signature(
        {
            "issue": Out(1),
            "first_part": Out(1),
            "last_part": Out(1),
            "site": Out(plan.site_bits),
            "row": Out(row_bits(plan)),
        }
    )


def row_bits(plan: DensePlan) -> int:
    """Width of the address of a part of a row."""
    bits = max(1, (plan.spec.n_sites * plan.parts - 1).bit_length())
    assert bits <= ROW_BITS
    return bits
