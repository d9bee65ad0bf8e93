"""What the hosts of both architectures share: the ports of a bus and of a stream, and how registers are decoded."""

from typing import Any, Protocol

from amaranth import Cat, Const, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import Member, Out

from thermofab.hw.host import registers as rm
from thermofab.hw.rtl.common.interfaces import SAMPLES, Bus, Part, Run, Samples, bus_signature, flat

SCHEDULE = ("PHASES", "SAMPLES", "STEPS", "LEVEL", "MASK")  # registers that a host shows in :class:`Run`


class BusHost(Protocol):
    """The host of a fabric, whatever its architecture."""

    bus: Bus
    run: Run


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


def top_ports(address_bits: int) -> dict[str, Member]:
    """What every fabric shows the outside: its bus, its sample stream, and whether it runs."""
    return {**flat("bus", bus_signature(address_bits).flip()), **flat("sample", SAMPLES), "busy": Out(1)}


def connect_top(m: Module, top: wiring.Component, host: BusHost, samples: Samples) -> None:
    """A top's bus is its host's, and its stream is ``samples``."""
    wiring.connect(m, Part(top, "bus", bus_signature(len(host.bus.address))), host.bus)
    wiring.connect(m, samples, Part(top, "sample", SAMPLES.flip()))


def kept_ports(map_: rm.RegisterMap) -> dict[str, Any]:
    """Ports that show the registers a host keeps, but for those that are the run's."""
    return {
        register.name.lower(): Out(register.width, init=register.init)
        for register in map_.kept
        if register.name not in SCHEDULE
    }


def kept_signals(host: BusHost, map_: rm.RegisterMap) -> dict[str, Signal]:
    """Where a host keeps each of them: in a port of its own, or in its side of the run."""
    return {
        register.name: getattr(host.run if register.name in SCHEDULE else host, register.name.lower())
        for register in map_.kept
    }


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


def run_values(run: Run) -> dict[str, Value]:
    """The registers that show a run."""
    return {
        "STATUS": Value.cast(Cat(run.busy, run.done, run.aborted)),
        "CYCLES": run.cycles,
        "STALLS": run.stalls,
        "SWEEPS": run.sweeps,
    }


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
