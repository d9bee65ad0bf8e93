"""Explain: what every pass of a compilation made of the program, in words and pictures."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from thermofab.apps.console import made
from thermofab.compiler.ir.stages import Source, Wired

LARGEST_PICTURE = 3000  # vertices


@dataclass
class Explanation:
    """A ``trace`` for :func:`thermofab.compile` that keeps the stage after every pass."""

    stages: list[tuple[str, Source]] = field(default_factory=list)

    def __call__(self, name: str, stage: Source) -> None:
        self.stages.append((name, stage))

    @property
    def lines(self) -> list[str]:
        """A line per pass: what there is after it, and what it says it did."""
        lines = []
        for name, stage in self.stages:
            did = dict(stage.log).get(name, "nothing to do")
            lines.append(f"{name:<21}{stage.summary:<44}{did}")
        return lines

    def pictures(self, folder: Path) -> list[Path]:
        """The graph of the program's spins and the fabric with its copies and wires, as PNG files.

        A graph of more than 3,000 vertices is left out; so are both if no program was wired.
        """
        made(folder)
        placed = next((stage for _, stage in reversed(self.stages) if isinstance(stage, Wired)), None)
        done: list[Path] = []
        if placed is None:
            return done
        if placed.n <= LARGEST_PICTURE:
            done.append(folder / "program.png")
            _draw_program(placed, done[-1])
        if placed.fabric.n_sites <= LARGEST_PICTURE:
            done.append(folder / "fabric.png")
            _draw_fabric(placed, done[-1])
        return done


def _draw_program(stage: Wired, path: Path) -> None:
    import networkx
    from matplotlib.figure import Figure

    graph = networkx.Graph(stage.edges.tolist())
    graph.add_nodes_from(range(stage.n))
    figure = Figure(figsize=(7, 7))
    axes = figure.add_subplot()
    shown = {k for reading in stage.readings or () for k in reading.variables} or set(range(stage.n))
    largest = float(np.max(np.abs(stage.couplings), initial=1e-12))
    networkx.draw_networkx(
        graph,
        networkx.spring_layout(graph, seed=0),
        ax=axes,
        node_size=120,
        font_size=6,
        node_color=["tab:red" if stage.clamped[k] else "tab:blue" if k in shown else "lightgray" for k in graph],
        width=[0.3 + 2 * _strength(stage, i, j) / largest for i, j in graph.edges],
    )
    axes.set_title(f"{stage.n} spins (gray: hidden, red: clamped), {len(stage.edges)} couplings")
    axes.set_axis_off()
    figure.savefig(path, dpi=130, bbox_inches="tight")


def _strength(stage: Wired, i: int, j: int) -> float:
    low, high = min(i, j), max(i, j)
    row = np.flatnonzero((stage.edges[:, 0] == low) & (stage.edges[:, 1] == high))
    return float(abs(stage.couplings[row[0]])) if len(row) else 0.0


def _draw_fabric(stage: Wired, path: Path) -> None:
    import networkx
    from matplotlib.collections import LineCollection
    from matplotlib.figure import Figure

    topology, layout = stage.fabric.topology, stage.layout
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
