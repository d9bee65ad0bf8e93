"""Serial ports by URL: ``serial:///dev/ttyUSB0?baud=3000000``."""

import importlib
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from thermofab.hw.spec import DeviceError, ToolMissingError

DEFAULT_BAUD = 1_000_000
LOOK_SECONDS = 0.005  # a read that brings nothing returns after this long


@dataclass(frozen=True)
class PortAddress:
    """A serial port and its speed."""

    path: str
    baud: int = DEFAULT_BAUD


def port_address(url: str) -> PortAddress:
    """The port a URL names.

    Raises:
        DeviceError: it names none, or says something that is not understood.
    """
    parts = urlsplit(url)
    example = "serial:///dev/ttyUSB0?baud=3000000"
    path = f"{parts.netloc}{parts.path}"
    if parts.scheme != "serial" or not path:
        raise DeviceError(f"a serial device is named like '{example}', got '{url}'.")
    options = dict(parse_qsl(parts.query, keep_blank_values=True))
    baud = options.pop("baud", str(DEFAULT_BAUD))
    if options:
        raise DeviceError(
            f"unknown option '{next(iter(options))}' in '{url}'; the only one is baud, as in '{example}'."
        )
    if not baud.isascii() or not baud.isdigit() or not int(baud):
        raise DeviceError(f"baud must be a positive integer of bits per second, got '{baud}' in '{url}'.")
    return PortAddress(path, int(baud))


def open_port(address: PortAddress) -> Any:
    """The open port, a pyserial ``Serial``, ours alone.

    Raises:
        ToolMissingError: pyserial is missing; the message says how to get it.
        DeviceError: there is no such port, it is in use, or it cannot do that speed.
    """
    try:
        serial = importlib.import_module("serial")
    except ImportError:
        raise ToolMissingError(
            "a serial device needs the Python package pyserial; install it with: pip install 'thermofab[serial]'"
        ) from None
    try:
        return serial.Serial(address.path, address.baud, timeout=LOOK_SECONDS, exclusive=True)
    except (serial.SerialException, OSError, ValueError) as error:
        raise DeviceError(
            f"the serial port '{address.path}' cannot be opened at {address.baud} baud: {error}; check that the board "
            "is plugged in, that you may use the port, and that no other program has it open."
        ) from error
