"""The front as a picture: two objectives of every fabric, with the names of those that nothing betters."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from thermofab.apps.explore.report.labels import label_marks
from thermofab.apps.explore.report.look import KINDS
from thermofab.apps.pages.palette import LIGHT
from thermofab.apps.pages.theme import log_axis, picture, plain

_DECADE = 10.0


def draw_front(facts: Mapping[str, Any], path: Path) -> Path:
    """The first two objectives of every fabric, in one picture with the hypervolume.

    Axes are logarithmic where values span a decade. Values at or below the resolution of a run stand in a shaded lane;
    names are those of the front.
    """
    with picture(path, (12, 5.4)) as figure:
        _fill(figure, facts)
    return path


def _fill(figure: Figure, facts: Mapping[str, Any]) -> None:
    plot, curve = figure.subplots(1, 2, width_ratios=(2.2, 1))
    names = [name.partition(":")[2] for name in facts["objectives"]]
    pair = (0, min(1, len(names) - 1))
    shown = [one for one in facts["points"] if one["values"]]
    for architecture, (mark, colour) in KINDS.items():
        mine = [one for one in shown if one["architecture"] == architecture]
        for front in (False, True):
            some = [one for one in mine if one["front"] == front]
            x, y = ([one["values"][k] for one in some] for k in pair)
            plot.scatter(
                x, y, s=70 if front else 28, marker=mark, color=colour, edgecolors=LIGHT.ink if front else "none",
                alpha=0.85, zorder=3,
            )  # fmt: skip
    for axis, k in (("x", pair[0]), ("y", pair[1])):
        _scale(plot, axis, [one["values"][k] for one in shown], facts, names[k])
    plain(plot, "both")
    said = f"{len(shown)} of {len(facts['points'])} fabrics run; ringed: on the front"
    plot.set_title(said)
    there = [name for name in KINDS if any(one["architecture"] == name for one in shown)]
    handles = [Line2D([], [], marker=KINDS[name][0], color=KINDS[name][1], ls="", label=name) for name in there]
    if handles:
        figure.legend(handles=handles, loc="outside lower left", ncols=4, fontsize=9, frameon=False)
    volumes = facts["hypervolume"]
    curve.step(range(1, len(volumes) + 1), volumes, where="post", color=KINDS["spatial"][1])
    curve.set(xlabel="fabrics judged", ylabel="hypervolume, decades multiplied", title="The front as it grew")
    curve.set_ylim(bottom=0)
    curve.xaxis.set_major_locator(MaxNLocator(integer=True))
    plain(curve)
    front = [one for one in shown if one["front"]]
    place = [tuple(one["values"][k] for k in pair) for one in shown]
    label_marks(figure, plot, [(*(one["values"][k] for k in pair), one["name"]) for one in front], place)


def _scale(plot: Axes, axis: str, values: Sequence[float], facts: Mapping[str, Any], measure: str) -> None:
    """Scale, limits, lane and label of an axis."""
    about = facts["measures"][measure]
    rows = [row["measures"][measure] for row in facts["rows"] if measure in row["measures"]]
    unit = next((row[2] for row in rows if row[2]), "")
    standing = ", ".join(dict.fromkeys(row[1] for row in rows))
    several = len(facts["about"]) > 1
    together = {"worst": "worst workload", "mean": "geometric mean over workloads"}[about["over"]] if several else ""
    said = "; ".join(part for part in (unit, standing, together) if part)
    floor, set_limits = about["floor"], {"x": plot.set_xlim, "y": plot.set_ylim}[axis]
    plot.set(**{f"{axis}label": f"{about['label']} ({said})"})
    above = [value for value in values if value > 0]
    if not above:
        return
    low, high = min(above), max(above)
    held = floor > 0 and low <= floor
    if high >= _DECADE * low:
        more = (high / low) ** 0.08
        set_limits(low / max(more, 1.3 if held else 1), high * more)
        log_axis(plot, axis)
    else:
        more = 0.1 * (high - low) or 0.3 * high
        set_limits(max(low - more, 0), high + more)
    if held:
        shade = {"x": plot.axvspan, "y": plot.axhspan}[axis]
        start, end = {"x": plot.get_xlim(), "y": plot.get_ylim()}[axis]
        shade(start, min(floor * (floor / start) ** 0.5, end), color=KINDS["relay"][1], alpha=0.1, lw=0)
        note = f"{measure} at or below {floor:g}: not told from 0"
        if axis == "y":
            plot.text(0.01, 0.015, note, transform=plot.transAxes, fontsize=7.5, color=LIGHT.quiet)
