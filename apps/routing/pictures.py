"""Pictures: cost–quality curves, and the trace of one decision."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from thermofab.apps.pages.palette import LIGHT
from thermofab.apps.pages.theme import below, picture, plain
from thermofab.apps.routing.decision import RoutingDecision
from thermofab.apps.routing.evaluation import Curve

_DASHES = ("-", "--", ":", "-.")
_MARKS = ("o", "s", "^", "D", "v", "P")
_APART = 0.055  # of the axis' length, between names at the ends of lines


def draw_curves(curves: Mapping[str, Curve], path: Path) -> Path:
    """Mean quality against cost, a line per router."""
    with picture(path, (7.5, 5.2)) as figure:
        axes = plain(figure.add_subplot(), "both")
        for number, (name, one) in enumerate(curves.items()):
            # More routers than colours: the dashes go on.
            dash = _DASHES[(number // len(LIGHT.series) + number) % len(_DASHES)]
            axes.plot(one.cost, one.quality, ls=dash, label=f"{name}, APGR {one.apgr:.3f}")
        axes.set(
            title="Quality against cost on held-out prompts",
            xlabel="mean cost: 0 all to the cheapest model, 1 all to the dearest",
            ylabel="mean quality, share of right answers",
        )
        below(figure, axes, 3)
    return path


def draw_trace(decision: RoutingDecision, names: tuple[str, ...], path: Path) -> Path:
    """Quality of every model and halting probability, step by step."""
    trace = decision.metadata["trace"]
    numbers = [step["step"] for step in trace]
    with picture(path, (8.5, 5.8)) as figure:
        above, under = figure.subplots(2, 1, sharex=True, height_ratios=(1.3, 1))
        qualities = np.array([step["quality"] for step in trace]).T
        for number, values in enumerate(qualities):
            bold = 2.2 if names[number] == decision.id else 1.1
            above.plot(numbers, values, marker=_MARKS[number % len(_MARKS)], ms=4, lw=bold)
        _end_names(above, numbers[-1], [f"{name} (chosen)" if name == decision.id else name for name in names],
                   qualities[:, -1])  # fmt: skip
        above.set(ylabel="predicted quality, 0 to 1", title=f"Routed to {decision.id} after {len(trace)} steps")
        for label, mark in (("halt_probability", "o"), ("change", "s")):
            under.plot(numbers, [step[label] for step in trace], marker=mark, ms=4)
        last = [trace[-1]["halt_probability"], trace[-1]["change"]]
        _end_names(under, numbers[-1], ["halting probability", "change of the state"], np.array(last))
        under.set(xlabel="step of the refinement", ylabel="0 to 1", ylim=(-0.03, None))
        under.xaxis.set_major_locator(MaxNLocator(integer=True))
        for axes in (above, under):
            plain(axes)
    return path


def _end_names(axes: Axes, last: float, names: list[str], values: np.ndarray) -> None:
    """Every line's name behind its end, in its colour, moved until no two overlap."""
    low, high = axes.get_ylim()
    apart = _APART * (high - low) * 2
    height = -np.inf
    for k in np.argsort(values).tolist():
        height = max(float(values[k]), height + apart)
        colour = axes.lines[k].get_color()
        axes.annotate(
            names[k], (last, height), (8, 0), textcoords="offset points", va="center", fontsize=9, color=colour,
            annotation_clip=False,
        )  # fmt: skip
