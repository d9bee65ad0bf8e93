"""Synthesised netlists of small fabrics, with the models of their cells, in lockstep with the reference."""

import pytest

from tests.seeds import seed_of
from thermofab.hw.boards.part import ECP5_85, ICE40_UP5K
from thermofab.hw.boards.synthesis import SynthesisOptions
from thermofab.hw.spec import fabric
from thermofab.sim.cosim import EVERY_SAMPLE, installed_simulators
from thermofab.sim.cosim.ecp5_block_ram import MODEL
from thermofab.sim.cosim.netlist import behaviour_left, netlist_lockstep, netlist_of

SMALL = {"levels": 2, "table_bits": 7, "threshold_bits": 8, "bias_bits": 6, "weight_bits": 4, "rng": "lfsr32"}
TINY = fabric("complete-4", **SMALL)
SYSTOLIC = fabric("g4-4x4-torus", architecture="systolic", elements=2, **SMALL)
RELAY = fabric("g4-4x4-torus", architecture="relay", **SMALL)
DENSE = fabric("complete-8", architecture="dense", **SMALL)
FIRST = installed_simulators()[0]
PARTS = pytest.mark.parametrize("part, models", [(ICE40_UP5K, ""), (ECP5_85, MODEL)], ids=["ice40", "ecp5"])


@PARTS
def test_netlist_in_lockstep(part, models, tmp_path):
    """Few updates on Icarus, which starts at once; it also shows that no unknown value reaches a state."""
    netlist = netlist_of(TINY, part, SynthesisOptions(), models)
    assert netlist.synthesis.utilisation.block_ram > 0
    assert behaviour_left(netlist) == []
    assert netlist_lockstep(netlist, FIRST, seed=seed_of(1), folder=tmp_path).compared >= 300


@pytest.mark.parametrize(
    "spec, part, models",
    [
        pytest.param(SYSTOLIC, ICE40_UP5K, "", id="systolic-ice40"),
        pytest.param(SYSTOLIC, ECP5_85, MODEL, id="systolic-ecp5", marks=pytest.mark.soak),
        pytest.param(RELAY, ECP5_85, MODEL, id="relay-ecp5"),
        pytest.param(RELAY, ICE40_UP5K, "", id="relay-ice40", marks=pytest.mark.soak),
        pytest.param(DENSE, ECP5_85, MODEL, id="dense-ecp5"),
        pytest.param(DENSE, ICE40_UP5K, "", id="dense-ice40", marks=pytest.mark.soak),
        pytest.param(TINY, ICE40_UP5K, "", id="spatial-ice40", marks=pytest.mark.soak),
        pytest.param(TINY, ECP5_85, MODEL, id="spatial-ecp5", marks=pytest.mark.soak),
    ],
)
def test_netlist_behind_the_driver(spec, part, models, tmp_path):
    """Any architecture: images loaded and samples read as a host does, every state of every run."""
    netlist = netlist_of(spec, part, SynthesisOptions(), models)
    assert behaviour_left(netlist) == []
    found = netlist_lockstep(netlist, FIRST, seed=seed_of(3), bench=EVERY_SAMPLE, folder=tmp_path)
    assert found.compared >= 300


@pytest.mark.soak
@PARTS
def test_larger_netlist_in_lockstep(part, models, tmp_path):
    """Many updates on Verilator, which compiles the cells first."""
    netlist = netlist_of(fabric("g4-4x4-torus", **SMALL), part, SynthesisOptions(), models)
    assert behaviour_left(netlist) == []
    found = netlist_lockstep(netlist, "verilator", updates=100_000, seed=seed_of(2), folder=tmp_path)
    assert found.compared >= 100_000
