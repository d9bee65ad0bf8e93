"""A fabric behind a serial line: ``rx``, ``tx`` and ``busy`` are all there is to connect."""

from typing import Any

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.rtl.architectures import fabric_top
from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.link.engine import Engine
from thermofab.hw.rtl.link.framer import Framer
from thermofab.hw.rtl.link.ring import Ring
from thermofab.hw.rtl.link.uart import UartReceiver, UartTransmitter, check_divisor
from thermofab.hw.rtl.link.unframer import Unframer
from thermofab.hw.spec import FabricSpec, Image, SpecError


class Link(wiring.Component):
    """The link alone: a serial line on one side, a register bus and a sample stream on the other.

    Args:
        address_bits: of the register bus; higher bits of an address on the line are ignored.
        divisor: clocks a bit.
        clock_hz: of the clock, told to the host; 0 leaves it unsaid.

    Ports:
        rx, tx: the line.
        bus_…, sample_…, busy: a fabric's, see :class:`thermofab.hw.rtl.spatial.top.SpatialTop`.
    """

    def __init__(self, address_bits: int, divisor: int, clock_hz: int = 0) -> None:
        if not 0 <= clock_hz < 2**32:
            raise SpecError(f"clock_hz must lie in 0…2^32-1, got {clock_hz}.")
        self._address_bits, self._divisor, self._clock_hz = address_bits, check_divisor(divisor), clock_hz
        super().__init__(
            {
                "rx": In(1),
                "tx": Out(1, init=1),
                "bus_address": Out(address_bits),
                "bus_write": Out(1),
                "bus_write_data": Out(32),
                "bus_read": Out(1),
                "bus_read_data": In(32),
                "sample_valid": In(1),
                "sample_ready": Out(1),
                "sample_payload": In(32),
                "busy": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        ports: Any = self
        m.submodules.receiver = receiver = UartReceiver(self._divisor)
        m.submodules.transmitter = transmitter = UartTransmitter(self._divisor)
        m.submodules.unframer = unframer = Unframer()
        m.submodules.framer = framer = Framer()
        m.submodules.ring = ring = Ring()
        m.submodules.engine = engine = Engine(self._address_bits, self._divisor, self._clock_hz)
        m.d.comb += [
            receiver.rx.eq(ports.rx),
            unframer.octet.eq(receiver.octet),
            unframer.valid.eq(receiver.valid),
            unframer.broken.eq(receiver.broken),
            transmitter.octet.eq(framer.octet),
            transmitter.valid.eq(framer.octet_valid),
            framer.octet_ready.eq(transmitter.ready),
            ports.tx.eq(transmitter.tx),
            ring.valid.eq(ports.sample_valid),
            ring.payload.eq(ports.sample_payload),
            ports.sample_ready.eq(ring.ready),
            engine.sample.eq(ring.data),
            engine.busy.eq(ports.busy),
            engine.bus_read_data.eq(ports.bus_read_data),
        ]
        for name in ("full", "words", "data", "refused"):
            m.d.comb += getattr(engine, name).eq(getattr(unframer, name))
        for name in ("place", "release"):
            m.d.comb += getattr(unframer, name).eq(getattr(engine, name))
        for name in ("word", "last", "valid"):
            m.d.comb += getattr(framer, name).eq(getattr(engine, name))
        m.d.comb += engine.ready.eq(framer.ready)
        for name in ("come", "sent", "unsent"):
            m.d.comb += getattr(engine, name).eq(getattr(ring, name))
        for name in ("index", "acknowledge", "rewind", "next"):
            m.d.comb += getattr(ring, name).eq(getattr(engine, name))
        for name in ("address", "write", "write_data", "read"):
            m.d.comb += getattr(ports, f"bus_{name}").eq(getattr(engine, f"bus_{name}"))
        return m


class LinkTop(wiring.Component):
    """A whole fabric behind a serial line, in the clock domain ``sync``.

    Args:
        spec: the fabric, of any architecture.
        divisor: clocks a bit.
        hierarchy: how submodules are added.
        clock_hz: of the clock, told to the host; 0 leaves it unsaid.
        image: one whose weights and biases are fixed in the fabric; None for a fabric that loads them.

    Ports:
        rx, tx: the line.
        busy: a run is going on.
    """

    def __init__(
        self,
        spec: FabricSpec,
        divisor: int,
        hierarchy: Hierarchy | None = None,
        *,
        clock_hz: int = 0,
        image: Image | None = None,
    ) -> None:
        self._spec, self._hierarchy, self._image = spec, hierarchy or InPlace(), image
        self._divisor, self._clock_hz = check_divisor(divisor), clock_hz
        super().__init__({"rx": In(1), "tx": Out(1, init=1), "busy": Out(1)})

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        ports: Any = self
        fabric = self._hierarchy.add(m, "fabric", "top", lambda: fabric_top(self._spec, self._hierarchy, self._image))
        width = len(fabric.bus_address)
        link = self._hierarchy.add(m, "link", "link", lambda: Link(width, self._divisor, self._clock_hz))
        for name in ("bus_address", "bus_write", "bus_write_data", "bus_read", "sample_ready"):
            m.d.comb += getattr(fabric, name).eq(getattr(link, name))
        for name in ("bus_read_data", "sample_valid", "sample_payload", "busy"):
            m.d.comb += getattr(link, name).eq(getattr(fabric, name))
        m.d.comb += [link.rx.eq(ports.rx), ports.tx.eq(link.tx), ports.busy.eq(fabric.busy)]
        return m
