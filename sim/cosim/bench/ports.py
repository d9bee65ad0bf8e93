"""Ports of a fabric as benches see them: what cocotb's handle of a design must have, by name."""

from typing import Protocol

from cocotb.handle import LogicArrayObject, LogicObject


class BusPorts(Protocol):
    """A clock, and the register bus."""

    clk: LogicObject
    bus_address: LogicArrayObject
    bus_write: LogicObject
    bus_write_data: LogicArrayObject
    bus_read: LogicObject
    bus_read_data: LogicArrayObject


class FabricPorts(BusPorts, Protocol):
    """The ports of every fabric."""

    rst: LogicObject
    sample_valid: LogicObject
    sample_ready: LogicObject
    sample_payload: LogicArrayObject
    sample_last: LogicObject
    busy: LogicObject


class ShownPorts(FabricPorts, Protocol):
    """A fabric that shows its states after a sweep."""

    state: LogicArrayObject
    sweep_done: LogicObject


class DensePorts(ShownPorts, Protocol):
    """With the draw of a clock: its site, field and compared bits."""

    draw: LogicObject
    draw_site: LogicArrayObject
    draw_field: LogicArrayObject
    draw_high: LogicArrayObject


class RelayPorts(ShownPorts, Protocol):
    """With a bit of every draw unit's field, least first, while ``draw_adding``."""

    draw_adding: LogicObject
    draw_bits: LogicArrayObject


class SystolicPorts(FabricPorts, Protocol):
    """With a spin of every element, those of slot ``state_slot``; ``state_update``: the slot's round is a sweep."""

    state: LogicArrayObject
    state_slot: LogicArrayObject
    state_update: LogicObject
