"""Verilog of a fabric behind its serial line."""

from typing import Any

from thermofab.hw.rtl.emit import built, design_of, headed
from thermofab.hw.spec import FabricSpec

NAME = "thermofab_link"


def link_top(spec: FabricSpec, divisor: int, clock_hz: int = 0) -> Any:
    """What builds the top module, for :func:`thermofab.hw.rtl.emit.rtlil_of`."""
    from thermofab.hw.rtl.link.top import LinkTop
    from thermofab.hw.rtl.link.uart import check_divisor

    check_divisor(divisor)
    return lambda hierarchy: LinkTop(spec, divisor, hierarchy, clock_hz=clock_hz)


def emit_link_verilog(
    spec: FabricSpec, divisor: int, *, clock_hz: int = 0, name: str = NAME, sources: bool = True
) -> str:
    """Verilog-2001 of :class:`thermofab.hw.rtl.link.top.LinkTop`; ports clk, rst, rx, tx and busy.

    Raises:
        SpecError: the divisor, the clock or the name cannot be.
    """
    design = design_of(link_top(spec, divisor, clock_hz), name, sources=sources)
    line = f"Behind a serial line of {divisor} clocks per bit" + (f", at {clock_hz} Hz." if clock_hz else ".")
    said = [f"{name}: {built(spec)[0]}", line, *built(spec)[1:], "Made by thermofab.hw.rtl.link.emit."]
    return headed(said, design) + design.text()
