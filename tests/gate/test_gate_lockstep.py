"""Synthesised netlists of small fabrics, with the models of their cells, in lockstep with the reference."""

import pytest
from gate_runner import behaviour_left, netlist_of, simulate_netlist
from rtl_runner import simulators

from thermofab.hw.boards.part import ECP5_85, ICE40_UP5K
from thermofab.hw.boards.synthesis import SynthesisOptions
from thermofab.hw.spec import fabric

SMALL = {"levels": 2, "table_bits": 4, "threshold_bits": 8, "bias_bits": 6, "weight_bits": 4, "rng": "lfsr32"}
TINY = fabric("complete-4", **SMALL)
# Yosys has no model of the ECP5's block RAM, so there memories become LUT RAM, of which it has one.
NO_BLOCK_RAM = SynthesisOptions(block_ram=False)


PARTS = pytest.mark.parametrize(
    "part, options", [(ICE40_UP5K, SynthesisOptions()), (ECP5_85, NO_BLOCK_RAM)], ids=["ice40", "ecp5"]
)


@PARTS
def test_netlist_in_lockstep(part, options, tmp_path, monkeypatch):
    """Few updates on Icarus, which starts at once; it also shows that no unknown value reaches a state."""
    simulator = simulators()[-1]
    netlist = netlist_of(TINY, part, options)
    assert behaviour_left(netlist) == []
    assert simulate_netlist(simulator, netlist, 1, 600, tmp_path, monkeypatch) >= 600


@pytest.mark.soak
@PARTS
def test_larger_netlist_in_lockstep(part, options, tmp_path, monkeypatch):
    """Many updates on Verilator, which compiles the cells first."""
    netlist = netlist_of(fabric("g4-4x4-torus", **SMALL), part, options)
    assert behaviour_left(netlist) == []
    assert simulate_netlist("verilator", netlist, 2, 100_000, tmp_path, monkeypatch) >= 100_000
