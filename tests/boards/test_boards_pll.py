"""PLL settings: within the data sheets' limits, the best there are, and no worse than the vendors' calculators."""

import re
import subprocess

import numpy as np
import pytest

from thermofab.hw.boards.pll import TOLERANCE, Ecp5Pll, GowinPll, Ice40Pll, find_pll
from thermofab.hw.boards.tools import find_tool
from thermofab.hw.spec import SpecError, ToolMissingError

RNG = np.random.default_rng(5)
ECP5_ASKED = [(osc, round(float(f), 2)) for osc in (12.0, 25.0, 48.0, 100.0) for f in RNG.uniform(3.2, 400, 60)]
GOWIN_ASKED = [(osc, round(float(f), 2)) for osc in (27.0, 50.0) for f in RNG.uniform(4, 400, 60)]
ICE40_ASKED = [(osc, round(float(f), 2)) for osc in (10.0, 12.0, 25.0, 48.0, 100.0) for f in RNG.uniform(16, 275, 60)]


def found(family, oscillator, asked):
    try:
        return find_pll(family, oscillator, asked)
    except SpecError as error:
        assert "cannot make" in str(error)
        return None


def test_ecp5_settings_obey_the_data_sheet():
    plls = [(asked, pll) for osc, asked in ECP5_ASKED if (pll := found("ecp5", osc, asked))]
    assert len(plls) > 20
    for asked, pll in plls:
        assert isinstance(pll, Ecp5Pll)
        assert all(1 <= divider <= 128 for divider in (pll.clki_div, pll.clkfb_div, pll.clkop_div))
        detector = pll.input_mhz / pll.clki_div
        output = detector * pll.clkfb_div
        assert 10 <= detector <= 400 and 3.125 <= output <= 400 and 400 <= output * pll.clkop_div <= 800
        assert pll.output_mhz == output and abs(output - asked) <= TOLERANCE * asked


def test_ice40_settings_obey_the_data_sheet():
    plls = [(asked, pll) for osc, asked in ICE40_ASKED if (pll := found("ice40", osc, asked))]
    assert len(plls) > 20
    for asked, pll in plls:
        assert isinstance(pll, Ice40Pll)
        assert 0 <= pll.divr <= 15 and 0 <= pll.divf <= 127 and 1 <= pll.divq <= 6
        detector = pll.input_mhz / (pll.divr + 1)
        vco = detector * (pll.divf + 1)
        assert 10 <= detector <= 133 and 533 <= vco <= 1066 and 16 <= vco / 2**pll.divq <= 275
        assert pll.output_mhz == vco / 2**pll.divq and abs(pll.output_mhz - asked) <= TOLERANCE * asked
        assert 1 <= pll.filter_range <= 6


def test_gowin_settings_obey_the_data_sheet():
    plls = [(asked, pll) for osc, asked in GOWIN_ASKED if (pll := found("gowin", osc, asked))]
    assert len(plls) > 20
    for asked, pll in plls:
        assert isinstance(pll, GowinPll)
        assert 1 <= pll.idiv <= 64 and 1 <= pll.fbdiv <= 64
        assert pll.odiv in (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)
        detector = pll.input_mhz / pll.idiv
        output = detector * pll.fbdiv
        assert 3 <= detector <= 500 and 3.90625 <= output <= 625 and 500 <= output * pll.odiv <= 1250
        assert pll.output_mhz == output and abs(output - asked) <= TOLERANCE * asked


def test_no_allowed_setting_is_nearer():
    """Against every divider there is, without the search's short cuts."""
    for osc, asked in ECP5_ASKED[::12]:
        outputs = {
            osc / i * fb
            for i in range(1, 129)
            for fb in range(1, 129)
            if 10 <= osc / i <= 400 and 3.125 <= osc / i * fb <= 400
            if any(400 <= osc / i * fb * op <= 800 for op in range(1, 129))
        }
        nearest = min(outputs, key=lambda output: abs(output - asked))
        pll = found("ecp5", osc, asked)
        if pll is None:
            assert abs(nearest - asked) > TOLERANCE * asked
        else:
            assert abs(pll.output_mhz - asked) <= abs(nearest - asked) + 1e-9


@pytest.mark.parametrize("oscillator, asked", [(12.0, 16.5), (12.0, 18.0), (12.0, 48.0), (12.0, 100.0), (25.0, 30.0)])
def test_ice40_agrees_with_the_vendor_tools_calculator(oscillator, asked):
    """``icepll`` finds the same filter and nothing nearer."""
    try:
        command = find_tool("icepll").command
    except ToolMissingError:
        pytest.skip("icepll is not installed")
    said = subprocess.run([*command, "-i", str(oscillator), "-o", str(asked)], capture_output=True, text=True).stdout
    theirs = float(re.findall(r"F_PLLOUT:\s+([\d.]+)", said)[-1])
    divr, filter_range = (int(re.findall(rf"{name}:\s+(\d+)", said)[0]) for name in ("DIVR", "FILTER_RANGE"))
    pll = find_pll("ice40", oscillator, asked)
    assert isinstance(pll, Ice40Pll)
    assert abs(pll.output_mhz - asked) <= abs(theirs - asked) + 1e-3
    assert pll.divr != divr or pll.filter_range == filter_range


def test_the_oscillator_needs_no_pll():
    assert find_pll("ice40", 12.0, 12.0) is None and find_pll("ecp5", 25.0, 25.0) is None


@pytest.mark.parametrize(
    "family, oscillator, asked, sentence",
    [
        ("ecp5", 25.0, 401.0, r"^the ECP5's PLL makes 3\.125…400 MHz, got 401 MHz; ask for a frequency there, "
         r"or for the oscillator's 25 MHz\.$"),
        ("ecp5", 7.0, 50.0, r"^the ECP5's PLL takes 8…400 MHz, got an oscillator of 7 MHz\.$"),
        ("ice40", 12.0, 15.9, r"^the iCE40's PLL makes 16…275 MHz, got 15\.9 MHz; "),
        ("ecp5", 25.0, 61.25, r"^the ECP5's PLL cannot make 61\.25 MHz from 25 MHz; the nearest it can make is 62\.5 "),
    ],
)  # fmt: skip
def test_what_cannot_be_made_is_refused(family, oscillator, asked, sentence):
    with pytest.raises(SpecError, match=sentence):
        find_pll(family, oscillator, asked)
