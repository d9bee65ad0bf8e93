"""Devices whose chains can be held between runs: simulators, and fabrics whose states and generators can be placed."""

from typing import Unpack

from thermofab.hw.spec import Device, Schedule, SpecError
from thermofab.hw.spec.device import RunArguments
from thermofab.sim.chains import Chains
from thermofab.sim.driven import DrivenChains, Placing
from thermofab.sim.simulated import SimulatedDevice

Holding = SimulatedDevice | Placing


def holding(device: Device, what: str) -> Holding:
    """``device``, known to be one.

    Args:
        what: what needs it, for the message.

    Raises:
        SpecError: its chains can neither be held nor be placed.
    """
    if not isinstance(device, (SimulatedDevice, Placing)):
        raise SpecError(
            f"{what} needs a device whose chains can be held, a simulator's, or whose states and generators can be "
            "placed, as those of 'rtl' and 'serial://…' can."
        )
    return device


def simulator(device: Device, what: str) -> SimulatedDevice:
    """``device``, known to be a simulator; ``SpecError`` if it is none."""
    if not isinstance(device, SimulatedDevice):
        raise SpecError(f"{what} needs a simulator, whose chains can be held, got '{device.info().name}'.")
    return device


def start_chains(device: Holding, **arguments: Unpack[RunArguments]) -> Chains:
    """Chains of the loaded image that have not swept yet; arguments as in :meth:`Device.run`."""
    if isinstance(device, SimulatedDevice):
        return device.start(**arguments)
    return DrivenChains(device, device.plan(Schedule(0, 1), **arguments))
