"""The register bus of a relay fabric: decodes addresses, keeps the simple registers, guards a run, remembers errors.

The bus inputs are registered, and addresses and ranges decoded on the way in. With ``bus_write`` high in clock k, the
write takes effect at the end of clock k+1, or for arrays of memories one clock later; with ``bus_read`` high in clock
k, the data are on ``bus_read_data`` from clock k+2 on, until those of the next read. Both may be high in every clock.
"""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.host.relay.registers import LOAD_STATES, REWIND, relay_register_map
from thermofab.hw.rtl.common.bus import kept_ports
from thermofab.hw.rtl.common.decoder import Decoder, constants
from thermofab.hw.rtl.common.interfaces import Array, Bus, RunPorts, bus_signature, run_signature
from thermofab.hw.rtl.common.phases import phase_ports, phases_of
from thermofab.hw.rtl.relay.arrays import LOADED, WRITES
from thermofab.hw.spec import FabricSpec

MOMENTS = ("MOMENTS_SITES", "MOMENTS_EDGES")


class RelayHost(wiring.Component):
    """The host's side of a relay fabric.

    Ports:
        bus: the bus; run: the run, and the settings that are its; full: a counter of moments was full.
        shift, stream, field_bits, last_colour: registers it holds besides.
        clear_moments, load, rewind: strobes.
        index, write_data: the entry of the array addressed, and the data of a write.
        heights_write, …: strobes of accepted writes.
        phase_sweeps, phase_level, phase_mask: the phases, which live elsewhere.
        read, at_edges, read_index: a read, whether it is of MOMENTS_EDGES, and of which counter.
        moments_read: what they answer, a clock later.
    """

    bus: Bus
    run: RunPorts
    phase_sweeps: Array
    phase_level: Array
    phase_mask: Array

    def __init__(self, spec: FabricSpec) -> None:
        self._map = relay_register_map(spec)
        self._moments = [name for name in MOMENTS if name in self._map.names]
        index_bits = max(self._map[name].index_bits for name in (*LOADED, "PHASE_SWEEPS"))
        super().__init__(
            {
                "bus": In(bus_signature(self._map.address_bits)),
                "run": Out(run_signature(spec)),
                "full": In(1),
                **kept_ports(self._map),
                "clear_moments": Out(1),
                "load": Out(1),
                "rewind": Out(1),
                "index": Out(index_bits),
                **WRITES.members,
                **phase_ports(Out),
                "read": Out(1),
                "at_edges": Out(1),
                "read_index": Out(max([1, *(self._map[name].index_bits for name in self._moments)])),
                "moments_read": In(32),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        decoder = Decoder(m, self._map, self, ahead=True)
        hits, data = decoder.hits, decoder.data

        def accepted(name: str) -> Value:
            """A write to this register has an effect."""
            refused = (self.run.busy if self._map[name].locked else Const(0)) | decoder.outside.get(name, Const(0))
            return decoder.writing & hits[name] & ~refused

        start_asked, loading = decoder.control(self.clear_moments), accepted("LOAD")
        m.d.comb += [
            self.load.eq(loading & (data & LOAD_STATES).any()),
            self.rewind.eq(loading & (data & REWIND).any()),
            self.index.eq(decoder.address),
            self.write_data.eq(data),
            self.read.eq(decoder.reading),
            self.at_edges.eq(hits.get("MOMENTS_EDGES", 0)),
        ]
        for name in self._moments:
            with m.If(hits[name]):
                m.d.comb += self.read_index.eq(decoder.address[: self._map[name].index_bits])
        m.d.comb += [getattr(self, f"{name.lower()}_write").eq(accepted(name)) for name in LOADED]
        for name, array in phases_of(self).items():
            m.d.comb += [
                array.write.eq(accepted(name)),
                array.index.eq(decoder.address),
                array.write_data.eq(data),
            ]
        decoder.keep(accepted)
        errors = decoder.errors(start_asked, self.full)

        stored, remote = Signal(32, name="stored"), Signal(name="remote")
        m.d.sync += [stored.eq(self.bus.read_data), remote.eq(0)]
        with m.If(decoder.reading):
            words = decoder.words(decoder.shown(errors) | constants(self._map))
            gated = {name: Signal(32, name=f"{name.lower()}_word") for name in words}
            m.d.comb += [gated[name].eq(word) for name, word in words.items()]
            m.d.sync += [
                stored.eq(decoder.gathered(gated)),
                remote.eq(Cat(hits[name] for name in self._moments).any()),
            ]
        m.d.comb += self.bus.read_data.eq(Mux(remote, self.moments_read, stored) if self._moments else stored)
        return m
