"""Where sites live in arrays, and where their neighbours are.

Sites are split into *groups*; a group's sites have one colour, hence update together, and are one array ``[*shape, R]``
with replicas innermost. How neighbours are reached makes two layouts:

- :class:`Stencil`, for lattices whose colouring is periodic: a group is a sublattice (one residue of the cell index
  modulo the period, one site of the cell), so a bond is the same shift for all its sites, and neighbours are slices of
  a padded array.
- :class:`Gather`, for any graph: groups are slices of one array sorted by colour and degree, and neighbours are
  gathered by index. Sites of similar degree share a group, so that one hub does not pad all others.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from thermofab.hw.spec import Topology
from thermofab.sim.functional.factors import FactorSlot, factor_slots

NONE = -1
_MAX_PERIOD = 4


@dataclass(frozen=True, eq=False)
class Group:
    """Sites of one colour.

    Attributes:
        colour: theirs.
        sites: int ``[*shape]``, site index at every place; -1 where the lattice ends inside the array.
        edges: int ``[slots, *shape]``, edge to the neighbour in every slot; -1 where there is none.
        factors: of its sites; only where neighbours are gathered.
    """

    colour: int
    sites: np.ndarray
    edges: np.ndarray
    factors: tuple[FactorSlot, ...] = ()


@dataclass(frozen=True, eq=False)
class ArrayLayout(ABC):
    """Groups in order of colour. Subclasses say how to reach neighbours."""

    topology: Topology
    groups: tuple[Group, ...]

    @abstractmethod
    def neighbours(self, states: Sequence[jax.Array], colour: int) -> list[tuple[int, list[jax.Array]]]:
        """For every group of ``colour``: its number and the states of its neighbours, ``[*shape, R]`` a slot."""

    @cached_property
    def places(self) -> np.ndarray:
        """int ``[N]``: position of every site in the concatenation of all flattened groups."""
        order = np.concatenate([group.sites.reshape(-1) for group in self.groups])
        places = np.zeros(self.topology.n_sites, dtype=np.int64)
        real = np.flatnonzero(order != NONE)
        places[order[real]] = real
        return places

    def scatter(self, values: np.ndarray) -> list[np.ndarray]:
        """``[..., N]`` to one ``[*shape, ...]`` per group; zeros where no site is."""
        return self.parts(self.scattered(values))

    def scattered(self, values: np.ndarray) -> np.ndarray:
        """``[..., N]`` to all groups, flattened and concatenated: ``[P, ...]``; zeros where no site is."""
        order = np.concatenate([group.sites.reshape(-1) for group in self.groups])
        placed = np.moveaxis(np.asarray(values), -1, 0)[order]
        placed[order == NONE] = 0
        return placed

    def parts(self, placed: Any) -> list[Any]:
        """Groups ``[*shape, ...]`` out of all of them concatenated, an array of numpy or JAX ``[P, ...]``."""
        ends = np.cumsum([group.sites.size for group in self.groups])[:-1].tolist()
        return [
            placed[start:stop].reshape(*group.sites.shape, *placed.shape[1:])
            for group, start, stop in zip(self.groups, [0, *ends], [*ends, len(placed)])
        ]

    def spread(self, values: jax.Array) -> list[jax.Array]:
        """``[R, N]`` to one ``[*shape, R]`` a group; zeros where no site is."""
        padded = jnp.concatenate([values.T, jnp.zeros((1, len(values)), values.dtype)])
        return [padded[group.sites] for group in self.groups]

    def collect(self, parts: Sequence[jax.Array]) -> jax.Array:
        """Inverse of :meth:`spread`."""
        return jnp.concatenate([part.reshape(-1, part.shape[-1]) for part in parts])[self.places].T

    def gather(self, parts: Sequence[np.ndarray]) -> np.ndarray:
        """One ``[S, *shape, R]`` a group to ``[R, S, N]``."""
        flat = [part.reshape(part.shape[0], -1, part.shape[-1]) for part in parts]
        joined = np.concatenate(flat, axis=1) if len(flat) > 1 else flat[0]
        return np.ascontiguousarray(joined[:, self.places].transpose(2, 0, 1))


@dataclass(frozen=True, eq=False)
class Stencil(ArrayLayout):
    """Neighbours by shifted slices.

    Attributes:
        bonds: for every group, ``(source group, shift)`` a slot; a shift is in places of the source array.
        torus: wrap around, else whatever lies beyond the edge is read with weight zero.
    """

    bonds: tuple[tuple[tuple[int, tuple[int, ...]], ...], ...]
    torus: bool

    def neighbours(self, states: Sequence[jax.Array], colour: int) -> list[tuple[int, list[jax.Array]]]:
        mine = [g for g, group in enumerate(self.groups) if group.colour == colour]
        reach: dict[int, np.ndarray] = {}
        for g in mine:
            for source, shift in self.bonds[g]:
                low_high = np.array([[max(0, -s), max(0, s)] for s in shift])
                reach[source] = np.maximum(reach.get(source, 0), low_high)
        sources = sorted(reach)
        mode = "wrap" if self.torus else "constant"
        padded = [jnp.pad(states[s], [*reach[s].tolist(), (0, 0)], mode=mode) for s in sources]
        # Without the barrier XLA computes the padding again inside every slot's slice.
        halo = dict(zip(sources, jax.lax.optimization_barrier(padded)))
        out = []
        for g in mine:
            slots = []
            for source, shift in self.bonds[g]:
                start = [int(low) + s for (low, _), s in zip(reach[source], shift)]
                index = tuple(slice(b, b + n) for b, n in zip(start, self.groups[g].sites.shape))
                slots.append(halo[source][index])
            out.append((g, slots))
        return out


@dataclass(frozen=True, eq=False)
class Gather(ArrayLayout):
    """Neighbours by index.

    Attributes:
        indices: for every group, int32 ``[slots, sites]`` into the concatenation of all groups.
    """

    indices: tuple[np.ndarray, ...]

    def neighbours(self, states: Sequence[jax.Array], colour: int) -> list[tuple[int, list[jax.Array]]]:
        everything = jnp.concatenate(states) if len(states) > 1 else states[0]
        everything = jax.lax.optimization_barrier(everything)
        return [
            (g, [everything.at[row].get(mode="promise_in_bounds") for row in self.indices[g]])
            for g, group in enumerate(self.groups)
            if group.colour == colour
        ]


def layout_of(topology: Topology) -> ArrayLayout:
    """The fastest layout a topology allows."""
    return _layout_of(topology, topology.lattice is not None)


@lru_cache(maxsize=64)
def _layout_of(topology: Topology, _on_lattice: bool) -> ArrayLayout:
    # Equal topologies have one digest; one read from a file does not know its lattice, and has no stencil.
    stencil = _stencil(topology)
    return stencil if stencil is not None else gather_of(topology)


def _stencil(topology: Topology) -> Stencil | None:
    lattice = topology.lattice
    if lattice is None:
        return None
    size, cell = lattice.size, lattice.rule.cell
    colours = topology.colours.reshape(*size, cell)
    period = _period(colours, lattice.torus)
    if period is None:
        return None
    sites = np.arange(topology.n_sites).reshape(*size, cell)
    residues = list(product(*(range(p) for p in period)))
    keys = sorted(
        ((int(colours[residue + (k,)]), residue, k) for residue in residues for k in range(cell)),
    )
    shape = tuple(-(-extent // p) for extent, p in zip(size, period))
    number = {(residue, k): g for g, (_, residue, k) in enumerate(keys)}
    arrays = []
    for _, residue, k in keys:
        array = np.full(shape, NONE, dtype=np.int64)
        part = sites[tuple(slice(r, None, p) for r, p in zip(residue, period)) + (k,)]
        array[tuple(slice(0, n) for n in part.shape)] = part
        arrays.append(array)
    directed = [(k, l, off) for k, l, off in lattice.rule.bonds]
    directed += [(l, k, tuple(-o for o in off)) for k, l, off in lattice.rule.bonds]
    groups, bonds = [], []
    for g, (colour, residue, k) in enumerate(keys):
        edges, slots = [], []
        for start, stop, offset in directed:
            if start != k:
                continue
            target = tuple(r + o for r, o in zip(residue, offset))
            source_residue = tuple(t % p for t, p in zip(target, period))
            shift = tuple((t - s) // p for t, s, p in zip(target, source_residue, period))
            slots.append((number[source_residue, stop], shift))
            edges.append(_edges_along(topology, arrays[g], offset, stop))
        groups.append(Group(colour, arrays[g], np.array(edges, dtype=np.int64).reshape(len(slots), *shape)))
        bonds.append(tuple(slots))
    return Stencil(topology, tuple(groups), tuple(bonds), lattice.torus)


def _period(colours: np.ndarray, torus: bool) -> tuple[int, ...] | None:
    """Smallest period of the colouring along each axis, dividing the extent on a torus; None beyond a few."""
    period = []
    for axis, extent in enumerate(colours.shape[:-1]):
        for p in range(1, min(_MAX_PERIOD, extent) + 1):
            head = np.take(colours, range(extent - p), axis=axis)
            tail = np.take(colours, range(p, extent), axis=axis)
            if (not torus or extent % p == 0) and np.array_equal(head, tail):
                period.append(p)
                break
        else:
            return None
    return tuple(period)


def _edges_along(topology: Topology, sites: np.ndarray, offset: tuple[int, ...], stop: int) -> np.ndarray:
    """Edge number from every site to the site ``stop`` of the cell ``offset`` away; -1 where there is none."""
    lattice = topology.lattice
    assert lattice is not None
    cell, size = lattice.rule.cell, np.array(lattice.size)
    flat = sites.reshape(-1)
    position = np.array(np.unravel_index(np.maximum(flat, 0) // cell, lattice.size))
    target = position + np.array(offset)[:, None]
    if lattice.torus:
        target %= size[:, None]
    inside = np.all((target >= 0) & (target < size[:, None]), axis=0) & (flat != NONE)
    other = np.ravel_multi_index(tuple(np.where(inside, target, 0)), lattice.size) * cell + stop
    n = topology.n_sites
    low, high = np.minimum(flat, other), np.maximum(flat, other)
    edge_keys = topology.edges[:, 0].astype(np.int64) * n + topology.edges[:, 1]
    found = np.searchsorted(edge_keys, low * n + high)
    return np.where(inside, found, NONE).reshape(sites.shape)


def gather_of(topology: Topology) -> Gather:
    """A layout of any topology: neighbours by index, sites in groups of a colour and a like degree."""
    neighbour_sites, neighbour_edges = topology.neighbour_table
    degrees = topology.degrees
    # One bucket a power of two of the degree keeps padding below twofold.
    bucket = np.ceil(np.log2(np.maximum(degrees, 1))).astype(np.int64)
    keys = sorted({(int(c), int(b)) for c, b in zip(topology.colours, bucket)})
    members = [np.flatnonzero((topology.colours == c) & (bucket == b)) for c, b in keys]
    place = np.empty(topology.n_sites, dtype=np.int64)
    place[np.concatenate(members)] = np.arange(topology.n_sites)
    groups, indices = [], []
    for (colour, _), sites in zip(keys, members):
        slots = int(degrees[sites].max())
        near, edges = neighbour_sites[sites, :slots].T, neighbour_edges[sites, :slots].T
        groups.append(Group(colour, sites, edges.astype(np.int64), factor_slots(topology, sites, place)))
        indices.append(np.where(near == NONE, place[sites][None], place[near]).astype(np.int32))
    return Gather(topology, tuple(groups), tuple(indices))
