"""The top of a systolic fabric: the same bus and the same sample stream as the spatial one's."""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import Out

from thermofab.hw.host.systolic.format import entry_words, factor_entries
from thermofab.hw.host.systolic.program import slot_program
from thermofab.hw.host.systolic.registers import CLAMP_MASKS, element_words, systolic_register_map
from thermofab.hw.host.systolic.timing import TAP, layout_of, timing_of
from thermofab.hw.rtl.common.bus import connect_top, top_ports
from thermofab.hw.rtl.common.datapath import shift_bits
from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.systolic.collector import Collector
from thermofab.hw.rtl.systolic.dump import Dump, Walk, bit_width
from thermofab.hw.rtl.systolic.element import Element
from thermofab.hw.rtl.systolic.fanout import GROUP, Fanout
from thermofab.hw.rtl.systolic.host import SystolicHost
from thermofab.hw.rtl.systolic.moments import READ_AHEAD, ElementMoments
from thermofab.hw.rtl.systolic.ring import Ring
from thermofab.hw.rtl.systolic.rounds import Rounds
from thermofab.hw.rtl.systolic.select import selected
from thermofab.hw.rtl.systolic.tables import Tables
from thermofab.hw.spec import FabricSpec, Image


def systolic_top(spec: FabricSpec, hierarchy: Hierarchy | None = None, image: Image | None = None) -> "SystolicTop":
    """The architecture's entry in :mod:`thermofab.hw.rtl.architectures`."""
    return SystolicTop(spec, hierarchy, image)


SETTLE = 5  # clocks from a change of what is read out to an element's sums of it, but for the levels of those


class SystolicTop(wiring.Component):
    """A whole fabric, in the clock domain ``sync``; with an image, its weights and biases are read-only memory.

    Ports:
        bus_…, sample_…, busy: as those of :class:`thermofab.hw.rtl.spatial.top.SpatialTop`.
        state, state_slot, state_update: to watch: the spins that all elements have after slot ``state_slot``, and
            whether its round is a sweep.
    """

    def __init__(self, spec: FabricSpec, hierarchy: Hierarchy | None = None, image: Image | None = None) -> None:
        self._spec, self._hierarchy, self._image = spec, hierarchy or InPlace(), image
        self._layout = layout_of(spec)
        self._timing, self._program = timing_of(self._layout), slot_program(self._layout)
        self._slot_bits = (self._layout.n_slots - 1).bit_length()

        super().__init__(
            {
                **top_ports(systolic_register_map(spec, image).address_bits),
                "state": Out(self._layout.n_elements),
                "state_slot": Out(self._slot_bits),
                "state_update": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        spec, layout, timing, m = self._spec, self._layout, self._timing, Module()
        add = self._hierarchy.add
        host = add(m, "host", "host", lambda: SystolicHost(spec, self._image))
        rounds = add(m, "rounds", "rounds", lambda: Rounds(spec, layout.n_slots))
        collector = add(m, "collector", "collector", lambda: Collector(layout.n_elements, int(layout.used.sum())))
        dump = add(m, "dump", "dump", lambda: Dump(self._walks, SETTLE + timing.levels))
        late = _Delays(m)
        self._connect_host(m, host, rounds, collector, dump)

        program = self._program_word(m, rounds.slot)  # registered: valid in clock 2
        bit = self._bits(m, host, late, rounds)
        rings, elements = self._build(m)
        told = self._told(m, host, rounds, late, program, dump)
        fanouts = self._fanouts(m, told, host)

        for e, element in enumerate(elements):
            fanout, strobes = fanouts[e], fanouts[e].element_later[self._place(e)]
            for name in self._element_inputs:
                m.d.comb += getattr(element, name).eq(getattr(fanout, f"{name}_later"))
            m.d.comb += [
                rings[e].program.eq(fanout.program_later),
                rings[e].write.eq(element.write),
                rings[e].value.eq(element.value),
                element.program.eq(fanout.choice_later),
                element.clamped.eq(bit[e]),
                element.initial.eq(bit[e]),
                element.seed_write.eq(Mux(strobes, fanout.seed_write_later, 0)),
            ]
            if self._image is None:
                m.d.comb += element.coefficient_write.eq(Mux(strobes, fanout.coefficient_write_later, 0))
            if self._loads_factors:
                m.d.comb += [
                    element.factor_write.eq(Mux(strobes, fanout.factor_write_later, 0)),
                    element.factor_states.eq(fanout.factor_states_later),
                ]
            for b, wire in enumerate(layout.inputs[layout.kind[e]]):
                for k, step in enumerate(wire.steps):
                    source = (e + step) % layout.n_elements
                    view = layout.views_of[source].index(wire.view)
                    m.d.comb += getattr(element, f"neighbour_{b}_{k}").eq(getattr(rings[source], f"view_{view}"))
        self._tables(m, elements, fanouts)

        # What leaves: the new spins, a slot at a time.
        written = timing.write + 1
        slot = late("slot", rounds.slot, written)
        last_used = max(t for t in range(layout.n_slots) if layout.used[t])
        used = self._program.used
        used_later = late("used", selected(used, program), written - 2)
        m.d.sync += self.state.eq(Cat(ring.new for ring in rings))
        m.d.comb += [
            self.state_slot.eq(slot),
            self.state_update.eq(late("update", rounds.update, written)),
            self.busy.eq(host.run.busy),
        ]
        push = late("take", rounds.take, written) & used_later & host.stream
        shown = Cat(element.dumped for element in elements)
        if spec.moment_bits:
            counters = self._moments(m, host, rounds, late, rings, elements, fanouts, told, program, dump)
            shown = Mux(dump.which == len(self._walks) - 1, counters, shown)
        m.d.comb += [
            collector.push.eq(push | dump.push),
            collector.end.eq(Mux(dump.push, dump.end, slot == last_used)),
            collector.data.eq(Mux(dump.push, shown, self.state)),
        ]
        return m

    @property
    def _loads_factors(self) -> bool:
        return self._image is None and self._layout.n_factors > 0

    @property
    def _walks(self) -> tuple[Walk, ...]:
        """Over the fields and the tables, and the counters, if there are any."""
        spec, layout = self._spec, self._layout
        made = [
            Walk(layout.n_slots, 0, spec.field_bits),
            Walk(spec.levels * spec.table_size, spec.field_bits, spec.threshold_bits),
        ]
        if spec.moment_bits:
            made.append(Walk(layout.n_slots, 0, spec.moment_bits * (layout.owned + 1)))
        return tuple(made)

    def _connect_host(self, m: Module, host: Any, rounds: Any, collector: Any, dump: Any) -> None:
        connect_top(m, self, host, collector.samples)
        wiring.connect(m, host.run, rounds.run)
        starts = Signal()  # the first clock of a round
        m.d.sync += starts.eq(rounds.slot == self._layout.n_slots - 1)
        m.d.comb += [
            rounds.clear.eq(host.clear),
            rounds.restate.eq(host.restate),
            rounds.phase_write.eq(host.phase_write),
            rounds.phase_index.eq(host.phase_index),
            rounds.write_data.eq(host.data),
            rounds.room.eq(collector.room | ~host.stream),
            rounds.empty.eq(collector.empty),
            collector.take.eq(starts & rounds.take & host.stream),
            collector.flush.eq(rounds.flush | (host.run.abort & ~rounds.run.busy)),
            host.run.busy.eq(rounds.run.busy | dump.busy | ~collector.empty),
            dump.start.eq(Cat(host.dump[1], host.dump[2], host.dump[0])),
            dump.stop.eq(host.run.abort),
            dump.space.eq(collector.space),
            collector.single.eq(dump.ask),
        ]

    def _program_word(self, m: Module, slot: Value) -> Value:
        """The slot program's word for the slot of two clocks ago."""
        width = max(1, self._program.columns)
        memory = m.submodules.program = Memory(
            shape=unsigned(width), depth=self._layout.n_slots, init=list(self._program.words)
        )
        read, word = memory.read_port(), Signal(width, name="program_word", reset_less=True)
        m.d.comb += read.addr.eq(slot)
        m.d.sync += word.eq(read.data)
        return word

    def _bits(self, m: Module, host: Any, late: "_Delays", rounds: Any) -> Value:
        """Clamps, or states in a round that loads them, at the compare stage. Between runs the host reads both. What a
        sweep makes of the states is written back, so that they are read as they are.
        """
        timing = self._timing
        words = element_words(self._layout.n_elements)
        memory = m.submodules.bits = Memory(
            shape=unsigned(32 * words), depth=(CLAMP_MASKS + 1) << self._slot_bits, init=[]
        )
        write, read = memory.write_port(granularity=32), memory.read_port()
        bank = Mux(late("load", rounds.load, timing.look_up), CLAMP_MASKS, late("mask", rounds.mask, timing.look_up))
        bits = Signal(self._layout.n_elements, reset_less=True)
        looked_up = Cat(late("slot", rounds.slot, timing.look_up), bank)
        swept, slot = self.state_update, Cat(self.state_slot, Const(CLAMP_MASKS, 2))
        m.d.comb += [
            write.addr.eq(Mux(swept, slot, host.bits_index)),
            write.data.eq(Mux(swept, self.state, host.bits_data.replicate(words))),
            write.en.eq(Mux(swept, ~Const(0, words), host.bits_write)),
            read.addr.eq(Mux(host.run.busy, looked_up, host.bits_index)),
            host.bits.eq(read.data),
        ]
        m.d.sync += bits.eq(read.data)
        return bits

    @property
    def _element_inputs(self) -> tuple[str, ...]:
        """Inputs of an element that come from its fan-out as they are."""
        spec = self._spec
        names = ["slot_tap", "slot_draw", "slot_store", "step", "update", "load", "host_slot", "host_data",
                 "probe",
                 "dump_bit"]  # fmt: skip
        names += ["dither_mask"] if spec.dither_bits else []
        names += ["neighbours"] if self._layout.n_inputs else []
        return (*names, *(["extra_shift"] if shift_bits(spec) else []))

    def _told(self, m: Module, host: Any, rounds: Any, late: "_Delays", program: Value, dump: Any) -> dict[str, Value]:
        """What all elements are told, two clocks before they use it: a fan-out and a register of their own lie between;
        for what they use at once, one.
        """
        spec, timing = self._spec, self._timing
        dither_mask = Signal(max(1, spec.dither_bits))
        extra_shift = Signal(range(max(2, spec.dither_bits - spec.min_shift + 1)))
        m.d.sync += [dither_mask.eq((1 << host.shift) - 1), extra_shift.eq(host.shift - spec.min_shift)]
        told: dict[str, Any] = {
            "program": program,
            "choice": late("program", program, 1),
            "slot_tap": Mux(dump.busy, dump.place, late("slot", rounds.slot, TAP - 2))[: self._slot_bits],
            "slot_draw": late("slot", rounds.slot, timing.draw - 2),
            "slot_store": late("slot", rounds.slot, timing.store - 2),
            "step": late("update", rounds.update, timing.store - 2),
            "update": late("update", rounds.update, timing.compare - 1),
            "load": late("load", rounds.load, timing.compare - 1),
            "host_slot": host.slot,
            "host_data": host.wide_data,
            "seed_write": host.seed_write,
            "table_host_write": host.table_write,
            "table_host_read": dump.busy,
            "table_host_index": Mux(dump.busy, dump.place, host.index)[: len(host.index)],
            "table_host_data": host.data[: spec.threshold_bits],
            "probe": dump.busy,
            "dump_bit": dump.bit,
        }
        if self._image is None:
            told["coefficient_write"] = host.coefficient_write
        if self._loads_factors:
            told |= {"factor_write": host.factor_write, "factor_states": host.factor_states}
        if self._layout.n_inputs:
            told["neighbours"] = host.neighbours
        if spec.dither_bits:
            told["dither_mask"] = dither_mask
        if shift_bits(spec):
            told["extra_shift"] = extra_shift
        if spec.levels > 1:
            told["table_level"] = late("level", rounds.level, timing.look_up - 1)
        if spec.moment_bits:
            told |= {name: Signal(width, name=f"told_{name}") for name, width in self._counting().items()}
        return told

    def _place(self, element: int) -> int:
        """The place of an element in its fan-out's group."""
        return self._layout.order.index(element) % GROUP

    def _fanouts(self, m: Module, told: dict[str, Value], host: Any) -> list[Any]:
        """The fan-out of every element; a group of elements that stand together shares one."""
        order, by_element = self._layout.order, {}
        for first in range(0, len(order), GROUP):
            group = order[first : first + GROUP]
            widths = {**{name: len(value) for name, value in told.items()}, "element": len(group)}
            fanout = self._hierarchy.add(
                m, f"fanout_{first // GROUP}", f"fanout{len(group)}", lambda widths=widths: Fanout(widths)
            )
            m.d.comb += [getattr(fanout, name).eq(value) for name, value in told.items()]
            m.d.comb += fanout.element.eq(Cat(host.element[e] for e in group))
            by_element |= dict.fromkeys(group, fanout)
        return [by_element[e] for e in range(len(order))]

    def _build(self, m: Module) -> tuple[list[Any], list[Any]]:
        """Rings and elements; those alike are one module."""
        spec, layout, timing, program = self._spec, self._layout, self._timing, self._program
        dump_bits = bit_width(self._walks)
        ring_kinds: dict[tuple[int, ...], int] = {}
        # With coefficients built in, every element is a module of its own.
        built = None if self._image is None else entry_words(spec, layout, self._image)
        factors = None if self._image is None else factor_entries(layout, self._image)
        rings, elements = [], []
        for e in range(layout.n_elements):
            views = layout.views_of[e]
            kind = ring_kinds.setdefault(views, len(ring_kinds))
            chosen = tuple((layout.views[v], program.views[v]) for v in views)
            rings.append(
                self._hierarchy.add(
                    m, f"ring_{e}", f"ring{kind}",
                    lambda chosen=chosen: Ring(layout.n_slots, chosen, timing, program.columns),
                )
            )  # fmt: skip
            of = int(layout.kind[e])
            inputs = tuple(zip(layout.inputs[of], program.inputs[of]))
            elements.append(
                self._hierarchy.add(
                    m, f"element_{e}", f"element{of}" if built is None else f"element{of}_{e}",
                    lambda e=e, inputs=inputs, entries=None if built is None else built[e]: Element(
                        spec, layout.n_slots, timing, inputs, program.columns, dump_bits, self._hierarchy, entries,
                        layout.places, factors[e] if factors else (),
                    ),
                )
            )  # fmt: skip
        return rings, elements

    def _tables(self, m: Module, elements: list[Any], fanouts: list[Any]) -> None:
        """A table a pair of elements that stand together."""
        order = self._layout.order
        for first in range(0, len(order), 2):
            pair = order[first : first + 2]
            tables = self._hierarchy.add(
                m, f"tables_{first // 2}", f"tables{len(pair)}", lambda pair=pair: Tables(self._spec, len(pair))
            )
            for name in (
                "host_write",
                "host_read",
                "host_index",
                "host_data",
                *(["level"] if self._spec.levels > 1 else []),
            ):
                m.d.comb += getattr(tables, name).eq(getattr(fanouts[pair[0]], f"table_{name}_later"))
            for k, e in enumerate(pair):
                m.d.comb += [
                    getattr(tables, f"index_{k}").eq(elements[e].index),
                    elements[e].threshold.eq(getattr(tables, f"threshold_{k}")),
                ]

    def _counting(self) -> dict[str, int]:
        """What counters are told through the fan-outs, and how wide it is."""
        layout = self._layout
        names = {"count_take": 1, "count_trail": 1, "count_zero": 1, "count_slot_read": self._slot_bits,
                 "count_slot_write": self._slot_bits}  # fmt: skip
        return {**names, **({"count_late": layout.owned} if layout.owned else {})}

    def _moments(self, m: Module, host: Any, rounds: Any, late: "_Delays", rings: list[Any], elements: list[Any],
                 fanouts: list[Any], told: dict[str, Value], program: Value, dump: Any) -> Value:  # fmt: skip
        """Counters beside every element, and the guard against overflow; returns what they show to be read out."""
        spec, layout, timing = self._spec, self._layout, self._timing
        owned = layout.owned
        counted, full = Signal(spec.moment_bits, name="counted"), Signal(name="full")
        starts, counts = Signal(name="starts"), Signal(name="counts")
        m.d.comb += counts.eq(starts & rounds.take & ~host.stream)
        m.d.sync += [starts.eq(rounds.slot == layout.n_slots - 1), full.eq(counted.all())]
        with m.If(counts & ~full):
            m.d.sync += counted.eq(counted + 1)
        with m.If(starts & rounds.clear_round):
            m.d.sync += counted.eq(0)
        m.d.comb += [
            host.counter_full.eq(counts & full),
        ]
        # Whether a round counts is known a clock after it begins, and holds for its slots and, trailing, those of the
        # next.
        take, trail = Signal(name="take"), Signal(name="trail")
        with m.If(starts):
            m.d.sync += [take.eq(counts & ~full), trail.eq(take)]
        read_slot = late("slot", rounds.slot, timing.write - READ_AHEAD - 2)
        m.d.comb += [
            told["count_take"].eq(late("count_take", take, timing.write - 2)),
            told["count_trail"].eq(late("count_trail", trail, timing.write - 2)),
            told["count_zero"].eq(late("clear", rounds.clear_round, timing.write - 1)),
            told["count_slot_read"].eq(Mux(dump.busy, dump.place, read_slot)),
            told["count_slot_write"].eq(late("slot", rounds.slot, timing.write - 1)),
        ]
        if owned:
            bits = Cat(selected(select, program) for select in self._program.late)
            m.d.comb += told["count_late"].eq(late("late", bits, timing.write - 3))
        dumped = []
        for e, element in enumerate(elements):
            moments = self._hierarchy.add(
                m, f"moments_{e}", "moments", lambda: ElementMoments(spec.moment_bits, owned, layout.n_slots, timing)
            )
            for name in self._counting():
                m.d.comb += getattr(moments, name.removeprefix("count_")).eq(getattr(fanouts[e], f"{name}_later"))
            m.d.comb += [
                moments.old.eq(rings[e].old),
                moments.new.eq(rings[e].new),
                moments.dump_bit.eq(fanouts[e].dump_bit_later),
            ]
            if owned:
                m.d.comb += moments.inputs.eq(element.inputs[:owned])
            dumped.append(moments.dumped)
        return Value.cast(Cat(dumped))


# Delayed signals that change a state, a memory or the collector's queue; all else is data that goes with them.
_STROBES = {"take", "update", "load", "clear", "count_take", "count_trail"}


class _Delays:
    """Signals some clocks late; a chain of registers each, shared by all who ask. Chains of strobes are reset: one that
    was on its way when the fabric was reset would push into a collector that has promised no room for it."""

    def __init__(self, m: Module) -> None:
        self._m, self._chains = m, {}

    def __call__(self, name: str, value: Any, clocks: int) -> Any:
        chain: list[Value] = self._chains.setdefault(name, [value])
        while len(chain) <= clocks:
            delayed = Signal(len(value), name=f"{name}_{len(chain)}", reset_less=name not in _STROBES)
            self._m.d.sync += delayed.eq(chain[-1])
            chain.append(delayed)
        return chain[clocks]
