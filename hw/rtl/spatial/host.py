"""The register bus: decodes addresses, keeps the simple registers, guards a run, and remembers errors.

The bus inputs are registered. With ``bus_write`` high in clock k, the write takes effect at the end of clock k+1; with
``bus_read`` high in clock k, the data are on ``bus_read_data`` from clock k+2 on, until those of the next read. Both
may be high in every clock, and a read sees all writes of earlier clocks.
"""

from typing import Any

from amaranth import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.host import registers as rm
from thermofab.hw.host.spatial.registers import spatial_register_map
from thermofab.hw.rtl.common.bus import bus_ports, constants, is_at, kept_ports, of_access, out_of_range
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
        bus_address, bus_write, bus_write_data, bus_read, bus_read_data: the bus.
        busy, done, aborted, cycles, stalls, sweeps, state: shown to the host.
        full: a counter of moments was full.
        shift, phases, samples, steps, level, mask, stream, clamps: registers it holds.
        start, abort, clear_moments: strobes.
        read, index, at_edges, write_data: a read, the entry of the array addressed, whether it is MOMENTS_EDGES, and
            the data of a write, for the arrays that live elsewhere.
        seed_write, states_write, weights_write, …: strobes of accepted writes.
        weights_read, …: data of those arrays, a clock after ``read``.
    """

    def __init__(self, spec: FabricSpec, image: Image | None = None) -> None:
        self._spec, self._map = spec, spatial_register_map(spec, image)
        self._remote = [name for name in REMOTE if name in self._map.names]
        self.index_bits = max([1, *(self._map[name].index_bits for name in self._remote)])
        ports: dict[str, Any] = {
            **bus_ports(self._map.address_bits),
            "busy": In(1),
            "done": In(1),
            "aborted": In(1),
            "cycles": In(64),
            "stalls": In(32),
            "sweeps": In(32),
            "state": In(spec.n_sites),
            "full": In(1),
            "clamps": Out(2 * spec.n_sites),
            "start": Out(1),
            "abort": Out(1),
            "clear_moments": Out(1),
            "read": Out(1),
            "index": Out(self.index_bits),
            "at_edges": Out(1),
            "write_data": Out(32),
            "seed_write": Out(1),
            "states_write": Out(self._map["STATES"].count),
        }
        ports |= kept_ports(self._map)
        for name in self._remote:
            ports[f"{name.lower()}_read"] = In(32)
            if self._map[name].access != "R":
                ports[f"{name.lower()}_write"] = Out(1)
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
        hits = {register.name: self._hit(m, register) for register in self._map.registers}
        readable, writable, locked = of_access(self._map, hits)
        start_asked = hits["CONTROL"] & data[0]

        bad_value, write = Signal(), Signal()
        with m.If(hits["PHASE_LEVEL"]):
            m.d.comb += bad_value.eq(data >= self._spec.levels)
        with m.If(hits["TABLES"]):
            m.d.comb += bad_value.eq((data == 0) | (data >= 1 << self._spec.threshold_bits))
        with m.If(hits["PHASE_MASK"]):
            m.d.comb += bad_value.eq(data > 1)
        for register in self._map.kept:
            if (wrong := out_of_range(register, data)) is not None:
                with m.If(hits[register.name]):
                    m.d.comb += bad_value.eq(wrong)
        m.d.comb += [
            write.eq(writing & ~(locked & ports.busy) & ~bad_value),
            ports.start.eq(writing & start_asked & ~ports.busy & ~data[1]),
            ports.abort.eq(writing & hits["CONTROL"] & data[1]),
            ports.clear_moments.eq(writing & hits["CONTROL"] & data[2]),
            ports.seed_write.eq(write & hits["SEED"]),
            ports.read.eq(reading),
            ports.index.eq(self._address),
            ports.write_data.eq(data),
            ports.at_edges.eq(hits.get("MOMENTS_EDGES", 0)),
        ]
        for register in self._map.kept:
            with m.If(write & hits[register.name]):
                m.d.sync += getattr(ports, register.name.lower()).eq(data[: register.width])
        for name in self._remote:
            if self._map[name].access != "R":
                m.d.comb += getattr(ports, f"{name.lower()}_write").eq(write & hits[name])
        self._bit_arrays(m, write, hits, data)

        errors = Signal(4)
        raised = Cat(
            writing & ports.busy & (locked | (start_asked & ~data[1])),
            (writing & ~writable) | (reading & ~readable),
            writing & bad_value,
            ports.full,
        )
        cleared = Mux(writing & hits["ERRORS"], data[:4], 0)
        m.d.sync += errors.eq((errors & ~cleared) | raised)
        self._read(m, hits, errors)
        return m

    def _hit(self, m: Module, register: rm.Register) -> Signal:
        """The address is one of this register's."""
        hit = Signal(name=f"at_{register.name.lower()}")
        m.d.comb += hit.eq(is_at(register, self._address))
        return hit

    def _bit_arrays(self, m: Module, write: Value, hits: dict[str, Signal], data: Value) -> None:
        """CLAMPS is kept here; STATES are the sites' own, loaded 32 at a time."""
        ports: Any = self
        for k in range(self._map["STATES"].count):
            m.d.comb += ports.states_write[k].eq(write & hits["STATES"] & self._entry("STATES", k))
        n = self._spec.n_sites
        for k in range(self._map["CLAMPS"].count):
            mask, first = divmod(32 * k, 32 * self._map["STATES"].count)
            held = ports.clamps[mask * n : (mask + 1) * n][first : first + 32]
            with m.If(write & hits["CLAMPS"] & self._entry("CLAMPS", k)):
                m.d.sync += held.eq(data)

    def _entry(self, name: str, k: int) -> Value:
        """The address is that of entry ``k`` of an array, given that it is one of the array's."""
        bits = self._map[name].index_bits
        return Value.cast(self._address[:bits] == k) if bits else Const(1)

    def _padded(self, bits: Value) -> Value:
        """``bits`` up to the end of their last word of 32."""
        return Value.cast(Cat(bits, Const(0, -len(bits) % 32)))

    def _read(self, m: Module, hits: dict[str, Signal], errors: Value) -> None:
        """Data of registers kept here are stored at the read, the others when they have come from where they live."""
        ports: Any = self
        local = {
            "STATUS": Cat(ports.busy, ports.done, ports.aborted),
            "ERRORS": errors,
            "CYCLES": ports.cycles,
            "STALLS": ports.stalls,
            "SWEEPS": ports.sweeps,
            "STATES": ports.state,
            "CLAMPS": Cat(self._padded(ports.clamps[: self._spec.n_sites]), ports.clamps[self._spec.n_sites :]),
            **{register.name: getattr(ports, register.name.lower()) for register in self._map.kept},
            **constants(self._map),
        }
        stored, remote = Signal(32), Signal(len(self._remote))
        m.d.sync += [stored.eq(ports.bus_read_data), remote.eq(0)]
        with m.If(ports.read):
            m.d.sync += [stored.eq(0), remote.eq(Cat(hits[name] for name in self._remote))]
            for name, value in local.items():
                register = self._map[name]
                with m.If(hits[name]):
                    index = self._address[: register.index_bits]
                    m.d.sync += stored.eq(value.word_select(index, 32) if register.count > 1 else value)
        # Block RAMs answer late in the clock: one level of logic is theirs, and the others' is kept apart from it.
        words = {name: Value.cast(getattr(ports, f"{name.lower()}_read")) for name in self._remote}
        gated = {name: word & remote[k].replicate(32) for k, (name, word) in enumerate(words.items())}
        early, late = Signal(32, attrs={"keep": 1}), Const(0, 32)
        early_word = stored & (~remote.any()).replicate(32)
        for name, word in gated.items():
            if name in LATE:
                late = late | word
            else:
                early_word = early_word | word
        m.d.comb += [early.eq(early_word), ports.bus_read_data.eq(early | late)]
