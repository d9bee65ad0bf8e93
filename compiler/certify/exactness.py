"""Exactness: random programs, compiled, and the compiled real-valued model's distribution against the program's own.

What a certificate claims is checked without the code that claims it: the couplings and biases of every fabric edge and
site are collected from the layout, all sites but the roots are summed out, and codes are read back.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.compiler.distributions.elimination import marginal_distribution
from thermofab.compiler.distributions.enumeration import total_variation
from thermofab.compiler.distributions.exact import exact
from thermofab.compiler.ir.lowered import Lowered
from thermofab.compiler.ir.stages import Source, Wired
from thermofab.compiler.passes.canonicalise import Canonicalise
from thermofab.compiler.passes.categorical import Categorical
from thermofab.compiler.passes.factor_sites import FactorSites
from thermofab.compiler.passes.higher_order import HigherOrder
from thermofab.compiler.passes.place import Place
from thermofab.compiler.passes.root_and_wire import RootAndWire
from thermofab.hw.spec.discrete import DiscreteModel, factor_of
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.reading import spin_reading


@dataclass(frozen=True)
class Kind:
    """Of which random programs are drawn.

    Attributes:
        nodes: fewest and most.
        order: highest, of a term.
        states: most, of a categorical node; 0 for spins only.
        dense: share of the possible pairs that are coupled.
        clamps: whether some nodes are clamped.
    """

    nodes: tuple[int, int]
    order: int
    states: int
    dense: float
    clamps: bool


KINDS: dict[str, Kind] = {
    "sparse pairs": Kind((4, 9), 2, 0, 0.3, False),
    "dense pairs": Kind((4, 7), 2, 0, 1.0, False),
    "pairs with clamps": Kind((4, 8), 2, 0, 0.5, True),
    "three spins": Kind((3, 6), 3, 0, 0.3, True),
    "four spins": Kind((4, 6), 4, 0, 0.2, False),
    "five spins": Kind((5, 7), 5, 0, 0.1, True),
    "categorical": Kind((2, 3), 2, 8, 0.6, False),
    "categorical and spins": Kind((3, 4), 3, 4, 0.4, True),
}


def random_program(rng: np.random.Generator, kind: Kind) -> Lowered:
    """A program with normal weights of up to unit size, connected or not."""
    n = int(rng.integers(kind.nodes[0], kind.nodes[1] + 1))
    categories = np.zeros(n, dtype=np.int64)
    if kind.states:
        some = rng.random(n) < 0.6
        some[0] = True
        categories[some] = rng.integers(2, kind.states + 1, int(some.sum()))
    terms = [[k] for k in range(n)]
    terms += [[i, j] for i in range(n) for j in range(i + 1, n) if rng.random() < kind.dense]
    for order in range(3, kind.order + 1):
        terms += [sorted(rng.permutation(n)[:order].tolist()) for _ in range(int(rng.integers(1, 3))) if order <= n]
    factors = []
    for term in terms:
        spins, variables = [k for k in term if not categories[k]], [k for k in term if categories[k]]
        weights = rng.normal(size=[1, *categories[variables].tolist()]) * rng.uniform(0.2, 1.0)
        factors.append(factor_of([spins], [variables], weights))
    model = DiscreteModel(tuple(range(n)), categories, tuple(factors))
    fixed = sorted(rng.permutation(n)[: int(rng.integers(1, 3))].tolist()) if kind.clamps and n > 3 else []
    free = tuple(k for k in range(n) if k not in fixed)
    return Lowered(model, (free,), (tuple(fixed),) if fixed else ())


def wired(source: Lowered, fabric: FabricSpec, *, tries: int = 2) -> Wired:
    """A program placed and wired, in real numbers, whatever the bound.

    Raises:
        CompileError: it does not fit.
    """
    paired = HigherOrder()(FactorSites()(Categorical()(Canonicalise()(Source(source, fabric)))))
    return RootAndWire(tolerance=1.0)(Place(tries=tries)(paired))


def fabric_couplings(stage: Wired) -> tuple[np.ndarray, np.ndarray]:
    """Real-valued couplings float64 ``[E]`` and biases ``[N]`` of a program with a layout."""
    layout, topology = stage.layout, stage.fabric.topology
    couplings, biases = np.zeros(topology.n_edges), np.zeros(topology.n_sites)
    couplings[layout.wire_sites] = layout.segment_couplings(stage.couplings)
    couplings[layout.trunk_sites] = layout.trunk_couplings
    biases[[sites[0] for sites in layout.copies]] = stage.biases
    return couplings, biases


def fabric_tables(stage: Wired) -> list[tuple[tuple[int, ...], np.ndarray]]:
    """``(sites, table)`` of every factor in use: terms of log P ``[2]*k``, one axis per site in their order."""
    topology, roots, made = stage.fabric.topology, stage.layout.roots, []
    for row, host, start in zip(stage.tables.rows, stage.tables.hosts, stage.tables.starts):
        factor = topology.factors[host]
        values = stage.tables.values[start : start + 2 ** len(row)].reshape((2,) * len(row))
        table = np.zeros((2,) * len(factor))
        for code in np.ndindex(*table.shape):
            bits = dict(zip(factor, code))
            # The last variable of a row is the highest bit, the first axis.
            table[code] = values[tuple(bits[int(roots[v])] for v in reversed(row))]
        made.append((factor, table))
    return made


def compiled_distribution(stage: Wired, clamp: dict[int, int]) -> np.ndarray:
    """The distribution of the nodes not in ``clamp``, in the order of :func:`thermofab.exact`'s, all copies of the
    variables of a clamped node holding its value.
    """
    model, topology, copies = stage.lowered.model, stage.fabric.topology, stage.layout.copies
    readings = stage.readings or tuple(spin_reading(k) for k in range(stage.n))
    couplings, biases = fabric_couplings(stage)
    value = np.zeros(topology.n_sites)
    used = np.zeros(topology.n_sites, dtype=bool)
    used[[site for sites in copies for site in sites]] = True
    for node, state in clamp.items():
        for variable, bit in zip(readings[node].variables, readings[node].encode(np.int64(state)).tolist()):
            value[list(copies[variable])] = 1.0 if bit else -1.0
    i, j = topology.edges.T
    fields = biases.copy()
    np.add.at(fields, i, couplings * value[j])
    np.add.at(fields, j, couplings * value[i])
    live = used & (value == 0)
    place = np.cumsum(live) - 1
    inner = (couplings != 0) & live[i] & live[j]
    free = [k for k in range(model.n_nodes) if k not in clamp]
    keep = [int(place[copies[variable][0]]) for k in free for variable in readings[k].variables]
    edges = np.stack([place[i[inner]], place[j[inner]]], axis=1)
    tables = []
    for factor, table in fabric_tables(stage):
        known = tuple(slice(None) if live[site] else int(value[site] > 0) for site in factor)
        tables.append(([int(place[site]) for site in factor if live[site]], table[known]))
    distribution = marginal_distribution(int(live.sum()), fields[live], edges, couplings[inner], keep, tables)
    number, start, bits = np.zeros(len(distribution), dtype=np.int64), 0, len(keep)
    for k in free:
        size, width = int(model.categories[k]) or 2, len(readings[k].variables)
        code = np.arange(len(distribution))[:, None] >> np.arange(bits - start - 1, bits - start - width - 1, -1) & 1
        number, start = number * size + readings[k].decode(code), start + width
    return np.bincount(
        number, weights=distribution, minlength=int(np.prod([int(model.categories[k]) or 2 for k in free]))
    )


def distance(stage: Wired, rng: np.random.Generator, source: Any) -> tuple[float, float]:
    """``(TV, largest |difference|)`` of the compiled distribution from the distribution of ``source``, at random values
    of the clamped nodes.
    """
    model = stage.lowered.model
    fixed: Sequence[int] = np.flatnonzero(stage.lowered.clamped).tolist()
    clamp = {k: int(rng.integers(0, int(model.categories[k]) or 2)) for k in fixed}
    got = compiled_distribution(stage, clamp)
    wanted = exact(source, clamp={model.nodes[k]: state for k, state in clamp.items()}).probabilities
    return total_variation(wanted, got), float(np.max(np.abs(wanted - got)))
