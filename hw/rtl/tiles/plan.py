"""Frames between two tiles: their format, and what each end of a line sends and takes.

A frame is a sequence of bits, cut into words of ``width``, low bits first; the first word is marked on a wire of its
own. Fields in order:

    session     5   frames of any other session are dropped
    data        1   whether states follow; else the frame is an acknowledgement alone
    number      5   of the colour step the states are of, modulo 32
    come        5   frames of the other end that have come, modulo 32: acknowledges all before
    states      m   with ``data``: the boundary's of the step's colour in the order of their positions, and zeros up to
                    the end of the word
    check      32   CRC-32 (Ethernet, zlib) of all that comes before
"""

from dataclasses import dataclass

from amaranth import unsigned
from amaranth.lib import data, wiring
from amaranth.lib.crc import Parameters
from amaranth.lib.crc.catalog import CRC32_ISO_HDLC
from amaranth.lib.wiring import Out

from thermofab.hw.spec import Boundary, FabricSpec, Part, SpecError, Tiling, UnsupportedError, part_of

SESSION_BITS, NUMBER_BITS, HEADER_BITS, CHECK_BITS = 5, 5, 16, 32
HEADER = data.StructLayout(
    {
        "session": unsigned(SESSION_BITS),
        "data": unsigned(1),
        "number": unsigned(NUMBER_BITS),
        "come": unsigned(NUMBER_BITS),
    }
)
WIDTHS = (1, 2, 4, 8, 16)


@dataclass(frozen=True)
class Line:
    """A line between two tiles, and how its ends use it.

    Attributes:
        width: bits a clock each way.
        patience: clocks without an acknowledgement after which what was sent is sent again. It must be longer than a
            round trip with the other end's longest frame and its ``delay``; a shorter one floods the line.
        delay: clocks an acknowledgement waits for a frame that takes it along.
    """

    width: int = 4
    patience: int = 256
    delay: int = 24

    def __post_init__(self) -> None:
        if self.width not in WIDTHS:
            raise SpecError(f"a line is {', '.join(map(str, WIDTHS))} bits wide, got {self.width!r}.")
        for name in ("patience", "delay"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise SpecError(f"{name} of a line is a number of clocks of at least 1, got {value!r}.")

    @property
    def header_words(self) -> int:
        return HEADER_BITS // self.width

    @property
    def check_words(self) -> int:
        return CHECK_BITS // self.width

    def state_words(self, states: int) -> int:
        """Words of so many states."""
        return -(-states // self.width)

    def frame_words(self, states: int) -> int:
        """Words of a frame of so many states."""
        return self.header_words + self.state_words(states) + self.check_words

    @property
    def check(self) -> Parameters:
        """The CRC of a word at a time."""
        return CRC32_ISO_HDLC(self.width)

    @property
    def signature(self) -> wiring.Signature:
        """What one end sends: ``valid``; ``first``, the word is a frame's first; ``data``."""
        return wiring.Signature({"valid": Out(1), "first": Out(1), "data": Out(self.width)})


@dataclass(frozen=True)
class End:
    """One end of a line.

    Attributes:
        line: the line.
        sends: ``[colours]``, the tile's sites whose states go out after each colour's step, in order.
        takes: ``[colours]``, the ghosts, from 0, that what comes is for.
        depth: words that may wait in the receiver; a power of two.
    """

    line: Line
    sends: tuple[tuple[int, ...], ...]
    takes: tuple[tuple[int, ...], ...]

    @property
    def colours(self) -> int:
        return len(self.sends)

    @property
    def longest(self) -> int:
        """Words of the longest frame that comes."""
        return self.line.frame_words(max(map(len, self.takes)))

    @property
    def depth(self) -> int:
        # A whole frame has room: a receiver with a slower clock loses none for want of it.
        return 1 << self.longest.bit_length()


@dataclass(frozen=True, eq=False)
class TilePlan:
    """A tile with the ends of its lines.

    Attributes:
        part: the tile as a fabric.
        neighbours: the tiles at the other ends, ascending.
        ends: one for each of them.
    """

    part: Part
    neighbours: tuple[int, ...]
    ends: tuple[End, ...]


def plan_tile(spec: FabricSpec, tiling: Tiling, tile: int, line: Line) -> TilePlan:
    """The tile ``tile`` of a fabric.

    Raises:
        UnsupportedError: the fabric is not spatial, or has factors or counters of moments; or the tile has no
            neighbour, or no site and ghost of some colour.
        SpecError: the line is too impatient for its frames.
    """
    if spec.architecture != "spatial":
        raise UnsupportedError(
            f"tiles with links in gateware are of architecture 'spatial', not '{spec.architecture}'; use "
            "fabric(spec, architecture='spatial'), or HostedTiles, where the host is the link."
        )
    if spec.topology.factors:
        raise UnsupportedError("tiles with links in gateware couple pairs of sites only; use TiledReference.")
    if spec.moment_bits:
        raise UnsupportedError(
            "a tile would count pairs across tiles with ghosts of another sweep; take moment_bits=0 and count samples."
        )
    part = part_of(spec, tiling, tile)
    colours = spec.topology.n_colours
    if part.fabric.topology.n_colours != colours:
        raise UnsupportedError(
            f"tile {tile} has neither a site nor a ghost of some of the {colours} colours; take larger tiles."
        )
    out = {b.target: b for b in tiling.boundaries if b.source == tile}
    into = {b.source: b for b in tiling.boundaries if b.target == tile}
    if not out:
        raise UnsupportedError(f"tile {tile} has no neighbour, so it needs no link; use SpatialTop.")
    ends = []
    for other in sorted(out):
        sends = tuple(
            tuple(int(k) for k in part.members[: part.own].searchsorted(sites)) for sites in by_colour(out[other])
        )
        takes = tuple(tuple(k - part.own for k in part.ghosts_of(sites)) for sites in by_colour(into[other]))
        ends.append(End(line, sends, takes))
        round_trip = line.frame_words(max(map(len, sends))) + ends[-1].longest + line.delay
        if line.patience <= round_trip:
            raise SpecError(
                f"frames of tiles {tile} and {other} and the delay of an acknowledgement take {round_trip} clocks, so "
                f"the line's patience must be more, got {line.patience}."
            )
    return TilePlan(part, tuple(sorted(out)), tuple(ends))


def by_colour(boundary: Boundary) -> list:
    """A boundary's sites, colour by colour."""
    starts = boundary.bounds.tolist()
    return [boundary.sites[low:high] for low, high in zip(starts, starts[1:])]
