"""Layout: a model on a fabric, in real numbers, and the distribution it has over the nodes.

A *wire* is the path of fabric edges that carries one model edge from root to root, short of the trunks at either
end. A *trunk* is a fabric edge between copies of one node that carries two model edges or more.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from thermofab.compiler.ir.wires import wire_coupling


@dataclass(frozen=True, eq=False)
class Layout:
    """Copies, wires and trunks of a program.

    Attributes:
        copies: sites in use of every node, the root first.
        method: how it was placed.
        wire_of: int64 ``[k]``, model edge of every wire segment; the segments of an edge are adjacent, the one that
            crosses from one node's copies to the other's first, and every model edge has one at least.
        wire_sites: int64 ``[k]``, fabric edge of every segment.
        wire_ends: int64 ``[m, 2]``, the sites the wire of a model edge joins (root or end of a trunk), in the order
            of the edge's nodes; for a clamped node the copy next to the crossing.
        trunk_sites: int64 ``[t]``, fabric edges of the trunks.
        trunk_ends: int64 ``[t, 2]``, their sites, the one nearer the root first.
        trunk_loads: float64 ``[t]``, G: the sum of |J| over the model edges the trunk carries.
        trunk_couplings: float64 ``[t]``, Jc.
    """

    copies: tuple[tuple[int, ...], ...]
    method: str
    wire_of: np.ndarray
    wire_sites: np.ndarray
    wire_ends: np.ndarray
    trunk_sites: np.ndarray
    trunk_ends: np.ndarray
    trunk_loads: np.ndarray
    trunk_couplings: np.ndarray

    @cached_property
    def roots(self) -> np.ndarray:
        """int64 ``[n]``: the site every variable is read at."""
        return np.array([sites[0] for sites in self.copies], dtype=np.int64)

    @property
    def n_trunks(self) -> int:
        return len(self.trunk_sites)

    @cached_property
    def n_sites(self) -> int:
        return sum(map(len, self.copies))

    @cached_property
    def wire_lengths(self) -> np.ndarray:
        """int64 ``[m]``."""
        return np.bincount(self.wire_of, minlength=len(self.wire_ends))

    def segment_couplings(self, couplings: np.ndarray) -> np.ndarray:
        """K of every wire segment, float64 ``[k]``: equal magnitudes, the sign of J on the crossing."""
        magnitudes = wire_coupling(np.abs(couplings), np.maximum(self.wire_lengths, 1))[self.wire_of]
        return np.where(self.crossing & (couplings[self.wire_of] < 0), -magnitudes, magnitudes)

    @cached_property
    def crossing(self) -> np.ndarray:
        """bool ``[k]``: the first segment of every wire."""
        first = np.ones(len(self.wire_of), dtype=bool)
        first[1:] = self.wire_of[1:] != self.wire_of[:-1]
        return first
