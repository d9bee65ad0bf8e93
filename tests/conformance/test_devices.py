"""Every device, every topology family, every generator: the same states as the reference.

A device, family or generator added to its registry is covered without an edit here. The long form is
``thermofab verify`` (docs/evidence.md).
"""

import numpy as np
import pytest

from thermofab.hw.spec import (
    UnsupportedError,
    device_names,
    fabric,
    generator_names,
    open_device,
)
from thermofab.hw.spec.contract import KNOWN_CONTRACTS
from thermofab.hw.spec.device import Device
from thermofab.hw.spec.registry import DEVICES as DEVICE_GROUP
from thermofab.hw.spec.registry import GENERATORS, own
from thermofab.sim.conformance import (
    DENSE,
    REFERENCE,
    RELAY,
    compare,
    families,
    last_bit_case,
    random_case,
    random_topology,
    states_of,
)

GATEWARE = [pytest.param(name, marks=pytest.mark.rtl) for name in device_names() if name.startswith("rtl")]
# A serial device needs a board at a port: tests/link compares it with a compiled one.
ELSEWHERE = (REFERENCE, "serial")
OWN_ORDER = ("rtl-systolic",)
WIDE = ("g16", "g20", "g24")
DEVICES = [name for name in device_names() if name not in ELSEWHERE and not name.startswith("rtl")] + GATEWARE


def agrees(device: str, case) -> None:
    """Compare; a device that refuses such fabrics by name is not asked. Ours may not refuse what is ours."""
    try:
        outcome = compare(device, case)
    except UnsupportedError as refusal:
        if device in own(DEVICE_GROUP) and case.image.fabric.rng in own(GENERATORS):
            raise
        pytest.skip(str(refusal))
    assert outcome.compared > 0
    assert outcome.differing == 0, outcome.first


def _families_of(devices: list) -> list:
    """Every device with every family. The widest grids take half a minute each to build with CXXRTL, whose gateware
    Verilator runs too: a soak."""
    pairs = []
    for device in devices:
        name, marks = (device, []) if isinstance(device, str) else (device.values[0], [*device.marks])
        for family in families():
            slow = name == "rtl-cxxrtl" and family in WIDE
            pairs.append(pytest.param(name, family, marks=[*marks, pytest.mark.soak] if slow else marks))
    return pairs


@pytest.mark.parametrize(("device", "family"), _families_of(DEVICES))
def test_device_equals_reference_on_every_family(device, family):
    number = families().index(family)
    case = random_case(np.random.default_rng([7, number]), family, 30_000)
    if case.image.fabric.programmed and device in OWN_ORDER:
        with pytest.raises(UnsupportedError, match="updates its sites in its topology's order"):
            open_device(device, case.image.fabric)
        return
    agrees(device, case)


@pytest.mark.parametrize("generator", generator_names())
@pytest.mark.parametrize("device", DEVICES)
def test_device_equals_reference_with_every_generator(device, generator):
    rng = np.random.default_rng([8, generator_names().index(generator)])
    agrees(device, random_case(rng, "g8", 30_000, fabric(random_topology(rng, "g8"), rng=generator)))


@pytest.mark.parametrize("device", [REFERENCE, *DEVICES])
def test_device_compares_every_bit_of_fine_thresholds(device):
    """Red if a device drops or shifts a bit of a 24-bit threshold or of the word that is compared with it."""
    case = last_bit_case(fabric("g4-3x4", profile="fine", levels=1))
    states = states_of(device, case)[0, 0]
    assert np.array_equal(states, np.arange(12) % 2 == 1)


@pytest.mark.parametrize("device", [REFERENCE, *DEVICES])
def test_device_speaks_the_protocol(device):
    spec = fabric("g4-3x3")
    running = open_device(device, spec)
    assert isinstance(running, Device)
    info = running.info()
    assert info.name == device and info.fabric == spec and info.bit_exact and info.description
    assert info.contracts[0] == 1 and set(info.contracts) <= set(KNOWN_CONTRACTS)


@pytest.mark.soak
@pytest.mark.parametrize("device", DEVICES)
def test_soak(device):
    """Ten configurations a family, 50,000 updates each; ``thermofab verify`` is the longer run."""
    for family in families():
        if family in (DENSE, RELAY) and device in OWN_ORDER:
            continue
        for number in range(10):
            agrees(device, random_case(np.random.default_rng([9, number]), family, 50_000))
