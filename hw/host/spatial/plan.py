"""Lanes: which sites share a datapath, in which order it serves them, and which neighbour enters where.

Only one colour updates at a time, so one site of each colour can share a lane: a generator step, a field sum, a table
port and a comparator. A lane serves its sites in *slots*, the same slot in every lane at a time: ``fold`` slots for
colour 0, then ``fold`` for colour 1, and so on. ``fold`` is 1 unless ``FabricSpec.elements`` asks for fewer lanes than
the largest colour has sites.

A field is summed by distributed arithmetic. The neighbours of a lane enter at *positions*, ``k`` positions make a
*chunk*, and a chunk is a memory of ``Σ ±w`` over its neighbours (the first with the bias in it), addressed by the slot
and the neighbours' states: so a chunk of k neighbours costs a memory of slots·2^k words and no adder of its own.

A factor (:mod:`thermofab.hw.spec.factors`) is a chunk too, of its other sites, whose words are its table's differences:
it costs what as many neighbours in a chunk cost.

Cost, in LUT4 of an FPGA with 16-word LUT memories (1.5 LUT4 a bit: three LUT pairs hold 16 x 4 bits and its write
port):

    chunk:  bits · (1.5 · m + (m - 1)),   m = ceil(slots · 2^k / 16);   deeper than 64 words: block RAM, 0
    sum:    bits of the result, an addition
    inputs: distinct sources - 1, a position: the multiplexer in front of it

``k`` is the cheapest; sites are grouped, and neighbours given positions, so that lanes see few distinct sources.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property

import numpy as np

from thermofab.hw.spec import FabricSpec, Image, SpecError, Topology, generator

NONE = -1
LUT_MEMORY_DEPTH = 64  # words beyond which a chunk is a block RAM, which takes a clock to answer
LEVELS_WITH_MEMORY, LEVELS_A_STAGE = 2, 3  # additions one after another in a clock, beside a memory and alone


@dataclass(frozen=True)
class LaneSites:
    """One lane.

    Attributes:
        sites: ``[slots]``, the site of each slot, or :data:`NONE`.
        sources: ``[positions][slots]``, the neighbour that enters there, or :data:`NONE`.
        edges: ``[positions][slots]``, the edge to it, or :data:`NONE`.
        factors: ``[factor chunks][slots]``, which of the topology's ``factor_inputs`` it is, or :data:`NONE`.
        widths: ``[factor chunks]``, positions of each; they are the last of all.
    """

    sites: tuple[int, ...]
    sources: tuple[tuple[int, ...], ...]
    edges: tuple[tuple[int, ...], ...]
    factors: tuple[tuple[int, ...], ...] = ()
    widths: tuple[int, ...] = ()

    @property
    def multiplexer_inputs(self) -> int:
        """Inputs beyond the first of the multiplexers in front of the positions."""
        return sum(max(0, len(set(position) - {NONE}) - 1) for position in self.sources)


@dataclass(frozen=True)
class LanePlan:
    """All lanes of a fabric, and what follows from them for its timing.

    Attributes:
        lanes: the lanes.
        fold: slots a colour.
        slots: fold · colours.
        chunk: k, positions a chunk.
        block: chunks are block RAMs.
    """

    spec: FabricSpec
    lanes: tuple[LaneSites, ...]
    fold: int
    slots: int
    chunk: int
    block: bool

    @property
    def slot_bits(self) -> int:
        return max(1, (self.slots - 1).bit_length())

    def chunk_sizes(self, lane: LaneSites) -> tuple[int, ...]:
        """Positions of each chunk of a lane; a lane without neighbours still has one, for its biases."""
        return chunk_sizes(len(lane.sources) - sum(lane.widths), self.chunk) + lane.widths

    @cached_property
    def code_bits(self) -> int:
        """Positions of the widest chunk there may be."""
        return max([self.chunk, *(width for lane in self.lanes for width in lane.widths)])

    @cached_property
    def chunks(self) -> int:
        """The most chunks a lane has."""
        return max(len(self.chunk_sizes(lane)) for lane in self.lanes)

    @cached_property
    def adder_stages(self) -> int:
        """Clocks of the field sum: chunks, and the dither as one more term."""
        levels = (self.chunks + (self.spec.dither_bits > 0) - 1).bit_length()
        first = LEVELS_A_STAGE if self.block else LEVELS_WITH_MEMORY
        return 1 + max(0, -(-(levels - first) // LEVELS_A_STAGE))

    @property
    def read_stage(self) -> int:
        """Clocks from a slot's issue to the clock in which it reads its neighbours: one, for the random word."""
        return 1

    @property
    def table_stage(self) -> int:
        """Clocks from a slot's issue to the clock that gives the table its address."""
        return self.read_stage + self.block + self.adder_stages

    @property
    def latency(self) -> int:
        """Clocks from a slot's issue to the clock in which its site shows the result."""
        return self.table_stage + 2

    @property
    def colour_clocks(self) -> int:
        """Clocks a colour: its slots, and the wait until the next colour can read what they wrote."""
        return self.fold + self.latency - 1 - self.read_stage

    @property
    def sweep_clocks(self) -> int:
        return self.spec.topology.n_colours * self.colour_clocks

    def chunk_bits(self, first: bool, size: int) -> int:
        """Width of a chunk's words, signed."""
        return (self.spec.bias_max * first + self.spec.weight_max * size).bit_length() + 1

    def contents(self, image: Image, lane: LaneSites) -> list[list[int]]:
        """The words of a lane's chunks: ``[chunk][slot · 2^size + states of its neighbours]``."""
        made, start = [], 0
        sizes = self.chunk_sizes(lane)
        pairs = len(sizes) - len(lane.widths)
        for number, size in enumerate(sizes[:pairs]):
            words = []
            for slot, site in enumerate(lane.sites):
                edges = [lane.edges[start + k][slot] for k in range(size)]
                weights = [0 if edge == NONE else int(image.weights[edge]) for edge in edges]
                base = int(image.biases[site]) if number == 0 and site != NONE else 0
                for code in range(1 << size):
                    words.append(base + sum(w if code >> k & 1 else -w for k, w in enumerate(weights)))
            made.append(words)
            start += size
        rows = zip(lane.factors, lane.widths)
        return made + [[word for m in inputs for word in self.factor_words(image, m, width)] for inputs, width in rows]

    def factor_words(self, image: Image, which: int, width: int) -> list[int]:
        """What input ``which`` of the factors adds, by the states of ``width`` positions, those beyond its own idle."""
        inputs = self.spec.topology.factor_inputs
        if which == NONE:
            return [0] * 2**width
        start, own = int(inputs.starts[which]), int(inputs.widths[which])
        return [int(image.differences[start + code % 2**own]) for code in range(2**width)]

    @cached_property
    def factor_rows(self) -> tuple[tuple[int, int, int], ...]:
        """``(chunk of all lanes, slot, input)`` of every slot that a factor enters, in the order of the chunks."""
        rows = []
        for number, lane in enumerate(self.lanes):
            pairs = len(self.chunk_sizes(lane)) - len(lane.factors)
            for k, inputs in enumerate(lane.factors):
                rows += [(number * self.chunks + pairs + k, slot, m) for slot, m in enumerate(inputs) if m != NONE]
        return tuple(rows)

    @property
    def seed_bits(self) -> int:
        """Bits that a lane's queue of generators takes in at a time: see :meth:`seed_words`."""
        rng = generator(self.spec.rng)
        return self.spec.word_bits if rng.window else 32 * rng.state_words

    @property
    def seed_chains(self) -> tuple[tuple[int, ...], ...]:
        """The lanes of each chain through which generator states are loaded: two where 16 bits go in at a time."""
        count = len(self.lanes)
        if self.seed_bits > 16:
            return (tuple(range(count)),)
        return tuple(range((count + 1) // 2)), tuple(range((count + 1) // 2, count))

    def seed_words(self, states: np.ndarray) -> np.ndarray:
        """The words to write to SEED, in order, from generator states uint32 ``[N, state_words]``.

        A lane is a first-in first-out queue: bits 0…W-1 of the states of slots 0, 1, …, then bits W…2W-1 of all, and
        so on, W = ``seed_bits``. Chains begin with the queue of their first lane. Two chains share a word, the first
        in its low half; the shorter one is led by zeros, which fall out at its far end.
        """
        words = states.shape[1]
        padded = np.concatenate([states.astype(np.uint32), np.zeros((1, words), dtype=np.uint32)])  # NONE is last
        by_slot = padded[np.array([lane.sites for lane in self.lanes])]  # [lanes, slots, words]
        if self.seed_bits >= 32:
            pieces = by_slot.reshape(len(self.lanes), self.slots, -1, self.seed_bits // 32)
            return np.ascontiguousarray(pieces.swapaxes(1, 2)).reshape(-1)
        halves = np.stack([by_slot & 0xFFFF, by_slot >> 16], axis=-1).reshape(len(self.lanes), self.slots, -1)
        queues = halves.swapaxes(1, 2).reshape(len(self.lanes), -1)
        low, high = (queues[list(chain)].reshape(-1) for chain in self.seed_chains)
        return low | np.concatenate([np.zeros(len(low) - len(high), dtype=np.uint32), high]) << np.uint32(16)


def chunk_sizes(positions: int, chunk: int) -> tuple[int, ...]:
    """``positions`` in chunks of ``chunk``, the last one smaller; at least one chunk."""
    whole, rest = divmod(positions, chunk) if positions else (0, 0)
    return (chunk,) * whole + ((rest,) if rest or not whole else ())


def chunk_cost(spec: FabricSpec, slots: int, positions: int, chunk: int) -> float:
    """LUT4 of a lane's field sum; see the head of this file."""
    sizes = chunk_sizes(positions, chunk)
    cost = (len(sizes) - 1) * spec.field_bits
    for number, size in enumerate(sizes):
        bits = (spec.bias_max * (number == 0) + spec.weight_max * size).bit_length() + 1
        memories = -(-slots * 2**size // 16)
        cost += bits * (1.5 * memories + memories - 1)
    return cost


@cache
def plan_lanes(spec: FabricSpec) -> LanePlan:
    """The lanes of a fabric.

    Raises:
        SpecError: ``spec.elements`` asks for more lanes than the largest colour has sites.
    """
    top = spec.topology
    largest = max(len(sites) for sites in top.colour_classes)
    count = spec.elements or largest
    if count > largest:
        raise SpecError(
            f"elements must lie in 1…{largest} for a spatial fabric on {top.name}, whose largest colour has {largest} "
            f"sites, or be 0 for a lane each, got {count}."
        )
    fold = -(-largest // count)
    slots = fold * top.n_colours
    lanes = tuple(_positions(top, sites) for sites in _groups(top, count, fold))
    positions = max(len(lane.sources) - sum(lane.widths) for lane in lanes)
    chunk = min(range(1, max(1, min(positions, 6)) + 1), key=lambda k: chunk_cost(spec, slots, positions, k))
    block = fold > 1 and slots * 2 ** min(4, positions) > LUT_MEMORY_DEPTH
    if block:
        chunk = max(1, min(4, positions))
    return LanePlan(spec, lanes, fold, slots, chunk, block)


def _groups(top: Topology, count: int, fold: int) -> list[tuple[int, ...]]:
    """Sites of each lane by slot. A lane takes, for each slot, the free site of the slot's colour that shares most
    neighbours with the sites it has; failing that a neighbour of theirs; failing that the first free one.
    """
    near = [set(row[row >= 0].tolist()) for row in top.neighbour_table[0]]
    for row in top.factors:
        for site in row:
            near[site] |= set(row) - {site}
    colours = top.colours.tolist()
    waiting = [dict.fromkeys(sites.tolist()) for sites in top.colour_classes]
    order = sorted(range(top.n_colours), key=lambda c: (-len(waiting[c]), c))
    groups = []
    for _ in range(count):
        slots: list[list[int]] = [[] for _ in range(top.n_colours)]
        seen: set[int] = set()  # neighbours of the sites taken
        taken: set[int] = set()
        for _ in range(fold):
            for colour in order:
                if not waiting[colour]:
                    continue
                close = {i for j in seen for i in near[j]} | {i for j in taken for i in near[j]}
                free = [i for i in close if colours[i] == colour and i in waiting[colour]]
                site = (
                    min(free, key=lambda i: (-len(near[i] & seen), -len(near[i] & taken), i))
                    if free
                    else next(iter(waiting[colour]))
                )
                del waiting[colour][site]
                slots[colour].append(site)
                seen |= near[site]
                taken.add(site)
        groups.append(tuple(site for row in slots for site in row + [NONE] * (fold - len(row))))
    return groups


def _positions(top: Topology, sites: Sequence[int]) -> LaneSites:
    """Give the neighbours of each slot positions: where the same source enters already, else where fewest do."""
    near, edge_of = top.neighbour_table
    count = max([0, *(int(top.degrees[site]) for site in sites if site != NONE)])
    sources = [[NONE] * len(sites) for _ in range(count)]
    edges = [[NONE] * len(sites) for _ in range(count)]
    entering: list[set[int]] = [set() for _ in range(count)]
    for slot, site in enumerate(sites):
        if site == NONE:
            continue
        free = set(range(count))
        rest = []
        pairs = [(int(j), int(e)) for j, e in zip(near[site], edge_of[site]) if j >= 0]
        for pair in pairs:
            place = next((p for p in sorted(free) if pair[0] in entering[p]), None)
            if place is None:
                rest.append((None, pair))
                continue
            free.remove(place)
            rest.append((place, pair))
        for place, (source, edge) in rest:
            if place is None:
                place = min(free, key=lambda p: (len(entering[p]), p))
                free.remove(place)
            sources[place][slot], edges[place][slot] = source, edge
            entering[place].add(source)
    factors, widths, more = _factor_chunks(top, sites)
    idle = [[NONE] * len(sites) for _ in more]
    return LaneSites(tuple(sites), tuple(map(tuple, sources + more)), tuple(map(tuple, edges + idle)), factors, widths)


def _factor_chunks(
    top: Topology, sites: Sequence[int]
) -> tuple[tuple[tuple[int, ...], ...], tuple[int, ...], list[list[int]]]:
    """``(factors, widths, sources)`` of a lane: the widest factors of its sites share a chunk, then the next."""
    if not top.factors:
        return (), (), []
    inputs = top.factor_inputs
    queues = [
        sorted(np.flatnonzero(inputs.sites == site).tolist(), key=lambda m: (-inputs.widths[m], m)) for site in sites
    ]
    factors, widths, sources = [], [], []
    for k in range(max(map(len, queues))):
        row = [queue[k] if k < len(queue) else NONE for queue in queues]
        width = max(int(inputs.widths[m]) for m in row if m != NONE)
        factors.append(tuple(row))
        widths.append(width)
        sources += [[NONE if m == NONE else int(inputs.others[m, j]) for m in row] for j in range(width)]
    return tuple(factors), tuple(widths), sources
