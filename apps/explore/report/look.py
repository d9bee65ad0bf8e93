"""Look: what a study's pictures have in common."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

DPI = 130
# Mark and colour of every architecture.
KINDS = {
    "spatial": ("o", "#1f5fae"),
    "relay": ("s", "#b4540a"),
    "dense": ("^", "#2a7a4b"),
    "systolic": ("D", "#8646a8"),
}
SERIES = ("#1f5fae", "#b4540a", "#2a7a4b", "#8646a8", "#a3283f", "#0b7a86")
QUIET, IDLE, BAD = "#56606e", "#d9dde3", "#b3261e"
_FEW = 3.1  # decades below which 2 and 5 are ticks too


def log_axis(plot: Axes, axis: str) -> None:
    """A logarithmic axis whose ticks are few and read as numbers; call it when all is drawn."""
    plot.set(**{f"{axis}scale": "log"})
    low, high = {"x": plot.get_xlim, "y": plot.get_ylim}[axis]()
    one = {"x": plot.xaxis, "y": plot.yaxis}[axis]
    one.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 10**_FEW * low else (1,), numticks=12))
    one.set_major_formatter(FuncFormatter(lambda value, _: _number(value)))
    one.set_minor_formatter(NullFormatter())


def _number(value: float) -> str:
    if 1e-3 <= value < 1e5:
        return f"{value:g}"
    digits, power = f"{value:.0e}".split("e")
    return rf"$10^{{{int(power)}}}$" if digits == "1" else rf"${digits}\cdot10^{{{int(power)}}}$"


def winner_rows(facts: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The records of every workload's winner, and of the best that holds any program; each once."""
    by_name = {(row["name"], row["workload"]): row for row in facts["rows"]}
    places = [(one[place], one["workload"]) for one in facts["winners"] for place in ("first", "general")]
    return [by_name[place] for place in dict.fromkeys(places) if place in by_name]
