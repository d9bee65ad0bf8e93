"""The ports of an emitted fabric, and the lines by which a wrapper passes on those that it does not use itself."""

import re
from dataclasses import dataclass

CLOCK = ("clk", "rst")
BUS = ("bus_address", "bus_write", "bus_write_data", "bus_read", "bus_read_data")
STREAM = ("sample_valid", "sample_ready", "sample_payload", "sample_last")


@dataclass(frozen=True)
class FabricPorts:
    """What a wrapper needs to know of a fabric.

    Attributes:
        name: of its module.
        address_bits: of a word address.
        last: word address of its last register.
        watched: ports beside clock, bus and stream, which are there to watch: ``(name, width, "input" or "output")``.
    """

    name: str
    address_bits: int
    last: int
    watched: tuple[tuple[str, int, str], ...]

    @property
    def watched_ports(self) -> str:
        """Lines of a port list."""
        spans = ((port, f"[{width - 1}:0]" if width > 1 else "", way) for port, width, way in self.watched)
        return ",\n".join(f"    {way:<6} wire {span:<18} {port}" for port, span, way in spans)

    @property
    def watched_connections(self) -> str:
        """Lines of an instance."""
        return ",\n".join(f"      .{port}({port})" for port, _, _ in self.watched)

    def within(self, address: str) -> str:
        """A Verilog condition: the word address is one of a register, or lies in a gap between two arrays."""
        whole = self.last == 2**self.address_bits - 1
        return "1'b1" if whole else f"({address} <= {self.address_bits}'h{self.last:x})"


def ports_of(verilog: str, name: str, last: int) -> FabricPorts:
    """The ports of the module ``name`` of an emitted text."""
    text = verilog.partition(f"\nmodule {name} (")[2].partition("\nendmodule")[0]
    found = re.findall(r"^ +(?:\(\*.*?\*\) )*(input|output) (?:wire|reg) (?:\[(\d+):0\] )?(\w+),?$", text, re.M)
    widths = {port: int(high or 0) + 1 for _, high, port in found}
    watched = tuple((port, widths[port], way) for way, _, port in found if port not in (*CLOCK, *BUS, *STREAM))
    return FabricPorts(name, widths["bus_address"], last, watched)
