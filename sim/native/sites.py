"""Layouts for one replica, its sites in lanes: lattices flat, so that a bond is one distance in memory; other graphs by
colour and degree, neighbours by index.
"""

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from thermofab.hw.spec import RunPlan, Topology
from thermofab.sim.functional.layout import NONE, Gather, Stencil, gather_of, layout_of

# Places of a chunk, and the longest copy: as in sites.h.
WIDTH, LONGEST_COPY = 64, 32
# Up to so many replicas run faster one by one.
FEW_ON_A_LATTICE, FEW_ON_A_GRAPH, FEW_ON_A_LARGE_GRAPH = 12, 5, 2
# Places of a small graph: the bits that bits.h looks neighbours up in.
MOST_LOOKED_UP = 8192


class LayoutStruct(ctypes.Structure):
    """``struct Layout`` of sites.h, which says what the fields are."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("groups", "chunks", "margin")),
        *((name, ctypes.c_void_p) for name in ("slot_bounds", "distances", "neighbours", "weights")),
        *((name, ctypes.c_void_p) for name in ("offsets", "biases", "free", "site")),
        *((name, ctypes.c_void_p) for name in ("place", "copy_bounds", "copies")),
    ]


@dataclass(frozen=True, eq=False)
class SiteLayout:
    """Where sites lie.

    Attributes:
        chunks, margin: size of a group's array, in chunks of 64 places, and of the margin on either side of it.
        sites: int32 ``[groups, chunks * 64]``, -1 where there is none.
        edges: for every group int64 ``[slots, chunks * 64]``, -1 where there is none.
        distances: for every group int64 ``[slots]``, from a place to its neighbour's; zeros for graphs.
        neighbours: for every group int64 ``[slots, chunks * 64]``, the neighbours' places; empty for lattices.
        place: int32 ``[N]``.
        copies: for every group int32 ``[copies, 3]``: to, from, length.
    """

    chunks: int
    margin: int
    sites: np.ndarray
    edges: tuple[np.ndarray, ...]
    distances: tuple[np.ndarray, ...]
    place: np.ndarray
    copies: tuple[np.ndarray, ...]
    neighbours: tuple[np.ndarray, ...] = ()

    @property
    def most_replicas(self) -> int:
        """Up to so many replicas run faster one by one than sharing lanes."""
        if not self.neighbours:
            return FEW_ON_A_LATTICE
        used = WIDTH * int((self.sites.reshape(-1, WIDTH) != NONE).any(axis=1).sum())
        return FEW_ON_A_GRAPH if used <= MOST_LOOKED_UP else FEW_ON_A_LARGE_GRAPH

    def arrays(self, plan: RunPlan, field: type) -> dict[str, np.ndarray]:
        """The fields of ``struct Layout`` for a run, with ``field`` the accumulator's type."""
        image, groups = plan.image, len(self.sites)
        padded = np.append(image.weights, 0)
        weights = [padded[edges] for edges in self.edges]
        biases = np.where(self.sites == NONE, 0, image.biases[self.sites])
        offsets = biases - np.array([w.sum(axis=0) for w in weights]).reshape(biases.shape)
        free = (self.sites != NONE) & ~plan.clamped[self.sites]

        def by_chunk(parts: Sequence[np.ndarray], dtype: type) -> np.ndarray:
            split = [part.reshape(len(part), self.chunks, WIDTH).transpose(1, 0, 2).reshape(-1) for part in parts]
            return np.concatenate(split).astype(dtype)

        fetched = {"neighbours": by_chunk(self.neighbours, np.int32)} if self.neighbours else {}
        return {
            **fetched,
            "slot_bounds": np.concatenate([[0], np.cumsum([len(d) for d in self.distances])]).astype(np.int64),
            "distances": np.concatenate(self.distances).astype(np.int32),
            "weights": by_chunk([2 * w for w in weights], field),
            "offsets": offsets.astype(field),
            "biases": biases.astype(np.int32),
            "free": np.packbits(free.reshape(groups, -1), axis=1, bitorder="little").view("<u8").astype(np.uint64),
            "site": self.sites,
            "place": self.place,
            "copy_bounds": np.concatenate([[0], np.cumsum([len(c) for c in self.copies])]).astype(np.int64),
            "copies": np.concatenate(self.copies).astype(np.int32),
        }


@lru_cache(maxsize=64)
def site_layout(topology: Topology) -> SiteLayout | None:
    """The flat form of a topology; ``None`` where most places would be empty."""
    layout = layout_of(topology)
    if isinstance(layout, Gather):
        return _by_index(layout)
    assert isinstance(layout, Stencil)
    return _by_distance(topology, layout)


def any_site_layout(topology: Topology) -> SiteLayout:
    """:func:`site_layout`, or one by index where most places are empty: small fabrics of many degrees."""
    layout = site_layout(topology) or _by_index(gather_of(topology), sparse=True)
    assert layout is not None
    return layout


def _by_index(layout: Gather, sparse: bool = False) -> SiteLayout | None:
    n, sizes = layout.topology.n_sites, [group.sites.size for group in layout.groups]
    chunks = -(-max(sizes) // WIDTH)
    stride = chunks * WIDTH
    if not sparse and stride * len(sizes) > 8 * max(n, WIDTH):
        return None
    sites = np.full((len(sizes), stride), NONE, dtype=np.int32)
    for g, group in enumerate(layout.groups):
        sites[g, : sizes[g]] = group.sites
    order = np.flatnonzero(sites.reshape(-1) != NONE)
    place = np.zeros(n, dtype=np.int32)
    place[sites.reshape(-1)[order]] = order
    edges, neighbours = [], []
    for g, (group, indices) in enumerate(zip(layout.groups, layout.indices)):
        edges.append(np.full((len(indices), stride), NONE, dtype=np.int64))
        neighbours.append(np.zeros((len(indices), stride), dtype=np.int64))
        edges[g][:, : sizes[g]], neighbours[g][:, : sizes[g]] = group.edges, order[indices]
    nowhere = [np.zeros(len(indices), dtype=np.int64) for indices in layout.indices]
    no_copies = (np.zeros((0, 3), dtype=np.int64),) * len(sizes)
    return SiteLayout(chunks, 0, sites, tuple(edges), tuple(nowhere), place, no_copies, tuple(neighbours))


def _by_distance(topology: Topology, layout: Stencil) -> SiteLayout | None:
    shape = np.array(layout.groups[0].sites.shape)
    shifts = np.array([shift for bonds in layout.bonds for _, shift in bonds]).reshape(-1, len(shape))
    low, high = np.maximum(0, -shifts.min(axis=0)), np.maximum(0, shifts.max(axis=0))
    extent = low + shape + high
    if np.prod(extent) > 8 * np.prod(shape):
        return None
    strides = np.append(np.cumprod(extent[:0:-1])[::-1], 1)
    chunks = -(-int(np.prod(extent)) // WIDTH)
    margin = -(-int(np.abs(shifts @ strides).max()) // WIDTH) * WIDTH
    stride = chunks * WIDTH + 2 * margin
    corner = low.reshape(-1, *[1] * len(shape))
    inside = np.ravel_multi_index(tuple(np.indices(tuple(shape.tolist())) + corner), tuple(extent)).reshape(-1)
    groups = len(layout.groups)
    sites = np.full((groups, chunks * WIDTH), NONE, dtype=np.int32)
    place = np.zeros(topology.n_sites, dtype=np.int32)
    edges, distances, copies = [], [], []
    around = _around(shape, low, extent) if layout.torus else np.zeros((0, 3), dtype=np.int64)
    for g, (group, bonds) in enumerate(zip(layout.groups, layout.bonds)):
        base, flat = g * stride + margin, group.sites.reshape(-1)
        sites[g, inside] = flat
        place[flat[flat != NONE]] = base + inside[flat != NONE]
        spread = np.full((len(bonds), chunks * WIDTH), NONE, dtype=np.int64)
        spread[:, inside] = group.edges.reshape(len(bonds), -1)
        edges.append(spread)
        distances.append(
            np.array([(source - g) * stride + np.dot(shift, strides) for source, shift in bonds], dtype=int)
        )
        copies.append(around + [base, base, 0])
    return SiteLayout(chunks, margin, sites, tuple(edges), tuple(distances), place, tuple(copies))


def _around(shape: np.ndarray, low: np.ndarray, extent: np.ndarray) -> np.ndarray:
    """What a torus keeps in the room around an array: int64 ``[copies, 3]``, to, from and length."""
    everything = np.arange(np.prod(extent))
    position = np.array(np.unravel_index(everything, tuple(extent))) - low[:, None]
    origins = np.asarray(np.ravel_multi_index(tuple(position % shape[:, None] + low[:, None]), tuple(extent)))
    outside = np.flatnonzero(origins != everything)
    to, origin = everything[outside], origins[outside]
    starts = np.flatnonzero((np.diff(to, prepend=-2) != 1) | (np.diff(origin, prepend=-2) != 1))
    pieces = []
    for start, stop in zip(starts.tolist(), [*starts[1:].tolist(), len(to)]):
        for first in range(start, stop, LONGEST_COPY):
            pieces.append((to[first], origin[first], min(LONGEST_COPY, stop - first)))
    return np.array(pieces, dtype=np.int64).reshape(-1, 3)
