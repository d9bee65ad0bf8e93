"""The register bus: decodes addresses, keeps the simple registers, guards a run, and remembers errors.

The bus inputs are registered. With ``bus_write`` high in clock k, the write takes effect at the end of clock k+1; with
``bus_read`` high in clock k, the data are on ``bus_read_data`` from clock k+2 on, until those of the next read. Both
may be high in every clock, and a read sees all writes of earlier clocks.
"""

from typing import Any

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.spatial.registers import spatial_register_map
from thermofab.hw.rtl.common.bus import kept_ports
from thermofab.hw.rtl.common.decoder import Decoder, constants
from thermofab.hw.rtl.common.interfaces import Array, Bus, RunPorts, array_signature, bus_signature, run_signature
from thermofab.hw.spec import FabricSpec, Image

# Arrays that live in memories elsewhere: their data arrive a clock after the read by themselves.
REMOTE = (
    *("WEIGHTS", "BIASES", "FACTORS", "TABLES"),
    *("PHASE_SWEEPS", "PHASE_LEVEL", "PHASE_MASK", "MOMENTS_SITES", "MOMENTS_EDGES"),
)
LATE = ("FACTORS", "TABLES", "MOMENTS_SITES", "MOMENTS_EDGES")  # of these, those in block RAM


class HostBus(wiring.Component):
    """The host's side of a fabric.

    Ports:
        bus: the bus; run: the run, and the settings that are its.
        state: ``[N]``, shown to the host.
        full: a counter of moments was full.
        shift, stream, clamps: registers it holds besides.
        clear_moments: a strobe.
        write_data: the data of a write; seed_write, states_write: strobes of accepted ones, of states one a word.
        weights, biases, factors, tables, phase_…, moments_…: arrays that live elsewhere.
        at_edges: the address is one of MOMENTS_EDGES.
    """

    bus: Bus
    run: RunPorts

    def __init__(self, spec: FabricSpec, image: Image | None = None) -> None:
        self._spec, self._map = spec, spatial_register_map(spec, image)
        self._remote = [name for name in REMOTE if name in self._map.names]
        ports: dict[str, Any] = {
            "bus": In(bus_signature(self._map.address_bits)),
            "run": Out(run_signature(spec)),
            "state": In(spec.n_sites),
            "full": In(1),
            "clamps": Out(2 * spec.n_sites),
            "clear_moments": Out(1),
            "at_edges": Out(1),
            "write_data": Out(32),
            "seed_write": Out(1),
            "states_write": Out(self._map["STATES"].count),
        }
        ports |= kept_ports(self._map)
        ports |= {name.lower(): Out(array_signature(self._map[name].count)) for name in self._remote}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        self._decoder = decoder = Decoder(m, self._map, self)
        hits, data = decoder.hits, decoder.data
        write = decoder.accepted()
        start_asked = decoder.control(self.clear_moments)
        m.d.comb += [
            self.seed_write.eq(write & hits["SEED"]),
            self.write_data.eq(data),
            self.at_edges.eq(hits.get("MOMENTS_EDGES", 0)),
        ]
        decoder.keep(lambda name: write & hits[name])
        for name, array in self._arrays().items():
            m.d.comb += [
                array.index.eq(decoder.address),
                array.read.eq(decoder.reading),
                array.write_data.eq(data),
            ]
            if self._map[name].access != "R":
                m.d.comb += array.write.eq(write & hits[name])
        self._bit_arrays(m, write)
        self._read(m, decoder.errors(start_asked, self.full))
        return m

    def _arrays(self) -> dict[str, Array]:
        """The arrays that live elsewhere, by register."""
        return {name: getattr(self, name.lower()) for name in self._remote}

    def _bit_arrays(self, m: Module, write: Value) -> None:
        """CLAMPS is kept here; STATES are the sites' own, loaded 32 at a time."""
        hits, data = self._decoder.hits, self._decoder.data
        for k in range(self._map["STATES"].count):
            m.d.comb += self.states_write[k].eq(write & hits["STATES"] & self._entry("STATES", k))
        n = self._spec.n_sites
        for k in range(self._map["CLAMPS"].count):
            mask, first = divmod(32 * k, 32 * self._map["STATES"].count)
            held = self.clamps[mask * n : (mask + 1) * n][first : first + 32]
            with m.If(write & hits["CLAMPS"] & self._entry("CLAMPS", k)):
                m.d.sync += held.eq(data)

    def _entry(self, name: str, k: int) -> Value:
        """The address is that of entry ``k`` of an array, given that it is one of the array's."""
        bits = self._map[name].index_bits
        return Value.cast(self._decoder.address[:bits] == k) if bits else Const(1)

    def _padded(self, bits: Value) -> Value:
        """``bits`` up to the end of their last word of 32."""
        return Value.cast(Cat(bits, Const(0, -len(bits) % 32)))

    def _read(self, m: Module, errors: Value) -> None:
        """Data of registers kept here are stored at the read, the others when they have come from where they live."""
        decoder, n = self._decoder, self._spec.n_sites
        clamps = Value.cast(Cat(self._padded(self.clamps[:n]), self.clamps[n:]))
        local = decoder.shown(errors, STATES=self.state, CLAMPS=clamps) | constants(self._map)
        stored, remote = Signal(32, name="stored"), Signal(len(self._remote), name="remote")
        m.d.sync += [stored.eq(self.bus.read_data), remote.eq(0)]
        with m.If(decoder.reading):
            m.d.sync += remote.eq(Cat(decoder.hits[name] for name in self._remote))
            decoder.choose(stored, decoder.words(local))
        # Block RAMs answer late in the clock: one level of logic is theirs, and the others' is kept apart from it.
        arrays = self._arrays()
        gated = {name: array.read_data & remote[k].replicate(32) for k, (name, array) in enumerate(arrays.items())}
        early, late = Signal(32, attrs={"keep": 1}, name="early"), Const(0, 32)
        early_word = stored & (~remote.any()).replicate(32)
        for name, word in gated.items():
            if name in LATE:
                late = late | word
            else:
                early_word = early_word | word
        m.d.comb += [early.eq(early_word), self.bus.read_data.eq(early | late)]
