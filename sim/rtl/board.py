"""A board without a board: a fabric behind its serial line, compiled, at the other end of a pseudo-terminal.

    with simulated_board(spec) as path:
        device = open_device(f"serial://{path}", spec)

The driver cannot tell the difference: it opens a serial port, and every bit on the line goes through the UARTs of the
gateware, clock by clock.
"""

import ctypes
import os
import threading
import tty
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from thermofab.hw.spec import FabricSpec
from thermofab.sim.rtl.build import OPTIMISE
from thermofab.sim.rtl.link_build import build_link_library

DIVISOR = 4


@dataclass(frozen=True)
class LineCounters:
    """What passed a simulated board.

    Attributes:
        clocks: of the fabric.
        received, sent: octets to and from the board.
        lost: octets from the board that nobody read in time.
        broken: stop bits that were low.
    """

    clocks: int
    received: int
    sent: int
    lost: int
    broken: int


@cache
def _load(path: Path) -> Any:
    library = ctypes.CDLL(str(path))
    handle = ctypes.c_void_p
    for name, result, arguments in (
        ("open", handle, [ctypes.c_uint32]),
        ("close", None, [handle]),
        ("serve", None, [handle, ctypes.c_int, ctypes.POINTER(ctypes.c_uint32)]),
        ("counters", None, [handle, ctypes.POINTER(ctypes.c_uint64)]),
    ):
        function = getattr(library, f"thermofab_link_{name}")
        function.restype, function.argtypes = result, arguments
    return library


class SimulatedBoard:
    """A compiled fabric at a pseudo-terminal; it runs in a thread of its own, outside the interpreter's lock.

    Args:
        spec: the fabric, built here, once.
        divisor: clocks per bit.
        clock_hz: told to the host.
        optimise: g++'s level.
    """

    def __init__(
        self, spec: FabricSpec, divisor: int = DIVISOR, clock_hz: int = 100_000_000, optimise: str = OPTIMISE
    ) -> None:
        self._library = _load(build_link_library(spec, divisor, clock_hz, optimise))
        self._handle = self._library.thermofab_link_open(divisor)
        self._ours, self._theirs = os.openpty()
        tty.setraw(self._theirs)  # kept open, so that the line outlives any one reader
        os.set_blocking(self._ours, False)
        self._stop = ctypes.c_uint32(0)
        serve = self._library.thermofab_link_serve
        self._thread = threading.Thread(target=serve, args=(self._handle, self._ours, self._stop), daemon=True)
        self._thread.start()

    @property
    def path(self) -> str:
        """The serial port to open."""
        return os.ttyname(self._theirs)

    @property
    def counters(self) -> LineCounters:
        five = (ctypes.c_uint64 * 5)()
        self._library.thermofab_link_counters(self._handle, five)
        return LineCounters(*five)

    def close(self) -> None:
        self._stop.value = 1
        self._thread.join()
        os.close(self._ours)
        os.close(self._theirs)
        self._library.thermofab_link_close(self._handle)


@contextmanager
def simulated_board(spec: FabricSpec, **options: Any) -> Iterator[str]:
    """The path of a serial port with a :class:`SimulatedBoard` behind it."""
    board = SimulatedBoard(spec, **options)
    try:
        yield board.path
    finally:
        board.close()
