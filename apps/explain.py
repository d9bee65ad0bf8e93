"""Explain: what every pass of a compilation made of the program, in words and pictures."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from thermofab.compiler.ir.draft import Draft

LARGEST_PICTURE = 3000  # vertices


@dataclass
class Explanation:
    """A ``trace`` for :func:`thermofab.compile` that keeps the draft after every pass."""

    drafts: list[tuple[str, Draft]] = field(default_factory=list)

    def __call__(self, name: str, draft: Draft) -> None:
        self.drafts.append((name, draft))

    @property
    def lines(self) -> list[str]:
        """A line a pass: what there is after it, and what it says it did."""
        lines = []
        for name, draft in self.drafts:
            did = dict(draft.log).get(name, "nothing to do")
            lines.append(f"{name:<21}{_size(draft):<44}{did}")
        return lines

    def pictures(self, folder: Path) -> list[Path]:
        """The graph of the program's spins and the fabric with its copies and wires, as PNG files.

        A graph of more than 3,000 vertices is left out.
        """
        folder.mkdir(parents=True, exist_ok=True)
        placed = self.drafts[-1][1]
        done = []
        if placed.n <= LARGEST_PICTURE:
            done.append(folder / "program.png")
            _draw_program(placed, done[-1])
        if placed.fabric.n_sites <= LARGEST_PICTURE:
            done.append(folder / "fabric.png")
            _draw_fabric(placed, done[-1])
        return done


def _size(draft: Draft) -> str:
    if draft.model is not None:
        return f"{draft.model.n_nodes} nodes, {sum(len(f.weights) for f in draft.model.factors)} terms"
    higher = f", {len(draft.higher)} terms to expand" if draft.higher else ""
    tables = f", {len(draft.tables)} tables" if len(draft.tables) else ""
    sites = f" on {draft.layout.n_sites} sites" if draft.layout.n_sites else ""
    return f"{draft.n} spins, {len(draft.edges)} edges{higher}{tables}{sites}"


def _draw_program(draft: Draft, path: Path) -> None:
    import networkx
    from matplotlib.figure import Figure

    graph = networkx.Graph(draft.edges.tolist())
    graph.add_nodes_from(range(draft.n))
    figure = Figure(figsize=(7, 7))
    axes = figure.add_subplot()
    shown = {k for reading in draft.readings or () for k in reading.variables} or set(range(draft.n))
    largest = float(np.max(np.abs(draft.couplings), initial=1e-12))
    networkx.draw_networkx(
        graph,
        networkx.spring_layout(graph, seed=0),
        ax=axes,
        node_size=120,
        font_size=6,
        node_color=["tab:red" if draft.clamped[k] else "tab:blue" if k in shown else "lightgray" for k in graph],
        width=[0.3 + 2 * _strength(draft, i, j) / largest for i, j in graph.edges],
    )
    axes.set_title(f"{draft.n} spins (gray: hidden, red: clamped), {len(draft.edges)} couplings")
    axes.set_axis_off()
    figure.savefig(path, dpi=130, bbox_inches="tight")


def _strength(draft: Draft, i: int, j: int) -> float:
    low, high = min(i, j), max(i, j)
    row = np.flatnonzero((draft.edges[:, 0] == low) & (draft.edges[:, 1] == high))
    return float(abs(draft.couplings[row[0]])) if len(row) else 0.0


def _draw_fabric(draft: Draft, path: Path) -> None:
    import networkx
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    topology, layout = draft.fabric.topology, draft.layout
    if topology.lattice is not None:
        place = topology.lattice.coordinates()[:, :2]
    else:
        found = networkx.spring_layout(topology.to_networkx(), seed=0)
        place = np.array([found[site] for site in range(topology.n_sites)])
    figure = Figure(figsize=(8, 8))
    axes = figure.add_subplot()

    def lines(edges: np.ndarray, **style) -> None:
        axes.add_collection(LineCollection(list(place[topology.edges[edges]]), **style))

    lines(np.arange(topology.n_edges), colors="0.9", linewidths=0.5, zorder=1)
    lines(layout.wire_sites, colors="tab:blue", linewidths=1.2, zorder=2)
    lines(layout.trunk_sites, colors="tab:red", linewidths=2.2, zorder=3)
    owner = np.full(topology.n_sites, -1)
    for k, sites in enumerate(layout.copies):
        owner[list(sites)] = k
    free = owner < 0
    axes.scatter(*place[free].T, s=8, c="0.8", zorder=4)
    axes.scatter(*place[~free].T, s=30, c=owner[~free] % 20, cmap="tab20", vmin=0, vmax=19, zorder=5)
    roots = layout.roots
    axes.scatter(*place[roots].T, s=60, facecolors="none", edgecolors="black", linewidths=0.8, zorder=6)
    for k, site in enumerate(roots[:200].tolist()):
        axes.annotate(str(k), (place[site, 0], place[site, 1]), fontsize=6, ha="center", va="center", zorder=7)
    axes.set_title(f"{topology.name}: {layout.n_sites} sites (rings: roots), wires blue, trunks red")
    axes.set_axis_off()
    axes.autoscale()
    figure.savefig(path, dpi=130, bbox_inches="tight")
