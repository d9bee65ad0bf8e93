"""The register map as a page of the manual: ``python -m thermofab.hw.host.manual [FABRIC [ARCHITECTURE]]``."""

import sys

from thermofab.hw.host.architectures import register_map
from thermofab.hw.host.registers import Register
from thermofab.hw.spec import FabricSpec, fabric

EXAMPLE = "g12-16x16-torus"
_ACCESS = {"R": "read", "W": "write", "RW": "read, write", "RC": "read, write ones to clear"}


def register_page(spec: FabricSpec) -> str:
    """Markdown of the registers of ``spec``."""
    top = spec.topology
    lines = [
        "# Register map",
        "",
        f"As built for `{top.name}` with default widths ({spec.n_sites} sites, {top.n_edges} edges, "
        f"{top.n_colours} colours). Addresses count 32-bit words. The order of registers is the same for every fabric; "
        "where the arrays start follows from their lengths, so drivers take addresses from "
        "`thermofab.hw.host.architectures.register_map(spec)`, which also makes the decoder and this page "
        "(`python -m thermofab.hw.host.manual > docs/register-map.md`).",
        "",
        "*Locked* registers can be written between runs only: a write during a run is ignored and flagged in `ERRORS`. "
        "To reconfigure in mid-run, abort, write, start; nothing needs a reset.",
        "",
        "| address | register | entries | access | holds |",
        "|---|---|---|---|---|",
        *(_row(register) for register in register_map(spec).registers),
        "",
    ]
    return "\n".join(lines)


def _row(register: Register) -> str:
    first, last = register.base, register.base + register.count - 1
    where = f"`0x{first:04x}`" + (f"…`0x{last:04x}`" if register.count > 1 else "")
    access = _ACCESS[register.access] + (", locked" if register.locked else "")
    return f"| {where} | `{register.name}` | {register.count} | {access} | {register.text} |"


def main() -> None:
    name, architecture, *_ = [*sys.argv[1:], *(EXAMPLE, "spatial")[len(sys.argv[1:]) :]]
    print(register_page(fabric(name, architecture=architecture)), end="")


if __name__ == "__main__":
    main()
