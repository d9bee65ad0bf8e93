"""Tiles that are fabrics of their own, compiled RTL or boards, with a host as the link between them.

Each tile is a fabric of its sites and its ghosts, which are clamped. The host lets all tiles sweep up to the link's
next exchange, reads their states, and writes what is due into the ghosts; held boundaries are clamped by it too.
States and generators stay in the fabrics. So the sweeps are the gateware's, the exchange is the host's, and the bits
are those of :class:`thermofab.sim.tiles.TiledReference`.
"""

from collections.abc import Callable

import numpy as np

from thermofab.hw.host.driven import DrivenDevice
from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import (
    DeviceInfo,
    FabricSpec,
    Link,
    Network,
    Part,
    RunPlan,
    Schedule,
    UnsupportedError,
    generator,
    part_of,
)
from thermofab.sim.chains import Chunk, Phases, Request, Tally
from thermofab.sim.driven import integer_energies
from thermofab.sim.simulated import SimulatedDevice
from thermofab.sim.tiles import check_network, described


class HostedTiles(SimulatedDevice):
    """Tiles behind registers, linked by this host.

    Args:
        fabric: the whole fabric, of pairs.
        network: its tiles, and a link that is aligned or holds boundaries: the host exchanges between sweeps.
        open_tile: opens the device of a tile, given its number and its fabric.

    Raises:
        SpecError: the network is of another topology, or the fabric's order of updates is the image's.
        UnsupportedError: the network is exact, or its link acts within a sweep; or there are factors.
    """

    name = "hosted-tiles"

    def __init__(
        self, fabric: FabricSpec, network: Network, open_tile: Callable[[int, FabricSpec], DrivenDevice]
    ) -> None:
        super().__init__(fabric)
        check_network(fabric, network)
        if network.link is None or not (network.link.aligned or network.link.hold):
            raise UnsupportedError(
                "a host exchanges states between sweeps, and this network does so within them; take a link with "
                "aligned=True or hold=True."
            )
        if fabric.topology.factors:
            raise UnsupportedError("tiles behind registers couple pairs of sites only; use TiledReference.")
        self._network, self._open = network, open_tile
        self._tiles: list[DrivenDevice] = []

    def info(self) -> DeviceInfo:
        return DeviceInfo(self.name, self._fabric, self._network.is_exact, described(self._network) + ", host as link")

    def load(self, image) -> None:
        super().load(image)
        assert self._image is not None
        if not self._tiles:
            tiling = self._network.tiling
            self._parts = [part_of(self._fabric, tiling, t) for t in range(tiling.n_tiles)]
            self._tiles = [self._open(t, part.fabric) for t, part in enumerate(self._parts)]
        for tile, part in zip(self._tiles, self._parts):
            tile.load(part.image_of(self._image))

    def _chains(self, plan: RunPlan) -> "HostedChains":
        if plan.replicas != 1:
            raise UnsupportedError(
                "tiles behind registers hold one chain at a time; run one replica, as range(r, r + 1)."
            )
        assert self._network.link is not None
        return HostedChains(plan, self._network, self._network.link, self._tiles, self._parts)


class HostedChains:
    """One chain; see :class:`thermofab.sim.chains.Chains`."""

    def __init__(
        self, plan: RunPlan, network: Network, link: Link, tiles: list[DrivenDevice], parts: list[Part]
    ) -> None:
        self._plan, self._tiling, self._link, self._tiles, self._parts = plan, network.tiling, link, tiles, parts
        self._n, self._sweeps, self._colours = plan.init[0].copy(), 0, network.topology.n_colours
        words = seed_words(generator(plan.image.fabric.rng), plan.keys[0])
        self._forget()
        for t, (tile, part) in enumerate(zip(tiles, parts)):
            tile.begin(self._clamped(t, False), self._views[t], words[part.members])

    def _forget(self) -> None:
        """Every ghost has its site's state, and nothing is under way."""
        self._views = [self._n[part.members] for part in self._parts]
        self._under_way: list[tuple[int, int, int, bool]] = []

    def _clamped(self, tile: int, holding: bool) -> np.ndarray:
        """Ghosts, clamped sites, and in a sweep that holds boundaries all of those but of the exchange's colour."""
        part = self._parts[tile]
        clamped = self._plan.clamped[part.members]
        clamped[part.own :] = True
        if holding:
            top = self._tiling.topology
            held = np.array([self._link.holds(self._sweeps, c, self._colours) for c in range(self._colours)])
            clamped |= (self._tiling.on_boundary & held[top.colours])[part.members]
        return clamped

    def _stretch(self, most: int) -> int:
        """Sweeps until something happens between tiles: after an exchange, before what is due, around held ones."""
        dues, link = {due for due, *_ in self._under_way}, self._link
        for length in range(1, most):
            last = self._sweeps + length - 1
            if link.exchanges(last) or (last + 1) * self._colours in dues or link.hold and link.exchanges(last + 1):
                return length
        return most

    def _sweep(self, most: int, level: int) -> int:
        """At most so many sweeps; how many it was."""
        start = self._sweeps * self._colours
        for due, target, ghost, state in self._under_way:
            if due <= start:
                self._views[target][ghost] = state
        self._under_way = [message for message in self._under_way if message[0] > start]
        sweeps = self._stretch(most)
        schedule = Schedule(0, 1, anneal=((sweeps, level),))
        for t, (tile, part) in enumerate(zip(self._tiles, self._parts)):
            self._views[t] = tile.go_on(schedule, self._clamped(t, self._link.hold), self._views[t])[-1]
            self._n[part.members[: part.own]] = self._views[t][: part.own]
        self._sweeps += sweeps
        last = self._sweeps - 1
        for boundary in self._tiling.boundaries:
            part = self._parts[boundary.target]
            for colour in range(self._colours):
                due = self._link.due(last * self._colours + colour, self._colours)
                # Between sweeps all that is due within the next one is seen; held boundaries see no difference.
                due = -(-due // self._colours) * self._colours
                for position in self._link.positions(boundary, last, colour):
                    site = int(boundary.sites[position])
                    [ghost] = part.ghosts_of(np.array([site]))
                    self._under_way.append((due, boundary.target, ghost, bool(self._n[site])))
        return sweeps

    def advance(self, phases: Phases) -> None:
        for sweeps, level in phases:
            while sweeps:
                sweeps -= self._sweep(sweeps, level)

    def sample(self, request: Request, tally: Tally | None = None, phases: Phases = ()) -> Chunk:
        self.advance(phases)
        kept = np.empty((1, request.samples, len(self._n)), dtype=bool)
        for s in range(request.samples):
            self.advance(((request.steps if s else request.lead, request.level),))
            kept[0, s] = self._n
        if tally is not None:
            i, j = self._tiling.topology.edges.T
            tally.ones += kept.sum(axis=1)
            tally.both += (kept[..., i] & kept[..., j]).sum(axis=1)
            tally.samples += request.samples
        energies = integer_energies(self._plan.image, kept) if request.energies else None
        if request.sites is None or request.sites is False:
            return Chunk(None, energies)
        return Chunk(kept if request.sites is True else kept[..., np.asarray(request.sites)], energies)

    def states(self) -> np.ndarray:
        return self._n[None].copy()

    def set_states(self, states: np.ndarray) -> None:
        self._n = np.array(states, dtype=bool)[0]
        self._forget()
