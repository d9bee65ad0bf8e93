"""Devices that calls name by a string: kept open between calls, so that only the first one pays for opening.

A device is lent to one call at a time. Two threads that name the same device and fabric have one each, because a device
runs the image that was loaded last.
"""

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from typing import TYPE_CHECKING, Any

from thermofab.hw.spec.fabric import BUILD, FabricSpec
from thermofab.hw.spec.registry import open_device

if TYPE_CHECKING:
    from thermofab.hw.spec.device import Device

MOST_KEPT = 8  # devices that no call is using

_Key = tuple[Any, ...]


class KeptDevices:
    """Open devices by name and fabric, at most ``most`` of them; the one unused for longest goes first."""

    def __init__(self, most: int = MOST_KEPT) -> None:
        self.most = most
        self._idle: OrderedDict[_Key, list[Device]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return sum(map(len, self._idle.values()))

    def clear(self) -> None:
        """Forget all devices that no call is using."""
        with self._lock:
            self._idle.clear()

    @contextmanager
    def lent(self, name: str, fabric: FabricSpec) -> Iterator["Device"]:
        """A device for the length of a ``with`` block.

        One that was named by a URL, or can be closed (a context manager, such as a serial port's), is opened for this
        block alone and closed after it: others may want the port. One whose block raised an error is not kept.
        """
        key = (name, fabric.digest, *(getattr(fabric, field) for field in BUILD))
        device = self._taken(key) or open_device(name, fabric)
        with device if isinstance(device, AbstractContextManager) else nullcontext():
            yield device
        if "://" not in name and not isinstance(device, AbstractContextManager):
            self._put_back(key, device)

    def _taken(self, key: _Key) -> "Device | None":
        with self._lock:
            idle = self._idle.get(key)
            if not idle:
                return None
            device = idle.pop()
            if not idle:
                del self._idle[key]
            return device

    def _put_back(self, key: _Key, device: "Device") -> None:
        with self._lock:
            self._idle.setdefault(key, []).append(device)
            self._idle.move_to_end(key)
            while len(self) > self.most:
                oldest = next(iter(self._idle))
                self._idle[oldest].pop(0)
                if not self._idle[oldest]:
                    del self._idle[oldest]


KEPT = KeptDevices()


@contextmanager
def running_device(device: "Device | str", fabric: FabricSpec) -> Iterator["Device"]:
    """``device`` itself if it is open, else one of that name, for the length of a ``with`` block.

    Raises:
        DeviceError: no device of that name.
        ToolMissingError: the device needs a tool that is not installed.
    """
    if not isinstance(device, str):
        yield device
        return
    with KEPT.lent(device, fabric) as lent:
        yield lent
