"""A trace, and the grids in it, as a PNG."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from thermofab.apps.pages.palette import LIGHT
from thermofab.apps.pages.theme import picture
from thermofab.apps.reasoning.page import score_shares
from thermofab.apps.reasoning.trace import TraceGraph

_BETTER = LinearSegmentedColormap.from_list("better", [LIGHT.grid, LIGHT.accent])
_MARKS = {"sample": "s"}
_WAY, _LINE, _INK = LIGHT.second, LIGHT.edge, LIGHT.ink


def trace_png(graph: TraceGraph, path: str | Path) -> Path:
    """Draw the graph, the puzzle and the answer; returns the file's path."""
    places = graph.places
    wide = max(x for x, _ in places) - min(x for x, _ in places)
    deep = max(layer for _, layer in places)
    width = max(4.6, 0.62 * wide + 1.5)
    size = width + (2.6 if graph.box else 0), max(3.6, 0.8 * deep + 2.2)
    with picture(Path(path), size) as figure:
        if graph.box is None:
            _draw_trace(figure, figure.add_subplot(), graph)
            return Path(path)
        spec = figure.add_gridspec(2, 2, width_ratios=(width, 2.6))
        _draw_trace(figure, figure.add_subplot(spec[:, 0]), graph)
        for place, (name, number) in enumerate((("puzzle", 0), ("answer", graph.chosen))):
            _draw_grid(figure.add_subplot(spec[place, 1]), graph, number, name)
    return Path(path)


def _draw_trace(figure: Figure, axes: Axes, graph: TraceGraph) -> None:
    places, shares, way = graph.places, score_shares(graph), graph.path
    for number, node in enumerate(graph.nodes):
        x, layer = places[number]
        for parent in node.parents:
            on_way = {number, parent} <= way
            u, above = places[parent]
            axes.plot([u, x], [-above, -layer], color=_WAY if on_way else _LINE, lw=2.2 if on_way else 1, zorder=1)
        share = shares[number]
        axes.scatter(
            [x], [-layer], s=150, marker=_MARKS.get(node.kind, "o"), zorder=2, linewidths=2 if number in way else 1,
            color=LIGHT.panel if share is None else _BETTER(share), edgecolors=_WAY if number in way else LIGHT.quiet,
        )  # fmt: skip
        # Neighbours are too near for a label of one line.
        axes.annotate(
            node.label.replace(" ", "\n", 1), (x, -layer), (0, -11), textcoords="offset points", ha="center", va="top",
            fontsize=7, linespacing=1.0, fontweight="bold" if number == graph.chosen else "normal", zorder=3,
            bbox={"facecolor": LIGHT.panel, "edgecolor": "none", "pad": 0.4},
        )  # fmt: skip
    axes.set_title(f"{graph.title}: {graph.about}", fontsize=10)
    axes.margins(0.06, 0.16)
    axes.axis("off")
    keys = [Line2D([], [], color=_WAY, lw=2.2, label="the way to the answer")]
    if any(node.kind in _MARKS for node in graph.nodes):
        keys.append(
            Line2D([], [], color=LIGHT.quiet, marker="s", mfc="none", ls="", ms=8, label="sample of the device")
        )
    if any(share is not None for share in shares):
        keys += [
            Line2D([], [], color=_BETTER(share), marker="o", ls="", ms=9, mec=LIGHT.quiet, label=label)
            for share, label in ((0.0, "worst score"), (1.0, "best score"))
        ]
    figure.legend(handles=keys, loc="outside lower left", ncols=4)


def _draw_grid(axes: Axes, graph: TraceGraph, number: int, name: str) -> None:
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
                fontweight="bold" if given else "normal", color=LIGHT.series[3] if given == 2 else _INK,
            )  # fmt: skip
    axes.set(xlim=(0, box.side), ylim=(box.side, 0), aspect="equal", xticks=[], yticks=[])
    axes.set_title(name, fontsize=9)
    axes.spines[:].set_visible(False)
