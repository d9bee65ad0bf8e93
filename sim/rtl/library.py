"""A compiled fabric as a Python object: register writes and reads, and sample words."""

import ctypes
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from thermofab.hw.spec import DeviceError

# Clocks between two looks at Python's signal handlers, so that a long run can be interrupted.
CHUNK = 1 << 22


@cache
def _load(path: Path) -> Any:
    library = ctypes.CDLL(str(path))
    words, handle = np.ctypeslib.ndpointer(np.uint32, flags="C_CONTIGUOUS"), ctypes.c_void_p
    for name, result, arguments in (
        ("open", handle, []),
        ("close", None, [handle]),
        ("clocks", ctypes.c_uint64, [handle]),
        ("backpressure", None, [handle, ctypes.c_uint32, ctypes.c_uint32]),
        ("write", None, [handle, words, words, ctypes.c_uint64]),
        ("read", ctypes.c_uint32, [handle, ctypes.c_uint32]),
        ("collect", ctypes.c_uint64, [handle, words, ctypes.c_uint64, ctypes.c_uint64]),
        ("wait", ctypes.c_uint32, [handle, ctypes.c_uint64]),
        ("idle", None, [handle, ctypes.c_uint64, ctypes.c_uint32]),
        ("reset", None, [handle, ctypes.c_uint64]),
    ):
        function = getattr(library, f"thermofab_{name}")
        function.restype, function.argtypes = result, arguments
    return library


class CompiledFabric:
    """One instance of the fabric in a shared library; a :class:`thermofab.hw.host.driver.RegisterBus`.

    Args:
        path: what :func:`thermofab.sim.rtl.build.build_library` returned.
        ready: share of the clocks in which the reader takes a word, in 1/256…1; below 1 they are drawn from ``seed``.
        seed: of those draws.
    """

    def __init__(self, path: Path, ready: float = 1.0, seed: int = 1) -> None:
        of_256 = round(256 * ready)
        if not 1 <= of_256 <= 256:
            raise DeviceError(f"ready must lie in 1/256…1, got {ready}; a reader that never is ready gets nothing.")
        self._library = _load(path)
        self._handle = self._library.thermofab_open()
        self._library.thermofab_backpressure(self._handle, of_256, seed & 0xFFFFFFFF)

    def __del__(self) -> None:
        handle, self._handle = getattr(self, "_handle", None), None
        if handle:
            self._library.thermofab_close(handle)

    @property
    def clocks(self) -> int:
        """Clocks since it was opened."""
        return self._library.thermofab_clocks(self._handle)

    def write(self, addresses: Sequence[int] | np.ndarray, data: Sequence[int] | np.ndarray) -> None:
        where = np.ascontiguousarray(addresses, dtype=np.uint32)
        what = np.ascontiguousarray(np.asarray(data).astype(np.int64) & 0xFFFFFFFF, dtype=np.uint32)
        self._library.thermofab_write(self._handle, where, what, len(where))

    def read(self, address: int) -> int:
        return self._library.thermofab_read(self._handle, address)

    def collect(self, words: int) -> np.ndarray:
        out = np.empty(words, dtype=np.uint32)
        got = 0
        while got < words:
            before = self.clocks
            got += self._library.thermofab_collect(self._handle, out[got:], words - got, CHUNK)
            if got < words and self.clocks - before < CHUNK:
                break
        return out[:got]

    def wait(self) -> None:
        while not self._library.thermofab_wait(self._handle, CHUNK):
            pass

    def idle(self, clocks: int, ready: bool = True) -> None:
        """So many clocks with the bus at rest; sample words are dropped if the reader is ``ready``, else they wait."""
        self._library.thermofab_idle(self._handle, clocks, ready)

    def reset(self, clocks: int = 1) -> None:
        """Reset for so many clocks, with the bus at rest."""
        self._library.thermofab_reset(self._handle, clocks)
