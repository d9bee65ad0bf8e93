"""The distribution that a small fabric in tiles samples, exactly: no run, no sampling error.

States of sites, ghosts and what is under way are bits of one Markov chain. Its distribution is held as an array with an
axis of two for every bit, and taken through the steps of the link's schedule: an update of a site, or a copy of one bit
into another. The schedule repeats, so the distribution after each of its sweeps settles; what is returned is its mean
over the schedule, the distribution of a state looked at after a sweep at random.
"""

from dataclasses import dataclass
from math import gcd, lcm

import numpy as np

from thermofab.hw.spec import FREE, Image, Link, Network, SpecError, flip_probability

MOST_BITS = 24


@dataclass(frozen=True, eq=False)
class Settled:
    """A distribution that no longer changes.

    Attributes:
        probabilities: float64 ``[2^N]``, entry Σ n_i·2^i.
        change: half the sum of absolute differences to the schedule before: how far it may still be off, times the
            chain's relaxation time in schedules.
        sweeps: sweeps that it took.
        schedule: sweeps after which the link's schedule repeats.
    """

    probabilities: np.ndarray
    change: float
    sweeps: int
    schedule: int


def schedule_sweeps(network: Network) -> int:
    """Sweeps after which a link's schedule repeats."""
    if network.link is None:
        return 1
    if network.link.hold:
        return network.link.period * network.topology.n_colours
    rounds = [b.size // gcd(b.size, network.link.carried(b)) for b in network.tiling.boundaries]
    return network.link.period * lcm(1, *rounds)


def settled_distribution(
    image: Image, network: Network, level: int = 0, tolerance: float = 1e-9, most_sweeps: int = 20_000
) -> Settled:
    """The distribution of an image's states in tiles, started from the uniform one.

    Args:
        image: pairs only, nothing clamped.
        network: the tiles and their link.
        level: β level.
        tolerance: the change a schedule at which it counts as settled.
        most_sweeps: where to stop all the same.

    Raises:
        SpecError: sites, ghosts and what is under way are more than 24 bits, or the image has clamps or factors.
    """
    walk = _Walk(image, network, level)
    schedule, before, sweep, change = schedule_sweeps(network), np.zeros(2**walk.n_sites), 0, 1.0
    while True:
        mean = np.zeros(2**walk.n_sites)
        for _ in range(schedule):
            walk.sweep(sweep)
            mean += walk.of_sites() / schedule
            sweep += 1
        change, before = float(np.abs(mean - before).sum() / 2), mean
        if change < tolerance or sweep >= most_sweeps:
            return Settled(mean, change, sweep, schedule)


class _Walk:
    """The distribution over all bits: sites first, then ghosts, then places for what is under way."""

    def __init__(self, image: Image, network: Network, level: int) -> None:
        spec = image.fabric
        if spec.topology.factors or np.any(image.clamps != FREE):
            raise SpecError("distributions of tiles are worked out for pairs of sites, none of them clamped.")
        self.network, self.link, self.n_sites = network, network.link or Link(), spec.n_sites
        self.colours = [sites.tolist() for sites in spec.topology.colour_classes]
        boundaries = network.tiling.boundaries
        self.ghosts: dict[tuple[int, int], int] = {}
        for boundary in boundaries:
            for site in boundary.sites.tolist():
                self.ghosts[boundary.target, site] = self.n_sites + len(self.ghosts)
        # A position leaves once a period at most, so this many of its states are under way at a time; of colour 0 most.
        due = self.link.due(0, len(self.colours))
        self.deep = 0 if due == 1 else -(-due // (len(self.colours) * self.link.period))
        ghosts = len(self.ghosts)
        self.bits = self.n_sites + ghosts * (1 + self.deep)
        if self.bits > MOST_BITS:
            raise SpecError(
                f"{self.n_sites} sites, {ghosts} ghosts and {ghosts * self.deep} bits under way are {self.bits} bits; "
                f"at most {MOST_BITS} are worked out. Take fewer sites, fewer crossings or a shorter latency."
            )
        self.under_way: list[tuple[int, int, int]] = []  # due, ghost, the bit that holds its state
        tiles = network.tiling.tile_of.tolist()
        self.inputs: list[list[tuple[int, int]]] = [[] for _ in range(self.n_sites)]
        for (i, j), w in zip(spec.topology.edges.tolist(), image.weights.tolist()):
            for site, other in ((i, j), (j, i)):
                same = tiles[site] == tiles[other]
                self.inputs[site].append((other if same else self.ghosts[tiles[site], other], w))
        self.ups = [self._up(image, level, site) for site in range(self.n_sites)]
        self.array = np.zeros((2,) * self.bits)
        # Ghosts start as their sites; what holds nothing yet is 0.
        start = np.full((2,) * self.n_sites, 2.0**-self.n_sites)
        self.array[(...,) + (0,) * (self.bits - self.n_sites)] = start
        for (_, site), ghost in self.ghosts.items():
            self.copy(site, ghost)

    def _up(self, image: Image, level: int, site: int) -> np.ndarray:
        """P(n = 1) by the states that a site sees, an axis for every bit but its own."""
        field = np.full((1,) * self.bits, int(image.biases[site]), dtype=np.int64)
        for bit, weight in self.inputs[site]:
            spin = np.array([-weight, weight]).reshape([2 if axis == bit else 1 for axis in range(self.bits)])
            field = field + spin
        up = flip_probability(image.fabric, image.tables[level], image.shift, field)
        return np.squeeze(up, axis=site)

    def update(self, site: int) -> None:
        rest = self.array.sum(axis=site)
        up = rest * self.ups[site]
        view = np.moveaxis(self.array, site, 0)
        view[1] = up
        view[0] = rest - up

    def copy(self, origin: int, to: int) -> None:
        """Make one bit that of another."""
        view = np.moveaxis(self.array, (origin, to), (0, 1))
        for state in (0, 1):
            view[state, state] += view[state, 1 - state]
            view[state, 1 - state] = 0

    def sweep(self, sweep: int) -> None:
        colours = len(self.colours)
        for colour, sites in enumerate(self.colours):
            step = sweep * colours + colour
            self._receive(step)
            held = self.link.holds(sweep, colour, colours)
            for site in sites:
                if not (held and self.network.tiling.on_boundary[site]):
                    self.update(site)
            due = self.link.due(step, colours)
            for boundary in self.network.tiling.boundaries:
                for position in self.link.positions(boundary, sweep, colour):
                    site = int(boundary.sites[position])
                    ghost = self.ghosts[boundary.target, site]
                    if not self.deep:
                        self.copy(site, ghost)
                        continue
                    busy = {bit for _, _, bit in self.under_way}
                    first = self.n_sites + len(self.ghosts) + (ghost - self.n_sites) * self.deep
                    bit = next(bit for bit in range(first, first + self.deep) if bit not in busy)
                    self.copy(site, bit)
                    self.under_way.append((due, ghost, bit))

    def _receive(self, step: int) -> None:
        for due, ghost, bit in self.under_way:
            if due <= step:
                self.copy(bit, ghost)
                # What is done with is forgotten, so that the array is as small as it can be told.
                view = np.moveaxis(self.array, bit, 0)
                view[0] += view[1]
                view[1] = 0
        self.under_way = [held for held in self.under_way if held[0] > step]

    def of_sites(self) -> np.ndarray:
        """float64 ``[2^N]``, the lowest bit the first site."""
        sites = self.array.sum(axis=tuple(range(self.n_sites, self.bits)))
        return sites.transpose(range(self.n_sites - 1, -1, -1)).reshape(-1)
