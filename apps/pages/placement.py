"""A program on a fabric as a picture: which sites hold which node, and what couples them, by sign and size."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.colors import to_rgba
from matplotlib.lines import Line2D
from matplotlib.typing import ColorType, LineStyleType

from thermofab.apps.pages.palette import Palette
from thermofab.apps.pages.places import on_paper, site_places, within_picture
from thermofab.hw.spec import NO_PARENT, Topology

FREE = -1
MINUS = "\N{MINUS SIGN}"
_WHOLE = 160  # sites up to which a fabric is shown as a whole
_MARGIN = 1.2  # neighbouring distances around the used sites of a larger one
_MOST_IDLE_EDGES = 20_000
_DISC, _LARGEST_DISC = 0.56, 25.0  # of the distance between neighbours; points
_BAND = 0.5  # of a disc, what joins copies
_SMALLEST_TEXT = 5.5  # points; a label that would be smaller is left out
_THICK, _THICKEST = 0.17, 5.0  # of the distance between neighbours; points
_LEAST_BROKEN = 1.5  # points
_DASHES: LineStyleType = (0, (2.2, 1.1))  # of negative couplings, for those who see no colour


@dataclass(frozen=True, eq=False)
class PlacementPicture:
    """What is drawn.

    Attributes:
        topology: the fabric's.
        copies: sites of every variable, the root first; one site at least in all.
        couplings: float64 ``[E]`` of every edge of the fabric, 0 where it carries nothing.
        labels: of the variables.
        clamped: bool ``[n]``.
        parents: int ``[N]`` of relays, as in an ``Order``; ``None`` where copies are joined by couplings.
    """

    topology: Topology
    copies: tuple[tuple[int, ...], ...]
    couplings: np.ndarray
    labels: tuple[str, ...]
    clamped: np.ndarray
    parents: np.ndarray | None = None

    @cached_property
    def owner(self) -> np.ndarray:
        """int64 ``[N]``: the variable of every site, -1 where there is none."""
        owner = np.full(self.topology.n_sites, FREE)
        for k, sites in enumerate(self.copies):
            owner[list(sites)] = k
        return owner

    @cached_property
    def _within(self) -> np.ndarray:
        """bool ``[E]``: between two sites of one variable."""
        i, j = self.owner[self.topology.edges].T
        return (i == j) & (i != FREE)

    @property
    def chains(self) -> np.ndarray:
        """int64 ``[k, 2]``: sites of one variable that are joined."""
        if self.parents is None:
            return self.topology.edges[self._within & (self.couplings != 0)]
        relays = np.flatnonzero(self.parents != NO_PARENT)
        return np.stack([relays, self.parents[relays]], axis=1)

    @property
    def coupled(self) -> np.ndarray:
        """bool ``[E]``: couplings between sites of different variables."""
        return (self.couplings != 0) & ~self._within

    @property
    def largest(self) -> float:
        """Of the couplings between variables, in magnitude; 0 without any."""
        return float(np.abs(self.couplings[self.coupled]).max(initial=0.0))


@dataclass(frozen=True)
class Look:
    """Of every line its colour, width in points, opacity if the colour has none, and dashes."""

    colours: list[ColorType]
    widths: list[float]
    opacities: list[float | None]
    dashes: list[LineStyleType]

    def of(self, rows: Sequence[int]) -> "Look":
        """Of some lines, in that order."""
        return Look(
            [self.colours[k] for k in rows],
            [self.widths[k] for k in rows],
            [self.opacities[k] for k in rows],
            [self.dashes[k] for k in rows],
        )

    def lines(self, ends: Sequence[np.ndarray], order: float) -> LineCollection:
        """The lines between ``ends``, float64 ``[2, 2]`` each, drawn after what has a smaller ``order``."""
        shades = [to_rgba(colour, opacity) for colour, opacity in zip(self.colours, self.opacities, strict=True)]
        return LineCollection(
            list(ends), colors=shades, linewidths=self.widths, linestyles=self.dashes,
            zorder=order, capstyle="round" if self.dashes and set(self.dashes) == {"-"} else "butt",
        )  # fmt: skip


def coupling_look(couplings: np.ndarray, largest: float, thickest: float, palette: Palette) -> Look:
    """The sign of a coupling is told by colour and dashes, its size by width and opacity.

    Args:
        couplings: float64 ``[k]``.
        largest: the magnitude drawn ``thickest`` points wide.
        thickest: of a line, in points; thin lines are not broken.
        palette: its two signs' colours are ``accent``, positive, and ``second``.
    """
    share, negative = np.abs(couplings) / (largest or 1.0), couplings < 0
    return Look(
        [palette.second if down else palette.accent for down in negative],
        (thickest * (0.2 + 0.8 * share)).tolist(),
        (0.45 + 0.55 * share).tolist(),
        [_DASHES if down and thickest > _LEAST_BROKEN else "-" for down in negative],
    )


def coupling_keys(couplings: np.ndarray, thickest: float, unit: str, palette: Palette) -> list[Artist]:
    """A legend's lines: the largest coupling of either sign, and half of it."""
    largest = float(np.abs(couplings).max(initial=0.0))
    sizes = [largest, float(f"{largest / 2:.2g}")]
    shown = np.array([sign * size for sign in (1, -1) if np.any(sign * couplings > 0) for size in sizes])
    look = coupling_look(shown, largest, thickest, palette)
    return [
        Line2D([], [], color=colour, lw=width, alpha=opacity, ls=dashes, label=f"{signed(value)} {unit}")
        for value, colour, width, opacity, dashes in zip(
            shown.tolist(), look.colours, look.widths, look.opacities, look.dashes, strict=True
        )
    ]


def signed(value: float) -> str:
    return f"{value:+.3g}".replace("-", MINUS)


def draw_placement(
    axes: Axes,
    shown: PlacementPicture,
    palette: Palette,
    fills: Sequence[ColorType],
    inks: Sequence[str],
    inches: float,
) -> float:
    """Draw sites, copies and couplings.

    Args:
        axes: empty, and then without frame, its limits those of the sites.
        shown: what to draw.
        palette: of lines and of idle sites.
        fills: a colour per variable, of its sites and of the bands that join them; seen through, on the panel.
        inks: of the variables' labels.
        inches: length of the longer side of ``axes``.

    Returns:
        The width in points of the largest coupling.
    """
    topology, owner = shown.topology, shown.owner
    full, period = site_places(topology, owner != FREE)
    places = on_paper(full)
    low, high = _frame(places, owner != FREE, is_whole(topology))
    point = 72 * inches / float((high - low).max())  # points per distance between neighbours
    disc, thickest = min(_DISC * point, _LARGEST_DISC), float(np.clip(_THICK * point, 0.7, _THICKEST))
    axes.set(xlim=(low[0], high[0]), ylim=(high[1], low[1]), aspect="equal")
    axes.axis("off")

    def draw(edges: np.ndarray, look: Look, order: float) -> None:
        straight, stubs = within_picture(edges, full, period)
        rows = straight + [row for row, _, _ in stubs]
        ends = [*places[edges[straight]], *(np.stack(stub[1:]) for stub in stubs)]
        axes.add_collection(look.of(rows).lines(ends, order))

    if topology.n_edges <= _MOST_IDLE_EDGES:
        idle = topology.edges[shown.couplings == 0]
        draw(idle, _alike([palette.grid] * len(idle), min(0.8, thickest / 3)), 1)
    chains, rim = shown.chains, _BAND * disc
    fill_of, ink_of = dict(enumerate(fills)), dict(enumerate(inks))
    hues = [fill_of[int(owner[start])] for start in chains[:, 0].tolist()]
    for order, colours, width in (
        (2.0, [palette.quiet] * len(chains), rim),
        (2.1, [palette.panel] * len(chains), max(rim - 1.6, 0.5)),
        (2.2, hues, max(rim - 1.6, 0.5)),
    ):
        draw(chains, _alike(colours, width), order)
    coupled = shown.coupled
    look = coupling_look(shown.couplings[coupled], shown.largest, thickest, palette)
    draw(topology.edges[coupled], look, 3)
    axes.scatter(*places[owner == FREE].T, s=(0.3 * disc) ** 2, color=palette.edge, linewidths=0, zorder=1.5)
    roots = np.zeros(topology.n_sites, dtype=bool)
    roots[[sites[0] for sites in shown.copies]] = True
    for clamped, mark in ((False, "o"), (True, "s")):
        for root, rim, width in ((False, palette.quiet, 0.8), (True, palette.ink, 1.8)):
            some = np.flatnonzero((owner != FREE) & (roots == root) & (shown.clamped[owner] == clamped))
            axes.scatter(*places[some].T, s=disc**2, marker=mark, color=palette.panel, linewidths=0, zorder=3.9)
            axes.scatter(
                *places[some].T, s=disc**2, marker=mark, facecolors=[fill_of[k] for k in owner[some].tolist()],
                edgecolors=rim, linewidths=min(width, 0.16 * disc), zorder=4,
            )  # fmt: skip
    used = np.flatnonzero(owner != FREE)
    of_site = owner[used].tolist()
    label_discs(axes, places[used], [shown.labels[k] for k in of_site], [ink_of[k] for k in of_site], disc)
    return thickest


def _alike(colours: Sequence[ColorType], width: float) -> Look:
    """Unbroken lines of one width."""
    n = len(colours)
    return Look(list(colours), [width] * n, [None] * n, ["-"] * n)


def label_discs(axes: Axes, places: np.ndarray, labels: Sequence[str], inks: Sequence[str], disc: float) -> None:
    """Labels that fit into discs of ``disc`` points; none at all where one would be too small to read."""
    size = min(0.56 * disc, 1.35 * disc / max(map(len, labels), default=1), 10.0)
    if size < _SMALLEST_TEXT:
        return
    for place, label, ink in zip(places, labels, inks, strict=True):
        axes.annotate(label, place, ha="center", va="center", fontsize=size, color=ink, zorder=5)


def placement_keys(shown: PlacementPicture, palette: Palette) -> list[Artist]:
    """A legend's entries for sites."""
    keys: list[Artist] = [
        Line2D([], [], color=palette.ink, marker="o", ls="", ms=8, mfc="none", mew=1.8, label="read here (root)")
    ]
    if len(shown.chains):
        joined = "its relays" if shown.parents is not None else "its copies"
        keys.append(Line2D([], [], color=palette.quiet, lw=6, alpha=0.5, label=f"joins a node to {joined}"))
    if shown.clamped.any():
        keys.append(Line2D([], [], color=palette.ink, marker="s", ls="", ms=8, mfc="none", label="clamped"))
    if (shown.owner == FREE).any():
        keys.append(Line2D([], [], color=palette.edge, marker="o", ls="", ms=5, label="site not used"))
    return keys


def is_whole(topology: Topology) -> bool:
    """Whether all sites are shown; of a larger fabric, those around the used sites are."""
    return topology.n_sites <= _WHOLE


def _frame(places: np.ndarray, used: np.ndarray, whole: bool) -> tuple[np.ndarray, np.ndarray]:
    """The corners of what is shown."""
    low, high = places.min(axis=0) - 0.6, places.max(axis=0) + 0.6
    if whole:
        return low, high
    near = places[used]
    return np.maximum(near.min(axis=0) - _MARGIN, low), np.minimum(near.max(axis=0) + _MARGIN, high)
