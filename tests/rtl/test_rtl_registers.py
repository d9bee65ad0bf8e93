"""The register map: one description, addresses that never overlap, and a manual page that is current."""

from pathlib import Path

import pytest

import thermofab
from thermofab.hw.host.architectures import register_map
from thermofab.hw.host.manual import EXAMPLE, register_page
from thermofab.hw.host.registers import Register, RegisterMap, placed
from thermofab.hw.spec import SpecError, fabric

SPECS = [
    fabric("complete-1", levels=1, dither_bits=0),
    fabric("g4-4x4-torus"),
    fabric("g4-6x6", elements=5, moment_bits=20),
    fabric("king-7x9", rng="xoshiro128+", levels=256, table_bits=12),
    fabric(EXAMPLE),
]
SYSTOLIC = fabric("g4-8x8-torus", architecture="systolic", moment_bits=8, min_shift=2)


@pytest.mark.parametrize("spec", [*SPECS, SYSTOLIC], ids=repr)
def test_registers_do_not_overlap_and_arrays_are_aligned(spec):
    registers = register_map(spec).registers
    used = [address for register in registers for address in range(register.base, register.base + register.count)]
    assert len(set(used)) == len(used)
    assert max(used) < 2 ** register_map(spec).address_bits
    assert all(register.base % (1 << register.index_bits) == 0 for register in registers)


def test_the_head_of_the_map_is_the_same_for_all():
    """A driver can read ID, sizes and digest before it knows the fabric."""
    heads = [[(r.name, r.base, r.count) for r in register_map(spec).registers][:28] for spec in SPECS]
    assert all(head == heads[0] for head in heads)


def test_architectures_have_the_same_control_block():
    """The settings of a run are the same registers, of the same ranges, in the same order, on every fabric."""
    spatial = fabric(SYSTOLIC, architecture="spatial")
    maps = [register_map(spec) for spec in (spatial, SYSTOLIC)]
    settings = [[(r.name, r.access, r.low, r.high, r.init, r.locked) for r in map_.kept] for map_ in maps]
    assert settings[0] == settings[1][:-1] and settings[1][-1][0] == "EXTRA"
    assert settings[0][0] == ("SHIFT", "RW", 2, spatial.dither_bits, 0, True)
    assert all(map_["CONTROL"].at() == map_["STATUS"].at() - 1 for map_ in maps)


def test_arrays_without_entries_are_left_out():
    """A fabric without edges has no weights."""
    assert {"WEIGHTS", "FACTORS"}.isdisjoint(register_map(SPECS[0]).names)
    assert placed([Register("A", "R", "", 3), Register("B", "R", "", 0), Register("C", "R", "", 2)]) == RegisterMap(
        (Register("A", "R", "", 3), Register("C", "R", "", 2, base=4))
    )


def test_names_and_entries_are_checked():
    registers = register_map(SPECS[1])
    with pytest.raises(SpecError, match=r"^there is no register 'WIEGHTS'\.$"):
        registers["WIEGHTS"]
    with pytest.raises(SpecError, match=r"^register BIASES has entries 0…15, got 16\.$"):
        registers["BIASES"].at(16)


@pytest.mark.parametrize(
    "architecture, name",
    [("spatial", "register-map"), *((name, f"register-map-{name}") for name in ("systolic", "dense", "relay"))],
)
def test_the_manual_page_is_current(architecture, name):
    page = Path(str(thermofab.__file__)).resolve().parent.parent / "docs" / f"{name}.md"
    assert page.read_text() == register_page(fabric(EXAMPLE, architecture=architecture)), (
        f"docs/{name}.md is out of date; write it with: "
        f"python -m thermofab.hw.host.manual {EXAMPLE} {architecture} > docs/{name}.md"
    )
