"""cocotb: a fabric behind its link, through the pins of the emitted Verilog."""

import pytest

from tests.seeds import seed_of
from thermofab.hw.spec import fabric
from thermofab.sim.cosim import installed_simulators
from thermofab.sim.cosim.link import link_lockstep

pytestmark = pytest.mark.rtl
SPECS = {
    "spatial": fabric("complete-5", table_bits=4, levels=1),
    "systolic": fabric("g4-3x3", architecture="systolic", table_bits=4, levels=1),
    "dense": fabric("complete-6", architecture="dense", table_bits=4, levels=1),
}


# On the second simulator the smallest; the others take as long again (-m soak).
@pytest.mark.parametrize(
    ("architecture", "simulator"),
    [
        pytest.param(name, each, marks=pytest.mark.soak if each == "icarus" and name != "spatial" else [])
        for name in SPECS
        for each in installed_simulators()
    ],
)
def test_through_the_pins(architecture, simulator, tmp_path):
    steps, divisor = (40, 5) if simulator == "verilator" else (8, 2)
    spec, seed = SPECS[architecture], seed_of(1)
    found = link_lockstep(spec, simulator, divisor=divisor, steps=steps, seed=seed, folder=tmp_path)
    assert found.compared >= 1500 + steps
