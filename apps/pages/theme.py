"""Pictures as SVG within a page: their colours are the page's, so that they follow its light or dark scheme.

A figure is drawn in place-holder colours; in the SVG each is replaced by a CSS variable of the page. Text stays text.
"""

import html
import io
import re

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK, QUIET, GRID, PANEL, ACCENT, SECOND, BAD = (f"#1000{k:02x}" for k in range(1, 8))
_NAMES = {INK: "ink", QUIET: "quiet", GRID: "grid", PANEL: "panel", ACCENT: "accent", SECOND: "second", BAD: "bad"}
_FONTS = re.compile(r"font:\s*([^;\"]*?)(\d+(?:\.\d+)?)px[^;\"]*")
_STYLE = {
    "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10, "axes.edgecolor": GRID,
    "axes.labelcolor": QUIET, "axes.titlecolor": INK, "axes.titlesize": 11, "axes.titleweight": "bold",
    "axes.titlelocation": "left", "axes.facecolor": "none", "figure.facecolor": "none", "text.color": INK,
    "xtick.color": QUIET, "ytick.color": QUIET, "grid.color": GRID, "grid.linewidth": 0.8, "legend.frameon": False,
    "axes.spines.top": False, "axes.spines.right": False, "legend.labelcolor": QUIET, "legend.fontsize": 9,
    "xtick.labelsize": 9, "ytick.labelsize": 9, "axes.labelsize": 9, "axes.grid": False,
}  # fmt: skip


def style() -> "matplotlib.RcParams":
    """Matplotlib's settings while a picture is drawn, for ``matplotlib.rc_context``."""
    return matplotlib.RcParams(_STYLE)


def plain(axes: Axes, grid: str = "y") -> Axes:
    """Grid lines behind, and no ticks."""
    axes.grid(axis=grid)  # pyright: ignore[reportArgumentType]
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    return axes


def svg(figure: Figure, name: str, said: str) -> str:
    """The figure's SVG element.

    Args:
        figure: drawn under :func:`style`.
        name: of its ids, unique in the page.
        said: what is to be seen, for those who do not see it.
    """
    stream = io.StringIO()
    with matplotlib.rc_context(style()), matplotlib.rc_context({"svg.hashsalt": name}):
        figure.savefig(stream, format="svg", bbox_inches="tight", metadata={"Date": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'\s+xmlns(:\w+)?="[^"]*"', "", text).replace("xlink:href", "href")
    text = re.sub(r'\bid="', f'id="{name}-', text)
    text = re.sub(r"url\(#", f"url(#{name}-", text).replace('href="#', f'href="#{name}-')
    text = _FONTS.sub(lambda found: f"font-size: {found[2]}px" + _weight(found[1]), text)
    for colour, variable in _NAMES.items():
        text = text.replace(colour, f"var(--{variable})")
    size = re.search(r'viewBox="[^"]*"', text)
    assert size is not None
    head = f'<svg role="img" aria-label="{html.escape(said)}" {size[0]}'
    return head + re.sub(r"^<svg[^>]*", "", text).rstrip()


def _weight(before: str) -> str:
    return "; font-weight: 700" if "bold" in before or "700" in before else ""
