"""What all fabrics show the outside, and what their hosts keep: the ports of a bus, of a stream, and of registers."""

from typing import Any, Protocol

from amaranth import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import Member, Out

from thermofab.hw.host import registers as rm
from thermofab.hw.rtl.common.interfaces import SAMPLES, Bus, PortGroup, RunPorts, SampleStream, bus_signature, flat

SCHEDULE = ("PHASES", "SAMPLES", "STEPS", "LEVEL", "MASK")  # registers that a host shows in :class:`RunPorts`


class BusHost(Protocol):
    """The host of a fabric, whatever its architecture."""

    bus: Bus
    run: RunPorts


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


def connect_top(m: Module, top: wiring.Component, host: BusHost, samples: SampleStream) -> None:
    """A top's bus is its host's, and its stream is ``samples``."""
    wiring.connect(m, PortGroup(top, "bus", bus_signature(len(host.bus.address))), host.bus)
    wiring.connect(m, samples, PortGroup(top, "sample", SAMPLES.flip()))


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
