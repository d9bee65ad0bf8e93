"""The spatial fabric: a p-bit a site, one colour a clock, a weight an edge, one activation table for all."""

from collections.abc import Sequence
from typing import Any

from amaranth import Cat, Module, Value, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.rtl.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.pbit import PBit, shift_bits
from thermofab.hw.rtl.registers import register_map
from thermofab.hw.spec import FabricSpec

# Arrays the host can write and read back; each has a strobe, an index and a read port.
MEMORIES = ("WEIGHTS", "BIASES", "TABLES")


class SpatialFabric(wiring.Component):
    """All sites, their coefficients, and the activation table.

    Ports:
        update: ``[C]``, one-hot: the colour that updates in this clock.
        level: the table in use.
        shift: table address shift, min_shift…dither_bits.
        clamps, state: ``[N]``.
        write_data: 32 bits for whichever of the strobes below is high; a coefficient takes the low bits.
        weights_write, biases_write, tables_write, …_index: write one entry.
        states_write: ``[ceil(N/32)]``, a strobe a word of states.
        seed_write: shift a word into the chain of generators.
        weights_read, …: entry ``…_index`` as 32 bits, sign-extended, from the clock after ``read`` on.
    """

    def __init__(self, spec: FabricSpec, hierarchy: Hierarchy | None = None) -> None:
        self._spec = spec
        self._hierarchy = hierarchy or InPlace()
        registers = register_map(spec)
        ports: dict[str, Any] = {
            "update": In(spec.topology.n_colours),
            "level": In((spec.levels - 1).bit_length()),
            "shift": In(spec.dither_bits.bit_length()),
            "clamps": In(spec.n_sites),
            "state": Out(spec.n_sites),
            "write_data": In(32),
            "states_write": In((spec.n_sites + 31) // 32),
            "seed_write": In(1),
            "read": In(1),
        }
        for name in MEMORIES:
            if name in registers.names:
                lower = name.lower()
                ports |= {f"{lower}_write": In(1), f"{lower}_read": Out(32)}
                ports[f"{lower}_index"] = In(registers[name].index_bits)
        super().__init__({name: member for name, member in ports.items() if member.shape != 0})

    def elaborate(self, platform: Any) -> Module:
        spec, m = self._spec, Module()
        ports: Any = self
        weights = self._memory(m, "weights", signed(spec.weight_bits), range(spec.topology.n_edges))
        biases = self._memory(m, "biases", signed(spec.bias_bits), range(spec.n_sites))
        neighbours, edges = spec.topology.neighbour_table
        degrees = spec.topology.degrees.tolist()
        colours = spec.topology.colours.tolist()

        sites = []
        for i, degree in enumerate(degrees):
            site = self._hierarchy.add(
                m, f"site_{i}", f"pbit_degree{degree}", lambda d=degree: PBit(spec, d, self._hierarchy)
            )
            sites.append(site)
        thresholds = self._table(m, [site.address for site in sites])
        m.d.comb += ports.state.eq(Cat(site.state for site in sites))
        for i, site in enumerate(sites):
            m.d.comb += [
                site.update.eq(ports.update[colours[i]]),
                site.clamped.eq(ports.clamps[i]),
                site.bias.eq(biases[i]),
                site.threshold.eq(thresholds[i]),
                site.state_load.eq(ports.states_write[i // 32]),
                site.state_value.eq(ports.write_data[i % 32]),
                site.seed_shift.eq(ports.seed_write),
                # The chain enters at the last site, so that words arrive in the order of the sites.
                site.seed_in.eq(sites[i + 1].seed_out if i + 1 < len(sites) else ports.write_data),
            ]
            for k in range(degrees[i]):
                m.d.comb += [
                    getattr(site, f"neighbour_{k}").eq(sites[neighbours[i, k]].state),
                    getattr(site, f"weight_{k}").eq(weights[edges[i, k]]),
                ]
            if spec.dither_bits:
                m.d.comb += site.dither_mask.eq((1 << ports.shift) - 1)
            if shift_bits(spec):
                m.d.comb += site.extra_shift.eq(ports.shift - spec.min_shift)
        return m

    def _memory(self, m: Module, name: str, shape: Any, rows: Sequence[int]) -> list[Value]:
        """A writable memory whose entries ``rows`` are all readable at once, at fixed addresses."""
        if not rows:
            return []
        memory = m.submodules[name] = Memory(shape=shape, depth=max(2, len(rows)), init=[])
        self._host_ports(m, memory, name)
        taps = []
        for row in rows:
            tap = memory.read_port(domain="comb")
            m.d.comb += tap.addr.eq(row)
            taps.append(tap.data)
        return taps

    def _table(self, m: Module, addresses: list[Value]) -> list[Value]:
        """The activation tables: a threshold for each address, all at ``level``."""
        spec = self._spec
        ports: Any = self
        memory = m.submodules.tables = Memory(
            shape=unsigned(spec.threshold_bits), depth=spec.levels * spec.table_size, init=[]
        )
        self._host_ports(m, memory, "tables")
        thresholds = []
        for address in addresses:
            port = memory.read_port(domain="comb")
            m.d.comb += port.addr.eq(Cat(address, ports.level) if spec.levels > 1 else address)
            thresholds.append(port.data)
        return thresholds

    def _host_ports(self, m: Module, memory: Memory, name: str) -> None:
        """The port through which the host writes a memory, and the one through which it reads it."""
        ports: Any = self
        strobe, index = getattr(self, f"{name}_write"), getattr(self, f"{name}_index", 0)
        write, read = memory.write_port(), memory.read_port()
        m.d.comb += [
            write.addr.eq(index),
            write.data.eq(ports.write_data[: len(write.data)]),
            write.en.eq(strobe),
            read.addr.eq(index),
            read.en.eq(ports.read),
            getattr(self, f"{name}_read").eq(read.data),
        ]
