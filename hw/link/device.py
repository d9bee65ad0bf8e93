"""A board behind a serial port, as a device."""

from typing import Any

from thermofab.hw.host.driven import DrivenDevice
from thermofab.hw.host.driver import FabricDriver
from thermofab.hw.link.port import open_port, port_address
from thermofab.hw.link.transport import SENDINGS, LinkBus, LinkCounters
from thermofab.hw.spec import DeviceError, DeviceInfo, FabricSpec, Image, check_image


class SerialDevice(DrivenDevice):
    """A fabric on a board; its bits are those of every other device, whatever the line does to them on the way.

    Args:
        fabric: the fabric the board was built from.
        url: the port, ``serial:///dev/ttyUSB0`` or with a speed ``serial:///dev/ttyUSB0?baud=3000000``.
        sendings: of one frame without an answer, before the line is given up.
        image: the one whose weights and biases are built into the board; by default it loads them.

    Raises:
        ToolMissingError: pyserial is missing.
        DeviceError: there is no such port, nothing answers there, or another fabric does.
    """

    name = "serial"

    def __init__(
        self, fabric: FabricSpec, *, url: str | None = None, sendings: int = SENDINGS, image: Image | None = None
    ) -> None:
        if url is None:
            raise DeviceError("a serial device needs its port: open_device('serial:///dev/ttyUSB0', fabric).")
        address = port_address(url)
        self._path = address.path
        self._port: Any = open_port(address)
        try:
            self._bus = LinkBus(self._port, address.path, sendings=sendings)
            self._bus.info.check(fabric)
            built_in = None if image is None else check_image(image, fabric)
            super().__init__(fabric, FabricDriver(fabric, self._bus, built_in))
            self._driver.check_identity()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Give the port back; closing twice does no harm."""
        self._port.close()

    def __enter__(self) -> "SerialDevice":
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @property
    def counters(self) -> LinkCounters:
        """What went over the line so far."""
        return self._bus.counters

    def info(self) -> DeviceInfo:
        clock = f" at {self._bus.info.clock_hz / 1e6:g} MHz" if self._bus.info.clock_hz else ""
        said = f"a fabric behind the serial port {self._path}{clock}"
        return DeviceInfo(self.name, self._fabric, True, said, (self._driver.contract,))

    def _clear(self) -> None:
        """End a run that was broken off, and drop its samples."""
        self._driver.abort()
        self._bus.discard()
