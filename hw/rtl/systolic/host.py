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
from thermofab.hw.rtl.common.bus import bus_ports, constants, is_at, kept_ports, of_access, out_of_range
from thermofab.hw.spec import FabricSpec, generator


class SystolicHost(wiring.Component):
    """The host's side of a systolic fabric.

    Ports:
        bus_…: the bus.
        busy, done, aborted, cycles, stalls, sweeps: shown to the host; counter_full: a strobe, flagged.
        start, abort, clear, dump, restate: strobes.
        shift, phases, samples, steps, level, mask, stream: registers it holds.
        phase_write: sweeps, level, mask; phase_index.
        bits_write, bits_index: a word of states or clamps: a strobe a word; the entry, in banks of clamps, then states.
        element: one-hot; slot; coefficient_write, seed_write: strobes a lane. table_write; index; data, wide_data.
    """

    def __init__(self, spec: FabricSpec) -> None:
        self._spec, self._map, self._layout = spec, systolic_register_map(spec), layout_of(spec)
        self._format = coefficient_format(spec, self._layout.n_inputs)
        slot = (self._layout.n_slots - 1).bit_length()
        self._seeds, words = generator(spec.rng).state_words, element_words(self._layout.n_elements)
        ports: dict[str, Any] = {
            **bus_ports(self._map.address_bits),
            **{name: In(1) for name in ("busy", "done", "aborted", "counter_full")},
            "cycles": In(64),
            "stalls": In(32),
            "sweeps": In(32),
            **{name: Out(1) for name in ("start", "abort", "clear", "dump", "restate")},
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
        ports: Any = self
        self._address, data = Signal(len(ports.bus_address), name="address"), Signal(32)
        writing, reading = Signal(), Signal()
        m.d.sync += [
            self._address.eq(ports.bus_address),
            data.eq(ports.bus_write_data),
            writing.eq(ports.bus_write),
            reading.eq(ports.bus_read),
        ]
        hits, groups = self._decode(m)
        readable, writable, locked = groups
        bad_value, write = self._out_of_range(m, hits), Signal()
        control = writing & hits["CONTROL"]
        starting = hits["CONTROL"] & (data[0] | data[2] | data[3])
        idle = ~ports.busy & ~data[1]
        m.d.comb += [
            write.eq(writing & ~(locked & ports.busy) & ~bad_value),
            ports.start.eq(control & data[0] & idle),
            ports.abort.eq(control & data[1]),
            ports.clear.eq(control & data[2] & idle),
            ports.dump.eq(control & data[3] & ~data[0] & idle),
        ]
        for register in self._map.kept:
            with m.If(write & hits[register.name]):
                m.d.sync += getattr(ports, register.name.lower()).eq(data[: register.width])
        self._arrays(m, write, hits, data)

        errors = Signal(4)
        raised = Cat(
            writing & ports.busy & (locked | (starting & ~data[1])),
            (writing & ~writable) | (reading & ~readable),
            writing & bad_value,
            ports.counter_full,
        )
        m.d.sync += errors.eq((errors & ~Mux(writing & hits["ERRORS"], data[:4], 0)) | raised)
        self._read(m, reading, hits, errors)
        return m

    def _decode(self, m: Module) -> tuple[dict[str, Signal], list[Signal]]:
        """Which register is addressed, and whether it can be read, written, and is locked: decoded on the way in, so
        that they are registers themselves.
        """
        ports: Any = self
        now = {register.name: is_at(register, ports.bus_address) for register in self._map.registers}
        hits = {name: Signal(name=f"at_{name.lower()}") for name in now}
        m.d.sync += [hits[name].eq(inside) for name, inside in now.items()]
        groups = [Signal(name=name) for name in ("readable", "writable", "locked")]
        m.d.sync += [group.eq(chosen) for group, chosen in zip(groups, of_access(self._map, now))]
        return hits, groups

    def _out_of_range(self, m: Module, hits: dict[str, Signal]) -> Signal:
        """The value written is not one the register addressed can take; compared on the way in."""
        ports: Any = self
        data, bad = ports.bus_write_data, Signal()
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
        ports: Any = self
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
            ports.restate.eq(write & hits["STATES"]),
            ports.phase_write.eq(Cat(write & hits[f"PHASE_{name}"] for name in ("SWEEPS", "LEVEL", "MASK"))),
            ports.phase_index.eq(self._address),
            ports.bits_write.eq(strobes("STATES", state_word, words) | strobes("CLAMPS", clamp_word, words)),
            ports.bits_index.eq(
                Mux(
                    hits["STATES"],
                    Cat(state_slot[: len(ports.slot)], Const(CLAMP_MASKS, 2)),
                    Cat(clamp_slot[: len(ports.slot)], mask, Const(0, 1)),
                )
            ),
            ports.element.eq(Cat(wanted == k for k in range(layout.n_elements))),
            ports.slot.eq(Mux(seeding, seed_slot, slot)),
            ports.coefficient_write.eq(strobes("ENTRIES", lane, lanes.lanes)),
            ports.seed_write.eq(strobes("SEED", seed_word, self._seeds)),
            ports.table_write.eq(write & hits["TABLES"]),
            ports.index.eq(self._address),
            ports.data.eq(data),
            ports.wide_data.eq(Cat(data, ports.extra)),
        ]

    def _read(self, m: Module, reading: Value, hits: dict[str, Signal], errors: Value) -> None:
        ports: Any = self
        shown: dict[str, Any] = {
            "STATUS": Cat(ports.busy, ports.done, ports.aborted),
            "ERRORS": errors,
            "CYCLES": ports.cycles,
            "STALLS": ports.stalls,
            "SWEEPS": ports.sweeps,
            **{register.name: getattr(ports, register.name.lower()) for register in self._map.kept},
            **constants(self._map),
        }
        with m.If(reading):
            m.d.sync += ports.bus_read_data.eq(0)
            for name, value in shown.items():
                register = self._map[name]
                with m.If(hits[name]):
                    index = self._address[: register.index_bits]
                    m.d.sync += ports.bus_read_data.eq(value.word_select(index, 32) if register.count > 1 else value)
