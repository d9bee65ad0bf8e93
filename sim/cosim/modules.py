"""A module of your own in the place of one of an emitted design: how a cell is tried inside a whole fabric."""

import re

from thermofab.hw.spec import SpecError

# With the comment lines and attributes right above it, which are the replaced module's.
_MODULE = r"(?:^(?://|\(\*)[^\n]*\n)*^module {name}\b.*?^endmodule[^\n]*\n?"


def with_module(verilog: str, own: str) -> str:
    """``verilog`` with the modules of ``own`` in the place of those of the same names; other modules of ``own``, of
    which these may consist, are added.

    Raises:
        SpecError: no module of ``own`` has the name of one in ``verilog``.
    """
    names = re.findall(r"^[ \t]*module[ \t]+(\w+)", own, re.M)
    known = set(re.findall(r"^module (\w+)", verilog, re.M))
    if not known & set(names):
        raise SpecError(
            f"none of the modules {names} is in the design; a module takes the place of the one of its name, and the "
            f"design has: {', '.join(sorted(known))}."
        )
    for name in known & set(names):
        verilog = re.sub(_MODULE.format(name=name), "", verilog, flags=re.M | re.S)
    return f"{verilog.rstrip()}\n\n{own.strip()}\n"
