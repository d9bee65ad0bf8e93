"""Maps as a picture: where the winners' programs sit."""

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from thermofab.apps.explore.report.look import KINDS, winner_rows
from thermofab.apps.explore.report.maps import GRAIN
from thermofab.apps.pages.palette import LIGHT, node_colours
from thermofab.apps.pages.theme import picture

_COLOURS = 24
_LETTERS = 46  # of a title's line
_LEAST = 7 * GRAIN  # extent of a map, so that a few sites are not drawn as large as a fabric
_WIDE, _INCHES = 3.6, 3.3  # of a place, and of the map in it


def draw_maps(facts: Mapping[str, Any], path: Path) -> Path:
    """Maps of the winners: a colour and one number per node, copies joined, idle sites grey."""
    rows = [row for row in winner_rows(facts) if row["map"] is not None]
    across = max(1, min(4, len(rows)))
    down = max(1, -(-len(rows) // across))
    with picture(path, (_WIDE * across, (_WIDE + 0.4) * down)) as figure:
        _fill(figure, facts, rows, across, down)
    return path


def _fill(figure: Figure, facts: Mapping[str, Any], rows: list[Mapping[str, Any]], across: int, down: int) -> None:
    places = figure.subplots(down, across, squeeze=False).ravel()
    for axes in places[len(rows) :]:
        axes.axis("off")
    for axes, row in zip(places, rows):
        shown = facts["maps"][row["map"]]
        used = sum(site[2] >= 0 for site in shown["sites"])
        title = textwrap.fill(f"{row['workload']}: {row['name']}", _LETTERS)
        _draw_map(axes, shown)
        axes.set_title(f"{title}\n{used} of {shown['of']} sites", fontsize=8.5)
    if not rows:
        places[0].text(0.5, 0.5, "no fabric with a TV of at most 0.02", ha="center")


def _draw_map(axes: Axes, shown: Mapping[str, Any]) -> None:
    colours = node_colours(_COLOURS)
    used = {(x, y): node for x, y, node, _ in shown["sites"] if node >= 0}
    width, height = shown["size"]
    extent = max(width, height, _LEAST)
    axes.set(
        xlim=(width / 2 - extent / 2, width / 2 + extent / 2), ylim=(height / 2 + extent / 2, height / 2 - extent / 2)
    )
    axes.set_aspect("equal")
    axes.axis("off")
    unit = 72 * _INCHES / extent  # points per unit
    for name, colour, thick in (("couplings", LIGHT.quiet, 0.7), ("stubs", KINDS["relay"][1], 1.0)):
        segments = [((a, b), (c, d)) for a, b, c, d in shown[name]]
        axes.add_collection(LineCollection(segments, colors=colour, linewidths=thick, zorder=1))
    joins = [((a, b), (c, d)) for a, b, c, d in shown["joins"]]
    of_node = [colours[used[start] % len(colours)] for start, _ in joins]
    axes.add_collection(LineCollection(joins, colors=of_node, linewidths=6 * unit, capstyle="round", zorder=2))
    idle = np.array([site[:2] for site in shown["sites"] if site[2] < 0]).reshape(-1, 2)
    axes.scatter(*idle.T, s=(8 * unit) ** 2, color=LIGHT.edge, linewidths=0, zorder=0)
    at = np.array(list(used)).reshape(-1, 2)
    axes.scatter(
        *at.T, s=(16 * unit) ** 2, c=[colours[n % len(colours)] for n in used.values()], linewidths=0, zorder=3
    )
    if 9 * unit >= 3.5:
        for (x, y), node in used.items():
            axes.text(x, y, str(node), color="white", ha="center", va="center", fontsize=8.5 * unit, zorder=4)
