"""The dense fabric: its fields are exact for all weights and states, and no colour reads states that are yet to change."""

# Amaranth makes its context managers and interface members at run time; a type checker cannot see them.
# pyright: reportAttributeAccessIssue=false, reportGeneralTypeIssues=false, reportOperatorIssue=false

from dataclasses import replace
from typing import Any

import networkx
from amaranth import Array, Cat, Const, Elaboratable, Module, Mux, ResetSignal, Signal, Value, signed
from amaranth.asserts import AnyConst, AnySeq
from amaranth.hdl import Assert, Assume

from tests.formal.formal_parts import AnyWords, drive
from tests.formal.prove import Fault, Proof
from thermofab.hw.host.dense.format import LAST_OF_COLOUR, ROW_AT, row_format
from thermofab.hw.rtl.dense.engine import READ, TERMS, Engine
from thermofab.hw.rtl.dense.order import OrderWalk
from thermofab.hw.spec import FabricSpec, fabric
from thermofab.hw.spec.dense import DensePlan, dense_plan

SMALL = {"architecture": "dense", "weight_bits": 3, "bias_bits": 3, "table_bits": 3, "threshold_bits": 3,
         "dither_bits": 2, "levels": 1, "rng": "lfsr32"}  # fmt: skip
CHUNKS = replace(dense_plan(fabric("complete-3", **SMALL)), chunk=2)
PARTS = dense_plan(fabric("complete-3", elements=2, **SMALL))
FOUR = fabric(networkx.cycle_graph(4), **SMALL)
THREE = fabric("complete-3", **SMALL)


class FieldIsExact(Elaboratable):
    """Whatever a site's weights, base and the states are when its row is read, its draw has

        F + (u mod 2^shift) = b + Σ_j w_j s_j + (u mod 2^shift),   base = b - Σ_j w_j

    where memory holds what the host is to write, and whatever else is written, issued and drawn around it.
    """

    def __init__(self, plan: DensePlan) -> None:
        self._plan = plan

    def elaborate(self, platform: Any) -> Module:
        m, plan, spec = Module(), self._plan, self._plan.spec
        form, n = row_format(plan), spec.n_sites
        words = AnyWords(32, spec.word_bits)
        engine = m.submodules.engine = Engine(plan, words)
        weights = [Signal(signed(spec.weight_bits), name=f"weight_{j}") for j in range(n)]
        bias, shift, site = Signal(signed(spec.bias_bits)), Signal(2), Signal(plan.site_bits)
        m.d.comb += [each.eq(AnyConst(len(each))) for each in (*weights, bias, shift, site)]
        m.d.comb += [Assume(each != -(1 << (len(each) - 1))) for each in (*weights, bias)]
        m.d.comb += [Assume(~ResetSignal()), Assume(site < n), Assume(shift <= spec.dither_bits)]
        m.d.comb += Assume(Array(weights)[site] == 0)  # a site has no weight to itself
        clock = Signal(6)
        m.d.sync += clock.eq(clock + (clock != 63))

        # The host writes the site's words, its base, and the states; then one row is issued, and drawn.
        writes = list(self._words(plan, form, site, weights))
        begin = 1 + len(writes)
        base: Value = bias
        for weight in weights:
            base = base - weight
        index, data, which = Signal(len(engine.index)), Signal(32), Signal(3)
        with m.Switch(clock):
            with m.Case(0):
                m.d.comb += [index.eq(site), data.eq(base), which.eq(1)]
            for k, (where, word) in enumerate(writes):
                with m.Case(1 + k):
                    m.d.comb += [index.eq(where), data.eq(word), which.eq(2)]
            with m.Case(*range(begin, begin + n)):
                m.d.comb += [index.eq(clock - begin), data.eq(AnySeq(32)), which.eq(4)]
        start = begin + n + 3
        part = clock - start
        issue = (clock >= start) & (clock < start + plan.parts)
        row = site if plan.parts == 1 else site * plan.parts + part
        drive(m, engine, issue=issue, first_part=part == 0, last_part=part == plan.parts - 1, site=site, row=row,
              busy=clock >= start - 1, shift=shift, bases_write=which[0], weights_write=which[1],
              states_write=which[2], clamps_write=0, tables_write=0, seed_write=0, index=index, data=data)  # fmt: skip
        total = Signal(signed(plan.field_bits + 2))  # b + Σ_j w_j s_j, of the states as they are
        spins: Value = bias
        for j, weight in enumerate(weights):
            spins = spins + Mux(engine.state[j], weight, -weight)
        m.d.comb += total.eq(spins)
        word, read = Signal(spec.word_bits), start + READ
        with m.If(clock == read - 1):  # all parts of a row draw the same word
            m.d.sync += word.eq(words.generator.word)
        for k in range(plan.parts):
            with m.If(clock == read - 1 + k):
                m.d.comb += Assume((words.generator.word == word) | (k == 0))
        field = start + plan.parts - 1 + TERMS + plan.sum_clocks
        expected = Signal(signed(plan.field_bits + 2))
        m.d.comb += expected.eq(total + (word & ((1 << shift) - 1)))
        with m.If(clock == field):
            m.d.comb += [
                Assert(engine.draw),
                Assert(engine.draw_site == site),
                Assert(engine.draw_field == expected),
                Assert(engine.draw_high == word[spec.word_bits - spec.threshold_bits :]),
            ]
        return m

    def _words(self, plan: Any, form: Any, site: Value, weights: list[Signal]) -> Any:
        """``(index, word)`` of what the host writes of the site's row."""
        n = plan.spec.n_sites
        if plan.masked:
            for part in range(plan.parts):
                mine = weights[part * plan.width : (part + 1) * plan.width]
                yield ((site * plan.parts + part) << form.index_bits), Cat(mine)
            return
        for chunk in range(plan.terms):
            for code in range(1 << plan.chunk):
                total: Value = Const(0, signed(2))
                for b in range(plan.chunk):
                    if chunk * plan.chunk + b < n and code >> b & 1:
                        total = total + weights[chunk * plan.chunk + b]
                yield chunk * form.words + (site << plan.chunk) + code, total


class ColoursWait(Elaboratable):
    """A walk through any order of three sites, sweep after sweep: no entry is issued so early that it would read states
    before all entries of the colours before it, and of the sweep before, show; each sweep visits the same entries, in
    the order of the memory; and between ``swept`` and the next issue there is time for a sequencer, and not more.
    """

    def __init__(self, spec: FabricSpec) -> None:
        self._spec = spec

    def elaborate(self, platform: Any) -> Module:
        m, plan = Module(), dense_plan(self._spec)
        n = self._spec.n_sites
        walk = m.submodules.walk = OrderWalk(plan)
        flags, last = Signal(n), Signal(plan.site_bits)
        clock, go = Signal(7), Signal()
        m.d.comb += [flags.eq(AnyConst(n)), last.eq(AnyConst(plan.site_bits)), Assume(~ResetSignal())]
        m.d.comb += [Assume(last < n), Assume(flags.bit_select(last, 1))]  # the last of all is the last of its colour
        m.d.sync += clock.eq(clock + (clock != 127))
        begin = n + 2
        index = clock[: plan.site_bits]
        entry = index | Mux(flags.bit_select(index, 1), LAST_OF_COLOUR, 0) | (index * plan.parts) << ROW_AT
        # The sequencer: a sweep begins two clocks after the last was announced, or later.
        late, asked = Signal(), Signal()
        m.d.comb += [late.eq(AnySeq(1)), go.eq((clock == begin + 4) | asked & ~late)]
        pending = Signal()
        m.d.sync += [pending.eq(walk.swept), asked.eq(pending | asked & late)]
        drive(m, walk, restart=clock == begin, go=go, last=last, write=clock < n, index=index, data=entry)

        place, part, ended = Signal(plan.site_bits), Signal(range(plan.parts + 1)), Signal(init=1)
        since = Signal(range(plan.latency + 2), init=plan.latency + 1)  # clocks since the last part of a colour's last
        m.d.sync += since.eq(Mux(since > plan.latency, since, since + 1))
        with m.If(walk.issue):
            m.d.comb += [
                Assert(walk.site == place),
                Assert(walk.row == place * plan.parts + part),
                Assert(walk.first_part == (part == 0)),
                Assert(walk.last_part == (part == plan.parts - 1)),
                Assert(~ended | (since >= plan.latency)),
            ]
            m.d.sync += [part.eq(part + 1), ended.eq(0)]
            with m.If(walk.last_part):
                m.d.sync += [part.eq(0), place.eq(Mux(place == last, 0, place + 1))]
                with m.If(flags.bit_select(place, 1)):
                    m.d.sync += [ended.eq(1), since.eq(1)]
        return m


class ChangesShowInTime(Elaboratable):
    """A site's state changes ``latency`` clocks after the states were read for its own entry, or when the host writes
    it, and at no other time; a clamped one changes only when the host writes it.
    """

    def elaborate(self, platform: Any) -> Module:
        m, plan = Module(), dense_plan(FOUR)
        n = FOUR.n_sites
        engine = m.submodules.engine = Engine(plan, AnyWords(32, FOUR.word_bits))
        drive(m, engine, clamps_write=0, first_part=1, last_part=1)
        m.d.comb += [Assume(~ResetSignal()), Assume(~(engine.issue & ~engine.busy))]
        delay = READ + plan.latency - 1  # clocks from an issue to that before its change shows
        issued, site, written, which = engine.issue, engine.site, engine.states_write, engine.index[: plan.site_bits]
        for k in range(delay):
            later, where = Signal(name=f"issued_{k}"), Signal(plan.site_bits, name=f"site_{k}")
            m.d.sync += [later.eq(issued), where.eq(site)]
            issued, site = later, where
        loaded, loaded_site = Signal(), Signal(plan.site_bits)
        m.d.sync += [loaded.eq(written), loaded_site.eq(which)]
        before, may = Signal(n), Signal(n)
        m.d.sync += [
            before.eq(engine.state),
            may.eq(Cat((issued & (site == i)) | (loaded & (loaded_site == i)) for i in range(n))),
        ]
        age = Signal(range(delay + 3))
        m.d.sync += age.eq(age + (age != delay + 2))
        with m.If(age == delay + 2):
            m.d.comb += Assert(((before ^ engine.state) & ~may) == 0)
        return m


PROOFS = [
    *(
        Proof(
            f"dense field, {name}", "every draw has b + Σ w s + (u mod 2^shift), for all weights, biases, states, words "
            "and shifts", lambda plan=plan: FieldIsExact(plan), "bmc", depth, Fault(file, old, new),
        )
        for name, plan, depth, file, old, new in (
            ("three sites in two chunks", CHUNKS, 24, "hw/rtl/dense/engine.py",
             "return Cat(low.at(end), summed).as_signed()", "return Cat(low.at(end - 1), summed).as_signed()"),
            ("rows of three in two parts", PARTS, 24, "hw/rtl/dense/engine.py",
             "total.eq(Mux(first.at(end), 0, total) + summed)", "total.eq(total + summed)"),
        )
    ),
    *(
        Proof(
            f"dense walk, {name}", "in any order of three sites, no colour is read before all of the colours before it "
            "show; every sweep visits the same entries", lambda spec=spec: ColoursWait(spec), "bmc", depth,
            Fault("hw/rtl/dense/order.py", old, new),
        )
        for name, spec, depth, old, new in (
            ("whole rows", THREE, 34, "waiting.eq(plan.latency - 1)", "waiting.eq(plan.latency - 2)"),
            ("rows in two parts", fabric(THREE, elements=2), 34,
             "with m.If(self.issue & self.last_part & last_of_colour):", "with m.If(self.issue & ~self.last_part & last_of_colour):"),
        )
    ),
    Proof(
        "dense states", "a site changes when the drawn state of its own entry is due, or when the host writes it",
        ChangesShowInTime, "prove", 14,
        Fault("hw/rtl/dense/engine.py", "strobes.eq(Cat(written & (where == i)", "strobes.eq(Cat(written & (where >= i)"),
    ),
]  # fmt: skip
