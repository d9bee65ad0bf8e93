"""A model for a fabric, made from a seed: a magnet with random couplings, and links over wires between far nodes."""

from collections import deque

import numpy as np

from thermofab.compiler import compile
from thermofab.hw.spec import FabricSpec, IsingModel, Program

LOWEST = 0.25  # factor on β down to which the activation tables reach
_NEAR, _FAR = 1.0, 0.05  # weights of the shortest edges and of others, before scaling
_FIELD = 1.5  # β times the sum of a site's couplings, about
_BIAS = 0.05  # root mean square of β times a bias
_LINK = 0.6  # β times the coupling of a link


def demo(fabric: FabricSpec, seed: int) -> Program:
    """A program that shows what a page can: domains that order as β rises, and nodes on several sites.

    Sites of the shortest edges are coupled strongly, others weakly, all ferromagnetic with strengths from 0.5 to 1.5
    times the mean; biases change slowly over the fabric. About one site in 50 begins a link: a path of sites that are
    wires of the node at its one end and couple it to the node at its other end; half of the links are negative.
    """
    rng = np.random.default_rng(seed)
    topology = fabric.topology
    shortest = _shortest(fabric)
    links = _links(topology.n_sites, topology.edges[shortest], rng) if not fabric.programmed else []
    owner, nodes = np.full(topology.n_sites, -1), []
    wires = {site for path in links for site in path[1:-1]}
    for site in range(topology.n_sites):
        if site not in wires:
            owner[site] = len(nodes)
            nodes.append([site])
    couplings: dict[tuple[int, int], float] = {}
    scale = _FIELD / max(float((2 * np.where(shortest, _NEAR, _FAR)).sum()) / topology.n_sites, 1e-9)
    strengths = scale * np.where(shortest, _NEAR, _FAR) * rng.uniform(0.5, 1.5, topology.n_edges)
    for (i, j), strength in zip(owner[topology.edges].tolist(), strengths.tolist()):
        if i >= 0 and j >= 0:
            couplings[min(i, j), max(i, j)] = strength
    for path in links:
        first, last = int(owner[path[0]]), int(owner[path[-1]])
        nodes[first] += path[1:-1]
        couplings[min(first, last), max(first, last)] = _LINK * float(rng.choice([-1, 1]))
    edges = np.array(sorted(couplings), dtype=np.int32).reshape(-1, 2)
    model = IsingModel(
        tuple(range(len(nodes))),
        _landscape(topology.coordinates[[sites[0] for sites in nodes], :2], rng),
        edges,
        np.array([couplings[i, j] for i, j in edges.tolist()]),
    )
    return compile(model, fabric, copies=nodes, beta_levels=(1.0, LOWEST), verify=False, seed=seed)


def _landscape(places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Biases ``[n]`` that change slowly over the fabric, six waves of one to three periods."""
    turns = 2 * np.pi * places / np.maximum(np.ptp(places, axis=0) + 1, 1)
    waves = np.cos(turns @ rng.integers(-3, 4, size=(2, 6)) + rng.uniform(0, 2 * np.pi, 6))
    return _BIAS * waves.mean(axis=1) * np.sqrt(12)


def _shortest(fabric: FabricSpec) -> np.ndarray:
    """bool ``[E]``: edges about as long as the shortest one."""
    topology = fabric.topology
    apart = topology.coordinates[topology.edges[:, 0]] - topology.coordinates[topology.edges[:, 1]]
    if topology.lattice is not None and topology.lattice.torus and apart.shape[1] == topology.lattice.rule.dimension:
        extent = np.array(topology.lattice.size[::-1])
        apart = apart - extent * np.rint(apart / extent)
    lengths = np.linalg.norm(apart, axis=1)
    return lengths <= 1.01 * lengths.min(initial=np.inf)


def _links(n_sites: int, edges: np.ndarray, rng: np.random.Generator) -> list[list[int]]:
    """Paths of 4 to 8 sites that share none, nor touch where that would couple them twice."""
    neighbours: list[list[int]] = [[] for _ in range(n_sites)]
    for i, j in edges.tolist():
        neighbours[i].append(j)
        neighbours[j].append(i)
    taken, links = np.zeros(n_sites, dtype=bool), []
    for begin in rng.permutation(n_sites)[: n_sites // 50].tolist():
        path = _path(begin, neighbours, taken, int(rng.integers(4, 9)), rng)
        if path is not None:
            links.append(path)
            for site in path:
                taken[[site, *neighbours[site]]] = True
    return links


def _path(
    begin: int, neighbours: list[list[int]], taken: np.ndarray, length: int, rng: np.random.Generator
) -> list[int] | None:
    """A shortest path of ``length`` sites from ``begin`` over sites that are not taken."""
    if taken[begin]:
        return None
    before, queue = {begin: [begin]}, deque([begin])
    while queue:
        path = before[queue.popleft()]
        if len(path) == length:
            return path
        for site in rng.permutation(neighbours[path[-1]]).tolist():
            if site not in before and not taken[site]:
                before[site] = [*path, site]
                queue.append(site)
    return None
