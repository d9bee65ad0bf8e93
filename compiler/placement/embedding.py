"""Minor embeddings: a connected set of sites for every node, searched for by minorminer from several starts.

Runs with seeds ``seed, seed + 1, …`` alternate between a random start and one where nodes of a sparse graph lie on the
fabric as they do in a drawing of it; templates (:mod:`~thermofab.compiler.placement.templates`) are starts of their
own. Every embedding found is shortened by a further run that starts from it, and the smallest of all for longer; on a
fabric with relays briefly, and no more than that, as there a copy more costs area but hardly a clock.

A run is deterministic in its seed and counted in rounds without gain. Wall-clock time enters only as the limit after
which a run is given up, far beyond what a run takes that finds something.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from thermofab.compiler.ir.stages import Copies, Paired, Placement
from thermofab.compiler.placement.templates import templates
from thermofab.hw.spec.topology import Topology

_GIVE_UP = 40
# A drawing helps where a graph has few edges and is soon drawn.
_SPARSE, _DRAWN = 5.0, 300
_LEAST_PATCH = 800
_PATIENCE, _LONG_PATIENCE, _RELAY_PATIENCE = 10, 40, 3


def embeddings(
    stage: Paired, seed: int, tries: int, progress: Callable[[int, int, str], None] | None = None
) -> tuple[Placement, ...]:
    """Candidate embeddings, those of fewest sites first; none if none was found in ``tries`` runs.

    ``progress`` is called with the runs done, the runs there are, and what was done last.
    """
    known = list(templates(stage.n, stage.edges, stage.fabric.topology))
    search = _Search(stage)
    relays = stage.fabric.has_relays
    patience, total = _RELAY_PATIENCE if relays else _PATIENCE, len(known) + tries + (not relays)
    found: list[Placement] = []

    def done(count: int, what: str) -> None:
        if progress is not None:
            progress(count, total, what)

    for count, (method, copies) in enumerate(known):
        found.append(Placement(search.shortened(copies, patience), method))
        done(count + 1, f"{method}: {_sites(found[-1])} sites")
    failed = 0
    for turn in range(tries):
        if any(_sites(one) == stage.n for one in found):
            break
        run = (seed + turn) % 2**31
        drawn = turn % 2 == 1 and search.drawable
        # Where a template holds the graph, or runs have failed, one attempt of minorminer's a run is enough.
        copies = search.embedded(run, drawn, 1 if known or failed else 4)
        method = f"minor embedding, seed {run}" + (", from a drawing" if drawn else "")
        if copies is None:
            failed += 1
        else:
            found.append(Placement(search.shortened(copies, patience), method))
        done(len(known) + turn + 1, f"{method}: " + ("none" if copies is None else f"{_sites(found[-1])} sites"))
    found.sort(key=_sites)
    if found and _sites(found[0]) > stage.n and not relays:
        found.insert(0, Placement(search.shortened(found[0].copies, _LONG_PATIENCE), found[0].method))
        done(total, f"shortened: {_sites(found[0])} sites")
    return tuple(found)


def _sites(placement: Placement) -> int:
    return sum(len(sites) for sites in placement.copies)


def _patch(topology: Topology, wanted: int) -> list[tuple[int, ...]]:
    """Fabric edges among the ``wanted`` sites nearest the middle, all of them in a fabric not much larger: minorminer
    looks at every site it is given, over and over.
    """
    wanted = max(wanted, _LEAST_PATCH)
    if topology.n_sites < 1.5 * wanted:
        return [tuple(edge) for edge in topology.edges.tolist()]
    where = topology.coordinates[:, :2]
    middle = (where.min(axis=0) + where.max(axis=0)) / 2
    near = np.zeros(topology.n_sites, dtype=bool)
    near[np.argsort(np.abs(where - middle).max(axis=1), kind="stable")[:wanted]] = True
    return [tuple(edge) for edge in topology.edges[near[topology.edges].all(axis=1)].tolist()]


def connected(topology: Topology) -> bool:
    """Whether every site can be reached from every other."""
    import networkx

    return networkx.is_connected(topology.to_networkx())


class _Search:
    """Calls of minorminer for one program; nodes without edges take the lowest sites left over."""

    def __init__(self, stage: Paired) -> None:
        self.stage = stage
        self.edges = [tuple(edge) for edge in stage.edges.tolist()]
        self.sites = _patch(stage.fabric.topology, 4 * stage.n + 2 * len(self.edges))
        self.linked = sorted(set(stage.edges.reshape(-1).tolist()))
        sparse = 2 * len(self.edges) <= _SPARSE * len(self.linked)
        # minorminer takes a disconnected fabric apart, and cannot then take starts that lie across its parts.
        self.drawable = sparse and 2 < len(self.linked) <= _DRAWN and connected(stage.fabric.topology)

    def embedded(self, seed: int, drawn: bool, tries: int) -> Copies | None:
        """Connected sites of every node, an edge between them for every model edge; ``None`` if none was found."""
        start = {"initial_chains": self._drawn()} if drawn else {}
        copies = self._complete(self._run(random_seed=seed, tries=tries, **start))
        if copies is None and len(self.sites) < self.stage.fabric.topology.n_edges:
            self.sites = _patch(self.stage.fabric.topology, self.stage.fabric.n_sites)
            copies = self._complete(self._run(random_seed=seed, tries=tries, **start))
        return copies

    def shortened(self, copies: Sequence[Sequence[int]], patience: int) -> Copies:
        """An embedding of no more sites than ``copies``."""
        chains = self._run(
            random_seed=1,
            initial_chains={k: list(copies[k]) for k in self.linked},
            skip_initialization=True,
            chainlength_patience=patience,
        )
        better = self._complete(chains)
        fewer = better is not None and sum(map(len, better)) < sum(map(len, copies))
        return better if better is not None and fewer else tuple(tuple(sites) for sites in copies)

    def _run(self, **options: Any) -> dict[int, Sequence[int]]:
        import minorminer

        return minorminer.find_embedding(self.edges, self.sites, threads=1, timeout=_GIVE_UP, **options)

    def _complete(self, chains: dict[int, Sequence[int]]) -> Copies | None:
        n, n_sites = self.stage.n, self.stage.fabric.topology.n_sites
        if any(k not in chains or not chains[k] for k in self.linked):
            return None
        used = np.zeros(n_sites, dtype=bool)
        for k in self.linked:
            used[list(chains[k])] = True
        spare = iter(np.flatnonzero(~used).tolist())
        linked = set(self.linked)
        copies = [tuple(sorted(chains[k])) if k in linked else (next(spare, -1),) for k in range(n)]
        return tuple(copies) if all(sites[0] >= 0 for sites in copies) else None

    def _drawn(self) -> dict[int, list[int]]:
        """A site for every node: the drawing from the graph's spectrum, laid over the fabric's."""
        import networkx

        graph = networkx.Graph()
        graph.add_nodes_from(self.linked)
        graph.add_edges_from(self.edges)
        place: dict[int, tuple[float, float]] = {}
        for column, part in enumerate(sorted(sorted(nodes) for nodes in networkx.connected_components(graph))):
            shape = networkx.spectral_layout(graph.subgraph(part)) if len(part) > 2 else dict.fromkeys(part, (0.0, 0.0))
            place |= {k: (float(shape[k][0]) + 2.5 * column, float(shape[k][1])) for k in part}
        drawing = np.array([place[k] for k in self.linked])
        where = self.stage.fabric.topology.coordinates[:, :2]
        free = np.zeros(len(where), dtype=bool)
        free[np.array(self.sites).reshape(-1)] = True
        low, span = where[free].min(axis=0), np.ptp(where[free], axis=0)
        # The middle of the fabric, about twice as many sites as there are nodes.
        share = min(1.0, np.sqrt(2 * len(self.linked) / np.count_nonzero(free)))
        unit = (drawing - drawing.min(axis=0)) / np.maximum(np.ptp(drawing, axis=0), 1e-9) - 0.5
        aim = low + span / 2 + unit * span * share
        start: dict[int, list[int]] = {}
        for k, at in zip(self.linked, aim):
            distance = np.where(free, np.sum((where - at) ** 2, axis=1), np.inf)
            site = int(np.argmin(distance))
            free[site], start[k] = False, [site]
        return start
