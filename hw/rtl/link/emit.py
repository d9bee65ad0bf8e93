"""Verilog of a fabric behind its serial line."""

import re
from typing import Any

from thermofab.hw.rtl.emit import require_yosys, rtlil_of, verilog_of
from thermofab.hw.rtl.link.memories import DONT_CARE
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
    verilog = verilog_of(rtlil_of(link_top(spec, divisor, clock_hz), name))
    return start_at_once(mark_memories(verilog, f"{name}_link"))


def start_at_once(verilog: str) -> str:
    """``verilog`` whose combinational blocks are all evaluated at time 0.

    Yosys gives every module a register whose initial value is to wake them. Icarus gives registers their values before
    any block listens; set by a nonblocking assignment, the wake-up comes when all of them do.
    """
    return re.sub(
        r"^  reg (\\\$auto\$verilog_backend\S+) +=( *0);", r"  reg \1 ;\n  initial \1 <=\2;", verilog, flags=re.M
    )


def mark_memories(verilog: str, module: str) -> str:
    """``verilog`` with the attribute of :mod:`thermofab.hw.rtl.link.memories`, which the writer leaves out, at the
    memories of ``module`` and of the modules inside it.
    """
    parts = re.split(r"^(?=module )", verilog, flags=re.M)
    attributes = "".join(f"  (* {name} *)\n" for name in DONT_CARE)
    for k, part in enumerate(parts):
        if re.match(rf"module \\?{re.escape(module)}[.( ]", part):
            parts[k] = re.sub(r"^(?=  reg \[\d+:0\] memory \[\d+:0\];)", attributes, part, flags=re.M)
    return "".join(parts)
