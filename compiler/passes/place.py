"""Place: sites for every node."""

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from typing import ClassVar

import numpy as np

from thermofab.compiler.ir.hosting import Hosting
from thermofab.compiler.ir.stages import Copies, Paired, Placed, Placement, Quantised
from thermofab.compiler.passes.known import check_spins, check_wires
from thermofab.compiler.placement.direct import code_places, direct_placements
from thermofab.compiler.placement.embedding import embeddings
from thermofab.compiler.placement.isomorphism import isomorphism
from thermofab.compiler.placement.monomorphism import monomorphism, within_sublattice
from thermofab.compiler.placement.obstacles import obstacle
from thermofab.compiler.placement.remember import remembered
from thermofab.compiler.placement.trees import on_trees
from thermofab.hw.spec.errors import CompileError
from thermofab.hw.spec.fabric import FabricSpec

# Counts up when the searches change: what older ones found is then searched for anew.
_SEARCH = 2


@dataclass(frozen=True)
class Place:
    """Candidate placements: one site per node if a search finds that, else minor embeddings, the smallest first.

    In order: the sites of equal label, position or index; a graph isomorphism; a subgraph monomorphism (backtracking,
    at most ``budget`` steps); templates and ``tries`` runs of minorminer
    (:mod:`~thermofab.compiler.placement.embedding`).
    With ``copies`` given only these are checked. Budgets are counted in steps, not seconds, so the outcome is the same
    on every machine; minorminer alone is given up after a time too. What was found is remembered by content. Exact so
    far as it goes: an unplaced edge is never dropped.

    ``progress(done, total, what)`` is called after every run of the embedding search.

    Raises:
        CompileError: no placement was found or can exist, or the given one does not fit.
    """

    seed: int = 0
    tries: int = 4
    budget: int = 100_000
    copies: Copies | None = None
    progress: Callable[[int, int, str], None] | None = field(default=None, compare=False)
    name: ClassVar[str] = "place"

    def __call__(self, stage: Paired) -> Placed:
        if isinstance(stage, Placed):
            return stage.after(self.name, f"placed already, by {stage.placements[0].method}")
        if self.copies is not None:
            found = (Placement(checked_copies(self.copies, stage), "given"),)
        else:
            found = tuple(islice(direct_placements(stage), 1)) or self._remembered(stage)
        if stage.fabric.programmed:
            return on_trees(stage, found, self.name)
        did = f"{len(found)} candidate{'s' * (len(found) > 1)} by {found[0].method}"
        return stage.to(Placed, self.name, did, placements=found)

    def keeping(self, known: Quantised) -> "KeepPlacements":
        """The candidates and edges of ``known``."""
        return KeepPlacements(known.edges, known.n, known.placements, known.fabric, known.hosting)

    def _remembered(self, stage: Paired) -> tuple[Placement, ...]:
        """Searched for, or found before for the same graph, fabric and options."""
        fabric = stage.fabric
        options = (
            fabric.has_relays,
            self.seed,
            self.tries,
            self.budget,
            *(["single"] if _single_sites(fabric) else []),
        )
        key = (_SEARCH, fabric.topology.digest, stage.n, stage.edges, *options)
        rows = remembered("placements", key, lambda: [[p.copies, p.method] for p in self._search(stage)])
        return tuple(Placement(tuple(tuple(sites) for sites in copies), method) for copies, method in rows)

    def _search(self, stage: Paired) -> tuple[Placement, ...]:
        n, topology = stage.n, stage.fabric.topology
        same = isomorphism(n, stage.edges, topology)
        sites = monomorphism(n, stage.edges, topology, self.budget) if same is None else same.tolist()
        method = "subgraph isomorphism" if same is None else "graph isomorphism"
        if sites is None:
            sites, method = within_sublattice(n, stage.edges, topology, self.budget), "subgraph isomorphism, sublattice"
        if sites is not None:
            return (Placement(tuple((int(site),) for site in sites), method),)
        never = obstacle(stage.edges, stage.clamped, topology, stage.lowered, stage.readings)
        if never is not None:
            raise CompileError(f"{_no_embedding(stage)}: {never}")
        if _single_sites(stage.fabric):
            raise CompileError(
                f"{_no_embedding(stage)} was found with one site per node, as a {stage.fabric.architecture} fabric has "
                f"it. Take a topology that holds the program's edges, such as complete-{n}, or architecture='relay'."
            )
        # Every model edge needs a fabric edge of its own.
        found = embeddings(stage, self.seed, self.tries, self.progress) if len(stage.edges) <= topology.n_edges else ()
        if not found:
            raise CompileError(no_embedding(stage, self.tries))
        return found


@dataclass(frozen=True, eq=False)
class KeepPlacements:
    """Known placements, and the edges they were found for: those that the program lacks get a coupling of 0.

    Attributes:
        edges: int64 ``[m, 2]``.
        n: variables of the known program.
        placements: its candidates.
        fabric, hosting: where they are.

    Raises:
        CompileError: the program has another number of variables, or couples some that no wire joins.
    """

    edges: np.ndarray
    n: int
    placements: tuple[Placement, ...]
    fabric: FabricSpec
    hosting: Hosting | None
    name: ClassVar[str] = Place.name

    def __call__(self, stage: Paired) -> Placed:
        check_spins(stage.n, self.n)
        couplings = stage.couplings
        if stage.edges is not self.edges:
            places = code_places(self.edges, stage.edges, stage.n)
            check_wires(places, stage.edges)
            couplings = np.zeros(len(self.edges))
            couplings[places] = stage.couplings
        did = "the placement of the program before"
        return stage.to(
            Placed, self.name, did, fabric=self.fabric, edges=self.edges, couplings=couplings,
            placements=self.placements, hosting=self.hosting,
        )  # fmt: skip


def _single_sites(fabric: FabricSpec) -> bool:
    """Whether every node takes one site alone: a dense fabric has neither relays nor wires between copies."""
    return fabric.programmed and not fabric.has_relays


def no_embedding(stage: Paired, tries: int) -> str:
    """Why there is no placement, and what would help."""
    import networkx

    topology = stage.fabric.topology
    graph = topology.to_networkx()
    largest = max(len(part) for part in networkx.connected_components(graph))
    shape = ""
    if largest < topology.n_sites:
        shape = f" The fabric is disconnected: its largest connected part has {largest} of {topology.n_sites} sites."
    return (
        f"{_no_embedding(stage)} was found in {tries} tries.{shape} "
        "Take a larger or better connected fabric, another seed, or pass copies= with an embedding of your own."
    )


def _no_embedding(stage: Paired) -> str:
    topology = stage.fabric.topology
    return (
        f"no embedding of the program's {stage.n} nodes and {len(stage.edges)} edges into {topology.name} "
        f"({topology.n_sites} sites, {topology.n_edges} edges)"
    )


def checked_copies(copies: Copies, stage: Paired) -> Copies:
    """A placement of the caller's, refused unless it is a minor embedding of the program."""
    import networkx

    n, topology = stage.n, stage.fabric.topology
    copies = tuple(tuple(int(site) for site in sites) for sites in copies)
    used = [site for sites in copies for site in sites]
    if len(copies) != n or not all(copies):
        raise CompileError(f"copies must list at least one site for each of the {n} nodes, got {len(copies)} lists.")
    if used and (min(used) < 0 or max(used) >= topology.n_sites):
        raise CompileError(f"copies must name sites 0…{topology.n_sites - 1} of {topology.name}.")
    if len(set(used)) != len(used):
        repeated = next(site for site in used if used.count(site) > 1)
        raise CompileError(f"copies give site {repeated} to two nodes; every site stands for one node at most.")
    several = next((k for k, sites in enumerate(copies) if len(sites) > 1), None)
    if several is not None and _single_sites(stage.fabric):
        raise CompileError(
            f"copies give node {several} {len(copies[several])} sites, and a {stage.fabric.architecture} fabric holds "
            "one per node."
        )
    graph = topology.to_networkx() if several is not None else None
    for k, sites in enumerate(copies):
        # Copies of a clamped node all hold its value and need no coupling among them, unless they are a tree of relays.
        if graph is None or len(sites) == 1 or stage.clamped[k] and not stage.fabric.has_relays:
            continue
        if not networkx.is_connected(graph.subgraph(sites)):
            raise CompileError(
                f"the copies of node {k}, {sites}, are not connected on {topology.name}; add the sites between them."
            )
    owner = np.full(topology.n_sites, -1)
    for k, sites in enumerate(copies):
        owner[list(sites)] = k
    ends = np.sort(owner[topology.edges.astype(np.int64)], axis=1)
    ends = ends[ends[:, 0] >= 0]
    apart = ~np.isin(stage.edges[:, 0] * n + stage.edges[:, 1], ends[:, 0] * n + ends[:, 1])
    if np.any(apart):
        i, j = stage.edges[np.argmax(apart)]
        raise CompileError(
            f"no fabric edge of {topology.name} joins the copies of nodes {i} and {j}, which are coupled; "
            "extend their copies until they touch."
        )
    return copies
