"""The reference of fabrics in tiles, in plain Python integers: slow, short, and the definition (docs/tiles.md).

Every tile has its own view of all states. A tile's updates write its own view; others see them when the link brings
them. The states that a run returns are those that each site has in its own tile.

Free-running tiles take every colour step together, and ghosts follow by the link's schedule. Exact tiles have no common
time: each takes its next step once everything that its neighbours sent in steps before has come.
"""

import heapq
from fractions import Fraction

from thermofab.hw.spec import DeviceInfo, FabricSpec, Link, Network, RunPlan, SpecError, Wire
from thermofab.sim.reference import Chain, ReferenceChains
from thermofab.sim.simulated import SimulatedDevice

# A clock a bit, and none under way.
AT_ONCE = Wire(0, Fraction(1))


class TiledReference(SimulatedDevice):
    """The reference of a fabric in tiles, as a device.

    Args:
        fabric: the whole fabric.
        network: its tiles, and the link between them or ``None`` for exact mode.
        wire: in exact mode, what the waiting takes; bits do not depend on it.

    Raises:
        SpecError: the network is of another topology, or the fabric's order of updates is the image's.
    """

    name = "tiled-reference"

    def __init__(self, fabric: FabricSpec, network: Network, wire: Wire = AT_ONCE) -> None:
        super().__init__(fabric)
        check_network(fabric, network)
        self._network, self._wire = network, wire

    def info(self) -> DeviceInfo:
        return DeviceInfo(self.name, self._fabric, self._network.is_exact, described(self._network))

    def _chains(self, plan: RunPlan) -> "TiledReferenceChains":
        return TiledReferenceChains(plan, self._network, self._wire)


def check_network(fabric: FabricSpec, network: Network) -> None:
    """Raise ``SpecError`` unless a network is of this fabric's sites, updated in its topology's order."""
    if network.topology != fabric.topology:
        raise SpecError(
            f"the tiles are of '{network.topology.name}' and the fabric of '{fabric.topology.name}'; make the tiling "
            "of the fabric's topology."
        )
    if fabric.programmed:
        raise SpecError(
            f"tiles update in their topology's order, and on a {fabric.architecture} fabric the order is the image's; "
            "take architecture='spatial' or 'systolic'."
        )


def described(network: Network) -> str:
    """What a device of tiles says of itself."""
    mode = "exact" if network.link is None else f"free-running, η = {network.eta}"
    return f"{network.tiling.n_tiles} tiles, {mode}"


class TiledReferenceChains(ReferenceChains):
    """Replicas one after another; see :class:`thermofab.sim.chains.Chains`."""

    def __init__(self, plan: RunPlan, network: Network, wire: Wire) -> None:
        self._image = plan.image
        self._chains = [
            WaitingChain(plan, replica, network, wire)
            if network.link is None
            else FreeChain(plan, replica, network, network.link)
            for replica in range(plan.replicas)
        ]

    def set_states(self, states) -> None:
        super().set_states(states)
        for chain in self._chains:
            chain.reset_views()

    @property
    def clocks(self) -> int:
        """Clocks that exact tiles have taken since the start, until the last of them was through."""
        return max((max(chain.times) for chain in self._chains if isinstance(chain, WaitingChain)), default=0)


class TiledChain(Chain):
    """One replica whose tiles see states of their own."""

    def __init__(self, plan: RunPlan, replica: int, network: Network) -> None:
        super().__init__(plan, replica)
        self.tiling, self.tile_of = network.tiling, network.tiling.tile_of.tolist()
        self.reset_views()

    def reset_views(self) -> None:
        """Every tile sees every state as it is, and nothing is under way."""
        self.views = [list(self.n) for _ in range(self.tiling.n_tiles)]

    def seen_by(self, i: int) -> list[int]:
        return self.views[self.tile_of[i]]

    def take(self, sites: list[int], level: int) -> None:
        """Update sites of one colour; their own tiles see it at once."""
        self.update(sites, self.tables[level])
        for i in sites:
            self.views[self.tile_of[i]][i] = self.n[i]


class FreeChain(TiledChain):
    """Tiles in step, ghosts by a link's schedule."""

    def __init__(self, plan: RunPlan, replica: int, network: Network, link: Link) -> None:
        self.link, self.sweeps = link, 0
        super().__init__(plan, replica, network)
        self.fixed = self.clamped
        self.held = (plan.clamped | self.tiling.on_boundary).tolist()

    def reset_views(self) -> None:
        super().reset_views()
        self.under_way: list[tuple[int, int, int, int]] = []

    def sweep(self, level: int) -> None:
        for colour, sites in enumerate(self.colours):
            step = self.sweeps * len(self.colours) + colour
            self.receive(step)
            self.clamped = self.held if self.link.holds(self.sweeps, colour, len(self.colours)) else self.fixed
            self.take(sites, level)
            self.send(step, colour)
        self.sweeps += 1

    def receive(self, step: int) -> None:
        for due, target, site, state in self.under_way:
            if due <= step:
                self.views[target][site] = state
        self.under_way = [message for message in self.under_way if message[0] > step]

    def send(self, step: int, colour: int) -> None:
        due = self.link.due(step, len(self.colours))
        for boundary in self.tiling.boundaries:
            for position in self.link.positions(boundary, self.sweeps, colour):
                site = int(boundary.sites[position])
                self.under_way.append((due, boundary.target, site, self.n[site]))


class WaitingChain(TiledChain):
    """Tiles each with its own time, which wait for what their neighbours sent: bits as those of one chip.

    A tile is never more than a step ahead of a neighbour, whose next step reads the other's last. What has come early
    is of the colour that is updated next, which reads no site of its own colour: so one ghost a site is enough.
    """

    def __init__(self, plan: RunPlan, replica: int, network: Network, wire: Wire) -> None:
        self.wire = wire
        super().__init__(plan, replica, network)
        tiling = network.tiling
        self.own = [
            [[i for i in sites if self.tile_of[i] == t] for sites in self.colours] for t in range(tiling.n_tiles)
        ]
        # Clocks at which each tile has ended the steps so far.
        self.times = [0] * tiling.n_tiles

    def sweep(self, level: int) -> None:
        """All tiles through one sweep, by a queue of what happens next: a step that ends, or a frame that arrives."""
        tiles, colours, boundaries = range(self.tiling.n_tiles), len(self.colours), self.tiling.boundaries
        done, busy = [0] * len(tiles), [False] * len(tiles)
        come = {(b.source, b.target): 0 for b in boundaries}
        last = dict.fromkeys(come, 0)
        # Time, source, target (the source again where a step ends), colour, sites and states of a frame.
        queue: list[tuple[int, int, int, int, list[tuple[int, int]]]] = []

        def begin(tile: int, now: int) -> None:
            ready = all(come[b.source, tile] >= done[tile] for b in boundaries if b.target == tile)
            if ready and not busy[tile] and done[tile] < colours:
                busy[tile] = True
                heapq.heappush(queue, (now + self.wire.colour_clocks, tile, tile, done[tile], []))

        for tile in tiles:
            begin(tile, self.times[tile])
        while queue:
            now, source, target, colour, frame = heapq.heappop(queue)
            # What the last colour sends holds up the sweep that follows.
            self.times[target] = now
            if source == target:
                self.take(self.own[source][colour], level)
                done[source], busy[source] = colour + 1, False
                for boundary in (b for b in boundaries if b.source == source):
                    sites = boundary.sites[boundary.bounds[colour] : boundary.bounds[colour + 1]].tolist()
                    # Frames do not overtake each other.
                    arrives = max(now + self.wire.transfer(len(sites)), last[source, boundary.target])
                    last[source, boundary.target] = arrives
                    states = [(i, self.n[i]) for i in sites]
                    heapq.heappush(queue, (arrives, source, boundary.target, colour, states))
            else:
                come[source, target] = colour + 1
                for site, state in frame:
                    self.views[target][site] = state
            begin(target, now)
