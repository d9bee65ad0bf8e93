"""Verilog from a FabricSpec: deterministic text, one module for all lanes of a degree."""

import re
import textwrap
from collections.abc import Callable
from typing import Any

from thermofab.hw.host.spatial.plan import plan_lanes
from thermofab.hw.host.systolic.timing import layout_of
from thermofab.hw.rtl.netlist.design import Design
from thermofab.hw.spec import FabricSpec, Image, SpecError
from thermofab.hw.spec.clocks import dense_clocks, relay_clocks

Build = Callable[[Any], Any]


def emit_rtlil(spec: FabricSpec, name: str = "thermofab", image: Image | None = None) -> str:
    """The fabric in Yosys' RTLIL, its top module called ``name``, every other one ``name_…``."""
    return rtlil_of(_top(spec, image), name)


def rtlil_of(build: Build, name: str) -> str:
    """A design in Yosys' RTLIL: ``build(hierarchy)`` makes its top module, called ``name``, every other ``name_…``."""
    return _converted(build, name, sources=False)[0]


def design_of(build: Build, name: str, *, sources: bool = True) -> Design:
    """A design, ready to be written as Verilog; see :func:`rtlil_of`."""
    text, components = _converted(build, name, sources=True)
    return Design(text, components, sources=sources)


def emit_verilog(spec: FabricSpec, *, name: str = "thermofab", image: Image | None = None, sources: bool = True) -> str:
    """Verilog-2001 of a fabric: the same text for the same spec and the same Amaranth.

    Args:
        spec: a fabric, of whatever architecture.
        name: of the top module, and the prefix of all others.
        image: an image whose weights and biases are fixed in the text; by default they are loaded.
        sources: attributes ``src`` say from which line of Python modules and registers are.

    Raises:
        SpecError: the name is none of a module.
        UnsupportedError: there is an image, and the architecture has no variant with built-in weights.
    """
    design = fabric_design(spec, name, image, sources=sources)
    return header(spec, name, image, design) + design.text()


def fabric_design(
    spec: FabricSpec, name: str = "thermofab", image: Image | None = None, *, sources: bool = True
) -> Design:
    """A fabric as a design: its text, its modules, its memories. See :func:`emit_verilog`."""
    return design_of(_top(spec, image), name, sources=sources)


def _top(spec: FabricSpec, image: Image | None) -> Build:
    from thermofab.hw.rtl.architectures import fabric_top

    return lambda hierarchy: fabric_top(spec, hierarchy, image)


def _converted(build: Build, name: str, *, sources: bool) -> tuple[str, dict[str, Any]]:
    """The RTLIL of all modules, and what each is made from."""
    from amaranth.back import rtlil

    from thermofab.hw.rtl.common.hierarchy import ByName

    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise SpecError(f"a Verilog module name has letters, digits and underscores only, got {name!r}.")
    hierarchy = ByName(name)
    components = {name: build(hierarchy)}
    text = rtlil.convert(components[name], name=name, emit_src=sources)
    while waiting := [module for module in hierarchy.modules if module not in components]:
        for module in waiting:
            components[module] = hierarchy.modules[module]
            text += _not_top(rtlil.convert(components[module], name=module, emit_src=sources))
    return text, components


_REGISTER_MAPS = {
    "spatial": "register-map.md",
    "systolic": "register-map-systolic.md",
    "relay": "register-map-relay.md",
    "dense": "register-map-dense.md",
}
# Clocks from a sweep to the next; of a relay fabric, where every site is a root and fields are as wide as they get.
_SWEEP_CLOCKS: dict[str, Callable[[FabricSpec], int]] = {
    "spatial": lambda spec: plan_lanes(spec).sweep_clocks,
    "systolic": lambda spec: layout_of(spec).n_slots,
    "relay": relay_clocks,
    "dense": dense_clocks,
}


def _not_top(text: str) -> str:
    return text.replace("attribute \\top 1\n", "")


def header(spec: FabricSpec, name: str, image: Image | None, design: Design) -> str:
    """The comment at the head of a fabric's Verilog."""
    made = f"Made by thermofab.emit_verilog(fabric, name={name!r}) of the fabric with that digest."
    return headed([f"{name}: {built(spec)[0]}", *built(spec, image)[1:], made], design)


def headed(lines: list[str], design: Design) -> str:
    """A comment of these lines and the tree of a design's modules."""
    said = [part for line in [*lines, "Modules:"] for part in textwrap.wrap(line, 110)]
    return "".join(f"// {line}\n" for line in [*said, *(f"  {line}" for line in design.tree())]) + "\n"


def built(spec: FabricSpec, image: Image | None = None) -> list[str]:
    """What a fabric is, for the head of a text."""
    top = spec.topology
    return [
        f"a thermofab fabric of p-bits on {top.name}, architecture {spec.architecture}",
        f"sites {spec.n_sites}, edges {top.n_edges}, colours {top.n_colours}, largest degree {top.max_degree}, "
        f"clocks per sweep {_SWEEP_CLOCKS[spec.architecture](spec)}",
        f"weight_bits {spec.weight_bits}, bias_bits {spec.bias_bits}, table_bits {spec.table_bits}, "
        f"threshold_bits {spec.threshold_bits}, dither_bits {spec.dither_bits}, min_shift {spec.min_shift}, "
        f"word_bits {spec.word_bits}, levels {spec.levels}, moment_bits {spec.moment_bits}, rng {spec.rng}",
        f"fabric digest {spec.digest}",
        *([] if image is None else [f"weights and biases of the image with digest {image.digest}"]),
        f"One clock, synchronous reset. Register map: docs/{_REGISTER_MAPS[spec.architecture]}. How to read this text: "
        "docs/netlist.md.",
    ]
