"""Roles: which sites of a fabric hold pixels, which hold the noisier image, and which are latent.

The pixels' sites are drawn at random from the grid, so that neither neighbours in the image nor classes of pixels have
anything to do with neighbours on the fabric. Every pixel's site x^{t-1}_i has a neighbour of its own that holds x^t_i,
clamped while the layer runs: the forward coupling Γ_t sits on that edge, so conditioning differs between replicas while
the image is one. Inputs are sites of the grid (:meth:`Roles.random`), or a site more beside every pixel's
(:meth:`Roles.beside`): that is a field Γ_t x^t_i on the pixel and no more, and leaves the grid to pixels and latents.
"""

from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import SpecError, Topology
from thermofab.hw.spec.digest import frozen_array


@dataclass(frozen=True, eq=False)
class Roles:
    """Sites by role.

    Attributes:
        topology: the fabric's.
        pixels: int64 ``[v]``, the site of every pixel of x^{t-1}.
        inputs: int64 ``[v]``, the site of every pixel of x^t, joined to that pixel's; empty for a layer without input.
    """

    topology: Topology
    pixels: np.ndarray
    inputs: np.ndarray

    def __post_init__(self) -> None:
        used = np.concatenate([self.pixels, self.inputs])
        if len(np.unique(used)) != len(used):
            raise SpecError("a site has one role; two pixels or inputs share one.")
        if len(self.inputs) and not np.all(self.pair_edges >= 0):
            raise SpecError("every input's site must be joined to its pixel's site.")

    @staticmethod
    def random(topology: Topology, n_pixels: int, seed: int = 0) -> "Roles":
        """Pixel and input sites drawn as a random matching of the fabric's graph.

        Raises:
            SpecError: the fabric has too few sites, or the matching found is too small.
        """
        rng = np.random.default_rng(seed)
        taken = np.zeros(topology.n_sites, dtype=bool)
        pairs = []
        for edge in rng.permutation(len(topology.edges)).tolist():
            i, j = rng.permutation(topology.edges[edge]).tolist()
            if len(pairs) < n_pixels and not taken[i] and not taken[j]:
                taken[[i, j]] = True
                pairs.append((i, j))
        if len(pairs) < n_pixels:
            raise SpecError(
                f"{n_pixels} pixels and their inputs need {2 * n_pixels} sites joined in pairs; '{topology.name}' of "
                f"{topology.n_sites} sites gave {len(pairs)} pairs. Take a larger fabric."
            )
        pixels, inputs = np.array(pairs).T
        return Roles(topology, frozen_array(pixels, np.int64), frozen_array(inputs, np.int64))

    @staticmethod
    def beside(topology: Topology, n_pixels: int, seed: int = 0) -> "Roles":
        """Pixel sites drawn at random; inputs are sites added to the fabric, each joined to its pixel's alone.

        Raises:
            SpecError: the fabric has fewer sites than pixels.
        """
        n = topology.n_sites
        if n_pixels > n:
            raise SpecError(f"{n_pixels} pixels need as many sites; '{topology.name}' has {n}. Take a larger fabric.")
        pixels = np.random.default_rng(seed).permutation(n)[:n_pixels]
        inputs = n + np.arange(n_pixels)
        at = topology.coordinates
        more = Topology.from_edges(
            f"{topology.name}+{n_pixels}",
            n + n_pixels,
            np.concatenate([topology.edges, np.stack([pixels, inputs], axis=1)]),
            coordinates=np.concatenate([at, at[pixels] + 0.3]),
        )
        return Roles(more, frozen_array(pixels, np.int64), frozen_array(inputs, np.int64))

    def without_inputs(self, topology: Topology | None = None) -> "Roles":
        """The same pixels without inputs, whose sites become latent; ``topology``: without the sites added beside."""
        return Roles(self.topology if topology is None else topology, self.pixels, frozen_array([], np.int64))

    @property
    def latents(self) -> np.ndarray:
        """int64: the other sites, ascending."""
        return np.setdiff1d(np.arange(self.topology.n_sites), np.concatenate([self.pixels, self.inputs]))

    @property
    def free(self) -> np.ndarray:
        """int64: sites that are sampled in generation."""
        return np.setdiff1d(np.arange(self.topology.n_sites), self.inputs)

    @property
    def pair_edges(self) -> np.ndarray:
        """int64 ``[v]``: the edge of every pixel and its input, -1 where there is none."""
        ends = np.sort(np.stack([self.pixels, self.inputs], axis=1), axis=1).astype(np.int64)
        edges = self.topology.edges.astype(np.int64)
        codes, wanted = edges @ [self.topology.n_sites, 1], ends @ [self.topology.n_sites, 1]
        places = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
        return np.where(codes[places] == wanted, places, -1)
