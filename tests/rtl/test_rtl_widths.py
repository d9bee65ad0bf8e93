"""The compiled RTL at the narrowest and widest weights and thresholds of a fabric: the bits of the reference."""

from dataclasses import replace

import numpy as np
import pytest

from thermofab.hw.spec import fabric
from thermofab.sim.conformance import compare, random_case

pytestmark = pytest.mark.rtl


@pytest.mark.parametrize("device", ["rtl", "rtl-systolic"])
def test_fine_tables_of_the_whole_range(device):
    """Red if the bus, a table memory or the comparison is narrower than 24 bits, or the dither than 8."""
    spec = fabric("g4-3x4", profile="fine", levels=1)  # the one that tests/conformance builds
    rng = np.random.default_rng(24)
    case = random_case(rng, "g4", 5_000, spec)
    tables = rng.integers(1, 2**24, (1, spec.table_size))
    tables[0, ::3], tables[0, 1::3] = 1, 2**24 - 1
    outcome = compare(device, replace(case, image=case.image.replace(tables=tables, shift=8)))
    assert outcome.compared > 0 and outcome.differing == 0, outcome.first


@pytest.mark.parametrize("device", ["rtl", "rtl-systolic"])
@pytest.mark.parametrize("weight_bits, bias_bits", [(2, 2), (3, 5), (16, 24)])
def test_widths(device, weight_bits, bias_bits):
    spec = fabric("g4-3x4", weight_bits=weight_bits, bias_bits=bias_bits, table_bits=5, levels=1)
    outcome = compare(device, random_case(np.random.default_rng(weight_bits), "g4", 5_000, spec))
    assert outcome.compared > 0 and outcome.differing == 0, outcome.first
