"""Random words in the orders in which neighbouring p-bits meet them: what a battery has to look at.

A stream is a list of (replica, site) pairs; each turn every one of them draws a word. Words come from the generator's
integer step, which the conformance tests hold the gateware and every simulator to; ``from_rtl`` takes their top bits
from compiled RTL itself.
"""

from collections.abc import Iterator

import numpy as np

from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import Image, Schedule, fabric, generator, open_device
from thermofab.hw.spec.seeding import site_keys
from thermofab.hw.spec.topology import Topology

SIDE = 70  # of the reference lattice


def orders(topology: Topology) -> dict[str, list[tuple[int, int]]]:
    """The streams of the battery, by name."""
    centre = topology.n_sites // 2 + SIDE // 2
    near = topology.neighbour_table[0][centre]
    by_colour = np.concatenate(topology.colour_classes)
    return {
        "one site": [(0, centre)],
        "a site and its neighbours": [(0, centre), *((0, int(j)) for j in near if j >= 0)],
        "all sites, by index": [(0, i) for i in range(topology.n_sites)],
        "all sites, by colour": [(0, int(i)) for i in by_colour],
        "one site in 64 replicas": [(r, centre) for r in range(64)],
    }


def seeds(rng: str, order: list[tuple[int, int]], n_sites: int, seed: int) -> np.ndarray:
    """Generator states, uint32 ``[len(order), words]``."""
    replicas = np.array([r for r, _ in order])
    keys = site_keys(seed, np.arange(replicas.max() + 1), n_sites)
    return seed_words(generator(rng), keys[replicas, [i for _, i in order]])


def words(rng: str, state: np.ndarray) -> Iterator[np.ndarray | list[int]]:
    """The 16-bit words of each turn, one a site. Few sites step faster as integers than as arrays."""
    step = generator(rng).step
    if len(state) < 20:
        states = [tuple(row) for row in state.tolist()]
        while True:
            stepped = [step(own, 16) for own in states]
            states = [own for own, _ in stepped]
            yield [word for _, word in stepped]
    columns = tuple(state[:, k].copy() for k in range(state.shape[1]))
    while True:
        columns, word = step(columns, 16)
        yield word


def bits(rng: str, state: np.ndarray, count: int, top_only: bool = False) -> np.ndarray:
    """``count`` bits of a stream, uint8: whole words, lowest bit first, or the top bit of each."""
    per_turn = len(state) * (1 if top_only else 16)
    turns = [word for word, _ in zip(words(rng, state), range(-(-count // per_turn)))]
    drawn = np.array(turns).reshape(-1).astype(np.uint32)
    if top_only:
        return (drawn >> 15).astype(np.uint8)[:count]
    return ((drawn[:, None] >> np.arange(16, dtype=np.uint32)) & 1).astype(np.uint8).reshape(-1)[:count]


def from_device(device: str, rng: str, sweeps: int, seed: int, topology: str = "g4-8x8-torus") -> np.ndarray:
    """Top bits of every site's words, uint8 ``[sweeps, N]``, as a device shows them: with no couplings and a constant
    table of 2^(t-1), a site is up where the top bit of its word is 0.
    """
    spec = fabric(topology, rng=rng, levels=1)
    image = Image(
        fabric=spec,
        weights=np.zeros(spec.topology.n_edges, dtype=int),
        biases=np.zeros(spec.n_sites, dtype=int),
        tables=np.full((1, spec.table_size), 2 ** (spec.threshold_bits - 1)),
        shift=spec.dither_bits,
        clamps=np.full(spec.n_sites, -1),
        seed=seed,
    )
    running = open_device(device, spec)
    running.load(image)
    return 1 - running.run(Schedule(1, sweeps)).sites[0].astype(np.uint8)
