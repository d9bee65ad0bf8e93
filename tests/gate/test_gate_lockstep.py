"""Synthesised netlists of small fabrics, with the models of their cells, in lockstep with the reference."""

import block_ram
import pytest
from gate_runner import behaviour_left, netlist_of, simulate_netlist
from rtl_runner import simulators

from thermofab.hw.boards.part import ECP5_85, ICE40_UP5K
from thermofab.hw.boards.synthesis import SynthesisOptions
from thermofab.hw.spec import fabric

SMALL = {"levels": 2, "table_bits": 7, "threshold_bits": 8, "bias_bits": 6, "weight_bits": 4, "rng": "lfsr32"}
TINY = fabric("complete-4", **SMALL)
SYSTOLIC = fabric("g4-4x4-torus", architecture="systolic", elements=2, **SMALL)
RELAY = fabric("g4-4x4-torus", architecture="relay", **SMALL)
DENSE = fabric("complete-8", architecture="dense", **SMALL)
PARTS = pytest.mark.parametrize("part, models", [(ICE40_UP5K, ""), (ECP5_85, block_ram.MODEL)], ids=["ice40", "ecp5"])


@PARTS
def test_netlist_in_lockstep(part, models, tmp_path, monkeypatch):
    """Few updates on Icarus, which starts at once; it also shows that no unknown value reaches a state."""
    simulator = simulators()[-1]
    netlist = netlist_of(TINY, part, SynthesisOptions(), models)
    assert netlist.synthesis.utilisation.block_ram > 0
    assert behaviour_left(netlist) == []
    assert simulate_netlist(simulator, netlist, 1, 300, tmp_path, monkeypatch) >= 300


@pytest.mark.parametrize(
    "spec, part, models",
    [
        pytest.param(SYSTOLIC, ICE40_UP5K, "", id="systolic-ice40"),
        pytest.param(SYSTOLIC, ECP5_85, block_ram.MODEL, id="systolic-ecp5", marks=pytest.mark.soak),
        pytest.param(RELAY, ECP5_85, block_ram.MODEL, id="relay-ecp5"),
        pytest.param(RELAY, ICE40_UP5K, "", id="relay-ice40", marks=pytest.mark.soak),
        pytest.param(DENSE, ECP5_85, block_ram.MODEL, id="dense-ecp5"),
        pytest.param(DENSE, ICE40_UP5K, "", id="dense-ice40", marks=pytest.mark.soak),
        pytest.param(TINY, ICE40_UP5K, "", id="spatial-ice40", marks=pytest.mark.soak),
        pytest.param(TINY, ECP5_85, block_ram.MODEL, id="spatial-ecp5", marks=pytest.mark.soak),
    ],
)
def test_netlist_behind_the_driver(spec, part, models, tmp_path, monkeypatch):
    """Any architecture: images loaded and samples read as a host does, every state of every run."""
    netlist = netlist_of(spec, part, SynthesisOptions(), models)
    assert behaviour_left(netlist) == []
    assert simulate_netlist(simulators()[-1], netlist, 3, 300, tmp_path, monkeypatch, "gate_cocotb") >= 300


@pytest.mark.soak
@PARTS
def test_larger_netlist_in_lockstep(part, models, tmp_path, monkeypatch):
    """Many updates on Verilator, which compiles the cells first."""
    netlist = netlist_of(fabric("g4-4x4-torus", **SMALL), part, SynthesisOptions(), models)
    assert behaviour_left(netlist) == []
    assert simulate_netlist("verilator", netlist, 2, 100_000, tmp_path, monkeypatch) >= 100_000
