"""A comparison as a picture: effective samples per second, and the time before the first sample."""

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from thermofab.apps.pages.palette import LIGHT
from thermofab.apps.pages.theme import log_axis, number, picture, plain
from thermofab.apps.profile.comparison import Comparison, Row
from thermofab.hw.spec.samples import UNMIXED

_INK, _QUIET = LIGHT.accent, LIGHT.quiet


def draw(comparison: Comparison, out: Path) -> Path:
    """A dot per method that ran, with its figure; hollow where it is modelled, a cross where the chains have not met.

    Rates have their spread over calls as a bar. Methods without a rate, and those that were left out, are named below.
    Writes what the suffix of ``out`` says.
    """
    rows = sorted((row for row in comparison.run if row.effective_rate > 0), key=lambda row: row.effective_rate)
    with picture(out, (12, 2.4 + 0.34 * max(len(rows), 1))) as figure:
        _fill(figure, comparison, rows)
    return out


def _fill(figure: Figure, comparison: Comparison, rows: list[Row]) -> None:
    left, right = figure.subplots(1, 2, sharey=True)
    left.set_yticks(range(len(rows)), [row.method for row in rows])
    left.set_ylim(-0.7, len(rows) - 0.3)
    _dots(left, rows, [row.effective_rate for row in rows], [row.spread for row in rows])
    left.set_xlabel("effective samples per second, warm; bars: spread over calls")
    timed = [row.prepare_seconds + row.first_seconds if row.standing == "measured" else 0.0 for row in rows]
    _dots(right, rows, timed, [0.0] * len(rows))
    right.set_xlabel("seconds to the first samples, cold")
    title = comparison.said if len(comparison.said) < 100 else comparison.name
    figure.suptitle(
        f"{title}; {comparison.setting['chains']} chains", fontsize=11, fontweight="bold", x=0.01, ha="left"
    )
    handles = [
        Line2D([], [], marker=mark, color=_INK, mfc=fill, ls="", label=label)
        for mark, fill, label in (
            ("o", _INK, "measured"), ("o", LIGHT.panel, "modelled, not measured"),
            ("X", _INK, "the chains have not met"),
        )
    ]  # fmt: skip
    figure.legend(handles=handles, loc="outside lower right", ncols=3)
    absent = [row.method for row in comparison.rows if row not in rows]
    if absent:
        figure.supxlabel("not drawn: " + ", ".join(absent), fontsize=8.5, color=_QUIET, x=0.01, ha="left")


def _dots(axes: Axes, rows: list[Row], values: list[float], spreads: list[float]) -> None:
    """Values on a logarithmic axis; where there is none, that it was not timed."""
    known = [value for value in values if value > 0]
    axes.set_xscale("log")
    if known:
        # Room for the figure behind the last dot.
        axes.set_xlim(min(known) / 1.6, max(known) * (max(known) / min(known)) ** 0.16 * 1.6)
    for place, (row, value, spread) in enumerate(zip(rows, values, spreads)):
        if value <= 0:
            axes.text(
                0.015, place, "not timed", transform=axes.get_yaxis_transform(), va="center", fontsize=8.5, color=_QUIET
            )
            continue
        unmixed = row.quality is not None and row.quality.r_hat > UNMIXED
        hollow = row.standing == "modelled"
        axes.errorbar(
            value, place, xerr=value * min(spread, 0.9), marker="X" if unmixed else "o", ms=7, color=_INK, capsize=2,
            mfc=LIGHT.panel if hollow else _INK,
        )  # fmt: skip
        # Behind the spread, whatever its length.
        axes.annotate(
            number(value), (value * (1 + min(spread, 0.9)), place), (7, 0), textcoords="offset points", va="center",
            fontsize=8.5,
        )  # fmt: skip
    plain(axes, "x")
    axes.tick_params(axis="y", labelcolor=LIGHT.ink)
    log_axis(axes, "x")
