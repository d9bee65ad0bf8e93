"""Architectures by name: the registries of both sides agree, and driving a fabric brings in no gateware."""

import subprocess
import sys

import numpy as np
import pytest

from thermofab.hw.host.architectures import ARCHITECTURES, host_architecture, loading_of, register_map
from thermofab.hw.rtl.architectures import TOPS, fabric_top
from thermofab.hw.rtl.common.bus import top_ports
from thermofab.hw.spec import Image, UnsupportedError, fabric

NAMES = tuple(ARCHITECTURES)


def test_both_registries_list_the_same_names():
    assert set(TOPS) == set(ARCHITECTURES)


@pytest.mark.parametrize("name", NAMES)
def test_a_top_has_the_ports_of_every_top_and_the_address_width_of_its_map(name):
    spec = fabric("g4-4x4", architecture=name)
    members = fabric_top(spec).signature.members
    common = top_ports(register_map(spec).address_bits)
    assert {port: members[port] for port in common} == common


@pytest.mark.parametrize("name", NAMES)
def test_a_loading_reads_and_writes_the_registers_of_its_map(name):
    spec = fabric("g4-4x4", architecture=name)
    loading = loading_of(spec)
    assert loading.map == register_map(spec)
    addresses, data = loading.states(np.ones(spec.n_sites, dtype=bool))
    # A relay fabric takes states as events, when told to.
    arrays = [loading.map[array] for array in (("EVENTS", "LOAD") if name == "relay" else ("STATES",))]
    known = {array.at(k) for array in arrays for k in range(array.count)}
    assert len(addresses) == len(data) and set(addresses.tolist()) <= known


def test_an_unknown_architecture_is_refused():
    with pytest.raises(UnsupportedError, match=r"^architecture 'analogue' cannot be built here; known are spatial"):
        host_architecture("analogue")


@pytest.mark.parametrize("ask", [register_map, loading_of, lambda spec, image: fabric_top(spec, image=image)])
@pytest.mark.parametrize("name", ["dense"])
def test_fabrics_that_load_their_weights_have_nothing_built_in(name, ask):
    spec = fabric("g4-4x4", architecture=name)
    image = Image(
        spec,
        np.zeros(spec.topology.n_edges),
        np.zeros(spec.n_sites),
        np.full((spec.levels, spec.table_size), 1),
        spec.min_shift,
        np.full(spec.n_sites, -1),
    )
    with pytest.raises(UnsupportedError, match="keeps its weights in block RAM and always loads them"):
        ask(spec, image)


@pytest.mark.parametrize("name", NAMES)
def test_driving_a_fabric_imports_no_gateware(name):
    code = (
        "import sys, thermofab.hw.host.driver, thermofab.hw.host.driven, thermofab.hw.host.manual\n"
        "import thermofab.hw.link.device, thermofab.sim.driven\n"
        "from thermofab.hw.host.architectures import loading_of\n"
        "from thermofab.hw.spec import fabric\n"
        f"loading_of(fabric('g4-4x4', architecture='{name}'))\n"
        "print(sorted(m for m in sys.modules if m == 'amaranth' or m.startswith('thermofab.hw.rtl')))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
