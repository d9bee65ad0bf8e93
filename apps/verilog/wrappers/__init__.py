"""Wrappers: a fabric behind a bus of other people's, its samples on an AXI4-Stream. One file a bus."""

from collections.abc import Callable

from thermofab.apps.verilog.wrappers import axi4lite, wishbone
from thermofab.apps.verilog.wrappers.ports import FabricPorts, ports_of
from thermofab.apps.verilog.wrappers.stream import stream_module
from thermofab.hw.spec import SpecError

BUSES: dict[str, Callable[[FabricPorts], str]] = {
    "wishbone": wishbone.wishbone_wrapper,
    "axi4lite": axi4lite.axi4lite_wrapper,
}


def wrapper(verilog: str, name: str, bus: str, last: int) -> str:
    """Verilog of the module ``{name}_{bus}`` and of what it needs besides the fabric.

    Args:
        verilog: the emitted text of the fabric, of whatever architecture.
        name: of the fabric's module.
        bus: one of :data:`BUSES`.
        last: word address of the last register.

    Raises:
        SpecError: another bus.
    """
    if bus not in BUSES:
        raise SpecError(f"a fabric is wrapped for {' or '.join(BUSES)}, got '{bus}'.")
    ports = ports_of(verilog, name, last)
    return BUSES[bus](ports) + "\n" + stream_module(name)
