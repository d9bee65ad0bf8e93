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
from thermofab.hw.rtl.common.bus import bus_ports, constants, is_at, kept_ports, of_access, out_of_range
from thermofab.hw.spec import FabricSpec

# Arrays that live in memories elsewhere.
PHASES = ("PHASE_SWEEPS", "PHASE_LEVEL", "PHASE_MASK")
LOADED = ("HEIGHTS", "EVENTS", "BIASES", "SEED", "MASK_WORD", "MASKS", "TABLES")
MOMENTS = ("MOMENTS_SITES", "MOMENTS_EDGES")


class RelayHost(wiring.Component):
    """The host's side of a relay fabric.

    Ports:
        bus_…: the bus.
        busy, done, aborted, cycles, stalls, sweeps: shown to the host; full: a counter of moments was full.
        shift, phases, samples, steps, level, mask, stream, field_bits, last_colour: registers it holds.
        start, abort, clear_moments, load, rewind: strobes.
        index, write_data: the entry of the array addressed, and the data of a write.
        phase_sweeps_write, …, heights_write, …: strobes of accepted writes.
        read, at_edges: a read, and whether it is of MOMENTS_EDGES. moments_read: what they answer, a clock later.
    """

    def __init__(self, spec: FabricSpec) -> None:
        self._map = relay_register_map(spec)
        self._arrays = (*PHASES, *LOADED)
        self._moments = [name for name in MOMENTS if name in self._map.names]
        index_bits = max(self._map[name].index_bits for name in (*self._arrays, *self._moments))
        super().__init__(
            {
                **bus_ports(self._map.address_bits),
                **{name: In(1) for name in ("busy", "done", "aborted", "full")},
                "cycles": In(64),
                "stalls": In(32),
                "sweeps": In(32),
                **kept_ports(self._map),
                **{name: Out(1) for name in ("start", "abort", "clear_moments", "load", "rewind")},
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
        ports: Any = self
        address, data = Signal(len(ports.bus_address)), Signal(32)
        writing, reading = Signal(), Signal()
        m.d.sync += [
            address.eq(ports.bus_address),
            data.eq(ports.bus_write_data),
            writing.eq(ports.bus_write),
            reading.eq(ports.bus_read),
        ]
        hits, (readable, writable, locked) = self._decode(m)
        outside = self._out_of_range(m)

        def accepted(name: str) -> Value:
            """A write to this register has an effect."""
            refused = (ports.busy if self._map[name].locked else Const(0)) | outside.get(name, Const(0))
            return writing & hits[name] & ~refused

        control, loading = writing & hits["CONTROL"], accepted("LOAD")
        m.d.comb += [
            ports.start.eq(control & data[0] & ~ports.busy & ~data[1]),
            ports.abort.eq(control & data[1]),
            ports.clear_moments.eq(control & data[2]),
            ports.load.eq(loading & (data & LOAD_STATES).any()),
            ports.rewind.eq(loading & (data & REWIND).any()),
            ports.index.eq(address),
            ports.write_data.eq(data),
            ports.read.eq(reading),
            ports.at_edges.eq(hits.get("MOMENTS_EDGES", 0)),
        ]
        m.d.comb += [getattr(ports, f"{name.lower()}_write").eq(accepted(name)) for name in self._arrays]
        for register in self._map.kept:
            with m.If(accepted(register.name)):
                m.d.sync += getattr(ports, register.name.lower()).eq(data[: register.width])

        errors = Signal(4)
        raised = Cat(
            writing & ports.busy & (locked | (hits["CONTROL"] & data[0] & ~data[1])),
            (writing & ~writable) | (reading & ~readable),
            writing & Cat(hits[name] & wrong for name, wrong in outside.items()).any(),
            ports.full,
        )
        m.d.sync += errors.eq((errors & ~Mux(writing & hits["ERRORS"], data[:4], 0)) | raised)
        self._read(m, reading, address, hits, errors)
        return m

    def _decode(self, m: Module) -> tuple[dict[str, Signal], list[Signal]]:
        """Which register is addressed, and whether it can be read, written, and is locked."""
        ports: Any = self
        now = {register.name: is_at(register, ports.bus_address) for register in self._map.registers}
        hits = {name: Signal(name=f"at_{name.lower()}") for name in now}
        m.d.sync += [hits[name].eq(inside) for name, inside in now.items()]
        groups = [Signal(name=name) for name in ("readable", "writable", "locked")]
        m.d.sync += [group.eq(chosen) for group, chosen in zip(groups, of_access(self._map, now))]
        return hits, groups

    def _out_of_range(self, m: Module) -> dict[str, Value]:
        """By register: the value written is not one that it takes."""
        ports: Any = self
        found: dict[str, Value] = {}
        for register in self._map.registers:
            if "W" in register.access and (beyond := out_of_range(register, ports.bus_write_data)) is not None:
                held = found[register.name] = Signal(name=f"outside_{register.name.lower()}")
                m.d.sync += held.eq(beyond)
        return found

    def _read(self, m: Module, reading: Value, address: Value, hits: dict[str, Signal], errors: Value) -> None:
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
        stored, remote = Signal(32), Signal()
        m.d.sync += [stored.eq(ports.bus_read_data), remote.eq(0)]
        with m.If(reading):
            # The OR of all, each gated, as none has precedence over others.
            found: Value = Const(0, 32)
            for name, value in shown.items():
                register, word = self._map[name], Signal(32, name=f"{name.lower()}_word")
                index = address[: register.index_bits]
                m.d.comb += word.eq(value.word_select(index, 32) if register.count > 1 else value)
                found = found | (word & hits[name].replicate(32))
            m.d.sync += [stored.eq(found), remote.eq(Cat(hits[name] for name in self._moments).any())]
        m.d.comb += ports.bus_read_data.eq(Mux(remote, ports.moments_read, stored) if self._moments else stored)
