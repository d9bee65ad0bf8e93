"""Models by topology and strength, or from an energy function of states of ±1."""

from collections.abc import Callable

import numpy as np

from thermofab.apps.explore.candidate import SPOKEN
from thermofab.hw.spec import IsingModel, SpecError, Topology, topology
from thermofab.hw.spec.families import FAMILIES

EnergyFunction = Callable[[np.ndarray], np.ndarray]
COUPLINGS = ("random", "uniform")
_PROBES = 256


def graph_of(name: str, num_nodes: int) -> Topology:
    """A topology of so many nodes by family: ``"grid"`` stands for g4 and ``"fully_connected"`` for complete; lattices
    are as near to a square as the number allows.

    Raises:
        SpecError: there is no such family, or none of that size.
    """
    family = SPOKEN.get(name, name)
    if family not in FAMILIES:
        known = ", ".join([*SPOKEN, *FAMILIES])
        raise SpecError(f"unknown topology {name!r}; known are {known}.")
    if num_nodes < 2:
        raise SpecError(f"a topology has at least 2 nodes, got num_nodes={num_nodes}.")
    if family == "complete":
        return topology(f"complete-{num_nodes}")
    rows = max(k for k in range(1, int(num_nodes**0.5) + 1) if num_nodes % k == 0)
    # Families of several sites a cell, or of three dimensions, have the size that fits, if there is one.
    names = [f"{family}-{rows}x{num_nodes // rows}", *(f"{family}-{size}" for size in range(1, 17))]
    for text in names:
        try:
            made = topology(text)
        except SpecError:
            continue
        if made.n_sites == num_nodes:
            return made
    raise SpecError(f"no {name} of {num_nodes} nodes was found; take another number.")


def model_on(graph: Topology, strength: float, temperature: float, couplings: str, seed: int) -> IsingModel:
    """Couplings on a graph, in units of kT.

    Args:
        strength: ``"random"``: J ~ N(0, strength²/d) with d the mean degree; ``"uniform"``: J = strength/d.
        temperature: T > 0; β = 1/T.

    Raises:
        SpecError: a number that is not finite, a temperature not above 0, or other couplings.
    """
    if couplings not in COUPLINGS or not np.isfinite(strength) or not 0 < temperature < np.inf:
        raise SpecError(
            f"couplings are {' or '.join(COUPLINGS)} of a finite strength at a temperature above 0, got {couplings!r}, "
            f"{strength!r} and {temperature!r}."
        )
    degree = max(2 * graph.n_edges / graph.n_sites, 1e-9)
    drawn = np.random.default_rng(seed).normal(0, degree**-0.5, graph.n_edges)
    weights = strength * (drawn if couplings == "random" else np.full(graph.n_edges, 1 / degree))
    nodes = tuple(range(graph.n_sites))
    return IsingModel(nodes, np.zeros(graph.n_sites), graph.edges, weights, beta=1 / temperature)


def model_of(energy_fn: EnergyFunction, num_nodes: int, temperature: float) -> IsingModel:
    """The Ising model of an energy function, if it is one: biases and couplings by differences of flipped spins.

    Args:
        energy_fn: from states int8 ±1 ``[K, n]`` to energies float ``[K]``.
        num_nodes: n.
        temperature: T > 0.

    Raises:
        SpecError: another shape, values that are not finite, or terms of more than two spins.
    """

    def energies(states: np.ndarray) -> np.ndarray:
        found = np.asarray(energy_fn(states), dtype=np.float64)
        if found.shape != (len(states),) or not np.all(np.isfinite(found)):
            raise SpecError(
                f"an energy function takes states of ±1 [K, {num_nodes}] and returns K finite energies; got shape "
                f"{list(found.shape)} for K = {len(states)}."
            )
        return found

    i, j = np.triu_indices(num_nodes, 1)
    down = np.full((1 + num_nodes + len(i), num_nodes), -1, dtype=np.int8)
    down[1 + np.arange(num_nodes), np.arange(num_nodes)] = 1
    down[1 + num_nodes + np.arange(len(i)), i] = 1
    down[1 + num_nodes + np.arange(len(i)), j] = 1
    base, one, two = np.split(energies(down), [1, 1 + num_nodes])
    couplings = -(two - one[i] - one[j] + base) / 4
    sums = np.zeros(num_nodes)
    np.add.at(sums, i, couplings)
    np.add.at(sums, j, couplings)
    biases = -(one - base) / 2 + sums
    kept = np.abs(couplings) > 1e-12 * max(1.0, float(np.abs(couplings).max(initial=0)))
    edges = np.stack([i, j], axis=1)[kept]
    model = IsingModel(tuple(range(num_nodes)), biases, edges, couplings[kept], beta=1 / temperature)
    probes = np.random.default_rng(0).choice(np.array([-1, 1], dtype=np.int8), (_PROBES, num_nodes))
    apart = energies(probes) - model.energies(probes)
    if np.ptp(apart) > 1e-6 * max(1.0, float(np.abs(apart).max())):
        raise SpecError(
            "this energy function has terms of three spins or more; give it as a DiscreteModel, whose terms have any "
            "order, in a program file."
        )
    return model
