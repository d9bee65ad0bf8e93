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

from thermofab.hw.host import registers as rm
from thermofab.hw.host.dense.registers import dense_register_map, padded
from thermofab.hw.rtl.common.bus import is_at, kept_ports, kept_signals, of_access, run_values
from thermofab.hw.rtl.common.interfaces import Bus, Run, bus_signature, run_signature
from thermofab.hw.spec import FabricSpec, generator

# Arrays that are written, and their strobes.
WRITTEN = ("STATES", "CLAMPS", "ORDER", "BASES", "WEIGHTS", "TABLES", "PHASE_SWEEPS", "PHASE_LEVEL", "PHASE_MASK")
MOMENTS = ("MOMENTS_SITES", "MOMENTS_EDGES")


class DenseHost(wiring.Component):
    """The host's side of a dense fabric.

    Ports:
        bus: the bus; run: the run, and the settings that are its; full: a counter of moments was full.
        clear_moments: a strobe.
        shift, stream, last: registers it holds besides.
        states_write, …: strobes of accepted writes; seed_write: a strobe a word; index, data: the entry and the word.
        read, at_edges, read_index, moments_read: a read, of which counter of moments; the counter, a clock later.
    """

    bus: Bus
    run: Run

    def __init__(self, spec: FabricSpec) -> None:
        self._map = dense_register_map(spec)
        self._written = [name for name in WRITTEN if name in self._map.names]
        self._moments = [name for name in MOMENTS if name in self._map.names]
        self._seeds = generator(spec.rng).state_words
        widest = max(self._map[name].index_bits for name in (*self._written, "SEED"))
        ports: dict[str, Any] = {
            "bus": In(bus_signature(self._map.address_bits)),
            "run": Out(run_signature(spec)),
            "full": In(1),
            "clear_moments": Out(1),
            **kept_ports(self._map),
            **{f"{name.lower()}_write": Out(1) for name in self._written},
            "seed_write": Out(self._seeds),
            "index": Out(widest),
            "data": Out(32),
        }
        if self._moments:
            reach = max(self._map[name].index_bits for name in self._moments)
            ports |= {"read": Out(1), "at_edges": Out(1), "read_index": Out(max(1, reach)), "moments_read": In(32)}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        self._address, data = Signal(len(self.bus.address), name="address"), Signal(32, name="written")
        writing, reading = Signal(), Signal()
        m.d.sync += [
            self._address.eq(self.bus.address),
            data.eq(self.bus.write_data),
            writing.eq(self.bus.write),
            reading.eq(self.bus.read),
        ]
        hits, (readable, writable, locked) = self._decode(m)
        bad_value, write = self._out_of_range(m, hits), Signal()
        control = writing & hits["CONTROL"]
        m.d.comb += [
            write.eq(writing & ~(locked & self.run.busy) & ~bad_value),
            self.run.start.eq(control & data[0] & ~self.run.busy & ~data[1]),
            self.run.abort.eq(control & data[1]),
            self.clear_moments.eq(control & data[2]),
        ]
        for name, held in kept_signals(self, self._map).items():
            with m.If(write & hits[name]):
                m.d.sync += held.eq(data[: len(held)])
        m.d.sync += [self.index.eq(self._address), self.data.eq(data)]
        for name in self._written:
            m.d.sync += getattr(self, f"{name.lower()}_write").eq(write & hits[name])
        seed_word = self._address[: (self._seeds - 1).bit_length()]
        m.d.sync += self.seed_write.eq(Cat(write & hits["SEED"] & (seed_word == k) for k in range(self._seeds)))

        errors = Signal(4)
        raised = Cat(
            writing & self.run.busy & (locked | (hits["CONTROL"] & data[0] & ~data[1])),
            (writing & ~writable) | (reading & ~readable),
            writing & bad_value,
            self.full,
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
        bad, wrong = Signal(name="bad_value"), []
        for register in self._map.registers:
            if "W" in register.access and (limits := beyond(register, self.bus.write_data)):
                held = Signal(name=f"outside_{register.name.lower()}")
                m.d.sync += held.eq(Cat(limits).any())
                wrong.append(held & hits[register.name])
        m.d.comb += bad.eq(Cat(wrong).any())
        return bad

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

    def _read(self, m: Module, reading: Value, hits: dict[str, Signal], errors: Value) -> None:
        """Registers kept here are stored at the read; counters of moments come a clock later from where they are."""
        fixed, names = self._constants(m)
        shown: dict[str, Any] = {
            **run_values(self.run),
            "CYCLES": self.run.cycles.word_select(self._address[0], 32),
            "ERRORS": errors,
            **kept_signals(self, self._map),
        }
        at_fixed, stored = Signal(), Signal(32)
        m.d.comb += at_fixed.eq(Cat(hits[name] for name in names).any())
        word: Value = fixed & at_fixed.replicate(32)
        for name, value in shown.items():
            word = word | (value & hits[name].replicate(len(value)))
        with m.If(reading):
            m.d.sync += stored.eq(word)
        if not self._moments:
            m.d.comb += self.bus.read_data.eq(stored)
            return
        coming = Signal()
        at_moments = Cat(hits[name] for name in self._moments).any()
        m.d.comb += [
            self.read.eq(reading & at_moments),
            self.at_edges.eq(hits.get("MOMENTS_EDGES", 0)),
            self.bus.read_data.eq(Mux(coming, self.moments_read, stored)),
        ]
        for name in self._moments:
            with m.If(hits[name]):
                m.d.comb += self.read_index.eq(self._address[: self._map[name].index_bits])
        m.d.sync += coming.eq(reading & at_moments)
        with m.If(coming & ~reading):
            m.d.sync += stored.eq(self.moments_read)


def beyond(register: rm.Register, data: Value) -> list[Value]:
    """What of a word of 32 bits is true where the register does not take it: no carry chain where bits say it."""
    low, high, width = register.low, register.high, register.width
    mine, limits = data[:width], []
    if width < 32:
        limits.append(data[width:].any())
    if high + 1 != 1 << width:
        limits.append(mine > high)
    if low:
        limits.append(~mine.any() if low == 1 else mine < low)
    return limits
