"""The datapath of a dense fabric: an entry of the order goes through it in a clock, or one a part of its row.

stage           what is valid, or happens, in it (T: clocks of the sum)
0               the entry is issued; its generator is read
1               its base and its clamp are read
2               the generator's state: stepped, and written back; plain rows are read
3               the random word; base + dither adds up; **the other sites' states are read**
4               the terms, and half of base + dither
4 + T           F + dither, shifted and clipped: the address into the table
5 + T           the threshold: compared
6 + T           the new state is written
7 + T           and can be read

F + dither = base + dither + 2 Σ w n is added up as 2 (floor((base + dither)/2) + Σ w n) and the lowest bit.
"""

from typing import Any

from amaranth import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.dense.registers import CLAMP_MASKS, padded
from thermofab.hw.rtl.common.datapath import high_bits, pipelined_sum, shift_bits, table_address
from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.dense.order import issue_signature
from thermofab.hw.rtl.dense.rows import Chunks, PlainRows
from thermofab.hw.rtl.dense.stages import Stages, block_memory
from thermofab.hw.spec import generator
from thermofab.hw.spec.dense import DensePlan

BASE, STEP, READ, TERMS = 1, 2, 3, 4


def watched(plan: DensePlan) -> wiring.Signature:
    """What can be watched of the datapath, see :class:`Engine`."""
    return wiring.Signature(
        {
            "state": Out(plan.spec.n_sites),
            "draw": Out(1),
            "draw_site": Out(plan.site_bits),
            "draw_field": Out(signed(plan.field_bits)),
            "draw_high": Out(plan.spec.threshold_bits),
        }
    )


class Engine(wiring.Component):
    """Everything between an entry of the order and the states.

    Ports:
        issue, first_part, last_part, site, row: from the walk, at stage 0; level, mask: of the sweep, likewise.
        busy: a run goes on; the host writes between runs.
        shift: table address shift, min_shift…dither_bits.
        state: ``[N]``.
        draw, draw_site, draw_field, draw_high: for watching: in this clock ``F + (u mod 2^shift)`` of that site, and
            the bits of u that will be compared.
        states_write, clamps_write, bases_write, tables_write, weights_write: the host writes an entry of that array.
        seed_write: likewise, a strobe per word; index, data: the entry, and what is written.
    """

    def __init__(self, plan: DensePlan, hierarchy: Hierarchy | None = None) -> None:
        self._plan, self._hierarchy = plan, hierarchy or InPlace()
        spec = plan.spec
        rows: Any = PlainRows if plan.masked else Chunks
        self._rows = rows(plan)
        self._host_bits = {
            "clamps": (CLAMP_MASKS * padded(spec.n_sites) - 1).bit_length(),
            "tables": (spec.levels * spec.table_size - 1).bit_length(),
            "weights": len(self._rows.index),
        }
        ports: dict[str, Any] = {
            **issue_signature(plan).flip().members,
            "level": In((spec.levels - 1).bit_length()),
            "mask": In(1),
            "busy": In(1),
            "shift": In(spec.dither_bits.bit_length()),
            **watched(plan).members,
            **{f"{name}_write": In(1) for name in ("states", "clamps", "bases", "tables", "weights")},
            "seed_write": In(generator(spec.rng).state_words),
            "index": In(max(plan.site_bits + 2, *self._host_bits.values())),
            "data": In(32),
        }
        super().__init__({name: member for name, member in ports.items() if member.shape != 0})

    def elaborate(self, platform: Any) -> Module:
        m, plan, spec = Module(), self._plan, self._plan.spec
        field_at = TERMS + plan.sum_clocks
        compared = field_at + 1
        issue = Stages(m, "issued", self.issue, 0, compared, resets=True)
        site = Stages(m, "site", self.site, 0, compared)
        first = Stages(m, "first_part", self.first_part, 0, field_at)
        last = Stages(m, "last_part", self.last_part, 0, compared)

        word = self._generator(m, site, issue.at(STEP) & last.at(STEP))
        base = Stages(m, "base", self._base(m, site.at(BASE)), BASE + 1, READ)
        clamp = Stages(m, "clamped", self._clamp(m, site.at(BASE)), BASE + 1, compared)
        dither_mask, extra_shift = self._shift(m)
        offset = base.at(READ) if dither_mask is None else base.at(READ) + (word[: spec.dither_bits] & dither_mask)
        start = Signal(signed(plan.field_bits), reset_less=True)
        m.d.sync += start.eq(Mux(first.at(READ), offset, 0) if plan.parts > 1 else offset)

        dithered = self._sum(m, self._terms(m, site), start, first)
        index = table_address(m, spec, dithered, extra_shift)
        threshold = self._threshold(m, index, field_at)
        high = Stages(m, "high", high_bits(spec, word), READ, compared)
        value = Signal(reset_less=True)
        drawn = issue.at(compared) & last.at(compared) & ~clamp.at(compared)
        # The host writes states through the same register, between runs.
        target = Mux(self.states_write, self.index[: plan.site_bits], site.at(compared))
        m.d.sync += value.eq(Mux(self.states_write, self.data[0], high.at(compared) < threshold))
        written, where = Signal(name="written"), Signal(plan.site_bits, name="where")
        m.d.comb += [written.eq(drawn | self.states_write), where.eq(target)]
        self._states(m, written, where, value)

        m.d.comb += [
            self.draw.eq(issue.at(field_at) & last.at(field_at)),
            self.draw_site.eq(site.at(field_at)),
            self.draw_field.eq(dithered),
            self.draw_high.eq(high.at(field_at)),
        ]
        return m

    def _generator(self, m: Module, site: Stages, step: Value) -> Value:
        """The random word at stage :data:`READ`; all parts of a row see the same, and the last one steps."""
        spec = self._plan.spec
        rng = generator(spec.rng)
        bits = 32 * rng.state_words
        memory = m.submodules.generators = block_memory(bits, spec.n_sites)
        write, read = memory.write_port(granularity=32), memory.read_port()
        logic = self._hierarchy.add(
            m, "generator", spec.rng.replace("+", "p"), lambda: rng.create(spec.word_bits), clocked=False
        )
        state, word = Signal(bits, name="generator_state", reset_less=True), Signal(spec.word_bits, reset_less=True)
        index, seeding = self.index, self.seed_write.any()
        host_site = index[(rng.state_words - 1).bit_length() :][: self._plan.site_bits]
        m.d.sync += [state.eq(read.data), word.eq(logic.word)]
        m.d.comb += [
            read.addr.eq(site.at(0)),
            logic.state.eq(state),
            write.addr.eq(Mux(seeding, host_site, site.at(STEP))),
            write.data.eq(Mux(seeding, self.data.replicate(rng.state_words), logic.next)),
            write.en.eq(self.seed_write | step.replicate(rng.state_words)),
        ]
        return word

    def _base(self, m: Module, site: Value) -> Value:
        """b - Σ w, a clock after ``site``."""
        plan = self._plan
        memory = m.submodules.bases = block_memory(plan.field_bits, plan.spec.n_sites)
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            write.addr.eq(self.index),
            write.data.eq(self.data),
            write.en.eq(self.bases_write),
            read.addr.eq(site),
        ]
        return read.data.as_signed()

    def _clamp(self, m: Module, site: Value) -> Value:
        """Is it clamped under the sweep's mask; a clock after ``site``."""
        stride = padded(self._plan.spec.n_sites)
        memory = m.submodules.clamps = block_memory(1, CLAMP_MASKS * stride)
        write, read = memory.write_port(), memory.read_port()
        mask = Signal(reset_less=True)
        m.d.sync += mask.eq(self.mask)
        m.d.comb += [
            write.addr.eq(self.index),
            write.data.eq(self.data[0]),
            write.en.eq(self.clamps_write),
            read.addr.eq(Cat(site[: stride.bit_length() - 1], mask)),
        ]
        return read.data

    def _shift(self, m: Module) -> tuple[Value | None, Value | None]:
        """The mask of the dither, and shift - min_shift; None where there is none. They do not change in a run."""
        spec = self._plan.spec
        if not spec.dither_bits:
            return None, None
        dither_mask = Signal(spec.dither_bits, reset_less=True)
        m.d.sync += dither_mask.eq((1 << self.shift) - 1)
        if not shift_bits(spec):
            return dither_mask, None
        extra_shift = Signal(shift_bits(spec), reset_less=True)
        m.d.sync += extra_shift.eq(self.shift - spec.min_shift)
        return dither_mask, extra_shift

    def _terms(self, m: Module, site: Stages) -> list[Value]:
        """The terms at stage :data:`TERMS`, of the states at stage :data:`READ`."""
        plan = self._plan
        rows = self._hierarchy.add(m, "rows", "rows", lambda: self._rows)
        m.d.comb += [rows.write.eq(self.weights_write), rows.index.eq(self.index), rows.data.eq(self.data)]
        if not plan.masked:
            m.d.comb += [rows.site.eq(site.at(READ)), rows.states.eq(self.state), rows.busy.eq(self.busy)]
        else:
            row = Stages(m, "row", self.row, 0, READ - 1) if plan.parts > 1 else site
            m.d.comb += [rows.row.eq(row.at(READ - 1)), rows.states.eq(self._part_states(m))]
        return [getattr(rows, f"term_{c}") for c in range(plan.terms)]

    def _part_states(self, m: Module) -> Value:
        """The states of the columns of the part at stage :data:`READ`."""
        plan = self._plan
        if plan.parts == 1:
            return self.state
        whole = Cat(self.state, Const(0, plan.parts * plan.width - plan.spec.n_sites))
        part = Signal(range(plan.parts))
        with m.If(self.issue):
            m.d.sync += part.eq(Mux(self.first_part, 0, part + 1))
        number = Stages(m, "part", part, 1, READ)
        return Value.cast(Array(whole[k * plan.width :][: plan.width] for k in range(plan.parts))[number.at(READ)])

    def _sum(self, m: Module, terms: list[Value], start: Value, first: Stages) -> Value:
        """F + dither at stage ``TERMS + sum_clocks``, signed."""
        plan = self._plan
        stages, bits = plan.adder_stages, plan.field_bits - 1
        end = TERMS + len(stages)
        low = Stages(m, "low", Value.cast(start[0]), TERMS, end)
        summed = pipelined_sum(m, [*terms, start[1:].as_signed()], stages, [Const(1)] * len(stages), bits)
        if plan.parts == 1:
            return Cat(low.at(end), summed).as_signed()
        total, lowest = Signal(signed(bits), reset_less=True, name="total"), Signal(reset_less=True, name="lowest")
        m.d.sync += total.eq(Mux(first.at(end), 0, total) + summed)
        with m.If(first.at(end)):
            m.d.sync += lowest.eq(low.at(end))
        return Cat(lowest, total).as_signed()

    def _threshold(self, m: Module, index: Value, stage: int) -> Value:
        """T[a] of the sweep's level, a clock after the address."""
        spec = self._plan.spec
        memory = m.submodules.tables = block_memory(spec.threshold_bits, spec.levels * spec.table_size)
        write, read = memory.write_port(), memory.read_port()
        place: Any = index
        if spec.levels > 1:
            place = Cat(index, Stages(m, "level", self.level, 0, stage).at(stage))
        m.d.comb += [
            write.addr.eq(self.index),
            write.data.eq(self.data),
            write.en.eq(self.tables_write),
            read.addr.eq(place),
        ]
        return read.data

    def _states(self, m: Module, written: Value, where: Value, value: Value) -> None:
        """Each site's state, and a strobe of its own, decoded a clock ahead."""
        n = self._plan.spec.n_sites
        strobes = Signal(n)
        m.d.sync += strobes.eq(Cat(written & (where == i) for i in range(n)))
        for i in range(n):
            with m.If(strobes[i]):
                m.d.sync += self.state[i].eq(value)
