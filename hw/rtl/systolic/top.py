"""The top of a systolic fabric: the same bus and the same sample stream as the spatial one's."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.rtl.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.systolic.collector import Collector
from thermofab.hw.rtl.systolic.element import Element
from thermofab.hw.rtl.systolic.host import SystolicHost
from thermofab.hw.rtl.systolic.moments import READ_AHEAD, Dump, Moments
from thermofab.hw.rtl.systolic.program import slot_program
from thermofab.hw.rtl.systolic.registers import CLAMP_MASKS, element_words, systolic_register_map
from thermofab.hw.rtl.systolic.ring import Ring
from thermofab.hw.rtl.systolic.rounds import Rounds
from thermofab.hw.rtl.systolic.tables import Tables
from thermofab.hw.rtl.systolic.timing import TAP, layout_of, timing_of
from thermofab.hw.spec import FabricSpec


class SystolicTop(wiring.Component):
    """A whole fabric, in the clock domain ``sync``.

    Ports:
        bus_…, sample_…, busy: as those of :class:`thermofab.hw.rtl.top.SpatialTop`.
        state, state_slot, state_update: to watch: the spins that all elements have after slot ``state_slot``, and
            whether its round is a sweep.
    """

    def __init__(self, spec: FabricSpec, hierarchy: Hierarchy | None = None) -> None:
        self._spec, self._hierarchy = spec, hierarchy or InPlace()
        self._layout = layout_of(spec)
        self._timing, self._program = timing_of(self._layout), slot_program(self._layout)
        self._slot_bits = (self._layout.n_slots - 1).bit_length()
        super().__init__(
            {
                "bus_address": In(systolic_register_map(spec).address_bits),
                "bus_write": In(1),
                "bus_write_data": In(32),
                "bus_read": In(1),
                "bus_read_data": Out(32),
                "sample_valid": Out(1),
                "sample_ready": In(1),
                "sample_payload": Out(32),
                "sample_last": Out(1),
                "busy": Out(1),
                "state": Out(self._layout.n_elements),
                "state_slot": Out(self._slot_bits),
                "state_update": Out(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        spec, layout, timing, m = self._spec, self._layout, self._timing, Module()
        ports: Any = self
        add = self._hierarchy.add
        host = add(m, "host", "host", lambda: SystolicHost(spec))
        rounds = add(m, "rounds", "rounds", lambda: Rounds(spec, layout.n_slots))
        collector = add(m, "collector", "collector", lambda: Collector(layout.n_elements, int(layout.used.sum())))
        late = _Delays(m)
        self._connect_host(m, host, rounds, collector)

        program = self._program_word(m, rounds.slot)  # registered: valid in clock 2
        program_later = late("program", program, 1)
        bit = self._bits(m, host, late, rounds)
        rings, elements = self._build(m)
        dither_mask = Signal(max(1, spec.dither_bits))
        extra_shift = Signal(range(max(2, spec.dither_bits - spec.min_shift + 1)))
        m.d.sync += [dither_mask.eq((1 << host.shift) - 1), extra_shift.eq(host.shift - spec.min_shift)]

        for e, element in enumerate(elements):
            m.d.comb += [
                rings[e].program.eq(program),
                rings[e].write.eq(element.write),
                rings[e].value.eq(element.value),
                element.program.eq(program_later),
                element.slot_tap.eq(late("slot", rounds.slot, TAP - 1)),
                element.slot_draw.eq(late("slot", rounds.slot, timing.draw - 1)),
                element.slot_store.eq(late("slot", rounds.slot, timing.store - 1)),
                element.step.eq(late("update", rounds.update, timing.store - 1)),
                element.update.eq(late("update", rounds.update, timing.compare)),
                element.load.eq(late("load", rounds.load, timing.compare)),
                element.clamped.eq(bit[e]),
                element.initial.eq(bit[e]),
                element.host_slot.eq(host.slot),
                element.host_data.eq(host.wide_data),
                element.coefficient_write.eq(Mux(host.element[e], host.coefficient_write, 0)),
                element.seed_write.eq(Mux(host.element[e], host.seed_write, 0)),
            ]
            if spec.dither_bits:
                m.d.comb += element.dither_mask.eq(dither_mask)
            if spec.dither_bits > spec.min_shift:
                m.d.comb += element.extra_shift.eq(extra_shift)
            for b, wire in enumerate(layout.inputs[layout.kind[e]]):
                for k, step in enumerate(wire.steps):
                    source = (e + step) % layout.n_elements
                    view = layout.views_of[source].index(wire.view)
                    m.d.comb += getattr(element, f"neighbour_{b}_{k}").eq(getattr(rings[source], f"view_{view}"))
        self._tables(m, host, elements, late("level", rounds.level, timing.look_up))

        # What leaves: the new spins, a slot at a time.
        written = timing.write + 1
        slot = late("slot", rounds.slot, written)
        last_used = max(t for t in range(layout.n_slots) if layout.used[t])
        used = self._program.used
        used_later = late("used", used.value(program), written - 2)
        m.d.sync += ports.state.eq(Cat(ring.new for ring in rings))
        m.d.comb += [
            ports.state_slot.eq(slot),
            ports.state_update.eq(late("update", rounds.update, written)),
            ports.busy.eq(host.busy),
        ]
        push = late("take", rounds.take, written) & used_later & host.stream
        m.d.comb += [
            collector.push.eq(push),
            collector.end.eq(slot == last_used),
            collector.data.eq(ports.state),
        ]
        if spec.moment_bits:
            self._moments(m, host, rounds, collector, late, rings, elements, program, push)
        return m

    def _connect_host(self, m: Module, host: Any, rounds: Any, collector: Any) -> None:
        ports: Any = self
        for name in ("address", "write", "write_data", "read"):
            m.d.comb += getattr(host, f"bus_{name}").eq(getattr(ports, f"bus_{name}"))
        m.d.comb += ports.bus_read_data.eq(host.bus_read_data)
        for name in ("done", "aborted", "cycles", "stalls", "sweeps"):
            m.d.comb += getattr(host, name).eq(getattr(rounds, name))
        for name in ("start", "abort", "clear", "restate", "phases", "samples", "steps", "phase_write", "phase_index"):
            m.d.comb += getattr(rounds, name).eq(getattr(host, name))
        starts = Signal()  # the first clock of a round
        m.d.sync += starts.eq(rounds.slot == self._layout.n_slots - 1)
        m.d.comb += [
            host.busy.eq(rounds.busy),
            rounds.base_level.eq(host.level),
            rounds.base_mask.eq(host.mask),
            rounds.write_data.eq(host.data),
            rounds.room.eq(collector.room | ~host.stream),
            rounds.empty.eq(collector.empty),
            collector.take.eq(starts & rounds.take & host.stream),
            collector.flush.eq(rounds.flush),
            collector.ready.eq(ports.sample_ready),
            ports.sample_valid.eq(collector.valid),
            ports.sample_payload.eq(collector.payload),
            ports.sample_last.eq(collector.last),
        ]

    def _program_word(self, m: Module, slot: Value) -> Value:
        """The slot program's word for the slot of two clocks ago."""
        width = max(1, self._program.columns)
        memory = m.submodules.program = Memory(
            shape=unsigned(width), depth=self._layout.n_slots, init=list(self._program.words)
        )
        read, word = memory.read_port(), Signal(width, name="program_word")
        m.d.comb += read.addr.eq(slot)
        m.d.sync += word.eq(read.data)
        return word

    def _bits(self, m: Module, host: Any, late: "_Delays", rounds: Any) -> Value:
        """Clamps, or initial states in a round that loads them, at the compare stage."""
        timing = self._timing
        words = element_words(self._layout.n_elements)
        memory = m.submodules.bits = Memory(
            shape=unsigned(32 * words), depth=(CLAMP_MASKS + 1) << self._slot_bits, init=[]
        )
        write, read = memory.write_port(granularity=32), memory.read_port()
        bank = Mux(late("load", rounds.load, timing.look_up), CLAMP_MASKS, late("mask", rounds.mask, timing.look_up))
        bits = Signal(self._layout.n_elements)
        m.d.comb += [
            write.addr.eq(host.bits_index),
            write.data.eq(host.data.replicate(words)),
            write.en.eq(host.bits_write),
            read.addr.eq(Cat(late("slot", rounds.slot, timing.look_up), bank)),
        ]
        m.d.sync += bits.eq(read.data)
        return bits

    def _build(self, m: Module) -> tuple[list[Any], list[Any]]:
        """Rings and elements; those alike are one module."""
        spec, layout, timing, program = self._spec, self._layout, self._timing, self._program
        ring_kinds: dict[tuple[int, ...], int] = {}
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
                    m, f"element_{e}", f"element{of}",
                    lambda inputs=inputs: Element(
                        spec, layout.n_slots, timing, inputs, program.columns, self._hierarchy
                    ),
                )
            )  # fmt: skip
        return rings, elements

    def _tables(self, m: Module, host: Any, elements: list[Any], level: Value) -> None:
        """A table a pair of elements."""
        spec = self._spec
        for first in range(0, len(elements), 2):
            pair = elements[first : first + 2]
            tables = self._hierarchy.add(
                m, f"tables_{first // 2}", f"tables{len(pair)}", lambda pair=pair: Tables(spec, len(pair))
            )
            m.d.comb += [
                tables.host_write.eq(host.table_write),
                tables.host_index.eq(host.index),
                tables.host_data.eq(host.data),
            ]
            if spec.levels > 1:
                m.d.comb += tables.level.eq(level)
            for k, element in enumerate(pair):
                m.d.comb += [
                    getattr(tables, f"index_{k}").eq(element.index),
                    element.threshold.eq(getattr(tables, f"threshold_{k}")),
                ]

    def _moments(self, m: Module, host: Any, rounds: Any, collector: Any, late: "_Delays", rings: list[Any],
                 elements: list[Any], program: Value, push: Value) -> None:  # fmt: skip
        """Counters beside every element, their read-out through the collector, and the guard against overflow."""
        spec, layout, timing = self._spec, self._layout, self._timing
        owned, width = layout.owned, spec.moment_bits * (layout.owned + 1)
        dump = self._hierarchy.add(m, "dump", "dump", lambda: Dump(layout.n_slots, width))
        counted, full = Signal(spec.moment_bits), Signal()
        starts = Signal()
        m.d.sync += [starts.eq(rounds.slot == layout.n_slots - 1), full.eq(counted.all())]
        with m.If(starts & rounds.take & ~full):
            m.d.sync += counted.eq(counted + 1)
        with m.If(starts & rounds.clear_round):
            m.d.sync += counted.eq(0)
        m.d.comb += [
            host.counter_full.eq(starts & rounds.take & full),
            host.busy.eq(rounds.busy | dump.busy | ~collector.empty),
            dump.start.eq(host.dump),
            dump.stop.eq(host.abort),
            dump.space.eq(collector.space),
            collector.single.eq(dump.ask),
            collector.push.eq(push | dump.push),
            collector.flush.eq(rounds.flush | host.abort),
        ]
        # Whether a round counts is known when it begins, and holds for its slots and, trailing, those of the next.
        take, trail = Signal(), Signal()
        with m.If(starts):
            m.d.sync += [take.eq(rounds.take & ~full), trail.eq(take)]
        late_bits = late("late", Cat(select.value(program) for select in self._program.late), timing.write - 2)
        dumped = []
        for e, element in enumerate(elements):
            moments = self._hierarchy.add(
                m, f"moments_{e}", "moments", lambda: Moments(spec.moment_bits, owned, layout.n_slots, timing)
            )
            m.d.comb += [
                moments.old.eq(rings[e].old),
                moments.new.eq(rings[e].new),
                moments.take.eq(late("count_take", take, timing.write - 1)),
                moments.trail.eq(late("count_trail", trail, timing.write - 1)),
                moments.zero.eq(late("clear", rounds.clear_round, timing.write)),
                moments.slot_read.eq(
                    Mux(dump.busy, dump.slot, late("slot", rounds.slot, timing.write - READ_AHEAD - 1))
                ),
                moments.slot_write.eq(late("slot", rounds.slot, timing.write)),
                moments.dump_bit.eq(dump.bit),
            ]
            if owned:
                m.d.comb += [moments.inputs.eq(element.inputs[:owned]), moments.late.eq(late_bits)]
            dumped.append(moments.dumped)
        with m.If(dump.push):
            m.d.comb += [collector.data.eq(Cat(dumped)), collector.end.eq(dump.end)]


class _Delays:
    """Signals some clocks late; a chain of registers each, shared by all who ask."""

    def __init__(self, m: Module) -> None:
        self._m, self._chains = m, {}

    def __call__(self, name: str, value: Value, clocks: int) -> Value:
        chain: list[Value] = self._chains.setdefault(name, [value])
        while len(chain) <= clocks:
            delayed = Signal(len(value), name=f"{name}_{len(chain)}")
            self._m.d.sync += delayed.eq(chain[-1])
            chain.append(delayed)
        return chain[clocks]
