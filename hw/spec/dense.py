"""How a dense fabric adds up a row of weights, and how long that takes; it follows from the spec alone.

The field of site i is

    F = b + Σ_j w_ij s_j = base + 2 Σ_j w_ij n_j,   base = b - Σ_j w_ij

and Σ w n is the sum of *terms* over the columns j of a row. With all columns added in one clock, and rows few enough, a
term is a *chunk*: a word of block RAM, addressed by the site and the states of ``k`` columns, that holds Σ w n of those
columns. It takes the place of k weights and k - 1 additions. A block RAM has 512 words of up to 36 bits, or two ports
to 1,024 of up to 18, which two chunks share; so a chunk has 512 words, and ``k`` is what is left of nine address bits.
Beyond 128 sites (or where a row is added in several clocks) a term is a weight of a plain row, and a register that is
reset where n = 0.

A tree of adders sums the terms and half of base and dither, ``LEVELS`` additions a clock; of chunks one in the clock in
which a block RAM answers, and up to four in the others.
"""

from dataclasses import dataclass
from functools import cache

from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.merging import FIELD_BITS

ADDRESS_BITS = 9  # of a chunk's words: half of a block RAM of 1,024
WIDEST_CHUNK = 6
LEVELS, LEVELS_BESIDE_MEMORY = 3, 1  # additions one after another in a clock
ROW_BITS = 15  # of the address of a part of a row


@dataclass(frozen=True)
class DensePlan:
    """Sizes and clocks of a dense fabric.

    Attributes:
        spec: the fabric.
        parts: clocks that a row takes; ``width`` columns are added in each.
        width: columns of a part.
        chunk: k, columns of a term.
        masked: terms are weights of plain rows, reset where n = 0; else words of chunks.
    """

    spec: FabricSpec
    parts: int
    width: int
    chunk: int
    masked: bool

    @property
    def site_bits(self) -> int:
        return max(1, (self.spec.n_sites - 1).bit_length())

    @property
    def terms(self) -> int:
        return -(-self.width // self.chunk)

    @property
    def term_bits(self) -> int:
        """Width of a term, signed."""
        return (self.chunk * self.spec.weight_max).bit_length() + 1

    @property
    def field_bits(self) -> int:
        """Width of the accumulator: what images may need, :data:`FIELD_BITS` at most, modulo which it is exact."""
        return min(self.spec.field_bits, FIELD_BITS)

    @property
    def adder_stages(self) -> tuple[int, ...]:
        """Levels of the adder tree in each of its clocks."""
        left = self.terms.bit_length()  # one leaf more than terms, base and dither
        first, most = (LEVELS, LEVELS) if self.masked else (LEVELS_BESIDE_MEMORY, LEVELS + 1)
        stages = [min(left, first)]
        left -= stages[0]
        for number in range(-(-left // most), 0, -1):
            stages.append(-(-left // number))
            left -= stages[-1]
        return tuple(stages)

    @property
    def sum_clocks(self) -> int:
        """Clocks from the terms to F + dither; a row in several parts is accumulated in one more."""
        return len(self.adder_stages) + (self.parts > 1)

    @property
    def latency(self) -> int:
        """Clocks from the reading of the other sites' states to the first in which the new state can be read: the
        terms, their sum, address, threshold, comparison.
        """
        return self.sum_clocks + 4

    @property
    def drain(self) -> int:
        """Clocks of a colour beyond those in which its rows are read."""
        return self.latency - 1


@cache
def dense_plan(spec: FabricSpec) -> DensePlan:
    """The plan of a dense fabric.

    Raises:
        SpecError: the parts of all rows are more than can be addressed.
    """
    n = spec.n_sites
    parts = -(-n // (spec.elements or n))
    site_bits = max(1, (n - 1).bit_length())
    if n * parts > 1 << ROW_BITS:
        raise SpecError(
            f"{n} rows of {parts} parts are more than the {1 << ROW_BITS} that a dense fabric addresses; add more "
            f"weights in a clock, elements={-(-(n * n) // (1 << ROW_BITS))} or more."
        )
    masked = parts > 1 or site_bits > ADDRESS_BITS - 2
    chunk = 1 if masked else min(n, ADDRESS_BITS - site_bits, WIDEST_CHUNK)
    return DensePlan(spec, parts, -(-n // parts), chunk, masked)
