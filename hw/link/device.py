"""A board behind a serial port, as a device."""

import time
from dataclasses import replace
from typing import Any

import numpy as np

from thermofab.hw.link.port import open_port, port_address
from thermofab.hw.link.transport import SENDINGS, LinkBus, LinkCounters
from thermofab.hw.rtl.driver import FabricDriver
from thermofab.hw.spec import (
    Counts,
    DeviceError,
    DeviceInfo,
    FabricSpec,
    Image,
    Samples,
    check_image,
    ledger_of,
    plan_run,
)


class SerialDevice:
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
        self._fabric, self._path = fabric, address.path
        self._port: Any = open_port(address)
        try:
            self._bus = LinkBus(self._port, address.path, sendings=sendings)
            self._bus.info.check(fabric)
            built_in = None if image is None else check_image(image, fabric)
            self._driver = FabricDriver(fabric, self._bus, built_in)
            self._driver.check_identity()
        except BaseException:
            self.close()
            raise
        self._image: Image | None = None

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
        return DeviceInfo(self.name, self._fabric, True, f"a fabric behind the serial port {self._path}{clock}")

    def load(self, image: Any) -> None:
        self._image = check_image(image, self._fabric)
        self._driver.load(self._image)

    def run(self, schedule, *, replicas=1, init=None, clamp=None, seed=None) -> Samples:
        started = time.perf_counter()
        plan = plan_run(self._image, schedule, replicas, init, clamp, seed)
        sites, cycles = [], 0
        self._clear()
        for replica in range(plan.replicas):
            self._driver.prepare(plan, replica)
            samples, clocks = self._driver.run(plan.schedule)
            sites.append(samples)
            cycles += clocks
        ledger = ledger_of(plan, time.perf_counter() - started, measured_cycles=cycles)
        return Samples(np.stack(sites), plan.image, plan.schedule, self.name, ledger)

    def accumulate(self, schedule, *, replicas=1, init=None, clamp=None, seed=None) -> Counts:
        """Run as :meth:`run` does, and return what the fabric has counted of the samples; none of them is read.

        Raises:
            UnsupportedError: the fabric has no counters (``FabricSpec.moment_bits`` is 0).
        """
        started = time.perf_counter()
        plan = plan_run(self._image, schedule, replicas, init, clamp, seed)
        ones, both, cycles = [], [], 0
        self._clear()
        for replica in range(plan.replicas):
            self._driver.prepare(plan, replica)
            of_sites, of_edges, clocks = self._driver.accumulate(plan.schedule)
            ones.append(of_sites)
            both.append(of_edges)
            cycles += clocks
        ledger = ledger_of(plan, time.perf_counter() - started, measured_cycles=cycles)
        ledger = replace(ledger, sites_read=0)
        return Counts(np.stack(ones), np.stack(both), plan.schedule.n_samples, plan.image, self.name, ledger)

    def _clear(self) -> None:
        """End a run that was broken off, and drop its samples."""
        self._driver.abort()
        self._bus.discard()
