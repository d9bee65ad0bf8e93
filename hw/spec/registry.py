"""Plug-ins by name: devices, random number generators and what estimates ln Z, loaded when first asked for.

All of them are entry points, ours (pyproject.toml) like those of other packages, so that this folder names nothing
above it and naming one imports nothing. Groups: ``thermofab.devices``, ``thermofab.generators`` and
``thermofab.estimators``. Where two packages use one name, ours is taken.
"""

import tomllib
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

from thermofab.hw.spec.errors import DeviceError, SpecError
from thermofab.hw.spec.partition import PartitionEstimator

if TYPE_CHECKING:
    from thermofab.hw.spec.device import Device
    from thermofab.hw.spec.fabric import FabricSpec
    from thermofab.hw.spec.generators import Generator

GENERATORS, DEVICES, ESTIMATORS = "thermofab.generators", "thermofab.devices", "thermofab.estimators"
OURS = "thermofab"
CHECKOUT = Path(__file__).parents[3] / "pyproject.toml"


@cache
def own(group: str) -> dict[str, EntryPoint]:
    """Those of this package. In a checkout they are read from its pyproject.toml: what was installed may be older."""
    if CHECKOUT.exists():
        table = tomllib.loads(CHECKOUT.read_text())["project"]["entry-points"][group]
        return {name: EntryPoint(name, value, group) for name, value in table.items()}
    points = entry_points(group=group)
    return {point.name: point for point in points if point.dist is not None and point.dist.name == OURS}


@cache
def _known(group: str) -> dict[str, EntryPoint]:
    return {**{point.name: point for point in entry_points(group=group)}, **own(group)}


def generator_names() -> tuple[str, ...]:
    return tuple(sorted(_known(GENERATORS)))


def device_names() -> tuple[str, ...]:
    return tuple(sorted(_known(DEVICES)))


def generator(name: str) -> "Generator":
    """The generator called ``name`` (see :mod:`thermofab.hw.rng`)."""
    known = _known(GENERATORS)
    if name not in known:
        raise SpecError(f"unknown random number generator '{name}'; known are {', '.join(generator_names())}.")
    return known[name].load()


def open_device(name: str, fabric: "FabricSpec", **options: Any) -> "Device":
    """A device running images of ``fabric``: ``"reference"``, ``"jax"``, ``"rtl"``, …; ``options`` go to its
    constructor. A name with a scheme, such as ``"serial:///dev/ttyUSB0"``, is looked up by its scheme and gets
    the whole name as ``url``.

    Raises:
        DeviceError: no device of that name.
        ToolMissingError: the device needs a tool that is not installed; the message says how to get it.
    """
    known = _known(DEVICES)
    scheme, is_url, _ = name.partition("://")
    if scheme not in known:
        raise DeviceError(f"unknown device '{name}'; known are {', '.join(device_names())}.")
    if is_url:
        options["url"] = name
    return known[scheme].load()(fabric, **options)


def partition_estimator() -> PartitionEstimator:
    """What :meth:`thermofab.hw.spec.program.Program.log_partition` calls: it drives devices, which this folder knows
    by name only."""
    return _known(ESTIMATORS)["log_partition"].load()
