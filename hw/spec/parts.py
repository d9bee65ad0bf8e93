"""A tile as a fabric of its own: its sites, then the ghosts of its neighbours' sites.

Whoever moves states between tiles, a host or a link in gateware, writes the ghosts; the tile's fabric keeps them
clamped.
"""

from dataclasses import dataclass, replace

import numpy as np

from thermofab.hw.spec.colouring import compact_colours
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.image import FREE, Image
from thermofab.hw.spec.tiles import Tiling
from thermofab.hw.spec.topology import Topology


@dataclass(frozen=True, eq=False)
class Part:
    """A tile as a fabric of its own.

    Attributes:
        fabric: of the tile's sites and ghosts; couplings between ghosts are left out.
        members: int64 ``[n]``, the whole fabric's site of each of its sites: those of the tile, ascending, then its
            ghosts, ascending.
        own: how many of them are the tile's.
    """

    fabric: FabricSpec
    members: np.ndarray
    own: int

    def ghosts_of(self, sites: np.ndarray) -> list[int]:
        """Where this fabric has the ghosts of sites of the whole one."""
        return (self.own + np.searchsorted(self.members[self.own :], sites)).tolist()

    def image_of(self, whole: Image) -> Image:
        """What the tile is loaded with, of an image of the whole fabric: nothing is clamped, ghosts have no bias."""
        number = whole.fabric.topology.edge_index
        edges = self.members[self.fabric.topology.edges].tolist()
        weights = whole.weights[[number[i, j] for i, j in edges]]
        biases = np.where(np.arange(len(self.members)) < self.own, whole.biases[self.members], 0)
        free = np.full(len(self.members), FREE)
        return Image(self.fabric, weights, biases, whole.tables, whole.shift, free, whole.seed)


def part_of(spec: FabricSpec, tiling: Tiling, tile: int) -> Part:
    """The fabric of a tile of ``spec``."""
    whole, sites = spec.topology, tiling.sites_of(tile)
    ghosts = np.unique(np.concatenate([sites[:0], *(b.sites for b in tiling.boundaries if b.target == tile)]))
    members = np.concatenate([sites, ghosts]).astype(np.int64)
    local = np.full(whole.n_sites, -1)
    local[members] = np.arange(len(members))
    inside = np.any(tiling.tile_of[whole.edges] == tile, axis=1)
    topology = Topology.from_edges(
        f"tile of {whole.name}",
        len(members),
        local[whole.edges[inside]],
        whole.coordinates[members],
        colours=compact_colours(whole.colours[members]),
    )
    return Part(replace(spec, topology=topology), members, len(sites))
