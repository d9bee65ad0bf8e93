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
from thermofab.hw.rtl.common.bus import kept_ports
from thermofab.hw.rtl.common.decoder import Decoder, constants
from thermofab.hw.rtl.common.interfaces import Bus, RunPorts, bus_signature, run_signature
from thermofab.hw.spec import FabricSpec, Image, generator


class SystolicHost(wiring.Component):
    """The host's side of a systolic fabric.

    Ports:
        bus: the bus; run: the run, and the settings that are its; counter_full: a strobe, flagged.
        clear, restate: strobes; dump: of counters, fields and tables, one at a time.
        shift, stream, extra, neighbours: registers it holds besides.
        phase_write: strobes of sweeps, level and mask of phase ``phase_index``; phase_index: its number.
        bits_write: a strobe for each word of states or clamps; bits_index: the entry, in banks of clamps, then states;
            bits_data: the word. They go with the access itself, so that a read sees the write of the clock before.
        bits: what the memory of states and clamps holds at ``bits_index``, a clock later.
        element: one-hot; slot: of that element.
        coefficient_write, seed_write: strobes, a lane or a word each; the first where coefficients are loaded.
        factor_write: strobes, one a factor of that element and slot; factor_states: which of its words.
        table_write: a strobe; index: the entry of the tables.
        data: the word written; wide_data: that and ``extra`` above it.
    """

    bus: Bus
    run: RunPorts

    def __init__(self, spec: FabricSpec, image: Image | None = None) -> None:
        self._spec, self._map, self._layout = spec, systolic_register_map(spec, image), layout_of(spec)
        self._loads = image is None
        self._format = coefficient_format(spec, self._layout.n_weights)
        slot = (self._layout.n_slots - 1).bit_length()
        self._seeds, words = generator(spec.rng).state_words, element_words(self._layout.n_elements)
        ports: dict[str, Any] = {
            "bus": In(bus_signature(self._map.address_bits)),
            "run": Out(run_signature(spec)),
            "counter_full": In(1),
            "clear": Out(1),
            "dump": Out(3),
            "restate": Out(1),
            **kept_ports(self._map),
            **({"neighbours": Out(self._layout.n_inputs)} if self._layout.n_inputs else {}),
            "phase_write": Out(3),
            "phase_index": Out((rm.PHASE_SLOTS - 1).bit_length()),
            "bits_write": Out(words),
            "bits_index": Out(slot + 2),
            "bits_data": Out(32),
            "bits": In(self._layout.n_elements),
            "element": Out(self._layout.n_elements),
            "slot": Out(slot),
            **({"coefficient_write": Out(self._format.lanes)} if self._loads else {}),
            "seed_write": Out(self._seeds),
            "table_write": Out(1),
            "index": Out((spec.levels * spec.table_size - 1).bit_length()),
            "data": Out(32),
            "wide_data": Out(self._format.lane_bits if self._loads else 32),
        }
        if self._loads and self._layout.n_factors:
            ports |= {"factor_write": Out(self._layout.n_factors), "factor_states": Out(self._layout.factor_states)}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        self._decoder = decoder = Decoder(m, self._map, self, ahead=True)
        hits, data = decoder.hits, decoder.data
        write = decoder.accepted()
        control = decoder.writing & hits["CONTROL"]
        idle = ~self.run.busy & ~data[1]
        m.d.comb += [
            self.run.start.eq(control & data[0] & idle),
            self.run.abort.eq(control & data[1]),
            self.clear.eq(control & data[2] & idle),
            self.dump.eq(Mux(control & ~data[0] & idle, data[3:6] & (~data[3:6] + 1), 0)),
        ]
        decoder.keep(lambda name: write & hits[name])
        if self._layout.n_inputs:
            register = self._map["NEIGHBOURS"]
            for k in range(register.count):
                held = self.neighbours[32 * k : 32 * k + 32]
                here = decoder.address[: register.index_bits] == k if register.count > 1 else Const(1)
                with m.If(write & hits["NEIGHBOURS"] & here):
                    m.d.sync += held.eq(data)
        self._arrays(m, write)
        asked = hits["CONTROL"] & (data[0] | data[2] | data[3:6].any())
        self._read(m, decoder.errors(asked, self.counter_full))
        return m

    def _read(self, m: Module, errors: Value) -> None:
        """Registers kept here are stored at the read; states and clamps come from their memory a clock later, and are
        stored then."""
        decoder = self._decoder
        words = element_words(self._layout.n_elements)
        own = {"NEIGHBOURS": self.neighbours} if self._layout.n_inputs else {}
        stored, remote = Signal(32, name="stored"), Signal(words, name="remote")
        m.d.sync += [stored.eq(self.bus.read_data), remote.eq(0)]
        with m.If(decoder.reading):
            decoder.choose(stored, decoder.words(decoder.shown(errors, **own) | constants(self._map)))
            at_bits = (decoder.hits["STATES"] | decoder.hits["CLAMPS"]) & ~self.run.busy
            m.d.sync += remote.eq(Cat(at_bits & self._is_word(k) for k in range(words)))
        found: Value = stored
        for k in range(words):
            word = self.bits[32 * k : 32 * k + 32]
            found = found | (word & remote[k].replicate(len(word)))
        m.d.comb += self.bus.read_data.eq(found)

    def _is_word(self, k: int) -> Any:
        """The word of states or clamps addressed is number ``k`` of its slot; both have it in the lowest bits."""
        (low, bits) = fields(self._layout.n_slots, element_words(self._layout.n_elements))[1]
        return self._decoder.address[low : low + bits] == k if bits else Const(1)

    def _indices(self, *sizes: int) -> list[Any]:
        """The indices that make up the index of the array addressed; constant where there is only one."""
        return [self._decoder.address[low : low + bits] if bits else Const(0, 1) for low, bits in fields(*sizes)]

    def _arrays(self, m: Module, write: Value) -> None:
        """Strobes, indices and data for the memories, registered for the way to them."""
        layout, lanes = self._layout, self._format
        address, data, hits = self._decoder.address, self._decoder.data, self._decoder.hits
        words = element_words(layout.n_elements)

        def strobes(name: str, which: Any, count: int) -> Any:
            return Cat(write & hits[name] & ((which == k) if count > 1 else Const(1)) for k in range(count))

        state_slot, _ = self._indices(layout.n_slots, words)
        mask, clamp_slot, _ = self._indices(CLAMP_MASKS, layout.n_slots, words)
        element, slot, lane = self._indices(layout.n_elements, layout.n_slots, lanes.lanes)
        seed_element, seed_slot, seed_word = self._indices(layout.n_elements, layout.n_slots, self._seeds)
        seeding = hits["SEED"]
        at_bits = write & (hits["STATES"] | hits["CLAMPS"])
        m.d.comb += [
            self.bits_write.eq(Cat(at_bits & self._is_word(k) for k in range(words))),
            self.bits_index.eq(
                Mux(
                    hits["STATES"],
                    Cat(state_slot[: len(self.slot)], Const(CLAMP_MASKS, 2)),
                    Cat(clamp_slot[: len(self.slot)], mask, Const(0, 1)),
                )
            ),
            self.bits_data.eq(data),
        ]
        wanted = Mux(seeding, seed_element, element) if self._loads else seed_element
        m.d.sync += [
            self.restate.eq(write & hits["STATES"]),
            self.phase_write.eq(Cat(write & hits[f"PHASE_{name}"] for name in ("SWEEPS", "LEVEL", "MASK"))),
            self.phase_index.eq(address),
            self.element.eq(Cat(wanted == k for k in range(layout.n_elements))),
            self.slot.eq(Mux(seeding, seed_slot, slot) if self._loads else seed_slot),
            self.seed_write.eq(strobes("SEED", seed_word, self._seeds)),
            self.table_write.eq(write & hits["TABLES"]),
            self.index.eq(address),
            self.data.eq(data),
            self.wide_data.eq(Cat(data, self.extra) if self._loads else data),
        ]
        if self._loads and layout.n_factors:
            shape = (layout.n_elements, layout.n_slots, layout.n_factors, 1 << layout.factor_states)
            element, slot, factor, states = self._indices(*shape)
            with m.If(hits["FACTORS"]):
                m.d.sync += [
                    self.element.eq(Cat(element == k for k in range(layout.n_elements))),
                    self.slot.eq(slot),
                ]
            m.d.sync += [
                self.factor_write.eq(strobes("FACTORS", factor, layout.n_factors)),
                self.factor_states.eq(states),
            ]
        if self._loads:
            m.d.sync += self.coefficient_write.eq(strobes("ENTRIES", lane, lanes.lanes))
