"""What an image samples, and what was asked for, without the compiler: written from docs/contract.md alone.

Of a program only its integers, its tables, the fabric's sites, edges, colours and factors, and where its nodes are read
are looked at. A state's number has the first site, or node, as its most significant bit.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

Reals = Sequence[float] | np.ndarray
LARGEST = 13  # sites that are solved; of those of the first colour the chain has no memory


def user_distribution(
    n: int, biases: Reals, terms: Sequence[tuple[Sequence[int], float]], beta: float = 1.0
) -> np.ndarray:
    """P ∝ exp(β(Σ b_i s_i + Σ J Π s)) over n spins, float64 ``[2^n]``; ``terms`` are (spins, J)."""
    spins = 2.0 * bits_of(n) - 1.0
    log_p = spins @ np.asarray(biases, dtype=np.float64)
    for members, strength in terms:
        log_p = log_p + strength * np.prod(spins[:, list(members)], axis=1)
    weight = np.exp(beta * (log_p - log_p.max()))
    return weight / weight.sum()


def bits_of(n: int) -> np.ndarray:
    """int64 ``[2^n, n]``: the states of n sites, the first the most significant bit."""
    return np.arange(2**n)[:, None] >> np.arange(n - 1, -1, -1) & 1


def sites_in_use(program: Any) -> list[int]:
    """The free sites whose states matter: with a bias, weight or factor, or read, or checked; by colour, then number.

    Raises:
        ValueError: a site is clamped in every run.
    """
    image = program.image
    topology = image.fabric.topology
    used = set(np.flatnonzero(image.biases).tolist())
    for (i, j), w in zip(topology.edges.tolist(), image.weights.tolist()):
        used |= {i, j} if w else set()
    for row, table in zip(topology.factors, factor_tables(image)):
        used |= set(row) if np.any(table != table[0]) else set()
    used |= {copies[0] for copies in program.copies} | {site for pair in program.checks for site in pair}
    if any(image.clamps[site] >= 0 for site in used):
        raise ValueError("clamped sites are not solved here.")
    return sorted(used, key=lambda site: (int(topology.colours[site]), site))


def factor_tables(image: Any) -> list[np.ndarray]:
    """Of every factor its 2^k integers, bit j of an entry's number the factor's j-th site."""
    tables, start = [], 0
    for row in image.fabric.topology.factors:
        tables.append(np.asarray(image.factors[start : start + 2 ** len(row)], dtype=np.int64))
        start += 2 ** len(row)
    return tables


def probability_of_one(image: Any, fields: np.ndarray) -> np.ndarray:
    """P(n = 1 | F) at level 0 for fields int64 ``[...]``: the share of words whose high bits are below the entry."""
    spec, shift = image.fabric, image.shift
    half = 2 ** (spec.table_bits - 1)
    entries = np.zeros(fields.shape)
    for low in range(2**shift):
        address = np.minimum(np.maximum((fields + low) // 2**shift, -half), half - 1)
        entries = entries + image.tables[0][address + half]
    return entries / (2.0**shift * 2.0**spec.threshold_bits)


def fields_of(image: Any, site: int, place: dict[int, int], bits: np.ndarray) -> np.ndarray:
    """F of ``site`` in the states ``bits`` int64 ``[K, k]`` of the sites in ``place``: int64 ``[K]``."""
    topology = image.fabric.topology
    field = np.full(len(bits), int(image.biases[site]), dtype=np.int64)
    for (i, j), w in zip(topology.edges.tolist(), image.weights.tolist()):
        if w and site in (i, j):
            other = j if site == i else i
            field += w * (2 * bits[:, place[other]] - 1)
    for row, table in zip(topology.factors, factor_tables(image)):
        if site in row and np.any(table != table[0]):
            own = row.index(site)
            rest = sum(bits[:, place[other]] << k for k, other in enumerate(row) if k != own)
            field += table[rest + (1 << own)] - table[rest]
    return field


def stationary(transition: np.ndarray) -> np.ndarray:
    """π of π T = π for T float64 ``[K, K]``, rows summing to 1: states are censored one by one, nothing is subtracted
    (Grassmann, Taksar & Heyman 1985), so that rates of any size keep their digits."""
    t = transition.copy()
    for last in range(len(t) - 1, 0, -1):
        leaving = t[last, :last].sum()
        t[:last, last] /= leaving
        t[:last, :last] += t[:last, last, None] * t[last, None, :last]
    weight = np.zeros(len(t))
    weight[0] = 1.0
    for state in range(1, len(t)):
        weight[state] = weight[:state] @ t[:state, state]
    return weight / weight.sum()


def sampled_distribution(program: Any, memory: bool = False) -> tuple[list[int], np.ndarray]:
    """The sites in use, and the distribution of their states after a whole sweep, float64 ``[2^k]``.

    Sites of the first colour are drawn anew from the others, so the chain is solved over the others' states; with
    ``memory`` over all.

    Raises:
        ValueError: more than 13 sites are in use.
    """
    image = program.image
    sites = sites_in_use(program)
    k = len(sites)
    if k > LARGEST:
        raise ValueError(f"{k} sites are in use.")
    place, bits = {site: axis for axis, site in enumerate(sites)}, bits_of(k)
    colours = [int(image.fabric.topology.colours[site]) for site in sites]
    updates = [probability_of_one(image, fields_of(image, site, place, bits)) for site in sites]

    def swept(rows: np.ndarray) -> np.ndarray:
        for axis, up in enumerate(updates):
            pairs = rows.reshape(len(rows), 2**axis, 2, -1)
            either = pairs.sum(axis=2)
            chance = up.reshape(2**axis, 2, -1)[:, 0]  # the same whichever state the site is in
            rows = np.stack([either * (1 - chance), either * chance], axis=2).reshape(len(rows), -1)
        return rows

    forgotten = 0 if memory else sum(colour == colours[0] for colour in colours)
    after = 2 ** (k - forgotten)  # states of the sites with memory are the low bits
    transition = np.empty((after, after))
    for start in range(after):
        row = np.zeros((1, 2**k))
        row[0, start] = 1.0
        transition[start] = swept(row).reshape(-1, after).sum(axis=0)
    begun = np.zeros((1, 2**k))
    begun[0, :after] = stationary(transition)
    return sites, swept(begun)[0]


def node_distribution(program: Any, memory: bool = False, two_colours: bool = False) -> np.ndarray:
    """The distribution of the program's nodes, all spins, over samples in which all checks hold: float64 ``[2^n]``;
    ``two_colours`` says by which of the two solvers.
    """
    sites, distribution = two_colour_distribution(program) if two_colours else sampled_distribution(program, memory)
    place, bits = {site: axis for axis, site in enumerate(sites)}, bits_of(len(sites))
    keep = np.ones(len(bits), dtype=bool)
    for a, b in program.checks:
        keep &= bits[:, place[a]] == bits[:, place[b]]
    variables = [bits[:, place[copies[0]]] for copies in program.copies]
    if program.readings is None:
        values = variables
    else:
        values = []
        for reading in program.readings:
            code = sum(variables[v] << len(reading.variables) - 1 - k for k, v in enumerate(reading.variables))
            values.append(np.array(reading.table)[code])
    n = len(values)
    number = sum(value << n - 1 - k for k, value in enumerate(values))
    found = np.bincount(number, weights=np.where(keep, distribution, 0.0), minlength=2**n)
    return found / found.sum()


def distance(p: np.ndarray, q: np.ndarray) -> float:
    """Total variation."""
    return float(0.5 * np.abs(p - q).sum())


def two_colour_distribution(program: Any) -> tuple[list[int], np.ndarray]:
    """As :func:`sampled_distribution`, on a fabric of two colours, for up to 10 sites in use of each: a sweep goes from
    the states of one colour to those of the other and back.

    Raises:
        ValueError: sites in use have more colours, or a colour has more sites.
    """
    image = program.image
    sites = sites_in_use(program)
    colours = [int(image.fabric.topology.colours[site]) for site in sites]
    first = [site for site, colour in zip(sites, colours) if colour == colours[0]]
    second = sites[len(first) :]
    if len(set(colours)) > 2 or max(len(first), len(second)) > 10:
        raise ValueError(f"{len(first)} and {len(second)} sites of {len(set(colours))} colours.")

    def step(given: list[int], drawn: list[int]) -> np.ndarray:
        place, bits = {site: axis for axis, site in enumerate(given)}, bits_of(len(given))
        chance = np.ones((len(bits), 1))
        for site in drawn:
            up = probability_of_one(image, fields_of(image, site, place, bits))
            chance = (chance[:, :, None] * np.stack([1 - up, up], axis=1)[:, None, :]).reshape(len(bits), -1)
        return chance

    down, back = step(second, first), step(first, second)
    of_first = stationary(down @ back) @ down
    return sites, (of_first[:, None] * back).reshape(-1)


def two_colour_moments(program: Any) -> np.ndarray:
    """<s> of every variable of a program on a fabric of two colours, float64 ``[variables]``."""
    sites, distribution = two_colour_distribution(program)
    means = dict(zip(sites, distribution @ (2.0 * bits_of(len(sites)) - 1.0)))
    return np.array([means[copies[0]] for copies in program.copies])


def path_moments(biases: Reals, couplings: Reals) -> np.ndarray:
    """<s> of the spins of a path, float64 ``[n]``, by transfer matrices in logarithms: any size of bias will do."""
    spin = np.array([-1.0, 1.0])
    bond = [j * np.multiply.outer(spin, spin) for j in couplings]
    left, right = [np.zeros(2)], [np.zeros(2)]
    for k in range(len(bond)):
        left.append(np.logaddexp.reduce((left[-1] + biases[k] * spin)[:, None] + bond[k], axis=0))
        back = len(bond) - k
        right.append(np.logaddexp.reduce((right[-1] + biases[back] * spin)[None] + bond[back - 1], axis=1))
    log_p = [a + b * spin + c for a, b, c in zip(left, biases, right[::-1])]
    return np.array([np.tanh((one[1] - one[0]) / 2) for one in log_p])
