"""Lattices for one replica: sublattices laid out flat, so that a bond is one distance in memory."""

import ctypes
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from thermofab.hw.spec import RunPlan, Topology
from thermofab.sim.functional.layout import NONE, Stencil, layout_of

# Places of a chunk, and the longest copy: as in lattice.h.
WIDTH, LONGEST_COPY = 64, 32


class Lattice(ctypes.Structure):
    """``struct Lattice`` of lattice.h, which says what the fields are."""

    _fields_ = [
        *((name, ctypes.c_int64) for name in ("groups", "chunks", "margin")),
        *((name, ctypes.c_void_p) for name in ("slot_bounds", "distances", "weights", "offsets", "free", "site")),
        *((name, ctypes.c_void_p) for name in ("place", "copy_bounds", "copies")),
    ]


@dataclass(frozen=True, eq=False)
class FlatLattice:
    """Where sites lie.

    Attributes:
        chunks, margin: size of a group's array, in chunks of 64 places, and of the margin on either side of it.
        sites: int32 ``[groups, chunks * 64]``, -1 where there is none.
        edges: for every group int64 ``[slots, chunks * 64]``, -1 where there is none.
        distances: for every group int32 ``[slots]``.
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

    def arrays(self, plan: RunPlan, field: type) -> dict[str, np.ndarray]:
        """The fields of ``struct Lattice`` for a run, with ``field`` the accumulator's type."""
        image, groups = plan.image, len(self.sites)
        padded = np.append(image.weights, 0)
        weights = [padded[edges] for edges in self.edges]
        offsets = np.where(self.sites == NONE, 0, image.biases[self.sites])
        offsets = offsets - np.array([w.sum(axis=0) for w in weights]).reshape(offsets.shape)
        free = (self.sites != NONE) & ~plan.clamped[self.sites]
        by_chunk = [(2 * w).reshape(len(w), self.chunks, WIDTH).transpose(1, 0, 2).reshape(-1) for w in weights]
        return {
            "slot_bounds": np.concatenate([[0], np.cumsum([len(d) for d in self.distances])]).astype(np.int64),
            "distances": np.concatenate(self.distances).astype(np.int32),
            "weights": np.concatenate(by_chunk).astype(field),
            "offsets": offsets.astype(field),
            "free": np.packbits(free.reshape(groups, -1), axis=1, bitorder="little").view("<u8").astype(np.uint64),
            "site": self.sites,
            "place": self.place,
            "copy_bounds": np.concatenate([[0], np.cumsum([len(c) for c in self.copies])]).astype(np.int64),
            "copies": np.concatenate(self.copies).astype(np.int32),
        }


@lru_cache(maxsize=64)
def flat_lattice(topology: Topology) -> FlatLattice | None:
    """The flat form of a topology; ``None`` for graphs, and where most places would be room between rows."""
    layout = layout_of(topology)
    if not isinstance(layout, Stencil):
        return None
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
    return FlatLattice(chunks, margin, sites, tuple(edges), tuple(distances), place, tuple(copies))


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
