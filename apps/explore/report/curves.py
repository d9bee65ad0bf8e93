"""Curves as a picture: how fast the winners forget, whether their chains agree, and how far from the truth they are."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from thermofab.apps.explore.report.look import winner_rows
from thermofab.apps.pages.palette import LIGHT
from thermofab.apps.pages.theme import log_axis, picture, plain

# Every other line is broken, so that one upon another is seen.
_DASHES = ("-", "--")
# Name, title, axes, the least value shown, and a guide line.
_CURVES = (
    ("autocorrelation", "How fast the chains forget", "lag, sweeps", "autocorrelation of all observables", 1e-3, None),
    (
        "r_hat",
        "Whether they agree",
        "sweeps of a chain after the warm-up",
        "largest split R-hat − 1",
        1e-4,
        (0.01, "R-hat 1.01"),
    ),
    (
        "tv",
        "How far they are from the truth",
        "sweeps of a chain",
        "TV, without bias",
        1e-3,
        (0.005, "below: not told from 0"),
    ),
)


def draw_curves(facts: Mapping[str, Any], path: Path) -> Path:
    """Autocorrelation, agreement of chains and distance of the winners."""
    with picture(path, (13, 4.7)) as figure:
        _fill(figure, facts)
    return path


def _fill(figure: Figure, facts: Mapping[str, Any]) -> None:
    rows = winner_rows(facts)
    for axes, (name, title, x, y, least, guide) in zip(figure.subplots(1, len(_CURVES)), _CURVES):
        log_y = name != "autocorrelation"
        for number, row in enumerate(rows):
            points = [(a, max(b, least) if log_y else b) for a, b in row["curves"].get(name, ()) if a > 0]
            if points:
                turn, place = divmod(number, len(LIGHT.series))
                colour, dash = LIGHT.series[place], _DASHES[(number + turn) % 2]
                label = f"{row['workload']}: {row['name']}"
                axes.plot(*zip(*points), marker=".", lw=1.2, ms=4, color=colour, ls=dash, label=label)
        axes.set(title=title, xlabel=x, ylabel=f"{y} (at least {least:g})" if log_y else y)
        axes.set_xscale("log")
        log_axis(axes, "x")
        if log_y:
            axes.set_yscale("log")
            axes.set_ylim(bottom=0.8 * least)
            log_axis(axes, "y")
        else:
            axes.set_ylim(top=1)
        if guide:
            axes.axhline(guide[0], color=LIGHT.bad, lw=0.8, ls="--")
            axes.text(
                0.02,
                guide[0],
                guide[1],
                transform=axes.get_yaxis_transform(),
                va="bottom",
                fontsize=7.5,
                bbox={"color": LIGHT.panel, "alpha": 0.75, "pad": 0.5},
            )
        plain(axes, "both")
    handles = {label: line for axes in figure.axes for line, label in zip(*axes.get_legend_handles_labels())}
    if handles:
        figure.legend(handles.values(), handles.keys(), loc="outside lower center", ncols=2, fontsize=8)
