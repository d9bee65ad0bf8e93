"""Held to the same bits: random configurations, run on a device and on the reference, compared state by state.

This is library code: a device, a topology family or a generator added later is covered by naming it (or by its
registry line) with no further edit. ``thermofab verify`` and ``tests/conformance`` run it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import networkx
import numpy as np

from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import (
    FAMILIES,
    FREE,
    IDLE,
    NO_PARENT,
    FabricSpec,
    Image,
    Order,
    Schedule,
    SpecError,
    Topology,
    UnsupportedError,
    fabric,
    generator,
    generator_names,
    open_device,
    sigmoid_table,
)
from thermofab.hw.spec.factors import LARGEST_FACTOR, SMALLEST_FACTOR
from thermofab.hw.spec.seeding import site_keys

GRAPH = "graph"
FACTORS = "factors"
DENSE = "dense"
RELAY = "relay"
REFERENCE = "reference"
# Extents to draw sizes from: small enough to compile gateware in seconds, large enough for the longest bond. Other
# families have those of extents_of.
_MOST_COLOURS = 64  # of a random order, where it can have fewer: what a relay fabric keeps generators for
_EXTENTS: dict[str, tuple[tuple[int, int], ...]] = {
    "g4": ((2, 8), (2, 8)),
    "g8": ((2, 9), (5, 9)),
    "g12": ((8, 11), (11, 12)),
    "g16": ((8, 10), (15, 16)),
    "g20": ((8, 10), (15, 16)),
    "g24": ((8, 10), (15, 16)),
    "z1": ((3, 9), (5, 10)),
    "king": ((2, 8), (2, 8)),
    "cubic": ((2, 4), (2, 4), (2, 4)),
    "chimera": ((1, 3), (1, 3)),
    "pegasus": ((2, 2),),
    "zephyr": ((1, 1),),
    "complete": ((2, 14),),
    "pdit4": ((2, 4), (2, 4)),
    "pdit8": ((1, 2), (2, 3)),
}


@dataclass(frozen=True, eq=False)
class Case:
    """One configuration: an image, a schedule and the arguments of a run.

    ``init`` and ``clamp`` are as in :meth:`Device.run`; ``None`` leaves them to the image and the seed.
    """

    family: str
    image: Image
    schedule: Schedule
    replicas: int
    init: np.ndarray | None
    clamp: np.ndarray | None

    @property
    def site_updates(self) -> int:
        return self.schedule.n_sweeps * self.replicas * self.image.fabric.n_sites


@dataclass(frozen=True)
class Outcome:
    """A comparison: site updates run, states compared, states that differ, and where the first difference is; of a
    fabric that the device refuses by name, nothing compared and the refusal."""

    device: str
    site_updates: int
    compared: int
    differing: int
    first: str = ""
    refused: str = ""


def families() -> tuple[str, ...]:
    """Every registered topology family, random explicit graphs, such graphs with random factors, fabrics of sites that
    relay, and dense fabrics.
    """
    return (*FAMILIES, GRAPH, FACTORS, RELAY, DENSE)


def random_topology(rng: np.random.Generator, family: str) -> Topology:
    """A small topology of a family, open or torus, of random size."""
    if family == GRAPH:
        n = int(rng.integers(2, 40))
        graph = networkx.gnp_random_graph(n, float(rng.uniform(0.05, 0.5)), seed=int(rng.integers(2**31)))
        return Topology.from_networkx(graph, "graph")
    if family == DENSE:
        if rng.random() < 0.7:
            return random_topology(rng, str(rng.choice([GRAPH, "complete", "king", "g8"])))
        n = int(rng.integers(60, 160))  # both sides of where rows are no longer chunks
        graph = networkx.gnp_random_graph(n, float(rng.uniform(0.02, 0.2)), seed=int(rng.integers(2**31)))
        return Topology.from_networkx(graph, "graph")
    if family == FACTORS:
        n = int(rng.integers(3, 24))
        graph = networkx.gnp_random_graph(n, float(rng.uniform(0.0, 0.3)), seed=int(rng.integers(2**31)))
        orders = rng.integers(SMALLEST_FACTOR, min(n, LARGEST_FACTOR) + 1, int(rng.integers(1, 8)))
        drawn = {tuple(sorted(rng.choice(n, order, replace=False).tolist())) for order in orders.tolist()}
        return Topology.from_networkx(graph, "factors", sorted(drawn))
    from thermofab.hw.spec import topology

    if family == RELAY:
        return random_topology(rng, str(rng.choice(["g4", "g8", "g8", "g12", "king", "cubic", GRAPH])))
    for _ in range(200):
        extents = _EXTENTS.get(family) or extents_of(family)
        size = "x".join(str(rng.integers(low, high + 1)) for low, high in extents)
        torus = "-torus" if len(extents) > 1 and rng.random() < 0.4 else ""
        try:
            return topology(f"{family}-{size}{torus}")
        except SpecError:
            continue
    raise SpecError(f"no small topology of family '{family}' could be drawn.")


@cache
def extents_of(family: str) -> tuple[tuple[int, int], ...]:
    """The least and largest extents to draw sizes of a family from: of a lattice, those in which every bond fits."""
    from thermofab.hw.spec import topology

    lattice = topology(f"{family}-2").lattice
    if lattice is None:
        return ((2, 4),)
    reach = np.abs([offset for _, _, offset in lattice.rule.bonds]).max(axis=0)
    return tuple((int(most) + 1, int(most) + 3) for most in reach)


def random_fabric(rng: np.random.Generator, family: str) -> FabricSpec:
    """A fabric of a family with random widths and a random generator."""
    for _ in range(200):
        word_bits = int(rng.choice([16, 32], p=[0.75, 0.25]))
        dither_bits = int(rng.integers(0, 7 if word_bits == 16 else 9))
        own = {"architecture": "relay", "tile": int(rng.integers(0, 4))} if family == RELAY else {}
        try:
            made = fabric(
                random_topology(rng, family),
                **own,
                weight_bits=int(rng.integers(3, 13)),
                bias_bits=int(rng.integers(4, 15)),
                table_bits=int(rng.integers(3, 10)),
                threshold_bits=int(rng.integers(6, min(word_bits - dither_bits, 24) + 1)),
                dither_bits=dither_bits,
                min_shift=int(rng.integers(0, dither_bits + 1)),
                word_bits=word_bits,
                levels=int(rng.choice([1, 2, 4])),
                rng=str(rng.choice(generator_names())),
            )
            if family != DENSE:
                return made
            elements = 0 if rng.random() < 0.5 else int(rng.integers(1, made.n_sites + 1))
            return fabric(made, architecture="dense", elements=elements)
        except SpecError:
            continue
    raise SpecError(f"no fabric of family '{family}' could be drawn.")


def random_image(rng: np.random.Generator, spec: FabricSpec) -> Image:
    """An image that uses the full range of weights and biases, with sigmoid or arbitrary tables and some clamps."""
    scale = rng.choice([0.1, 0.5, 1.0])

    def integers(limit: int, size: int) -> np.ndarray:
        reach = max(1, round(scale * limit))
        return rng.integers(-reach, reach + 1, size)

    shift = int(rng.integers(spec.min_shift, spec.dither_bits + 1))
    if rng.random() < 0.5:
        step = float(rng.uniform(1, 8)) / (spec.table_size * 2**shift)
        tables = [sigmoid_table(spec, step, shift, beta) for beta in rng.uniform(0.3, 2.0, spec.levels)]
    else:
        tables = rng.integers(1, 2**spec.threshold_bits, (spec.levels, spec.table_size))
    image = Image(
        fabric=spec,
        weights=integers(spec.weight_max, spec.topology.n_edges),
        biases=integers(spec.bias_max, spec.n_sites),
        tables=np.array(tables),
        shift=shift,
        clamps=rng.choice([-1, 0, 1], spec.n_sites, p=[0.8, 0.1, 0.1]),
        factors=integers(spec.weight_max, int(spec.topology.factor_starts[-1])),
        seed=int(rng.integers(2**63)),
    )
    if spec.has_relays:
        return with_random_trees(rng, image)
    return with_random_order(rng, image) if spec.programmed else image


def with_random_trees(rng: np.random.Generator, image: Image) -> Image:
    """The image with its sites in random trees, from chains as deep as they go to stars, some of them idle, in colours
    that what is left of the weights allows; sometimes as it is, every site a root.
    """
    spec, top = image.fabric, image.fabric.topology
    if rng.random() < 0.15:
        return image
    tree, parents = _random_trees(rng, top)
    busy = tree[top.edges] >= 0
    between = busy.all(axis=1) & (tree[top.edges[:, 0]] != tree[top.edges[:, 1]])
    kept = between & (rng.random(top.n_edges) < rng.choice([0.1, 0.5, 1.0]))
    roots = np.flatnonzero((tree >= 0) & (parents == NO_PARENT))
    apart = {tuple(pair) for pair in tree[top.edges[kept]].tolist()}
    apart |= {(int(tree[i]), int(tree[j])) for i in roots for j in roots if spec.draw_units[i] == spec.draw_units[j]}
    colours = np.full(len(roots), IDLE)
    spread = rng.choice([0.0, 0.1, 0.5])
    for k in rng.permutation(len(roots)).tolist():
        taken = {int(colours[a if b == k else b]) for a, b in apart if k in (a, b) and a != b}
        free = sorted(set(range(int(colours.max()) + 1)) - taken)
        full = colours.max() + 1 >= _MOST_COLOURS
        colours[k] = rng.choice(free) if free and (rng.random() >= spread or full) else colours.max() + 1
    colours = rng.permutation(int(colours.max()) + 1)[colours]
    changes = {
        "biases": np.where(tree >= 0, image.biases, 0),
        "clamps": np.where((tree >= 0) & (parents == NO_PARENT), image.clamps, FREE),
        "order": Order(np.where(tree >= 0, colours[tree], IDLE), parents),
    }
    weights = np.where(kept, image.weights, 0)
    while True:
        try:
            return image.replace(weights=weights, **changes)
        except SpecError:  # sums over large trees may be wider than a fabric's
            if not weights.any():
                raise
            weights = np.trunc(weights / 2).astype(int)


def _random_trees(rng: np.random.Generator, top: Topology) -> tuple[np.ndarray, np.ndarray]:
    """``(tree, parents)`` of every site; trees are numbered as their roots are, -1 for idle sites."""
    n = top.n_sites
    tree, parents = np.full(n, -1), np.full(n, NO_PARENT)
    near = [[j for j in row if j >= 0] for row in top.neighbour_table[0].tolist()]
    most = max(min(n, 2), n // int(rng.choice([1, 3, 8])))
    starts = sorted(rng.choice(n, int(rng.integers(1, most + 1)), replace=False))
    grown: list[list[int]] = [[int(site)] for site in starts]
    tree[starts] = np.arange(len(starts))
    deep = rng.choice([0.0, 0.5, 1.0])  # share of sites that go on from the last, not from anywhere
    for _ in range(int(rng.choice([n // 2, 2 * n, 6 * n]))):
        members = grown[rng.integers(len(grown))]
        site = members[-1] if rng.random() < deep else members[rng.integers(1 + len(members) // 4)]
        if free := [j for j in near[site] if tree[j] < 0]:
            child = int(rng.choice(free))
            tree[child], parents[child] = tree[site], site
            members.append(child)
    return tree, parents


def with_random_order(rng: np.random.Generator, image: Image) -> Image:
    """The image with some weights left out, some sites idle, and the others in random colours, few or many, that the
    weights allow; sometimes as it is, in the topology's order.
    """
    top, n = image.fabric.topology, image.fabric.n_sites
    if rng.random() < 0.25:
        return image
    idle = rng.random(n) < rng.choice([0.0, 0.2, 0.7])
    idle[rng.integers(n)] = False
    kept = rng.random(top.n_edges) < rng.choice([0.05, 0.4, 1.0])
    weights = np.where(kept & ~idle[top.edges].any(axis=1), image.weights, 0)
    near: list[set[int]] = [set() for _ in range(n)]
    for i, j in top.edges[weights != 0].tolist():
        near[i].add(j)
        near[j].add(i)
    colours, used, spread = np.full(n, IDLE), 0, rng.choice([0.0, 0.1, 1.0])
    for site in rng.permutation(np.flatnonzero(~idle)).tolist():
        free = sorted(set(range(used)) - {int(colours[j]) for j in near[site]})
        fresh = not free or rng.random() < spread
        colours[site] = used if fresh else rng.choice(free)
        used += fresh
    colours[~idle] = rng.permutation(used)[colours[~idle]]
    return image.replace(
        weights=weights,
        biases=np.where(idle, 0, image.biases),
        clamps=np.where(idle, FREE, image.clamps),
        order=Order.of_roots(colours),
    )


def random_case(rng: np.random.Generator, family: str, site_updates: int, spec: FabricSpec | None = None) -> Case:
    """A configuration of about ``site_updates`` updates."""
    image = random_image(rng, random_fabric(rng, family) if spec is None else spec)
    n, levels = image.fabric.n_sites, image.fabric.levels
    replicas = int(rng.choice([1, 2, 5]))
    sweeps = max(4, site_updates // (n * replicas))
    anneal = tuple((int(rng.integers(1, 6)), int(rng.integers(levels))) for _ in range(int(rng.integers(0, 4))))
    steps = int(rng.choice([1, 1, 2, 3, 7]))
    warmup = int(rng.integers(0, 1 + sweeps // 4))
    schedule = Schedule(warmup, max(1, (sweeps - warmup) // steps), steps, anneal, int(rng.integers(levels)))
    init = None if rng.random() < 0.5 else rng.random((replicas, n)) < 0.5
    clamp = None
    if rng.random() < 0.5:
        mask = rng.random(n) < 0.2
        if image.order is not None:
            mask &= image.order.is_root
        clamp = np.where(mask, rng.integers(0, 2, (replicas, n)), -1)
    return Case(family, image, schedule, replicas, init, clamp)


def last_bit_case(spec: FabricSpec, seed: int = 0) -> Case:
    """A sweep that a threshold or a word with any bit missing gets wrong: replica 0 must end with state i mod 2.

    Random tables cannot show the lowest of 24 threshold bits. Here every site i has a table entry of its own, and the
    entry is the high bits of its first word (which do not lie below it) for even i, one more for odd i.

    Raises:
        SpecError: the table or the range of biases is too small for an entry per site.
    """
    n, shift = spec.n_sites, spec.min_shift
    addresses = np.arange(n) - n // 2
    if n > spec.table_size or (n << shift) // 2 > spec.bias_max:
        raise SpecError(f"{n} sites need as many table entries, and a bias of {(n << shift) // 2}.")
    rng = generator(spec.rng)
    states = np.moveaxis(seed_words(rng, site_keys(seed, [0], n)[0]), -1, 0)
    words = rng.step(tuple(states), spec.word_bits)[1].astype(np.int64)
    high = words >> (spec.word_bits - spec.threshold_bits)
    if high.min() < 1 or high.max() > 2**spec.threshold_bits - 2:
        raise SpecError(f"seed {seed} draws a word that no threshold borders on; take another.")
    tables = np.full((spec.levels, spec.table_size), 2 ** (spec.threshold_bits - 1))
    tables[:, addresses + spec.table_size // 2] = high + np.arange(n) % 2
    image = Image(
        fabric=spec, weights=np.zeros(spec.topology.n_edges), biases=addresses << shift, tables=tables, shift=shift,
        clamps=np.full(n, FREE), seed=seed,
    )  # fmt: skip
    return Case("last bit", image, Schedule(1, 1), 1, np.zeros(n, dtype=bool), None)


def states_of(device: str, case: Case) -> np.ndarray:
    """Recorded states, bool ``[R, S, N]``."""
    running = open_device(device, case.image.fabric)
    running.load(case.image)
    return running.run(case.schedule, replicas=case.replicas, init=case.init, clamp=case.clamp).sites


def compare(device: str, case: Case, expected: np.ndarray | None = None) -> Outcome:
    """Run a case on ``device`` and compare every recorded state with the reference (or with ``expected``)."""
    expected = states_of(REFERENCE, case) if expected is None else expected
    got = states_of(device, case)
    differ = np.argwhere(got != expected)
    first = ""
    if len(differ):
        replica, sample, site = differ[np.lexsort((differ[:, 2], differ[:, 0], differ[:, 1]))][0]
        first = (
            f"{case.image.fabric!r}, shift {case.image.shift}, {case.schedule}: replica {replica}, sample {sample}, "
            f"site {site} (colour {case.image.fabric.topology.colours[site]})"
        )
    return Outcome(device, case.site_updates, expected.size, len(differ), first)


def campaign(
    devices: Sequence[str], configurations: int, site_updates: int, seed: int
) -> Iterator[tuple[Case, list[Outcome]]]:
    """``configurations`` random cases, families in turn, ``site_updates`` in all, each on every device."""
    names = families()
    share = -(-site_updates // configurations)
    for k in range(configurations):
        yield run_one(devices, names[k % len(names)], share, seed, k)


def run_one(
    devices: Sequence[str], family: str, site_updates: int, seed: int, number: int, trusted: str = REFERENCE
) -> tuple[Case, list[Outcome]]:
    """Case ``number`` of a campaign, the same whichever process runs it; devices are compared with ``trusted``.

    A device that refuses the whole kind of fabric (``UnsupportedError``) is left out, with the reason.
    """
    case = random_case(np.random.default_rng([seed, number]), family, site_updates)
    expected = states_of(trusted, case)
    outcomes = []
    for device in devices:
        try:
            outcomes.append(compare(device, case, expected))
        except UnsupportedError as refusal:
            outcomes.append(Outcome(device, 0, 0, 0, refused=str(refusal)))
    return case, outcomes
