"""A processing element: one site per clock, with its coefficients and generators in block RAM.

See :mod:`thermofab.hw.host.systolic.timing` for what happens when.
"""

from collections.abc import Sequence
from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.systolic.format import CoefficientFormat, coefficient_format
from thermofab.hw.host.systolic.layout import Input
from thermofab.hw.host.systolic.program import Select
from thermofab.hw.host.systolic.timing import Timing, adder_levels
from thermofab.hw.rtl.common.datapath import high_bits, shift_bits, table_address
from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.systolic.field import FieldSum
from thermofab.hw.rtl.systolic.select import chosen
from thermofab.hw.spec import FabricSpec, generator


class Element(wiring.Component):
    """One element. Elements that find their neighbours alike are the same module. Each input is registered here once,
    and is given for the slot one clock before it is needed.

    Ports:
        program: the program word, for the slot at its tap stage.
        slot_tap, slot_draw, slot_store: slots one clock before those stages.
        step: generators step and are stored, one clock before the store stage.
        neighbour_b_k: the views that input b chooses from, at the gather stage.
        index, threshold: address to and threshold from the table memory.
        update, load: at the compare stage, sites take new states, or initial ones; clamped, initial: whether this
            one is clamped, and its initial state.
        write, value: to the ring, at its write stage.
        inputs: the neighbours' states, at the sum stage.
        host_slot, host_data, coefficient_write, seed_write: the host writes lanes of an entry; the third is there where
            no ``entries``, one a slot, are built in.
        factor_write, factor_states: strobes, one a factor, and the states of its other sites whose word is written.
        probe, neighbours: all neighbours' states are taken to be these.
        dump_bit, dumped: bit ``dump_bit`` of the field, and of the threshold above it, two clocks later.
        dither_mask: 2^shift - 1; extra_shift: shift - min_shift; see :mod:`thermofab.hw.rtl.common.datapath`.
    """

    def __init__(
        self,
        spec: FabricSpec,
        n_slots: int,
        timing: Timing,
        inputs: tuple[tuple[Input, Select], ...],
        program_bits: int,
        dump_bits: int,
        hierarchy: Hierarchy | None = None,
        entries: Sequence[int] | None = None,
        factors: Sequence[Sequence[int]] = (),
        factor_entries: Sequence[Sequence[int]] = (),
    ) -> None:
        self._spec, self._n_slots, self._timing, self._inputs = spec, n_slots, timing, inputs
        self._hierarchy, self._entries = hierarchy or InPlace(), entries
        self._factors, self._factor_entries = factors, factor_entries
        self._n_weights = len(inputs) - sum(map(len, factors))
        self._format: CoefficientFormat = coefficient_format(spec, self._n_weights)
        slot = (n_slots - 1).bit_length()
        ports: dict[str, Any] = {
            "program": In(max(1, program_bits)),
            "slot_tap": In(slot),
            "slot_draw": In(slot),
            "slot_store": In(slot),
            "step": In(1),
            "index": Out(spec.table_bits),
            "threshold": In(spec.threshold_bits),
            "update": In(1),
            "load": In(1),
            "clamped": In(1),
            "initial": In(1),
            "write": Out(1),
            "value": Out(1),
            "host_slot": In(slot),
            "host_data": In(32 if entries else self._format.lane_bits),
            "seed_write": In(generator(spec.rng).state_words),
            "probe": In(1),
            "dump_bit": In(dump_bits),
            "dumped": Out(1),
        }
        if not entries:
            ports["coefficient_write"] = In(self._format.lanes)
        if factors and not entries:
            ports |= {"factor_write": In(len(factors)), "factor_states": In(max(map(len, factors)))}
        if inputs:
            ports |= {"inputs": Out(len(inputs)), "neighbours": In(len(inputs))}
        for b, (wire, _) in enumerate(inputs):
            ports |= {f"neighbour_{b}_{k}": In(1) for k in range(len(wire.steps))}
        if spec.dither_bits:
            ports["dither_mask"] = In(spec.dither_bits)
        if shift_bits(spec):
            ports["extra_shift"] = In(shift_bits(spec))
        super().__init__(ports)

    def built_with(self) -> dict[str, object]:
        return {"inputs": len(self._inputs), "slots": self._n_slots}

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec = self._spec
        self._from_host(m)
        states = self._gather(m)
        weights, bias = self._coefficients(m)
        word, high = self._generator(m)
        field = self._field(m, states, weights, bias)

        dithered = Signal(signed(spec.field_bits), reset_less=True)
        offset = (word[: spec.dither_bits] & self.dither_mask) if spec.dither_bits else Const(0)
        m.d.sync += dithered.eq(field + offset)
        index = Signal(spec.table_bits, name="index_held", reset_less=True)
        m.d.sync += index.eq(table_address(m, spec, dithered, self.extra_shift if shift_bits(spec) else None))
        m.d.comb += self.index.eq(index)

        threshold = Signal(spec.threshold_bits, reset_less=True)
        chosen_bit = Signal.like(self.dump_bit, reset_less=True)
        m.d.sync += [
            chosen_bit.eq(self.dump_bit),
            self.dumped.eq(Cat(field, threshold).bit_select(chosen_bit, 1)),
        ]
        m.d.sync += [
            threshold.eq(self.threshold),
            self.value.eq(Mux(self.load, self.initial, high < threshold)),
            self.write.eq(self.load | (self.update & ~self.clamped)),
        ]
        return m

    def _from_host(self, m: Module) -> None:
        """What the host writes, registered beside the memories it goes to."""
        self._host_slot = Signal.like(self.host_slot, reset_less=True)
        self._host_data = Signal.like(self.host_data, reset_less=True)
        self._seeds = Signal.like(self.seed_write, name="seeds")
        self._seeding = Signal()
        m.d.sync += [
            self._host_slot.eq(self.host_slot),
            self._host_data.eq(self.host_data),
            self._seeds.eq(self.seed_write),
            self._seeding.eq(self.seed_write.any()),
        ]

    def _gather(self, m: Module) -> list[Value]:
        """The neighbours' states at the sum stage."""
        program = Signal.like(self.program, reset_less=True)
        m.d.sync += program.eq(self.program)
        states, self._coming = [], []
        for b, (wire, select) in enumerate(self._inputs):
            options = [getattr(self, f"neighbour_{b}_{k}") for k in range(len(wire.steps))]
            state = Signal(name=f"state_{b}", reset_less=True)
            coming = Mux(self.probe, self.neighbours[b], chosen(options, select, program))
            m.d.sync += state.eq(coming)
            self._coming.append(coming)
            states.append(state)
        if states:
            m.d.comb += self.inputs.eq(Cat(states))
        return states

    def _coefficients(self, m: Module) -> tuple[list[Any], Any]:
        """Weights and bias at the sum stage, from memory that the host writes, or from read-only memory."""
        layout = self._format
        memory = m.submodules.coefficients = Memory(
            shape=unsigned(layout.lanes * layout.lane_bits), depth=self._n_slots, init=list(self._entries or ())
        )
        if not self._entries:
            lanes = Signal.like(self.coefficient_write, name="lanes")
            write = memory.write_port(granularity=layout.lane_bits)
            m.d.sync += lanes.eq(self.coefficient_write)
            m.d.comb += [
                write.addr.eq(self._host_slot),
                write.data.eq(self._host_data.replicate(layout.lanes)),
                write.en.eq(lanes),
            ]
        read = memory.read_port()
        address = Signal.like(self.slot_tap, name="address", reset_less=True)
        entry = Signal(layout.bits, name="entry", reset_less=True)
        self._tapped = address
        m.d.sync += [address.eq(self.slot_tap), entry.eq(read.data)]
        m.d.comb += read.addr.eq(address)
        bits = self._spec.weight_bits
        weights = [entry.word_select(b, bits).as_signed() for b in range(self._n_weights)]
        return weights, entry[layout.bias_at :].as_signed()

    def _generator(self, m: Module) -> tuple[Value, Value]:
        """The random word at the field stage, and its high bits at the compare stage."""
        spec = self._spec
        rng = generator(spec.rng)
        bits = 32 * rng.state_words
        memory = m.submodules.generators = Memory(shape=unsigned(bits), depth=self._n_slots, init=[])
        write, read = memory.write_port(granularity=32), memory.read_port()
        draw = Signal.like(self.slot_draw, reset_less=True)
        store, step = Signal.like(self.slot_store, reset_less=True, name="store"), Signal(name="step")
        state = Signal(bits, name="generator_state", reset_less=True)
        m.d.sync += [draw.eq(self.slot_draw), store.eq(self.slot_store), step.eq(self.step), state.eq(read.data)]
        name = spec.rng.replace("+", "p")
        logic = self._hierarchy.add(m, "generator", name, lambda: rng.create(spec.word_bits), clocked=False)
        m.d.comb += [
            read.addr.eq(draw),
            logic.state.eq(state),
            write.addr.eq(Mux(self._seeding, self._host_slot, store)),
            write.data.eq(Mux(self._seeding, self._host_data[:32].replicate(rng.state_words), logic.next)),
            write.en.eq(self._seeds | step.replicate(rng.state_words)),
        ]
        word = Signal(spec.word_bits, reset_less=True)
        m.d.sync += word.eq(logic.word)
        high = high_bits(spec, word)
        for k in range(self._timing.compare - self._timing.field):
            delayed = Signal(spec.threshold_bits, name=f"high_{k}", reset_less=True)
            m.d.sync += delayed.eq(high)
            high = delayed
        return word, high

    def _field(self, m: Module, states: list[Value], weights: list[Value], bias: Value) -> Value:
        """F, from the sum stage to the field stage."""
        spec = self._spec
        factors = len(self._factors)
        field = self._hierarchy.add(
            m, "field_sum", f"field{self._n_weights}" + (f"_factor{factors}" if factors else ""),
            lambda: FieldSum(self._n_weights, spec.weight_bits, spec.bias_bits, spec.field_bits, factors),
            clocked=adder_levels(self._n_weights, factors) > 0,
        )  # fmt: skip
        for k, added in enumerate(self._added(m)):
            m.d.comb += getattr(field, f"factor_{k}").eq(added)
        m.d.comb += [field.bias.eq(bias), *(getattr(field, f"weight_{k}").eq(w) for k, w in enumerate(weights))]
        if self._n_weights:
            m.d.comb += field.states.eq(Cat(states[: self._n_weights]))
        return field.field

    def _added(self, m: Module) -> list[Value]:
        """What the factors add, a clock after the sum stage: each a memory, of a word for all states of the other sites
        in every slot."""
        bits, added = self._spec.weight_bits + 1, []
        slot = Signal.like(self._tapped, name="slot_gather", reset_less=True)
        if self._factors:
            m.d.sync += slot.eq(self._tapped)
        for k, places in enumerate(self._factors):
            entries = self._factor_entries[k] if self._entries else ()
            memory = m.submodules[f"factor_{k}"] = Memory(
                shape=unsigned(bits), depth=self._n_slots << len(places), init=list(entries)
            )
            read, word = memory.read_port(), Signal(signed(bits), name=f"added_{k}", reset_less=True)
            m.d.comb += read.addr.eq(Cat(*(self._coming[place] for place in places), slot))
            m.d.sync += word.eq(read.data)
            added.append(word)
            if not self._entries:
                write, strobe = memory.write_port(), Signal(name=f"write_{k}")
                states = Signal.like(self.factor_states, name=f"states_{k}")
                m.d.sync += [strobe.eq(self.factor_write[k]), states.eq(self.factor_states)]
                m.d.comb += [
                    write.addr.eq(Cat(states[: len(places)], self._host_slot)),
                    write.data.eq(self._host_data[:bits]),
                    write.en.eq(strobe & (states >> len(places) == 0)),
                ]
        return added
