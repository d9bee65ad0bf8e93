"""Every port of a component is named in its docstring, and every name there is a port.

A section ``Ports:`` has entries ``name, name: what they are; name: what it is``. ``name_k`` stands for ``name_0``,
``name_1``, …, as do other single letters between or after underscores, and ``name_…`` for all names that begin so.
"""

import importlib
import pkgutil
import re
import textwrap

import networkx
import pytest
from amaranth.lib import wiring

import thermofab.hw.rtl
from thermofab.hw.rtl.architectures import fabric_top
from thermofab.hw.rtl.emit import rtlil_of
from thermofab.hw.rtl.link.top import LinkTop
from thermofab.hw.rtl.tiles.plan import Line, plan_tile
from thermofab.hw.rtl.tiles.top import TileTop
from thermofab.hw.spec import Tiling, fabric

FACTORS = networkx.path_graph(5)
SPECS = [
    fabric("g4-4x4", moment_bits=8),
    fabric("g4-4x4", levels=1, dither_bits=0, rng="lfsr32"),
    fabric(FACTORS, factors=((0, 1, 2), (1, 2, 3, 4))),
    fabric("g4-8x8-torus", architecture="systolic", moment_bits=8),
    fabric(FACTORS, factors=((0, 1, 2), (1, 2, 3, 4)), architecture="systolic"),
    fabric("g4-4x4", architecture="relay", moment_bits=8),
    fabric("g4-3x3", architecture="relay", rng="xoshiro128+"),
    fabric("complete-6", architecture="dense", moment_bits=8),
    fabric("complete-6", architecture="dense", elements=2),
]
TILED = fabric("g4-4x4")
NAMES = re.compile(r"\s*([a-z…][\w…]*(?:, [a-z…][\w…]*)*)(?: \([^)]*\))?: ")


def components() -> list[type]:
    """All component classes of the gateware."""
    found = []
    for module in pkgutil.walk_packages(thermofab.hw.rtl.__path__, "thermofab.hw.rtl."):
        held = vars(importlib.import_module(module.name)).values()
        found += [each for each in held if isinstance(each, type) and issubclass(each, wiring.Component)
                  and each.__module__ == module.name]  # fmt: skip
    return found


@pytest.fixture(scope="module")
def built() -> dict[type, set[str]]:
    """The ports of each class, of all its instances in a few designs."""
    ports: dict[type, set[str]] = {}
    original = wiring.Component.__init__

    def noting(self, *arguments, **named):
        original(self, *arguments, **named)
        ports.setdefault(type(self), set()).update(self.signature.members)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wiring.Component, "__init__", noting)
        for spec in SPECS:
            rtlil_of(lambda hierarchy, spec=spec: fabric_top(spec, hierarchy), "design")
        rtlil_of(lambda hierarchy: LinkTop(SPECS[0], 12, hierarchy), "design")
        tile = plan_tile(TILED, Tiling.blocks(TILED.topology, (2, 1)), 0, Line())
        rtlil_of(lambda hierarchy: TileTop(tile, hierarchy), "design")
    return ports


def entries(docstring: str) -> list[str]:
    """The entries of the section, each on a line."""
    text = textwrap.dedent("    " + docstring)
    section = re.search(r"^ *Ports:(.*(?:\n(?! *(?:Args|Raises|Attributes):).+)*)", text, re.M)
    if section is None:
        return []
    lines = section[1].strip("\n").split("\n")
    if lines[0].startswith(" ") and section[1][:1] == " ":
        return [" ".join(line.strip() for line in lines)]
    depth = len(lines[0]) - len(lines[0].lstrip())
    joined: list[str] = []
    for line in lines:
        if len(line) - len(line.lstrip()) > depth:
            joined[-1] += " " + line.strip()
        else:
            joined.append(line.strip())
    return joined


def patterns(docstring: str) -> list[str]:
    """The names in a docstring's section, as regular expressions."""
    said = []
    for entry in entries(docstring):
        first, *others = entry.replace("``", "").split("; ")
        heads = [NAMES.match(part) for part in (first, *others)]
        assert heads[0] is not None, f"'{entry}' names no port."
        said += [name for head in heads if head for name in head[1].split(", ")]
    return [re.sub(r"(?<=_)[a-z](?=_|$)", r"\\d+", name).replace("…", ".+") for name in said]


@pytest.mark.parametrize("component", components(), ids=lambda each: f"{each.__module__[16:]}.{each.__name__}")
def test_docstring_names_the_ports(component, built):
    assert component in built, f"no design here holds a {component.__name__}; add one."
    said = patterns(component.__doc__ or "")
    unnamed = [port for port in sorted(built[component]) if not any(re.fullmatch(name, port) for name in said)]
    assert not unnamed, f"the docstring does not name {', '.join(unnamed)}."
    absent = [name for name in said if not any(re.fullmatch(name, port) for port in built[component])]
    assert not absent, f"the docstring names {', '.join(absent)}, which no instance has."


def test_patterns_of_a_docstring():
    text = """What it is.

    Ports:
        start, abort: strobes; level_k: ``[3]``, which goes on; and
            on, it: seems.
        bus_…: the bus.
    """
    assert patterns(text) == ["start", "abort", r"level_\d+", "bus_.+"]
    assert patterns("Ports: ``states``: ``[D]``; ``weight_b_k``: signed.") == ["states", r"weight_\d+_\d+"]
    with pytest.raises(AssertionError, match="names no port"):
        patterns("Ports:\n    ``NAME`` in, and out.")
