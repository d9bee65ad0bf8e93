"""The register bus of a dense fabric: decodes addresses, keeps the simple registers, guards a run, remembers errors.

The bus inputs are registered. With ``bus_write`` high in clock k, the write takes effect at the end of clock k+1, or
for arrays of memories one clock later; with ``bus_read`` high in clock k, the data are on ``bus_read_data`` from clock
k+2 on, until those of the next read. Both may be high in every clock.

Registers that are fixed when the fabric is built are words of a block RAM, which is addressed on the way in.
"""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.dense.registers import dense_register_map, padded
from thermofab.hw.rtl.common.bus import kept_ports
from thermofab.hw.rtl.common.decoder import Decoder
from thermofab.hw.rtl.common.interfaces import Array, Bus, RunPorts, bus_signature, run_signature
from thermofab.hw.rtl.common.phases import phase_ports, phases_of
from thermofab.hw.spec import FabricSpec, generator

# Arrays that are written, and their strobes.
WRITTEN = ("STATES", "CLAMPS", "ORDER", "BASES", "WEIGHTS", "TABLES")
MOMENTS = ("MOMENTS_SITES", "MOMENTS_EDGES")


class DenseHost(wiring.Component):
    """The host's side of a dense fabric.

    Ports:
        bus: the bus; run: the run, and the settings that are its; full: a counter of moments was full.
        clear_moments: a strobe.
        shift, stream, last: registers it holds besides.
        states_write, …: strobes of accepted writes; seed_write: one strobe per word; index, data: entry and word.
        phase_sweeps, phase_level, phase_mask: the phases, which live elsewhere.
        read, at_edges, read_index, moments_read: a read, of which counter of moments; the counter, a clock later.
    """

    bus: Bus
    run: RunPorts
    phase_sweeps: Array
    phase_level: Array
    phase_mask: Array

    def __init__(self, spec: FabricSpec) -> None:
        self._map = dense_register_map(spec)
        self._written = [name for name in WRITTEN if name in self._map.names]
        self._moments = [name for name in MOMENTS if name in self._map.names]
        self._seeds = generator(spec.rng).state_words
        widest = max(self._map[name].index_bits for name in (*self._written, "SEED", "PHASE_SWEEPS"))
        ports: dict[str, Any] = {
            "bus": In(bus_signature(self._map.address_bits)),
            "run": Out(run_signature(spec)),
            "full": In(1),
            "clear_moments": Out(1),
            **kept_ports(self._map),
            **{f"{name.lower()}_write": Out(1) for name in self._written},
            "seed_write": Out(self._seeds),
            **phase_ports(Out),
            "index": Out(widest),
            "data": Out(32),
        }
        if self._moments:
            reach = max(self._map[name].index_bits for name in self._moments)
            ports |= {"read": Out(1), "at_edges": Out(1), "read_index": Out(max(1, reach)), "moments_read": In(32)}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        self._decoder = decoder = Decoder(m, self._map, self, ahead=True, by_bits=True)
        hits, address = decoder.hits, decoder.address
        write = decoder.accepted()
        start_asked = decoder.control(self.clear_moments)
        decoder.keep(lambda name: write & hits[name])
        m.d.sync += [self.index.eq(address), self.data.eq(decoder.data)]
        for name in self._written:
            m.d.sync += getattr(self, f"{name.lower()}_write").eq(write & hits[name])
        for name, array in phases_of(self).items():
            m.d.sync += array.write.eq(write & hits[name])
            m.d.comb += [array.index.eq(self.index), array.write_data.eq(self.data)]
        seed_word = address[: (self._seeds - 1).bit_length()]
        m.d.sync += self.seed_write.eq(Cat(write & hits["SEED"] & (seed_word == k) for k in range(self._seeds)))
        self._read(m, decoder.errors(start_asked, self.full))
        return m

    def _constants(self, m: Module) -> tuple[Value, list[str]]:
        """What a fixed register holds, in the clock after its address was on the bus; and the names of those."""
        fixed = [register for register in self._map.registers if register.constant is not None]
        words = [0] * padded(max(register.base + register.count for register in fixed))
        for register in fixed:
            assert register.constant is not None
            words[register.base : register.base + register.count] = register.constant
        memory = m.submodules.constants = Memory(shape=32, depth=len(words), init=words, attrs={"ram_style": "block"})
        read = memory.read_port()
        m.d.comb += read.addr.eq(self.bus.address)
        return read.data, [register.name for register in fixed]

    def _read(self, m: Module, errors: Value) -> None:
        """Registers kept here are stored at the read; counters of moments come a clock later from where they are."""
        decoder, hits = self._decoder, self._decoder.hits
        fixed, names = self._constants(m)
        at_fixed, stored = Signal(name="at_fixed"), Signal(32, name="stored")
        m.d.comb += at_fixed.eq(Cat(hits[name] for name in names).any())
        with m.If(decoder.reading):
            m.d.sync += stored.eq(
                decoder.gathered(decoder.words(decoder.shown(errors)), fixed & at_fixed.replicate(32))
            )
        if not self._moments:
            m.d.comb += self.bus.read_data.eq(stored)
            return
        coming = Signal()
        at_moments = Cat(hits[name] for name in self._moments).any()
        m.d.comb += [
            self.read.eq(decoder.reading & at_moments),
            self.at_edges.eq(hits.get("MOMENTS_EDGES", 0)),
            self.bus.read_data.eq(Mux(coming, self.moments_read, stored)),
        ]
        for name in self._moments:
            with m.If(hits[name]):
                m.d.comb += self.read_index.eq(decoder.address[: self._map[name].index_bits])
        m.d.sync += coming.eq(decoder.reading & at_moments)
        with m.If(coming & ~decoder.reading):
            m.d.sync += stored.eq(self.moments_read)
