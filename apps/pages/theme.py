"""How pictures are drawn: the settings of every figure, as SVG within a page and as files.

Within a page a figure is drawn in place-holder colours; in the SVG each is replaced by a CSS variable of the page, so
that it follows the page's light or dark scheme. Text stays text. A file has a background of its own, so that it reads
the same on light and dark pages.
"""

import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from thermofab.apps.console import made
from thermofab.apps.pages.palette import LIGHT, Palette

PAGE = Palette("#100001", "#100002", "#100003", "#100004", "#100005", "#100006", "#100007", "#100008", "#100009")
INK, QUIET, GRID = PAGE.ink, PAGE.quiet, PAGE.grid
ACCENT, SECOND, BAD = PAGE.accent, PAGE.second, PAGE.bad
_DPI, _MARGIN = 130, 0.12  # inches, around every panel
_FEW = 3.1  # decades below which 2 and 5 are ticks too
_FONTS = re.compile(r"font:\s*([^;\"]*?)(\d+(?:\.\d+)?)px[^;\"]*")


def style(palette: Palette = PAGE) -> "matplotlib.RcParams":
    """Matplotlib's settings while a picture is drawn, for ``matplotlib.rc_context``."""
    ground = "none" if palette is PAGE else palette.panel
    settings = {
        "svg.fonttype": "none", "font.family": "sans-serif", "font.size": 10, "axes.edgecolor": palette.grid,
        "axes.labelcolor": palette.quiet, "axes.titlecolor": palette.ink, "axes.titlesize": 11,
        "axes.titleweight": "bold", "axes.titlelocation": "left", "axes.facecolor": "none",
        "figure.facecolor": ground, "text.color": palette.ink, "xtick.color": palette.quiet,
        "ytick.color": palette.quiet, "grid.color": palette.grid, "grid.linewidth": 0.8, "legend.frameon": False,
        "axes.spines.top": False, "axes.spines.right": False, "legend.labelcolor": palette.quiet,
        "legend.fontsize": 9, "xtick.labelsize": 9, "ytick.labelsize": 9, "axes.labelsize": 9, "axes.grid": False,
    }  # fmt: skip
    if palette.series:
        settings["axes.prop_cycle"] = cycler(color=palette.series)
    return matplotlib.RcParams(settings)


@contextmanager
def picture(path: Path, size: tuple[float, float], palette: Palette = LIGHT) -> Iterator[Figure]:
    """A figure of its own background, ``size`` in inches, written to ``path`` when all is drawn.

    The file's folder is made where it is not there.
    """
    with matplotlib.rc_context(style(palette)):
        figure = Figure(figsize=size, layout=ConstrainedLayoutEngine(w_pad=_MARGIN, h_pad=_MARGIN), dpi=_DPI)
        yield figure
        made(path.parent)
        figure.savefig(path, metadata={"Software": None} if path.suffix == ".png" else None)


def plain(axes: Axes, grid: str = "y") -> Axes:
    """Grid lines behind, and no ticks."""
    axes.grid(axis=grid)  # pyright: ignore[reportArgumentType]
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    return axes


def log_axis(plot: Axes, axis: str) -> None:
    """A logarithmic axis whose ticks are few and read as numbers; call it when all is drawn."""
    plot.set(**{f"{axis}scale": "log"})
    low, high = {"x": plot.get_xlim, "y": plot.get_ylim}[axis]()
    one = {"x": plot.xaxis, "y": plot.yaxis}[axis]
    one.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 10**_FEW * low else (1,), numticks=12))
    one.set_major_formatter(FuncFormatter(lambda value, _: number(value)))
    one.set_minor_formatter(NullFormatter())


def number(value: float, figures: int = 3) -> str:
    """A positive value as it is read: plain, or with a power of ten."""
    if 1e-3 <= value < 1e4:
        return f"{float(f'{value:.{figures}g}'):g}"
    digits, power = f"{value:.{figures - 1}e}".split("e")
    digits = f"{float(digits):g}"
    return rf"$10^{{{int(power)}}}$" if digits == "1" else rf"${digits}\cdot 10^{{{int(power)}}}$"


def below(figure: Figure, axes: Axes, columns: int) -> None:
    """The legend of ``axes`` under them, where no curve runs through it."""
    figure.legend(
        *axes.get_legend_handles_labels(), loc="outside lower left", ncols=columns, handlelength=1.8, columnspacing=1.6
    )


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
    for part, colour in PAGE.parts():
        text = text.replace(colour, f"var(--{part})")
    size = re.search(r'viewBox="[^"]*"', text)
    assert size is not None
    head = f'<svg role="img" aria-label="{html.escape(said)}" {size[0]}'
    return head + re.sub(r"^<svg[^>]*", "", text).rstrip()


def _weight(before: str) -> str:
    return "; font-weight: 700" if "bold" in before or "700" in before else ""
