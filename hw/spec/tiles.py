"""Tiles: a fabric split over several chips, and the links over which neighbouring chips tell each other states.

Every site belongs to one tile. A tile that couples to a site of another one keeps a copy of that site's state, its
*ghost*, and computes fields from its own sites' states and its ghosts. A :class:`Boundary` is what one tile sends
another: the states of those of its sites that the other has ghosts of, a bit each.

A :class:`Link` is the deterministic schedule by which ghosts follow their sites (docs/tiles.md). Its
:attr:`~Network.eta` is f_comm / f_p-bit, refreshes of a ghost per sweep, in which a p-bit is updated once, as in the
networked p-computers of arXiv:2606.25313. Without a link a network is *exact*: a colour waits until the boundary states
of the colours before it have come, which changes no bit and costs clocks (:class:`Wire`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property

import numpy as np

from thermofab.hw.spec.digest import frozen_array
from thermofab.hw.spec.errors import SpecError
from thermofab.hw.spec.factors import factor_pairs
from thermofab.hw.spec.topology import Topology


@dataclass(frozen=True, eq=False)
class Boundary:
    """What one tile sends another.

    Attributes:
        source, target: the tiles.
        sites: int32 ``[m]``, the sites of ``source`` that ``target`` has ghosts of, by colour, then by number: a
            site's place here is its *position* on the link.
        bounds: int64 ``[C + 1]``, where each colour's positions start.
    """

    source: int
    target: int
    sites: np.ndarray
    bounds: np.ndarray

    @property
    def size(self) -> int:
        """m, the bits of one refresh of all ghosts."""
        return len(self.sites)


@dataclass(frozen=True, eq=False)
class Tiling:
    """Which tile every site of a topology is in.

    Attributes:
        topology: the whole fabric's.
        tile_of: int32 ``[N]``, 0…T-1, every tile with a site at least.

    Raises:
        SpecError: the array is not one integer per site, or a tile is missing.
    """

    topology: Topology
    tile_of: np.ndarray

    def __post_init__(self) -> None:
        given = np.asarray(self.tile_of)
        if given.shape != (self.topology.n_sites,) or given.dtype.kind not in "iu":
            raise SpecError(
                f"a tiling has one integer per site, shape {(self.topology.n_sites,)}; got {given.dtype} of shape "
                f"{given.shape}."
            )
        used = np.unique(given)
        if not np.array_equal(used, np.arange(len(used))):
            raise SpecError(f"tiles are numbered 0…T-1 with every one used, got {used[:8].tolist()}.")
        object.__setattr__(self, "tile_of", frozen_array(given, np.int32))

    @staticmethod
    def blocks(topology: Topology, tiles: Sequence[int]) -> "Tiling":
        """Rectangular blocks of a lattice: ``tiles`` of them along each axis, numbered in C order.

        Extents that do not divide evenly differ by one cell: along an axis of L cells, cell x is in block x·t // L.

        Raises:
            SpecError: the topology is no lattice, or has not so many axes or cells.
        """
        lattice = topology.lattice
        if lattice is None:
            raise SpecError(
                f"'{topology.name}' is no lattice, so it has no blocks; give Tiling the tile of every site."
            )
        if len(tiles) != len(lattice.size) or any(not 1 <= t <= size for t, size in zip(tiles, lattice.size)):
            raise SpecError(
                f"a lattice of {'x'.join(map(str, lattice.size))} cells has 1 up to that many tiles along each axis, "
                f"got {'x'.join(map(str, tiles))}."
            )
        cells = np.indices(lattice.size).reshape(len(lattice.size), -1)
        places = tuple(cell * count // size for cell, count, size in zip(cells, tiles, lattice.size))
        return Tiling(topology, np.repeat(np.ravel_multi_index(places, tuple(tiles)), lattice.rule.cell))

    @property
    def n_tiles(self) -> int:
        return int(self.tile_of.max()) + 1

    def sites_of(self, tile: int) -> np.ndarray:
        """The sites of a tile, ascending."""
        return np.flatnonzero(self.tile_of == tile)

    @cached_property
    def on_boundary(self) -> np.ndarray:
        """bool ``[N]``: sites that another tile has a ghost of."""
        found = np.zeros(self.topology.n_sites, dtype=bool)
        for boundary in self.boundaries:
            found[boundary.sites] = True
        return found

    @cached_property
    def boundaries(self) -> tuple[Boundary, ...]:
        """Every directed link, by source and target."""
        top = self.topology
        pairs = np.concatenate([top.edges.astype(np.int64), factor_pairs(top.factors)])
        both = np.concatenate([pairs, pairs[:, ::-1]])
        tiles = self.tile_of[both]
        across = tiles[:, 0] != tiles[:, 1]
        rows = np.stack([tiles[across, 0], tiles[across, 1], top.colours[both[across, 0]], both[across, 0]], axis=1)
        rows = np.unique(rows, axis=0)
        if not len(rows):
            return ()
        cuts = np.flatnonzero(np.any(np.diff(rows[:, :2], axis=0) != 0, axis=1)) + 1
        return tuple(
            Boundary(
                int(part[0, 0]),
                int(part[0, 1]),
                frozen_array(part[:, 3], np.int32),
                frozen_array(np.searchsorted(part[:, 2], np.arange(top.n_colours + 1)), np.int64),
            )
            for part in np.split(rows, cuts)
        )


@dataclass(frozen=True)
class Link:
    """When ghosts follow their sites, the same for every boundary. Time is counted in colour steps: that of colour c in
    sweep s, both from 0, is step sC + c.

    Attributes:
        period: k ≥ 1; sweeps s with s mod k = k-1 are exchanges, numbered e = (s + 1)/k - 1.
        bits: B ≥ 1, most positions of a boundary in one exchange; ``None`` carries all of them. Of a boundary of m
            > B positions, exchange e carries positions eB, eB + 1, …, eB + B - 1, all modulo m.
        latency: L ≥ 0, colour steps under way. A position that an exchange carries leaves at the end of its colour's
            step t with the state its site then has, and is in the ghost from the start of step t + 1 + L on.
        aligned: whether ghosts change between sweeps only: at the first sweep that starts at step t + 1 + L or later.

        hold: whether sites on a boundary keep their states, and their generators step as those of clamped sites do, but
            for one colour per exchange: e modulo C; positions of that colour alone are carried then. What a site sees
            is then never stale, so the distribution is that of one chip, though the bits are not.

    With all bits, period 1, latency 0 and ``aligned=False`` no ghost is ever stale.
    """

    period: int = 1
    bits: int | None = None
    latency: int = 0
    aligned: bool = False
    hold: bool = False

    def __post_init__(self) -> None:
        for name, low in (("period", 1), ("bits", 1), ("latency", 0)):
            value = getattr(self, name)
            if (name, value) == ("bits", None):
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < low:
                raise SpecError(f"{name} of a link must be an integer of at least {low}, got {value!r}.")
        if self.hold and self.bits is not None:
            raise SpecError("a link that holds boundaries carries all positions of a colour; leave bits out.")

    def carried(self, boundary: Boundary) -> int:
        """Positions in one exchange."""
        return boundary.size if self.bits is None else min(self.bits, boundary.size)

    def eta(self, boundary: Boundary) -> Fraction:
        """η of one boundary: refreshes of a ghost per sweep, B / (m k), or 1 / (C k) where boundaries are held."""
        if self.hold:
            return Fraction(1, (len(boundary.bounds) - 1) * self.period)
        return Fraction(self.carried(boundary), boundary.size * self.period)

    def exchanges(self, sweep: int) -> bool:
        """Whether a sweep is an exchange."""
        return sweep % self.period == self.period - 1

    def holds(self, sweep: int, colour: int, n_colours: int) -> bool:
        """Whether boundary sites of a colour keep their states in a sweep."""
        return self.hold and not (self.exchanges(sweep) and sweep // self.period % n_colours == colour)

    def positions(self, boundary: Boundary, sweep: int, colour: int) -> list[int]:
        """The positions that leave at the end of a colour's step, ascending."""
        if not self.exchanges(sweep) or self.holds(sweep, colour, len(boundary.bounds) - 1):
            return []
        carried, size = self.carried(boundary), boundary.size
        first = sweep // self.period * carried % size
        low, high = boundary.bounds[colour : colour + 2].tolist()
        return [position for position in range(low, high) if (position - first) % size < carried]

    def due(self, step: int, n_colours: int) -> int:
        """The step from whose start on the ghost has what left at the end of ``step``."""
        arrives = step + 1 + self.latency
        return -(-arrives // n_colours) * n_colours if self.aligned else arrives


@dataclass(frozen=True, eq=False)
class Network:
    """Tiles and what joins them: free-running with a link, exact without one.

    Raises:
        SpecError: the link holds boundaries, and what it carries comes later than the next exchange.
    """

    tiling: Tiling
    link: Link | None = None

    def __post_init__(self) -> None:
        link, room = self.link, (self.link.period - 1) * self.topology.n_colours if self.link else 0
        if link is not None and link.hold and link.latency > room:
            raise SpecError(
                f"what an exchange carries must come before the next one: with period {link.period} and "
                f"{self.topology.n_colours} colours the latency is at most {room}, got {link.latency}; "
                "raise the period."
            )

    @property
    def topology(self) -> Topology:
        return self.tiling.topology

    @cached_property
    def eta(self) -> Fraction:
        """The smallest η of any boundary; 1 where the network is exact or has none."""
        if self.link is None:
            return Fraction(1)
        return min((self.link.eta(boundary) for boundary in self.tiling.boundaries), default=Fraction(1))

    @property
    def is_exact(self) -> bool:
        """Whether no ghost is ever stale, so that bits are those of one chip."""
        link = self.link
        return link is None or (self.eta == 1 and link.latency == 0 and not link.aligned and not link.hold)


@dataclass(frozen=True)
class Wire:
    """A line from one tile to another, in the tiles' clocks.

    Attributes:
        latency: clocks from the last bit's sending to its use.
        rate: bits a clock.
        colour_clocks: clocks in which a tile updates a colour: 3 of a spatial fabric, 4 above 8 neighbours.
    """

    latency: int
    rate: Fraction
    colour_clocks: int = 3

    def __post_init__(self) -> None:
        if self.latency < 0 or self.rate <= 0 or self.colour_clocks < 1:
            raise SpecError("a wire has a latency of at least 0, a rate above 0 and at least one clock per colour.")

    def transfer(self, bits: int) -> int:
        """Clocks from the end of a colour's update until its ``bits`` are in the ghosts. In exact mode a colour without
        any sends an empty frame, which says that its step is done."""
        return self.latency + -(-bits // self.rate)

    def exact_clocks(self, tiling: Tiling) -> int:
        """Clocks of a sweep in exact mode: Σ over the colours of the update and the longest transfer of any boundary.

        That is what tiles in step take. Tiles that wait for their own neighbours alone take no longer.
        """
        waits = np.zeros(tiling.topology.n_colours, dtype=np.int64)
        for boundary in tiling.boundaries:
            waits = np.maximum(waits, [self.transfer(bits) for bits in np.diff(boundary.bounds).tolist()])
        return int(waits.sum()) + tiling.topology.n_colours * self.colour_clocks

    def link(self, tiling: Tiling) -> Link:
        """The link of tiles that never wait: as many bits a sweep as the wire carries in the clocks of a sweep,
        exchanged every sweep where that is a bit at least; its latency is the longest transfer of a colour, in whole
        steps.
        """
        per_sweep = self.rate * tiling.topology.n_colours * self.colour_clocks
        bits = max(1, int(per_sweep))
        widest = max((int(np.diff(b.bounds).max()) for b in tiling.boundaries), default=0)
        steps = -(-self.transfer(min(widest, bits)) // self.colour_clocks)
        return Link(period=max(1, -(-1 // per_sweep)), bits=bits, latency=steps)
