"""Labels: places for names beside the marks of a picture, such that none covers another name or a mark."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backend_bases import RendererBase
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation, Text

_FAR = (8, 16, 28, 44, 64, 88)  # points from the mark
_AROUND = ((1, 0), (-1, 0), (0, 1), (0, -1), (0.7, 0.7), (0.7, -0.7), (-0.7, 0.7), (-0.7, -0.7))


def label_marks(
    figure: Figure, axes: Axes, named: Sequence[tuple[float, float, str]], others: Sequence[tuple[float, float]],
    size: float = 8.0,
) -> list[str]:  # fmt: skip
    """Write names beside marks, nearest places first, a thin line to those that are far.

    Args:
        figure, axes: drawn but for the names; the axes' limits stay.
        named: x and y in data, and the name.
        others: marks without a name, which are not to be covered either.
        size: of the text, in points.

    Returns:
        The names that found no place.
    """
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    # The layout is what the places were found in.
    figure.set_layout_engine("none")
    renderer, frame = canvas.get_renderer(), axes.get_window_extent()
    per_point = figure.dpi / 72
    marks = axes.transData.transform(np.array([(x, y) for x, y, _ in named] + list(others)).reshape(-1, 2))
    taken = [(x - 5 * per_point, y - 5 * per_point, x + 5 * per_point, y + 5 * per_point) for x, y in marks]
    left_out = []
    for x, y, name in named:
        for far, (right, up) in ((far, way) for far in _FAR for way in _AROUND):
            text = axes.annotate(
                name, (x, y), (far * right, far * up), textcoords="offset points", fontsize=size,
                ha="left" if right > 0 else "right" if right < 0 else "center",
                va="bottom" if up > 0 else "top" if up < 0 else "center",
                arrowprops={"arrowstyle": "-", "lw": 0.5, "color": "#777777", "shrinkB": 4} if far > 16 else None,
            )  # fmt: skip
            box = _box(text, renderer)
            inside = box[0] >= frame.x0 and box[1] >= frame.y0 and box[2] <= frame.x1 and box[3] <= frame.y1
            if inside and not any(_meet(box, other) for other in taken):
                taken.append(box)
                break
            text.remove()
        else:
            left_out.append(name)
    return left_out


def _box(text: Annotation, renderer: RendererBase) -> tuple[float, float, float, float]:
    """Of the letters alone, in pixels: left, bottom, right, top."""
    text.update_positions(renderer)
    return Text.get_window_extent(text, renderer).extents


def _meet(one: Sequence[float], other: Sequence[float]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
