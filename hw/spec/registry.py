"""Plug-ins by name: devices and random number generators, loaded when first asked for.

Ours are listed here as ``module:attribute`` strings, so that naming one imports nothing; third parties add theirs
by entry point in the groups ``thermofab.devices`` and ``thermofab.generators``.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from thermofab.hw.spec.errors import DeviceError, SpecError

GENERATORS = {
    "lfsr64": "thermofab.hw.rng.lfsr64:LFSR64",
    "lfsr32": "thermofab.hw.rng.lfsr32:LFSR32",
    "xoshiro128+": "thermofab.hw.rng.xoshiro128p:XOSHIRO128P",
}
DEVICES = {
    "reference": "thermofab.sim.reference:ReferenceDevice",
    "jax": "thermofab.sim.functional.device:JaxDevice",
    "jax-xla": "thermofab.sim.functional.device:XlaDevice",
    "native": "thermofab.sim.native.device:NativeDevice",
    "rtl": "thermofab.sim.rtl.device:RtlDevice",
    "rtl-cxxrtl": "thermofab.sim.rtl.device:CxxrtlDevice",
    "rtl-systolic": "thermofab.sim.rtl.device:SystolicRtlDevice",
    "serial": "thermofab.hw.link.device:SerialDevice",
}
LOG_PARTITION = "thermofab.sim.partition.estimate:log_partition"


@cache
def _known(group: str) -> dict[str, str]:
    ours = {"thermofab.generators": GENERATORS, "thermofab.devices": DEVICES}[group]
    return {**{point.name: point.value for point in entry_points(group=group)}, **ours}


def _load(target: str) -> Any:
    module, _, attribute = target.partition(":")
    return getattr(import_module(module), attribute)


def generator_names() -> tuple[str, ...]:
    return tuple(_known("thermofab.generators"))


def device_names() -> tuple[str, ...]:
    return tuple(_known("thermofab.devices"))


def generator(name: str) -> Any:
    """The generator called ``name`` (see :mod:`thermofab.hw.rng`)."""
    known = _known("thermofab.generators")
    if name not in known:
        raise SpecError(f"unknown random number generator '{name}'; known are {', '.join(known)}.")
    return _load(known[name])


def open_device(name: str, fabric: Any, **options: Any) -> Any:
    """A device running images of ``fabric``: ``"reference"``, ``"jax"``, ``"rtl"``, …; ``options`` go to its
    constructor. A name with a scheme, such as ``"serial:///dev/ttyUSB0"``, is looked up by its scheme and gets
    the whole name as ``url``.

    Raises:
        DeviceError: no device of that name.
        ToolMissingError: the device needs a tool that is not installed; the message says how to get it.
    """
    known = _known("thermofab.devices")
    scheme, is_url, _ = name.partition("://")
    if scheme not in known:
        raise DeviceError(f"unknown device '{name}'; known are {', '.join(known)}.")
    if is_url:
        options["url"] = name
    return _load(known[scheme])(fabric, **options)


def partition_estimator() -> Callable[..., Any]:
    """What :meth:`thermofab.hw.spec.program.Program.log_partition` calls: it drives devices, which this folder knows
    by name only."""
    return _load(LOG_PARTITION)
