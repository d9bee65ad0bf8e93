"""A trace, and the grids in it, as a PNG."""

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from thermofab.apps.reasoning.page import score_shares
from thermofab.apps.reasoning.trace import TraceGraph

_BETTER = LinearSegmentedColormap.from_list("better", ["#d9dde1", "#1f8f5f"])
_MARKS = {"sample": "s"}
_WAY, _LINE, _INK = "#c2410c", "#c9ced3", "#1c2126"


def trace_png(graph: TraceGraph, path: str | Path, dots_per_inch: int = 150) -> Path:
    """Draw the graph, the puzzle and the answer; returns the file's path."""
    places, shares, way = graph.places, score_shares(graph), graph.path
    wide = max(x for x, _ in places) - min(x for x, _ in places)
    deep = max(layer for _, layer in places)
    figure = Figure(figsize=(max(4.0, 0.62 * wide + 1.5) + (3.2 if graph.box else 0), max(3.2, 0.62 * deep + 1.6)))
    FigureCanvasAgg(figure)
    spec = figure.add_gridspec(2, 2 if graph.box else 1, width_ratios=(2.2, 1) if graph.box else None)
    axes = figure.add_subplot(spec[:, 0])
    for number, node in enumerate(graph.nodes):
        x, layer = places[number]
        for parent in node.parents:
            on_way = {number, parent} <= way
            u, above = places[parent]
            axes.plot([u, x], [-above, -layer], color=_WAY if on_way else _LINE, lw=2 if on_way else 1, zorder=1)
        share = shares[number]
        axes.scatter(
            [x], [-layer], s=150, marker=_MARKS.get(node.kind, "o"), zorder=2, linewidths=2 if number in way else 1,
            color="white" if share is None else _BETTER(share), edgecolors=_WAY if number in way else "#5d666f",
        )  # fmt: skip
        weight = "bold" if number == graph.chosen else "normal"
        axes.text(
            x, -layer - 0.24, node.label, ha="center", va="top", fontsize=6.5, color=_INK, fontweight=weight,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.6},
        )  # fmt: skip
    axes.set_title(f"{graph.title}\n{graph.about}", fontsize=8.5, loc="left")
    axes.margins(0.12)
    axes.axis("off")
    if graph.box:
        for place, (name, number) in enumerate((("puzzle", 0), ("answer", graph.chosen))):
            _draw_grid(figure.add_subplot(spec[place, 1]), graph, number, name)
    figure.savefig(Path(path), dpi=dots_per_inch, bbox_inches="tight", metadata={"Software": None})
    return Path(path)


def _draw_grid(axes, graph: TraceGraph, number: int, name: str) -> None:
    box, node = graph.box, graph.nodes[number]
    assert box is not None
    for line in range(box.side + 1):
        for is_row, step in ((True, box.rows), (False, box.columns)):
            draw = axes.axhline if is_row else axes.axvline
            draw(line, color=_INK, lw=1.6 if line % step == 0 else 0.4)
    for cell, digit in enumerate(node.grid):
        if digit:
            given = node.given[cell]
            axes.text(
                cell % box.side + 0.5, cell // box.side + 0.53, str(digit), ha="center", va="center", fontsize=8,
                fontweight="bold" if given else "normal", color="#7c3aed" if given == 2 else _INK,
            )  # fmt: skip
    axes.set(xlim=(0, box.side), ylim=(box.side, 0), aspect="equal", xticks=[], yticks=[])
    axes.set_title(name, fontsize=8)
