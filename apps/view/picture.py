"""What a page draws that does not change: sites, couplings, and which node is on which sites and wires."""

from typing import Any

import numpy as np

from thermofab.hw.spec import NO_PARENT, FabricSpec, Program, SpecError

MOST_SITES = 40_000
FREE_SITE, HIDDEN = -1, -2


def picture(program: Program) -> dict[str, Any]:
    """The answer of ``/api/picture``.

    ``sites`` are ``[x, y]``; ``period`` is a torus' extent, or null; ``owner`` is the node of every site, -1 for a site
    the program does not use and -2 for one of a variable that no node is read from; ``wires`` join sites of one node;
    ``couplings`` join sites of different nodes, with integers ``weights``; ``nodes`` are names, ``roots`` the sites
    that each node is read at, ``tables`` the states that their codes stand for (null for a spin).

    Raises:
        SpecError: the fabric has more than 40,000 sites.
    """
    topology = drawable(program.fabric).topology
    owner, variable = _owners(program)
    wires, couplings, weights = _lines(program, variable)
    lattice, nodes = topology.lattice, range(program.model.n_nodes)
    periodic = lattice is not None and lattice.torus and lattice.rule.dimension == 2
    return {
        "fabric": topology.name,
        "sites": _flat(topology.coordinates).round(4).tolist(),
        "period": [lattice.size[1], lattice.size[0]] if lattice is not None and periodic else None,
        "owner": owner.tolist(),
        "wires": wires.tolist(),
        "couplings": couplings.tolist(),
        "weights": weights.tolist(),
        "nodes": [str(node) for node in program.model.nodes],
        "roots": [[program.copies[v][0] for v in program.variables_of(k)] for k in nodes],
        "tables": [list(program.readings[k].table) if q and program.readings else None
                   for k, q in zip(nodes, program.model.categories.tolist())],
        "beta": program.model.beta,
    }  # fmt: skip


def drawable(fabric: FabricSpec) -> FabricSpec:
    """``fabric``, refused with :class:`SpecError` if it has too many sites."""
    if fabric.n_sites > MOST_SITES:
        raise SpecError(f"{fabric.topology.name} has {fabric.n_sites} sites; a page draws at most {MOST_SITES}.")
    return fabric


def _owners(program: Program) -> tuple[np.ndarray, np.ndarray]:
    """Of every site its node and its variable, int64 ``[N]`` each; -1 for a site that is not used."""
    variable = np.full(program.fabric.n_sites, FREE_SITE)
    for number, sites in enumerate(program.copies):
        variable[list(sites)] = number
    node_of = np.full(len(program.copies), HIDDEN)
    for node in range(program.model.n_nodes):
        node_of[list(program.variables_of(node))] = node
    return np.where(variable == FREE_SITE, FREE_SITE, node_of[variable]), variable


def _lines(program: Program, variable: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Wires ``[·, 2]``, couplings ``[m, 2]`` and their weights ``[m]``."""
    image, edges = program.image, program.fabric.topology.edges
    i, j = variable[edges].T
    inside = (i == j) & (i != FREE_SITE)
    wired = inside & (image.weights != 0)
    wires, coupled = edges[wired], (image.weights != 0) & ~inside
    if image.order is not None:
        relays = np.flatnonzero(image.order.parents != NO_PARENT)
        wires = np.stack([image.order.parents[relays], relays], axis=1)
    return wires, edges[coupled], image.weights[coupled]


def _flat(coordinates: np.ndarray) -> np.ndarray:
    """Two coordinates; layers of a third dimension stand side by side."""
    if coordinates.shape[1] < 3:
        return coordinates
    width = np.ptp(coordinates[:, 0]) + 2
    return np.stack([coordinates[:, 0] + width * coordinates[:, 2], coordinates[:, 1]], axis=1)
