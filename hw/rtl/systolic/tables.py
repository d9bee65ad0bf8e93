"""The activation tables, one copy for two elements: a block RAM has two ports, and each element uses one."""

from typing import Any

from amaranth import Cat, Module, Mux, Signal, unsigned
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from thermofab.hw.spec import FabricSpec


class Tables(wiring.Component):
    """All β levels of the table.

    Ports:
        index_k, threshold_k: the entry for element k of the pair, a clock later; level: the table in use.
        host_write, host_read, host_index, host_data: the host's, to write, and to read by; it takes the first port.
    """

    def __init__(self, spec: FabricSpec, readers: int) -> None:
        self._spec, self._readers = spec, readers
        ports: dict[str, Any] = {
            "host_write": In(1),
            "host_read": In(1),
            "host_index": In((spec.levels * spec.table_size - 1).bit_length()),
            "host_data": In(spec.threshold_bits),
        }
        if spec.levels > 1:
            ports["level"] = In((spec.levels - 1).bit_length())
        for k in range(readers):
            ports |= {f"index_{k}": In(spec.table_bits), f"threshold_{k}": Out(spec.threshold_bits)}
        super().__init__(ports)

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        spec = self._spec
        memory = m.submodules.memory = Memory(
            shape=unsigned(spec.threshold_bits), depth=spec.levels * spec.table_size, init=[]
        )
        write = memory.write_port()
        for k in range(self._readers):
            index = getattr(self, f"index_{k}")
            place: Any = Cat(index, self.level) if spec.levels > 1 else index
            read = memory.read_port()
            if k == 0:
                # Writing and reading by one address signal lets both use one port of the memory.
                address = Signal.like(write.addr)
                hosts = self.host_write | self.host_read
                m.d.comb += [address.eq(Mux(hosts, self.host_index, place)), write.addr.eq(address)]
                place = address
            m.d.comb += [read.addr.eq(place), getattr(self, f"threshold_{k}").eq(read.data)]
        m.d.comb += [write.data.eq(self.host_data), write.en.eq(self.host_write)]
        return m
