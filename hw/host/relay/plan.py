"""How a relay fabric is laid out: cells in groups that are loaded together, draw units, memories and their limits."""

from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from thermofab.hw.host.bits import WORD
from thermofab.hw.host.relay.counter import addresses
from thermofab.hw.spec import FabricSpec, UnsupportedError, generator
from thermofab.hw.spec.generators import Generator

COLOURS = 64
EVENT_WORDS = 256  # a clamp mask; the last of mask 0 is that of states to load
BIAS_WORDS = 1024
CLAMP_MASKS = 2
STATES_WORD = EVENT_WORDS - 1
CHUNKS = 8  # words that a generator's state takes, where it is not a window
WINDOW_BITS = 2  # bits of a window that are made in a clock


@dataclass(frozen=True)
class DrawSource:
    """How draw units keep and step their generators.

    A *window* (``Generator.window``) makes new bits from old ones at fixed distances, ``taps``, and needs no more of
    its state at once; others are read whole, stepped, and written back.

    Attributes:
        generator: the generator.
        bits: read and written in a clock.
        words: so many hold a state.
        taps: bit k + span of a window is the XOR of bits k + taps[·]; empty for others.
    """

    generator: Generator
    bits: int
    words: int
    taps: tuple[int, ...]

    @property
    def reach(self) -> int:
        """Words of a window that new bits are made from."""
        return (self.taps[-1] + self.bits - 1) // self.bits + 1

    @property
    def lead(self) -> int:
        """Clocks by which a colour's generators begin before its first event may be issued."""
        return self.reach - 1 if self.taps else CHUNKS

    def advance(self, word_bits: int) -> int:
        """Words by which a window moves in a draw."""
        return word_bits // self.bits if self.taps else 0


def source_of(name: str) -> DrawSource:
    """The source of the generator called ``name``."""
    made = generator(name)
    span = 32 * made.state_words
    if not getattr(made, "window", False):
        return DrawSource(made, span // CHUNKS, CHUNKS, ())
    return DrawSource(made, WINDOW_BITS, span // WINDOW_BITS, _taps(made))


def _taps(window: Generator) -> tuple[int, ...]:
    """The bits of a window whose XOR is the next one, found by asking for the word of each bit alone."""
    found = []
    for k in range(32 * window.state_words):
        state = tuple((1 << k >> 32 * word) & 0xFFFFFFFF for word in range(window.state_words))
        if window.step(state, 16)[1] & 1:
            found.append(k)
    return tuple(found)


@dataclass(frozen=True)
class RelayPlan:
    """The cells of a fabric and what they share.

    Attributes:
        spec: the fabric.
    """

    spec: FabricSpec

    @cached_property
    def units(self) -> tuple[tuple[int, ...], ...]:
        """The sites of each draw unit, ascending."""
        unit = self.spec.draw_units
        return tuple(tuple(np.flatnonzero(unit == k).tolist()) for k in range(int(unit.max()) + 1))

    @cached_property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Sites whose masks are written with one word, neighbours on a lattice together."""
        lanes = max(1, WORD // max(1, self.spec.topology.max_degree))
        order = [site for unit in self.units for site in unit]
        return tuple(tuple(order[k : k + lanes]) for k in range(0, len(order), lanes))

    @cached_property
    def neighbours(self) -> tuple[tuple[int, ...], ...]:
        """Of each site, in the order of its masks."""
        return tuple(tuple(j for j in row if j >= 0) for row in self.spec.topology.neighbour_table[0].tolist())

    @cached_property
    def address_bits(self) -> int:
        """Of a mask memory: it holds the parent's word and one for each bit of a weight."""
        return 4 if self.spec.weight_bits + 1 < 1 << 4 else 5

    @cached_property
    def mask_addresses(self) -> tuple[int, ...]:
        """Of the parent's word, then of the bits, lowest first."""
        return addresses(self.address_bits)[: self.spec.weight_bits + 1]

    @cached_property
    def source(self) -> DrawSource:
        return source_of(self.spec.rng)

    def banks(self, columns: int, bits: int = 1) -> tuple[int, ...]:
        """Columns of each bank of memory that gives ``columns`` receivers so many bits each."""
        held = WORD // bits
        return tuple(min(held, columns - first) for first in range(0, columns, held))


@cache
def plan_of(spec: FabricSpec) -> RelayPlan:
    """The plan of a fabric.

    Raises:
        UnsupportedError: a site has more neighbours than a word of masks has bits.
    """
    if spec.topology.max_degree > WORD:
        raise UnsupportedError(
            f"a site of {spec.topology.name} has {spec.topology.max_degree} neighbours, and a cell of a relay fabric "
            f"has at most {WORD}; take architecture='dense', which has no such limit."
        )
    return RelayPlan(spec)
