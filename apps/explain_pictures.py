"""Pictures of a compiled program: its graph, and the fabric with its copies and couplings, by sign and size."""

from pathlib import Path

import networkx
import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_hex
from matplotlib.figure import Figure

from thermofab.apps.pages.palette import DARK, LIGHT, Palette, ink_on, mixed, node_colours
from thermofab.apps.pages.placement import (
    PlacementPicture,
    coupling_keys,
    coupling_look,
    draw_placement,
    is_whole,
    label_discs,
    placement_keys,
)
from thermofab.apps.pages.theme import picture
from thermofab.compiler.ir.stages import Wired

_INCHES, _LEGEND = 7.6, 0.9
_LONGEST_NAME = 4  # letters; programs with longer names are labelled by number
_DRAWN_BY_DISTANCE = 80  # nodes: above, by springs, which takes less time
_HUES = 24
_TINTS = {LIGHT: (0.93, 0.86), DARK: (0.42, 0.34)}  # lightness of discs, behind labels
_UNIT = "kT"


def draw_pictures(stage: Wired, name: str, folder: Path, largest: int) -> list[Path]:
    """Write ``program.png`` and ``fabric.png``, and both for dark pages, ``…-dark.png``.

    Args:
        stage: the program on its fabric.
        name: of the program, in the titles.
        folder: made if it is not there.
        largest: spins, or sites, above which a picture is left out.

    Returns:
        The files written.
    """
    written: list[Path] = []
    for palette, suffix in ((LIGHT, ""), (DARK, "-dark")):
        if stage.n <= largest:
            written.append(folder / f"program{suffix}.png")
            with picture(written[-1], (_INCHES, _INCHES + _LEGEND), palette) as figure:
                draw_program(figure, stage, name, palette)
        shown = placement_of(stage)
        if shown.topology.n_sites <= largest:
            written.append(folder / f"fabric{suffix}.png")
            with picture(written[-1], (_INCHES, _INCHES + _LEGEND), palette) as figure:
                draw_fabric(figure, shown, name, palette)
    return written


def placement_of(stage: Wired) -> PlacementPicture:
    """The program on the fabric's own sites, relays included; couplings in units of kT."""
    layout, hosting, topology = stage.layout, stage.hosting, stage.fabric.topology
    carried = np.zeros(topology.n_edges)
    carried[layout.wire_sites] = layout.segment_couplings(stage.couplings)
    carried[layout.trunk_sites] = layout.trunk_couplings
    labels, clamped = labels_of(stage), stage.clamped
    if hosting is None:
        return PlacementPicture(topology, layout.copies, carried, labels, clamped)
    real = np.zeros(hosting.fabric.topology.n_edges)
    real[hosting.carriers] = carried
    return PlacementPicture(hosting.fabric.topology, hosting.trees, real, labels, clamped, hosting.order.parents)


def labels_of(stage: Wired) -> tuple[str, ...]:
    """Names of the spins where all are short, else their numbers."""
    names = tuple(str(name) for name in stage.names)
    return names if max(map(len, names), default=0) <= _LONGEST_NAME else tuple(map(str, range(stage.n)))


def draw_program(figure: Figure, stage: Wired, name: str, palette: Palette) -> None:
    """The graph of the spins: discs coloured by bias, lines by coupling."""
    graph = networkx.Graph()
    graph.add_nodes_from(range(stage.n))
    graph.add_edges_from(stage.edges.tolist())
    by_distance = 2 < stage.n <= _DRAWN_BY_DISTANCE and networkx.is_connected(graph)
    found = networkx.kamada_kawai_layout(graph) if by_distance else networkx.spring_layout(graph, seed=0)
    places = np.array([found[k] for k in range(stage.n)]).reshape(-1, 2)
    axes = figure.add_subplot()
    axes.axis("off")
    # Springs leave some spins close together: discs that do not hide each other are too small for labels.
    share = 0.42 if by_distance else 0.22
    disc = float(np.clip(72 * _INCHES * share / np.sqrt(stage.n), 2.5, 26.0))
    thickest = float(np.clip(0.2 * disc, 0.7, 5.0))
    largest = float(np.abs(stage.couplings).max(initial=0.0))
    ends = places[stage.edges.reshape(-1, 2)]
    look = coupling_look(stage.couplings, largest, thickest, palette)
    axes.add_collection(look.lines(list(ends), 1))
    reach = float(np.abs(stage.biases).max(initial=0.0))
    # Signs as of the couplings, paler, so that labels are read.
    scale = LinearSegmentedColormap.from_list("bias", _tints(palette))
    colours = ScalarMappable(Normalize(-(reach or 1.0), reach or 1.0), scale)
    fills = [to_hex(colour) for colour in colours.to_rgba(stage.biases)]
    for clamped, mark in ((False, "o"), (True, "s")):
        some = np.flatnonzero(stage.clamped == clamped)
        if len(some):
            axes.scatter(
                *places[some].T, s=disc**2, marker=mark, facecolors=[fills[k] for k in some], edgecolors=palette.quiet,
                linewidths=min(1.0, 0.1 * disc), zorder=3, label="clamped" if clamped else "spin",
            )  # fmt: skip
    label_discs(axes, places, labels_of(stage), [ink_on(fill) for fill in fills], disc)
    axes.margins(0.08)
    hidden = stage.n - len(_read(stage))
    added = f", {hidden} of them added by the compiler" if hidden else ""
    axes.set_title(f"{name}: {_count(stage.n, 'spin')}{added}, {_count(len(stage.edges), 'coupling')}")
    keys = coupling_keys(stage.couplings, thickest, _UNIT, palette)
    keys += axes.get_legend_handles_labels()[0] if stage.clamped.any() else []
    _legend(figure, keys, "coupling J; positive: states alike")
    if reach:
        bar = figure.colorbar(colours, ax=axes, location="right", shrink=0.45, aspect=22, pad=0.02)
        bar.set_label(f"bias h of a spin, {_UNIT}")
        bar.outline.set_edgecolor(palette.edge)


def draw_fabric(figure: Figure, shown: PlacementPicture, name: str, palette: Palette) -> None:
    """The sites of every spin and the couplings that they carry."""
    tints = node_colours(_HUES, _TINTS[palette], 0.07)
    fills = [tints[k % _HUES] for k in range(len(shown.copies))]
    axes = figure.add_subplot()
    thickest = draw_placement(axes, shown, palette, fills, [ink_on(fill) for fill in fills], _INCHES)
    used = sum(map(len, shown.copies))
    part = "" if is_whole(shown.topology) else "; they are shown"
    axes.set_title(f"{name} on {shown.topology.name}: {used:,} of {_count(shown.topology.n_sites, 'site')} used{part}")
    keys = coupling_keys(shown.couplings[shown.coupled], thickest, _UNIT, palette) + placement_keys(shown, palette)
    _legend(figure, keys, "coupling between sites; positive: states alike")


def _tints(palette: Palette) -> list[str]:
    return [mixed(0.6, palette.panel, palette.second), palette.panel, mixed(0.6, palette.panel, palette.accent)]


def _read(stage: Wired) -> set[int]:
    """The spins that a node is read from."""
    if stage.readings is None:
        return set(range(stage.n))
    return {k for reading in stage.readings for k in reading.variables}


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def _legend(figure: Figure, keys: list, title: str) -> None:
    legend = figure.legend(
        handles=keys, title=title, loc="outside lower left", ncols=4, handlelength=3.2, columnspacing=1.6,
        alignment="left", title_fontsize=9,
    )  # fmt: skip
    legend.get_title().set_fontweight("bold")
