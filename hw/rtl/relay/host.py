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
from thermofab.hw.rtl.common.bus import (
    constants,
    is_at,
    kept_ports,
    kept_signals,
    of_access,
    out_of_range,
    run_values,
)
from thermofab.hw.rtl.common.interfaces import Bus, Run, bus_signature, run_signature
from thermofab.hw.spec import FabricSpec

# Arrays that live in memories elsewhere.
PHASES = ("PHASE_SWEEPS", "PHASE_LEVEL", "PHASE_MASK")
LOADED = ("HEIGHTS", "EVENTS", "BIASES", "SEED", "MASK_WORD", "MASKS", "TABLES")
MOMENTS = ("MOMENTS_SITES", "MOMENTS_EDGES")


class RelayHost(wiring.Component):
    """The host's side of a relay fabric.

    Ports:
        bus: the bus; run: the run, and the settings that are its; full: a counter of moments was full.
        shift, stream, field_bits, last_colour: registers it holds besides.
        clear_moments, load, rewind: strobes.
        index, write_data: the entry of the array addressed, and the data of a write.
        phase_sweeps_write, …, heights_write, …: strobes of accepted writes.
        read, at_edges: a read, and whether it is of MOMENTS_EDGES. moments_read: what they answer, a clock later.
    """

    bus: Bus
    run: Run

    def __init__(self, spec: FabricSpec) -> None:
        self._map = relay_register_map(spec)
        self._arrays = (*PHASES, *LOADED)
        self._moments = [name for name in MOMENTS if name in self._map.names]
        index_bits = max(self._map[name].index_bits for name in (*self._arrays, *self._moments))
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
                "write_data": Out(32),
                **{f"{name.lower()}_write": Out(1) for name in self._arrays},
                "read": Out(1),
                "at_edges": Out(1),
                "moments_read": In(32),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        address, data = Signal(len(self.bus.address)), Signal(32)
        writing, reading = Signal(), Signal()
        m.d.sync += [
            address.eq(self.bus.address),
            data.eq(self.bus.write_data),
            writing.eq(self.bus.write),
            reading.eq(self.bus.read),
        ]
        hits, (readable, writable, locked) = self._decode(m)
        outside = self._out_of_range(m)

        def accepted(name: str) -> Value:
            """A write to this register has an effect."""
            refused = (self.run.busy if self._map[name].locked else Const(0)) | outside.get(name, Const(0))
            return writing & hits[name] & ~refused

        control, loading = writing & hits["CONTROL"], accepted("LOAD")
        m.d.comb += [
            self.run.start.eq(control & data[0] & ~self.run.busy & ~data[1]),
            self.run.abort.eq(control & data[1]),
            self.clear_moments.eq(control & data[2]),
            self.load.eq(loading & (data & LOAD_STATES).any()),
            self.rewind.eq(loading & (data & REWIND).any()),
            self.index.eq(address),
            self.write_data.eq(data),
            self.read.eq(reading),
            self.at_edges.eq(hits.get("MOMENTS_EDGES", 0)),
        ]
        m.d.comb += [getattr(self, f"{name.lower()}_write").eq(accepted(name)) for name in self._arrays]
        for name, held in kept_signals(self, self._map).items():
            with m.If(accepted(name)):
                m.d.sync += held.eq(data[: len(held)])

        errors = Signal(4)
        raised = Cat(
            writing & self.run.busy & (locked | (hits["CONTROL"] & data[0] & ~data[1])),
            (writing & ~writable) | (reading & ~readable),
            writing & Cat(hits[name] & wrong for name, wrong in outside.items()).any(),
            self.full,
        )
        m.d.sync += errors.eq((errors & ~Mux(writing & hits["ERRORS"], data[:4], 0)) | raised)
        self._read(m, reading, address, hits, errors)
        return m

    def _decode(self, m: Module) -> tuple[dict[str, Signal], list[Signal]]:
        """Which register is addressed, and whether it can be read, written, and is locked."""
        now = {register.name: is_at(register, self.bus.address) for register in self._map.registers}
        hits = {name: Signal(name=f"at_{name.lower()}") for name in now}
        m.d.sync += [hits[name].eq(inside) for name, inside in now.items()]
        groups = [Signal(name=name) for name in ("readable", "writable", "locked")]
        m.d.sync += [group.eq(chosen) for group, chosen in zip(groups, of_access(self._map, now))]
        return hits, groups

    def _out_of_range(self, m: Module) -> dict[str, Value]:
        """By register: the value written is not one that it takes."""
        found: dict[str, Value] = {}
        for register in self._map.registers:
            if "W" in register.access and (beyond := out_of_range(register, self.bus.write_data)) is not None:
                held = found[register.name] = Signal(name=f"outside_{register.name.lower()}")
                m.d.sync += held.eq(beyond)
        return found

    def _read(self, m: Module, reading: Value, address: Value, hits: dict[str, Signal], errors: Value) -> None:
        shown: dict[str, Any] = {
            **run_values(self.run),
            "ERRORS": errors,
            **kept_signals(self, self._map),
            **constants(self._map),
        }
        stored, remote = Signal(32), Signal()
        m.d.sync += [stored.eq(self.bus.read_data), remote.eq(0)]
        with m.If(reading):
            # The OR of all, each gated, as none has precedence over others.
            found: Value = Const(0, 32)
            for name, value in shown.items():
                register, word = self._map[name], Signal(32, name=f"{name.lower()}_word")
                index = address[: register.index_bits]
                m.d.comb += word.eq(value.word_select(index, 32) if register.count > 1 else value)
                found = found | (word & hits[name].replicate(32))
            m.d.sync += [stored.eq(found), remote.eq(Cat(hits[name] for name in self._moments).any())]
        m.d.comb += self.bus.read_data.eq(Mux(remote, self.moments_read, stored) if self._moments else stored)
