"""Where a systolic fabric keeps each site, when it updates it, and at which tap of which ring a neighbour is found.

An element holds the sites of a group of columns. Time runs in rounds of P slots; slot τ of a round updates at most one
site in every element, and a round is a sweep: the sites of colour 0 first, then those of colour 1, and so on. All
elements work on the same slot. Spins live in rings that turn by one place per slot, so the neighbour in element e' at
slot τ' is seen from slot τ at the fixed *distance* (τ' - τ) mod P of ring e'. On a lattice a bond has the same few
distances at every site: two on a torus (one beyond the seam), one with open boundaries. Which of them, and which
element's ring, is a function of the slot alone, and is read from a small program memory.

A neighbour that was updated q = (τ - τ') mod P slots ago can be read if q is at least the latency of the update. Each
colour's pass is therefore started at a place of its own (half the lattice away from the last one's start), and where
that does not suffice, idle slots are put behind every pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from thermofab.hw.spec import SpecError, Topology
from thermofab.hw.spec.factors import factor_pairs

NONE = -1
WIDE_TAPS = 256  # distances a view chooses from in one clock; with more of them it takes two
MOST_TAPS = 1024  # distances that are built; an irregular graph beyond that is not for this architecture


@dataclass(frozen=True, eq=False)
class View:
    """One bit a ring offers in every slot: the spin at ``distances[choice[slot]]``.

    Attributes:
        distances: the taps, ascending.
        choice: int ``[P]``, index into ``distances``.
    """

    distances: tuple[int, ...]
    choice: np.ndarray


@dataclass(frozen=True, eq=False)
class Input:
    """How an element finds one neighbour: view ``view`` of element e + ``steps[choice[slot]]``."""

    view: int
    steps: tuple[int, ...]
    choice: np.ndarray


@dataclass(frozen=True, eq=False)
class SystolicLayout:
    """The placement of a topology on a systolic fabric.

    Attributes:
        sites: int ``[E, P]``, the site that element e updates in slot τ, -1 where there is none.
        neighbours: int ``[N, D]``, the neighbour of a site at each of its D inputs, -1 where there is none.
        edges: int ``[N, D']``, the edges to those that have a weight, which are the first.
        factors: int ``[N, F]``, which of the topology's ``factor_inputs`` stands at each of a site's F factors, or -1.
        places: per factor, the inputs that are its other sites.
        late: bool ``[P, D]``: the neighbour has a later colour, so that the slot still reads its old spin; of several
            elements' neighbours, one has.
        owned: inputs 0…owned-1 are where edges are counted: every edge at one of its ends.
        counted: bool ``[N, owned]``: an edge is counted there, as ``late`` holds for its neighbour.
        views: what every ring may have to offer.
        inputs: per kind of element, its D inputs.
        kind: int ``[E]``, the kind of each element.
        latency: slots after which a new spin can be read.
    """

    sites: np.ndarray
    neighbours: np.ndarray
    edges: np.ndarray
    factors: np.ndarray
    places: tuple[tuple[int, ...], ...]
    late: np.ndarray
    owned: int
    counted: np.ndarray
    views: tuple[View, ...]
    inputs: tuple[tuple[Input, ...], ...]
    kind: np.ndarray
    latency: int

    @property
    def n_elements(self) -> int:
        return self.sites.shape[0]

    @property
    def n_slots(self) -> int:
        return self.sites.shape[1]

    @property
    def n_inputs(self) -> int:
        return self.neighbours.shape[1]

    @cached_property
    def used(self) -> np.ndarray:
        """bool ``[P]``: some element has a site in the slot."""
        return np.any(self.sites != NONE, axis=0)

    @property
    def utilisation(self) -> float:
        """Share of element-slots that update a site."""
        return float(np.mean(self.sites != NONE))

    @cached_property
    def order(self) -> tuple[int, ...]:
        """Elements as they should stand on a chip, in a row: those that read each other close together. A torus is
        folded flat.
        """
        count = self.n_elements
        steps = {s % count for kind in self.inputs for wire in kind for s in wire.steps}
        if not any(count // 2 < s for s in steps):
            return tuple(range(count))
        return tuple(k // 2 if k % 2 == 0 else count - 1 - k // 2 for k in range(count))

    @property
    def n_weights(self) -> int:
        """Inputs that have a weight."""
        return self.edges.shape[1]

    @property
    def n_factors(self) -> int:
        """Factors that an element looks up in every slot."""
        return len(self.places)

    @property
    def factor_states(self) -> int:
        """Bits of the states that address the widest factor."""
        return max(map(len, self.places), default=0)

    @property
    def most_taps(self) -> int:
        """Distances that the widest view chooses from."""
        return max((len(view.distances) for view in self.views), default=0)

    @cached_property
    def element_of(self) -> np.ndarray:
        """int ``[N]``."""
        return self._where[0]

    @cached_property
    def slot_of(self) -> np.ndarray:
        """int ``[N]``."""
        return self._where[1]

    @cached_property
    def _where(self) -> np.ndarray:
        element, slot = np.nonzero(self.sites != NONE)
        found = np.empty((2, len(element)), dtype=np.int64)
        found[:, self.sites[element, slot]] = element, slot
        return found

    @cached_property
    def views_of(self) -> tuple[tuple[int, ...], ...]:
        """Per element, the views that some element reads from its ring."""
        needed: list[set[int]] = [set() for _ in range(self.n_elements)]
        for e, kind in enumerate(self.kind):
            for wire in self.inputs[kind]:
                for step in wire.steps:
                    needed[(e + step) % self.n_elements].add(wire.view)
        return tuple(tuple(sorted(views)) for views in needed)


@dataclass(frozen=True, eq=False)
class _Bonds:
    """Sites by element and colour, and who is joined to whom."""

    element: np.ndarray  # [N]
    rank: np.ndarray  # [N], place within the element; sites at equal places in different elements have equal ranks
    neighbours: np.ndarray  # [N, D]
    owned: int
    factors: np.ndarray  # [N, F]
    places: tuple[tuple[int, ...], ...]

    @property
    def n_weights(self) -> int:
        return self.places[0][0] if self.places else self.neighbours.shape[1]


@lru_cache(maxsize=64)
def systolic_layout(topology: Topology, elements: int, latency: int) -> SystolicLayout:
    """Place ``topology`` on ``elements`` processing elements (0: as many as it allows).

    Args:
        topology: a lattice of any rule, or a graph (one element by default, and a tap for every distance that occurs).
        elements: processing elements.
        latency: slots from the update of a site to the first that can read its new spin.

    Raises:
        SpecError: the columns cannot be dealt to that many elements, or the graph needs too many taps.
    """
    bonds = _bonds(topology, elements)
    passes = _passes(topology, bonds)
    best: tuple[tuple[int, int], SystolicLayout] | None = None
    for starts in _start_choices(topology.n_colours, passes.shape[2]):
        sites = _with_idle_slots(topology, bonds, _turned(passes, starts), latency)
        made = _wire(topology, bonds, sites, latency)
        taps = sum(len(view.distances) for view in made.views) + sum(
            len(wire.steps) for kind in made.inputs for wire in kind
        )
        cost = (sites.shape[1], taps)
        if best is None or cost < best[0]:
            best = cost, made
    assert best is not None
    most = best[1].most_taps
    if most > MOST_TAPS:
        raise SpecError(
            f"'{topology.name}' is too irregular for the systolic architecture: a neighbour is found at {most} "
            f"different distances, and {MOST_TAPS} are the most that are built, for about as many LUTs an input and "
            "element; use architecture='spatial'."
        )
    return best[1]


def column_groups(topology: Topology) -> tuple[int, ...]:
    """The widths that groups of columns may have: multiples of the period of the colouring along the last axis."""
    lattice = topology.lattice
    if lattice is None:
        return (1,)
    columns = lattice.size[-1]
    colours = topology.colours.reshape(*lattice.size, lattice.rule.cell)
    for period in range(1, columns):
        if lattice.torus and columns % period:
            continue
        if np.array_equal(colours[..., period:, :], colours[..., :-period, :]):
            return tuple(range(period, columns + period, period))
    return (columns,)


def _bonds(topology: Topology, elements: int) -> _Bonds:
    lattice = topology.lattice
    if lattice is None:
        count = elements or 1
        element = np.arange(topology.n_sites) * count // topology.n_sites
        return _Bonds(element, np.arange(topology.n_sites), *_with_factors(topology, *_graph_inputs(topology, count)))
    columns = lattice.size[-1]
    widths = column_groups(topology)
    counts = {-(-columns // width): width for width in reversed(widths)}
    if elements == 0:
        elements = max(counts)
    if elements not in counts:
        raise SpecError(
            f"the {columns} columns of '{topology.name}' go to {', '.join(map(str, sorted(counts)))} elements "
            f"(groups of a multiple of {widths[0]} columns, after which the colours repeat), not to {elements}."
        )
    place = np.indices((*lattice.size, lattice.rule.cell)).reshape(len(lattice.size) + 1, -1)
    width = counts[elements]
    local = (*place[:-2], place[-2] % width, place[-1])
    rank = np.asarray(np.ravel_multi_index(local, (*lattice.size[:-1], width, lattice.rule.cell)))
    return _Bonds(place[-2] // width, rank, *_with_factors(topology, *_lattice_inputs(topology, place)))


def _with_factors(
    topology: Topology, neighbours: np.ndarray, owned: int
) -> tuple[np.ndarray, int, np.ndarray, tuple[tuple[int, ...], ...]]:
    """Inputs for the other sites of every factor, behind the neighbours by edges; which factors; and where they are."""
    found, count = topology.factor_inputs, topology.max_factors
    factors = np.full((topology.n_sites, count), NONE, dtype=np.int64)
    places: list[tuple[int, ...]] = []
    for s in range(count):
        mine = np.flatnonzero(found.slots == s)
        factors[found.sites[mine], s] = mine
        width = int(found.widths[mine].max())
        others = np.full((topology.n_sites, width), NONE, dtype=np.int64)
        others[found.sites[mine]] = found.others[mine, :width]
        first = neighbours.shape[1]
        places.append(tuple(range(first, first + width)))
        neighbours = np.concatenate([neighbours, others], axis=1)
    return neighbours, owned, factors, tuple(places)


def _graph_inputs(topology: Topology, elements: int) -> tuple[np.ndarray, int]:
    """Neighbours in ascending order, those of edges that the site owns first: it is their first end, or, with several
    elements, that of the earlier colour, as they are told together whether neighbours are late.
    """
    sites = topology.neighbour_table[0].astype(np.int64)
    rank = np.arange(topology.n_sites) if elements == 1 else topology.colours
    behind = (sites != NONE) & (rank[sites] > rank[:, None])
    order = np.argsort(~behind, axis=1, kind="stable")
    return np.take_along_axis(sites, order, axis=1), int(behind.sum(axis=1).max(initial=0))


def _lattice_inputs(topology: Topology, place: np.ndarray) -> tuple[np.ndarray, int]:
    """Input b of a site is always the same bond of the rule, forward bonds first."""
    lattice = topology.lattice
    assert lattice is not None
    size, cell = np.array(lattice.size), lattice.rule.cell
    rows: list[list[np.ndarray]] = [[] for _ in range(cell)]
    forward = [0] * cell
    for direction in (1, -1):
        for k, l, offset in lattice.rule.bonds:
            start, stop = (k, l) if direction == 1 else (l, k)
            own = place[:-1, place[-1] == start]
            target = own + direction * np.array(offset)[:, None]
            inside = np.all((target >= 0) & (target < size[:, None]), axis=0) | lattice.torus
            if not np.any(inside):
                continue
            index = np.ravel_multi_index(tuple(target % size[:, None]), lattice.size) * cell + stop
            rows[start].append(np.where(inside, index, NONE))
            forward[start] += direction == 1
    inputs = np.full((topology.n_sites, max(map(len, rows))), NONE, dtype=np.int64)
    for k in range(cell):
        for b, row in enumerate(rows[k]):
            inputs[place[-1] == k, b] = row
    return inputs, max(forward)


def _passes(topology: Topology, bonds: _Bonds) -> np.ndarray:
    """int ``[E, C, T]``: the sites of each element and colour, by rank. On a lattice sites of equal rank have equal
    colours, so they stand at equal places in every element, whether or not it has all its columns.
    """
    n_elements, n_colours = int(bonds.element.max()) + 1, topology.n_colours
    place = bonds.rank.copy()
    for c in range(n_colours):
        mine = topology.colours == c
        if topology.lattice is not None:
            place[mine] = np.unique(bonds.rank[mine], return_inverse=True)[1].reshape(-1)
        else:
            for e in range(n_elements):
                here = np.flatnonzero(mine & (bonds.element == e))
                place[here] = np.arange(len(here))
    passes = np.full((n_elements, n_colours, int(place.max()) + 1), NONE, dtype=np.int64)
    passes[bonds.element, topology.colours, place] = np.arange(topology.n_sites)
    return passes


def _start_choices(n_colours: int, length: int) -> list[tuple[int, ...]]:
    """Where in its list each colour's pass may start: all at the beginning, or every other one half-way."""
    plain = (0,) * n_colours
    halved = tuple((c % 2) * (length // 2) for c in range(n_colours))
    return [plain] if halved == plain else [plain, halved]


def _turned(passes: np.ndarray, starts: Sequence[int]) -> np.ndarray:
    return np.stack([np.roll(passes[:, c], -start, axis=1) for c, start in enumerate(starts)], axis=1)


def _with_idle_slots(topology: Topology, bonds: _Bonds, passes: np.ndarray, latency: int) -> np.ndarray:
    """``[E, P]``: the passes with as few idle slots behind each as the latency asks for."""
    n_elements, n_colours, length = passes.shape
    pairs = np.concatenate([topology.edges.astype(np.int64), factor_pairs(topology.factors)])
    ends = np.concatenate([pairs, pairs[:, ::-1]])
    for idle in range(latency + 1):
        padded = np.full((n_elements, n_colours, length + idle), NONE, dtype=np.int64)
        padded[:, :, :length] = passes
        sites = padded.reshape(n_elements, -1)
        n_slots = sites.shape[1]
        slot = np.empty(topology.n_sites, dtype=np.int64)
        element, at = np.nonzero(sites != NONE)
        slot[sites[element, at]] = at
        age = (slot[ends[:, 0]] - slot[ends[:, 1]]) % n_slots
        if n_slots > latency + 3 and (age.size == 0 or age.min() >= latency):
            return sites
    missing = latency + 4 - n_slots
    return np.concatenate([sites, np.full((n_elements, max(0, missing)), NONE, dtype=np.int64)], axis=1)


def _wire(topology: Topology, bonds: _Bonds, sites: np.ndarray, latency: int) -> SystolicLayout:
    """Find which views and which element steps serve every input in every slot."""
    n_elements, n_slots = sites.shape
    n_inputs = bonds.neighbours.shape[1]
    element, at = np.nonzero(sites != NONE)
    slot = np.empty(topology.n_sites, dtype=np.int64)
    slot[sites[element, at]] = at
    # code[e, b, τ] = step · P + distance
    code = np.full((n_elements, n_inputs, n_slots), NONE, dtype=np.int64)
    late = np.zeros((n_slots, n_inputs), dtype=bool)
    for b in range(n_inputs):
        near = bonds.neighbours[:, b]
        own = np.flatnonzero(near != NONE)
        there = near[own]
        step = (bonds.element[there] - bonds.element[own]) % n_elements
        distance = (slot[there] - slot[own]) % n_slots
        code[bonds.element[own], b, slot[own]] = step * n_slots + distance
        np.logical_or.at(late[:, b], slot[own], topology.colours[there] > topology.colours[own])

    kinds: list[list[np.ndarray]] = []  # per input, the ways elements find it
    chosen = np.zeros((n_elements, n_inputs), dtype=np.int64)
    for b in range(n_inputs):
        ways: list[np.ndarray] = []
        for e in range(n_elements):
            chosen[e, b] = _merge(ways, code[e, b])
        kinds.append(ways)

    tables: list[np.ndarray] = []
    view_of = [[_merge(tables, np.where(way == NONE, NONE, way % n_slots)) for way in ways] for ways in kinds]
    views = tuple(View(*_choices(table)) for table in tables)
    wires = [
        [Input(view, *_choices(np.where(way == NONE, NONE, way // n_slots))) for view, way in zip(view_of[b], kinds[b])]
        for b in range(n_inputs)
    ]
    rows, kind = np.unique(chosen, axis=0, return_inverse=True)
    edge_index = _edge_table(topology, bonds.neighbours[:, : bonds.n_weights])
    near = bonds.neighbours[:, : bonds.owned]
    later = topology.colours[near] > topology.colours[:, None]
    return SystolicLayout(
        sites=sites,
        neighbours=bonds.neighbours,
        edges=edge_index,
        factors=bonds.factors,
        places=bonds.places,
        late=late,
        owned=bonds.owned,
        counted=(near != NONE) & (late[slot, : bonds.owned] == later),
        views=views,
        inputs=tuple(tuple(wires[b][way] for b, way in enumerate(row)) for row in rows.tolist()),
        kind=kind.reshape(-1),
        latency=latency,
    )


def _merge(ways: list[np.ndarray], wanted: np.ndarray) -> int:
    """Index of a partial function in ``ways`` that agrees with ``wanted`` and has taken it in."""
    for k, way in enumerate(ways):
        if not np.any((way != NONE) & (wanted != NONE) & (way != wanted)):
            ways[k] = np.where(way == NONE, wanted, way)
            return k
    ways.append(wanted)
    return len(ways) - 1


def _choices(partial: np.ndarray) -> tuple[tuple[int, ...], np.ndarray]:
    """A partial function as its values and one index per slot; slots that do not matter keep the index before them."""
    defined = np.flatnonzero(partial != NONE)
    if len(defined) == 0:
        return (0,), np.zeros(len(partial), dtype=np.int64)
    values, index = np.unique(partial[defined], return_inverse=True)
    last = np.searchsorted(defined, np.arange(len(partial)), side="right") - 1
    return tuple(values.tolist()), index.reshape(-1)[last]


def _edge_table(topology: Topology, neighbours: np.ndarray) -> np.ndarray:
    """``[N, D]``: the number of the edge to each neighbour."""
    n = topology.n_sites
    keys = topology.edges[:, 0].astype(np.int64) * n + topology.edges[:, 1]
    own = np.arange(n)[:, None]
    wanted = np.minimum(own, neighbours) * n + np.maximum(own, neighbours)
    found = np.searchsorted(keys, wanted) if len(keys) else np.zeros_like(wanted)
    return np.where(neighbours == NONE, NONE, found)
