"""Clock frequencies from a board's oscillator: the dividers of a family's PLL, checked against its data sheet.

    ECP5    f_pfd = f_in / CLKI_DIV,     f_out = f_pfd · CLKFB_DIV,             f_vco = f_out · CLKOP_DIV
    iCE40   f_pfd = f_in / (DIVR + 1),   f_vco = f_pfd · (DIVF + 1),            f_out = f_vco / 2^DIVQ
    Gowin   f_pfd = f_in / (IDIV + 1),   f_out = f_pfd · (FBDIV + 1),           f_vco = f_out · ODIV

with the feedback of the ECP5 taken from its output CLKOP, that of the iCE40 from the oscillator ("simple"), and that of
Gowin's rPLL from its output within ("internal").
Limits: ECP5 family data sheet FPGA-DS-02012, table of sysCLOCK PLL timing; iCE40 UltraPlus family data sheet
FPGA-DS-02008, the table of the same name; GW2AR data sheet DS226, table of PLL parameters, speed grade C8/I7.
All frequencies in MHz.
"""

from dataclasses import dataclass

from thermofab.hw.boards.part import Family
from thermofab.hw.spec import SpecError

# The largest relative error of a clock. The serial line's divisor is taken from the clock as made.
TOLERANCE = 0.01


@dataclass(frozen=True)
class Range:
    """A closed interval."""

    low: float
    high: float

    def __contains__(self, value: float) -> bool:
        return self.low <= value <= self.high

    def __str__(self) -> str:
        return f"{self.low:g}…{self.high:g}"


@dataclass(frozen=True)
class PllLimits:
    """What a data sheet allows, in MHz."""

    name: str
    input: Range
    detector: Range
    oscillator: Range
    output: Range


ECP5_LIMITS = PllLimits("ECP5's PLL", Range(8, 400), Range(10, 400), Range(400, 800), Range(3.125, 400))
ICE40_LIMITS = PllLimits("iCE40's PLL", Range(10, 133), Range(10, 133), Range(533, 1066), Range(16, 275))
GOWIN_LIMITS = PllLimits("GW2A's PLL", Range(3, 500), Range(3, 500), Range(500, 1250), Range(3.90625, 625))
_LIMITS: dict[Family, PllLimits] = {"ecp5": ECP5_LIMITS, "ice40": ICE40_LIMITS, "gowin": GOWIN_LIMITS}
_GOWIN_OUTPUT_DIVIDERS = (2, 4, 8, 16, 32, 48, 64, 80, 96, 112, 128)
# Upper ends of the detector frequencies of FILTER_RANGE 1, 2, …; above the last it is 6.
_ICE40_FILTERS = (17, 26, 44, 66, 101)


@dataclass(frozen=True)
class Ecp5Pll:
    """Settings of an EHXPLLL."""

    input_mhz: float
    clki_div: int
    clkfb_div: int
    clkop_div: int

    @property
    def detector_mhz(self) -> float:
        return self.input_mhz / self.clki_div

    @property
    def output_mhz(self) -> float:
        return self.detector_mhz * self.clkfb_div

    @property
    def oscillator_mhz(self) -> float:
        return self.output_mhz * self.clkop_div


@dataclass(frozen=True)
class Ice40Pll:
    """Settings of an SB_PLL40_PAD."""

    input_mhz: float
    divr: int
    divf: int
    divq: int

    @property
    def detector_mhz(self) -> float:
        return self.input_mhz / (self.divr + 1)

    @property
    def oscillator_mhz(self) -> float:
        return self.detector_mhz * (self.divf + 1)

    @property
    def output_mhz(self) -> float:
        return self.oscillator_mhz / 2**self.divq

    @property
    def filter_range(self) -> int:
        """The loop filter that goes with the detector's frequency."""
        return 1 + sum(self.detector_mhz >= limit for limit in _ICE40_FILTERS)


@dataclass(frozen=True)
class GowinPll:
    """Settings of an rPLL; the dividers as they divide, one more than ``IDIV_SEL`` and ``FBDIV_SEL``."""

    input_mhz: float
    idiv: int
    fbdiv: int
    odiv: int

    @property
    def detector_mhz(self) -> float:
        return self.input_mhz / self.idiv

    @property
    def output_mhz(self) -> float:
        return self.detector_mhz * self.fbdiv

    @property
    def oscillator_mhz(self) -> float:
        return self.output_mhz * self.odiv


Pll = Ecp5Pll | Ice40Pll | GowinPll


def find_pll(family: Family, input_mhz: float, asked_mhz: float) -> Pll | None:
    """The settings that come nearest to ``asked_mhz``; None where the oscillator itself is that fast.

    Of equally near ones, the fastest detector, which jitters least; then the oscillator nearest to the middle of its
    range.

    Raises:
        SpecError: nothing the data sheet allows comes within :data:`TOLERANCE`; the message names the nearest.
    """
    if abs(asked_mhz - input_mhz) <= 1e-9 * input_mhz:
        return None
    limits = _LIMITS[family]
    if input_mhz not in limits.input:
        raise SpecError(f"the {limits.name} takes {limits.input} MHz, got an oscillator of {input_mhz:g} MHz.")
    if asked_mhz not in limits.output:
        raise SpecError(
            f"the {limits.name} makes {limits.output} MHz, got {asked_mhz:g} MHz; "
            f"ask for a frequency there, or for the oscillator's {input_mhz:g} MHz."
        )
    allowed = [pll for pll in _settings(family, input_mhz, asked_mhz) if _within(pll, limits)]
    middle = (limits.oscillator.low + limits.oscillator.high) / 2

    def rank(pll: Pll) -> tuple[float, float, float]:
        return abs(pll.output_mhz - asked_mhz), -pll.detector_mhz, abs(pll.oscillator_mhz - middle)

    if not allowed:
        raise SpecError(
            f"the {limits.name} cannot make {asked_mhz:g} MHz, nor anything near it, from {input_mhz:g} MHz."
        )
    best = min(allowed, key=rank)
    if abs(best.output_mhz - asked_mhz) > TOLERANCE * asked_mhz:
        raise SpecError(
            f"the {limits.name} cannot make {asked_mhz:g} MHz from {input_mhz:g} MHz; "
            f"the nearest it can make is {best.output_mhz:.6g} MHz."
        )
    return best


def _settings(family: Family, input_mhz: float, asked_mhz: float) -> list[Pll]:
    """All settings whose feedback divider is next below or above the one that would be exact."""
    if family == "ecp5":
        return [
            Ecp5Pll(input_mhz, clki, clkfb, clkop)
            for clki in range(1, 129)
            for clkfb in _beside(asked_mhz * clki / input_mhz, 128)
            for clkop in range(1, 129)
        ]
    if family == "gowin":
        return [
            GowinPll(input_mhz, idiv, fbdiv, odiv)
            for idiv in range(1, 65)
            for fbdiv in _beside(asked_mhz * idiv / input_mhz, 64)
            for odiv in _GOWIN_OUTPUT_DIVIDERS
        ]
    return [
        Ice40Pll(input_mhz, divr, divf - 1, divq)
        for divr in range(16)
        for divq in range(1, 7)
        for divf in _beside(asked_mhz * 2**divq * (divr + 1) / input_mhz, 128)
    ]


def _beside(exact: float, largest: int) -> list[int]:
    below = int(exact)
    return [divider for divider in (below, below + 1) if 1 <= divider <= largest]


def _within(pll: Pll, limits: PllLimits) -> bool:
    return (
        pll.detector_mhz in limits.detector
        and pll.oscillator_mhz in limits.oscillator
        and pll.output_mhz in limits.output
    )
