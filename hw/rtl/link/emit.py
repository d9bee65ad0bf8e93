"""Verilog of a fabric behind its serial line."""

from typing import Any

from thermofab.hw.rtl.emit import require_yosys, rtlil_of, verilog_of
from thermofab.hw.spec import FabricSpec

NAME = "thermofab_link"


def link_top(spec: FabricSpec, divisor: int, clock_hz: int = 0) -> Any:
    """What builds the top module, for :func:`thermofab.hw.rtl.emit.rtlil_of`."""
    from thermofab.hw.rtl.link.top import LinkTop
    from thermofab.hw.rtl.link.uart import check_divisor

    check_divisor(divisor)
    return lambda hierarchy: LinkTop(spec, divisor, hierarchy, clock_hz=clock_hz)


def emit_link_verilog(spec: FabricSpec, divisor: int, *, clock_hz: int = 0, name: str = NAME) -> str:
    """Verilog-2001 of :class:`thermofab.hw.rtl.link.top.LinkTop`; ports clk, rst, rx, tx and busy.

    Raises:
        ToolMissingError: there is no Yosys; the message says how to get it.
        SpecError: the divisor, the clock or the name cannot be.
    """
    require_yosys()
    return verilog_of(rtlil_of(link_top(spec, divisor, clock_hz), name))
