"""What the hosts of both architectures share: the ports of a bus and of a stream, and how registers are decoded."""

from typing import Any, Protocol

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.host import registers as rm

BUS = ("address", "write", "write_data", "read", "read_data")


class FabricTop(Protocol):
    """The top of a fabric: a component with the ports of :func:`top_ports`, and any others that watch."""

    bus_address: Signal
    bus_write: Signal
    bus_write_data: Signal
    bus_read: Signal
    bus_read_data: Signal
    sample_valid: Signal
    sample_ready: Signal
    sample_payload: Signal
    sample_last: Signal
    busy: Signal

    @property
    def signature(self) -> wiring.Signature: ...

    def elaborate(self, platform: Any) -> Module: ...


def bus_ports(address_bits: int) -> dict[str, Any]:
    """A fabric's side of the register bus."""
    widths = dict(zip(BUS, (In(address_bits), In(1), In(32), In(1), Out(32))))
    return {f"bus_{name}": member for name, member in widths.items()}


def top_ports(address_bits: int) -> dict[str, Any]:
    """What every fabric shows the outside: its bus, its sample stream, and whether it runs."""
    return {
        **bus_ports(address_bits),
        "sample_valid": Out(1),
        "sample_ready": In(1),
        "sample_payload": Out(32),
        "sample_last": Out(1),
        "busy": Out(1),
    }


def connect_bus(host: Any, top: Any) -> list[Any]:
    """A host's bus is its top's."""
    given = [getattr(host, f"bus_{name}").eq(getattr(top, f"bus_{name}")) for name in BUS[:-1]]
    return [*given, top.bus_read_data.eq(host.bus_read_data)]


def kept_ports(map_: rm.RegisterMap) -> dict[str, Any]:
    """Ports that show the registers a host keeps."""
    return {register.name.lower(): Out(register.width, init=register.init) for register in map_.kept}


def is_at(register: rm.Register, address: Value) -> Value:
    """The address is one of this register's."""
    bits = register.index_bits
    inside = address[bits:] == register.base >> bits
    return Value.cast(inside if register.count == 1 << bits else inside & (address[:bits] < register.count))


def out_of_range(register: rm.Register, data: Value) -> Value | None:
    """A word is not one that the register takes; ``None`` where it takes every word."""
    low, high = register.low, register.high
    limits = ([data < low] if low else []) + ([data > high] if high < 2**32 - 1 else [])
    return Cat(limits).any() if limits else None


def constants(map_: rm.RegisterMap) -> dict[str, Value]:
    """The registers fixed when the fabric is built."""
    words = {register: register.constant for register in map_.registers if register.constant is not None}
    return {
        register.name: Const(sum(word << (32 * k) for k, word in enumerate(values)), 32 * register.count)
        for register, values in words.items()
    }


def of_access(map_: rm.RegisterMap, hits: dict[str, Any]) -> tuple[Value, Value, Value]:
    """The register addressed can be read; can be written; is locked in a run."""
    registers = map_.registers
    chosen = (
        [register for register in registers if register.access != "W"],
        [register for register in registers if register.access != "R"],
        [register for register in registers if register.locked],
    )
    readable, writable, locked = (Cat(hits[register.name] for register in group).any() for group in chosen)
    return readable, writable, locked
