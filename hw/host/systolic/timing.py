"""When things happen: clocks after a slot was issued, for every stage of the systolic pipeline.

clock           what is valid, or happens, in it
0               the slot counter; the program memory is addressed
2, 3            the program word; its copy in the relay of a group of elements
4               rings are tapped (views); coefficient memories are addressed
5               elements choose among views
6               neighbours' states, weights and bias: the first sums; what factors add, for the second ones
6 + A           the field F; A levels of adders, a clock each
3 + A … 6 + A   generator memory addressed, read, stepped and written back; the random word
7 + A           F + dither
8 + A           the table address
10 + A          the threshold: compared
11 + A          the new state: the ring takes it
12 + A          it can be read

Views are tapped in clock 4, so a spin can be read 8 + A slots after its site was issued. Those of more than
``WIDE_TAPS`` taps are tapped in clock 3, and chosen from in two; a spin can then be read a slot later.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from thermofab.hw.host.systolic.layout import WIDE_TAPS, SystolicLayout, systolic_layout
from thermofab.hw.spec import FabricSpec

TAP, SUM = 4, 6


@dataclass(frozen=True)
class Timing:
    """Clock numbers that depend on ``levels``, the levels of the adder tree."""

    levels: int

    @property
    def draw(self) -> int:
        """The generator memory is addressed."""
        return 3 + self.levels

    @property
    def store(self) -> int:
        """The stepped generator is written back."""
        return 5 + self.levels

    @property
    def field(self) -> int:
        return 6 + self.levels

    @property
    def look_up(self) -> int:
        """The tables, clamps and initial states are addressed."""
        return 8 + self.levels

    @property
    def compare(self) -> int:
        return 10 + self.levels

    @property
    def write(self) -> int:
        """The ring takes the new state."""
        return 11 + self.levels

    @property
    def latency(self) -> int:
        """Slots from the issue of a site to the first issue that can read its new spin."""
        return self.write + 1 - TAP


def adder_levels(inputs: int, factors: int = 0) -> int:
    """Levels of a binary tree over a bias and ``inputs`` weights; what factors add comes in after the first."""
    return 1 + (inputs // 2 + factors).bit_length() if factors else inputs.bit_length()


def factor_block_rams(n_slots: int, others: Sequence[int], weight_bits: int) -> int:
    """Block RAMs of 18 kbit (ECP5) that the factors of an element take, given the other sites of each: a word of
    ``weight_bits`` + 1 bits for every slot and all states of those sites.
    """
    shapes = ((9, 2048), (18, 1024), (36, 512))  # a word's bits, and words
    width = weight_bits + 1
    return sum(min(-(-width // bits) * -(-(n_slots << k) // words) for bits, words in shapes) for k in others)


def layout_of(spec: FabricSpec) -> SystolicLayout:
    """The layout of a fabric, its latency that of the pipeline built for it.

    Raises:
        SpecError: the lattice cannot be dealt to the elements the spec asks for.
    """
    guess = systolic_layout(spec.topology, spec.elements, Timing(0).latency)
    latency = timing_of(guess).latency
    layout = systolic_layout(spec.topology, spec.elements, latency)
    return layout if layout.most_taps <= WIDE_TAPS else systolic_layout(spec.topology, spec.elements, latency + 1)


def timing_of(layout: SystolicLayout) -> Timing:
    """The timing of the pipeline that serves ``layout``."""
    return Timing(adder_levels(layout.n_weights, layout.n_factors))
