"""Rows of weights in block RAM, and the terms that the states make of them.

See :mod:`thermofab.hw.spec.dense` for the two forms. Chunks are read by site and states, two to a block RAM, each
through a port of its own; the host writes through the first. Plain rows are read a clock earlier, and a weight's
register is reset where its column's state is 0: an AND that takes no LUT.
"""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.dense.format import row_format
from thermofab.hw.rtl.dense.order import row_bits
from thermofab.hw.rtl.dense.stages import block_memory
from thermofab.hw.spec.dense import DensePlan


class Chunks(wiring.Component):
    """Terms of chunks.

    Ports:
        site, states: the row, and the states of all columns.
        term_c: signed, a clock later.
        busy: no host writes, and rows are read.
        write, index, data: the host writes word ``index``, by all chunks' words.
    """

    def __init__(self, plan: DensePlan) -> None:
        self._plan, self._form = plan, row_format(plan)
        super().__init__(
            {
                "site": In(plan.site_bits),
                "states": In(plan.spec.n_sites),
                "busy": In(1),
                "write": In(1),
                "index": In(self._form.index_bits + (plan.terms - 1).bit_length()),
                "data": In(32),
                **{f"term_{c}": Out(signed(plan.term_bits)) for c in range(plan.terms)},
            }
        )

    def built_with(self) -> dict[str, object]:
        return {"terms": self._plan.terms, "parts of a row": self._plan.parts}

    def elaborate(self, platform: Any) -> Module:
        m, plan, words = Module(), self._plan, self._form.words
        below = self._form.index_bits + 1  # address bits of a pair of chunks
        for pair in range(-(-plan.terms // 2)):
            both = 2 * pair + 1 < plan.terms
            memory = m.submodules[f"pair_{pair}"] = block_memory(plan.term_bits, (1 + both) * words)
            write = memory.write_port()
            mine = self.index[below:] == pair if plan.terms > 2 else Const(1)
            m.d.comb += [
                write.addr.eq(self.index[:below]),
                write.data.eq(self.data[: plan.term_bits]),
                write.en.eq(self.write & mine),
            ]
            for half in range(1 + both):
                chunk, read = 2 * pair + half, memory.read_port()
                first = chunk * plan.chunk
                code = self.states[first : first + plan.chunk]
                place = Cat(code, Const(0, plan.chunk - len(code)), self.site, *([Const(half, 1)] if both else []))
                if half == 0:
                    # One address for reading and writing, so that both are one port of a block RAM.
                    shared = Signal(len(read.addr), name=f"address_{pair}")
                    m.d.comb += [shared.eq(Mux(self.busy, place, self.index)), write.addr.eq(shared)]
                    place = shared
                m.d.comb += [read.addr.eq(place), getattr(self, f"term_{chunk}").eq(read.data.as_signed())]
        return m


class PlainRows(wiring.Component):
    """Terms of plain rows.

    Ports:
        row: the part to read; states: of its columns, a clock later.
        term_c: signed, two clocks later.
        write, index, data: the host writes lane ``index``, by all parts' lanes.
    """

    def __init__(self, plan: DensePlan) -> None:
        self._plan, self._form = plan, row_format(plan)
        super().__init__(
            {
                "row": In(row_bits(plan)),
                "states": In(plan.width),
                "write": In(1),
                "index": In(self._form.index_bits + row_bits(plan)),
                "data": In(32),
                **{f"term_{c}": Out(signed(plan.term_bits)) for c in range(plan.terms)},
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m, plan, form = Module(), self._plan, self._form
        bits, per_lane = plan.spec.weight_bits, form.lane_weights
        lane_bits, low = bits * per_lane, form.index_bits
        for lane in range(-(-plan.width // per_lane)):
            first = lane * per_lane
            here = min(per_lane, plan.width - first)
            memory = m.submodules[f"lane_{lane}"] = block_memory(here * bits, form.count)
            write, read = memory.write_port(), memory.read_port()
            chosen = Signal(name=f"chosen_{lane}")
            m.d.comb += [
                chosen.eq(self.index[:low] == lane if low else Const(1)),
                write.addr.eq(self.index[low:]),
                write.data.eq(self.data[: min(lane_bits, here * bits)]),
                write.en.eq(self.write & chosen),
                read.addr.eq(self.row),
            ]
            for k in range(here):
                weight = Signal(signed(bits), name=f"weight_{first + k}", reset_less=True)
                m.d.sync += weight.eq(Mux(self.states[first + k], read.data.word_select(k, bits), 0))
                m.d.comb += getattr(self, f"term_{first + k}").eq(weight)
        return m
