"""Hosting: how the sites of a fabric with a programmed order stand for the spins of a program.

Such a fabric holds any program as a fabric of the program's own graph would: every spin is a tree of sites that draws
once. So a program is compiled for its own graph, with the widths of the real fabric, and its integers are laid out on
the trees afterwards; nothing is lost on the way.
"""

from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.image import FREE, Image
from thermofab.hw.spec.order import Order


@dataclass(frozen=True, eq=False)
class Hosting:
    """Trees of a fabric for the spins of a program.

    Attributes:
        fabric: the real one.
        trees: sites of every spin, the root first.
        order: parents and colours of those sites; all others are idle.
        carriers: int64 ``[m]``: for every edge of the program's own fabric, the edge of the real one that has its
            weight.
    """

    fabric: FabricSpec
    trees: tuple[tuple[int, ...], ...]
    order: Order
    carriers: np.ndarray

    @property
    def roots(self) -> np.ndarray:
        """int64 ``[n]``."""
        return np.array([sites[0] for sites in self.trees], dtype=np.int64)

    def hosted(self, own: Image) -> Image:
        """The image on the real fabric of one on the program's own: weights on their carriers, biases at roots."""
        spec = self.fabric
        weights = np.zeros(spec.topology.n_edges, dtype=np.int64)
        weights[self.carriers] = own.weights
        biases = np.zeros(spec.n_sites, dtype=np.int64)
        biases[self.roots] = own.biases
        clamps = np.full(spec.n_sites, FREE, dtype=np.int8)
        clamps[self.roots] = own.clamps
        return Image(spec, weights, biases, own.tables, own.shift, clamps, own.seed, order=self.order)
