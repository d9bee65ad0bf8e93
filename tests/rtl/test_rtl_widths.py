"""The compiled RTL at the narrowest and widest weights that a fabric may have: the bits of the reference."""

import numpy as np
import pytest

from thermofab.hw.spec import fabric
from thermofab.sim.conformance import compare, random_case

pytestmark = pytest.mark.rtl


@pytest.mark.parametrize("device", ["rtl", "rtl-systolic"])
@pytest.mark.parametrize("weight_bits, bias_bits", [(2, 2), (3, 5), (16, 24)])
def test_widths(device, weight_bits, bias_bits):
    spec = fabric("g4-3x4", weight_bits=weight_bits, bias_bits=bias_bits, table_bits=5, levels=1)
    outcome = compare(device, random_case(np.random.default_rng(weight_bits), "g4", 5_000, spec))
    assert outcome.compared > 0 and outcome.differing == 0, outcome.first
