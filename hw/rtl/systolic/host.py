"""The register bus of a systolic fabric: as :mod:`thermofab.hw.rtl.spatial.host`, with arrays that live in block RAMs.

The bus inputs are registered. With ``bus_write`` high in clock k, the write takes effect at the end of clock k+1, or
for arrays of memories one clock later; with ``bus_read`` high in clock k, the data are on ``bus_read_data`` from clock
k+2 on, until those of the next read. Both may be high in every clock.
"""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.host import registers as rm
from thermofab.hw.host.systolic.format import coefficient_format
from thermofab.hw.host.systolic.registers import CLAMP_MASKS, element_words, fields, systolic_register_map
from thermofab.hw.host.systolic.timing import layout_of
from thermofab.hw.rtl.common.bus import constants, is_at, kept_ports, kept_signals, of_access, out_of_range, run_values
from thermofab.hw.rtl.common.interfaces import Bus, Run, bus_signature, run_signature
from thermofab.hw.spec import FabricSpec, generator


class SystolicHost(wiring.Component):
    """The host's side of a systolic fabric.

    Ports:
        bus: the bus; run: the run, and the settings that are its; counter_full: a strobe, flagged.
        clear, dump, restate: strobes.
        shift, stream, extra: registers it holds besides.
        phase_write: strobes of sweeps, level and mask of phase ``phase_index``; phase_index: its number.
        bits_write: a strobe for each word of states or clamps; bits_index: the entry, in banks of clamps, then states.
        element: one-hot; slot: of that element; coefficient_write, seed_write: strobes, a lane or a word each.
        table_write: a strobe; index: the entry of the tables.
        data: the word written; wide_data: that and ``extra`` above it.
    """

    bus: Bus
    run: Run

    def __init__(self, spec: FabricSpec) -> None:
        self._spec, self._map, self._layout = spec, systolic_register_map(spec), layout_of(spec)
        self._format = coefficient_format(spec, self._layout.n_inputs)
        slot = (self._layout.n_slots - 1).bit_length()
        self._seeds, words = generator(spec.rng).state_words, element_words(self._layout.n_elements)
        ports: dict[str, Any] = {
            "bus": In(bus_signature(self._map.address_bits)),
            "run": Out(run_signature(spec)),
            "counter_full": In(1),
            "clear": Out(1),
            "dump": Out(1),
            "restate": Out(1),
            **kept_ports(self._map),
            "phase_write": Out(3),
            "phase_index": Out((rm.PHASE_SLOTS - 1).bit_length()),
            "bits_write": Out(words),
            "bits_index": Out(slot + 2),
            "element": Out(self._layout.n_elements),
            "slot": Out(slot),
            "coefficient_write": Out(self._format.lanes),
            "seed_write": Out(self._seeds),
            "table_write": Out(1),
            "index": Out((spec.levels * spec.table_size - 1).bit_length()),
            "data": Out(32),
            "wide_data": Out(self._format.lane_bits),
        }
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        self._address, data = Signal(len(self.bus.address), name="address"), Signal(32)
        writing, reading = Signal(), Signal()
        m.d.sync += [
            self._address.eq(self.bus.address),
            data.eq(self.bus.write_data),
            writing.eq(self.bus.write),
            reading.eq(self.bus.read),
        ]
        hits, groups = self._decode(m)
        readable, writable, locked = groups
        bad_value, write = self._out_of_range(m, hits), Signal()
        control = writing & hits["CONTROL"]
        starting = hits["CONTROL"] & (data[0] | data[2] | data[3])
        idle = ~self.run.busy & ~data[1]
        m.d.comb += [
            write.eq(writing & ~(locked & self.run.busy) & ~bad_value),
            self.run.start.eq(control & data[0] & idle),
            self.run.abort.eq(control & data[1]),
            self.clear.eq(control & data[2] & idle),
            self.dump.eq(control & data[3] & ~data[0] & idle),
        ]
        for name, held in kept_signals(self, self._map).items():
            with m.If(write & hits[name]):
                m.d.sync += held.eq(data[: len(held)])
        self._arrays(m, write, hits, data)

        errors = Signal(4)
        raised = Cat(
            writing & self.run.busy & (locked | (starting & ~data[1])),
            (writing & ~writable) | (reading & ~readable),
            writing & bad_value,
            self.counter_full,
        )
        m.d.sync += errors.eq((errors & ~Mux(writing & hits["ERRORS"], data[:4], 0)) | raised)
        self._read(m, reading, hits, errors)
        return m

    def _decode(self, m: Module) -> tuple[dict[str, Signal], list[Signal]]:
        """Which register is addressed, and whether it can be read, written, and is locked: decoded on the way in, so
        that they are registers themselves.
        """
        now = {register.name: is_at(register, self.bus.address) for register in self._map.registers}
        hits = {name: Signal(name=f"at_{name.lower()}") for name in now}
        m.d.sync += [hits[name].eq(inside) for name, inside in now.items()]
        groups = [Signal(name=name) for name in ("readable", "writable", "locked")]
        m.d.sync += [group.eq(chosen) for group, chosen in zip(groups, of_access(self._map, now))]
        return hits, groups

    def _out_of_range(self, m: Module, hits: dict[str, Signal]) -> Signal:
        """The value written is not one the register addressed can take; compared on the way in."""
        data, bad = self.bus.write_data, Signal()
        wrong = []
        for register in self._map.registers:
            if "W" in register.access and (beyond := out_of_range(register, data)) is not None:
                held = Signal(name=f"outside_{register.name.lower()}")
                m.d.sync += held.eq(beyond)
                wrong.append(held & hits[register.name])
        m.d.comb += bad.eq(Cat(wrong).any())
        return bad

    def _indices(self, *sizes: int) -> list[Any]:
        """The indices that make up the index of the array addressed; constant where there is only one."""
        return [self._address[low : low + bits] if bits else Const(0, 1) for low, bits in fields(*sizes)]

    def _arrays(self, m: Module, write: Value, hits: dict[str, Signal], data: Value) -> None:
        """Strobes, indices and data for the memories, registered for the way to them."""
        layout, lanes = self._layout, self._format
        words = element_words(layout.n_elements)

        def strobes(name: str, which: Any, count: int) -> Any:
            return Cat(write & hits[name] & ((which == k) if count > 1 else Const(1)) for k in range(count))

        state_slot, state_word = self._indices(layout.n_slots, words)
        mask, clamp_slot, clamp_word = self._indices(CLAMP_MASKS, layout.n_slots, words)
        element, slot, lane = self._indices(layout.n_elements, layout.n_slots, lanes.lanes)
        seed_element, seed_slot, seed_word = self._indices(layout.n_elements, layout.n_slots, self._seeds)
        seeding = hits["SEED"]
        wanted = Mux(seeding, seed_element, element)
        m.d.sync += [
            self.restate.eq(write & hits["STATES"]),
            self.phase_write.eq(Cat(write & hits[f"PHASE_{name}"] for name in ("SWEEPS", "LEVEL", "MASK"))),
            self.phase_index.eq(self._address),
            self.bits_write.eq(strobes("STATES", state_word, words) | strobes("CLAMPS", clamp_word, words)),
            self.bits_index.eq(
                Mux(
                    hits["STATES"],
                    Cat(state_slot[: len(self.slot)], Const(CLAMP_MASKS, 2)),
                    Cat(clamp_slot[: len(self.slot)], mask, Const(0, 1)),
                )
            ),
            self.element.eq(Cat(wanted == k for k in range(layout.n_elements))),
            self.slot.eq(Mux(seeding, seed_slot, slot)),
            self.coefficient_write.eq(strobes("ENTRIES", lane, lanes.lanes)),
            self.seed_write.eq(strobes("SEED", seed_word, self._seeds)),
            self.table_write.eq(write & hits["TABLES"]),
            self.index.eq(self._address),
            self.data.eq(data),
            self.wide_data.eq(Cat(data, self.extra)),
        ]

    def _read(self, m: Module, reading: Value, hits: dict[str, Signal], errors: Value) -> None:
        shown: dict[str, Any] = {
            **run_values(self.run),
            "ERRORS": errors,
            **kept_signals(self, self._map),
            **constants(self._map),
        }
        with m.If(reading):
            m.d.sync += self.bus.read_data.eq(0)
            for name, value in shown.items():
                register = self._map[name]
                with m.If(hits[name]):
                    index = self._address[: register.index_bits]
                    m.d.sync += self.bus.read_data.eq(value.word_select(index, 32) if register.count > 1 else value)
