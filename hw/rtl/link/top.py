"""A fabric behind a serial line: ``rx``, ``tx`` and ``busy`` are all there is to connect."""

from typing import Any

from amaranth import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from thermofab.hw.rtl.architectures import fabric_top
from thermofab.hw.rtl.common.hierarchy import Hierarchy, InPlace
from thermofab.hw.rtl.common.interfaces import PortGroup, bus_signature, flat
from thermofab.hw.rtl.link.engine import Engine
from thermofab.hw.rtl.link.framer import Framer
from thermofab.hw.rtl.link.interfaces import ANSWER, REPLAY, REQUEST, SAMPLE_WORDS
from thermofab.hw.rtl.link.ring import Ring
from thermofab.hw.rtl.link.uart import UartReceiver, UartTransmitter, check_divisor
from thermofab.hw.rtl.link.unframer import Unframer
from thermofab.hw.spec import FabricSpec, Image, SpecError


class Link(wiring.Component):
    """The link alone: a serial line on one side, a register bus and a sample stream on the other.

    Args:
        address_bits: of the register bus; higher bits of an address on the line are ignored.
        divisor: clocks per bit.
        clock_hz: of the clock, told to the host; 0 leaves it unsaid.

    Ports:
        rx, tx: the line.
        bus_…, sample_…, busy: a fabric's, see :class:`thermofab.hw.rtl.spatial.top.SpatialTop`.
    """

    def __init__(self, address_bits: int, divisor: int, clock_hz: int = 0, hierarchy: Hierarchy | None = None) -> None:
        if not 0 <= clock_hz < 2**32:
            raise SpecError(f"clock_hz must lie in 0…2^32-1, got {clock_hz}.")
        self._address_bits, self._divisor, self._clock_hz = address_bits, check_divisor(divisor), clock_hz
        self._hierarchy = hierarchy or InPlace()
        super().__init__(
            {
                "rx": In(1),
                "tx": Out(1, init=1),
                **flat("bus", bus_signature(address_bits)),
                **flat("sample", SAMPLE_WORDS.flip()),
                "busy": In(1),
            }
        )

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        add = self._hierarchy.add
        receiver = add(m, "receiver", "link_receiver", lambda: UartReceiver(self._divisor))
        transmitter = add(m, "transmitter", "link_transmitter", lambda: UartTransmitter(self._divisor))
        unframer = add(m, "unframer", "link_unframer", lambda: Unframer(self._hierarchy))
        framer = add(m, "framer", "link_framer", lambda: Framer(self._hierarchy))
        ring = add(m, "ring", "link_ring", Ring)
        engine = add(m, "engine", "link_engine", lambda: Engine(self._address_bits, self._divisor, self._clock_hz))
        m.d.comb += [
            receiver.rx.eq(self.rx),
            unframer.octet.eq(receiver.octet),
            unframer.valid.eq(receiver.valid),
            unframer.broken.eq(receiver.broken),
            transmitter.octet.eq(framer.octet),
            transmitter.valid.eq(framer.octet_valid),
            framer.octet_ready.eq(transmitter.ready),
            self.tx.eq(transmitter.tx),
            engine.sample.eq(ring.data),
            engine.busy.eq(self.busy),
        ]
        bus = bus_signature(self._address_bits)
        wiring.connect(m, PortGroup(unframer, "", REQUEST), PortGroup(engine, "", REQUEST.flip()))
        wiring.connect(m, PortGroup(engine, "", ANSWER), PortGroup(framer, "", ANSWER.flip()))
        wiring.connect(m, PortGroup(ring, "", REPLAY), PortGroup(engine, "", REPLAY.flip()))
        wiring.connect(m, PortGroup(self, "sample", SAMPLE_WORDS), PortGroup(ring, "", SAMPLE_WORDS.flip()))
        wiring.connect(m, PortGroup(engine, "bus", bus), PortGroup(self, "bus", bus.flip()))
        return m


class LinkTop(wiring.Component):
    """A whole fabric behind a serial line, in the clock domain ``sync``.

    Args:
        spec: the fabric, of any architecture.
        divisor: clocks per bit.
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
        fabric = self._hierarchy.add(m, "fabric", "top", lambda: fabric_top(self._spec, self._hierarchy, self._image))
        width = len(fabric.bus_address)
        link = self._hierarchy.add(
            m, "link", "link", lambda: Link(width, self._divisor, self._clock_hz, self._hierarchy)
        )
        bus = bus_signature(width)
        wiring.connect(m, PortGroup(link, "bus", bus), PortGroup(fabric, "bus", bus.flip()))
        wiring.connect(m, PortGroup(fabric, "sample", SAMPLE_WORDS), PortGroup(link, "sample", SAMPLE_WORDS.flip()))
        m.d.comb += [
            link.busy.eq(fabric.busy),
            link.rx.eq(self.rx),
            self.tx.eq(link.tx),
            self.busy.eq(fabric.busy),
        ]
        return m
