"""cocotb: a fabric behind its link, through the pins of the emitted Verilog."""

import pytest
from link_runner import simulate
from rtl_runner import simulators

from thermofab.hw.spec import fabric

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
        for each in simulators()
    ],
)
def test_through_the_pins(architecture, simulator, tmp_path, monkeypatch):
    steps, divisor = (40, 5) if simulator == "verilator" else (8, 2)
    assert simulate(simulator, SPECS[architecture], divisor, 1, steps, tmp_path, monkeypatch) >= 1500 + steps
