"""The demo's pictures, as SVG in the page's own colours."""

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from thermofab.apps.demo.facts import Facts
from thermofab.apps.pages.placement import PlacementPicture, coupling_keys, draw_placement, placement_keys
from thermofab.apps.pages.theme import ACCENT, INK, PAGE, QUIET, SECOND, plain, style, svg

_SHOWN = 32  # likeliest states
_TRACED = 400  # samples of a chain
_PALEST, _FULLEST = 0.08, 0.45  # how much of its colour a site shows: labels are read on it
_INCHES = 7.2  # of the map


def fabric_map(facts: Facts) -> str:
    """The fabric's sites and wires, with the program's nodes, couplings and sampled means on them."""
    program = facts.program
    topology, weights = program.fabric.topology, program.image.weights
    clamped = np.zeros(len(program.copies), dtype=bool)
    clamped[[v for block in program.clamped_blocks for k in block for v in program.variables_of(k)]] = True
    labels = tuple(str(k) for k in range(len(program.copies)))
    shown = PlacementPicture(topology, program.copies, weights.astype(float), labels, clamped)
    fills = [
        (ACCENT if mean > 0 else SECOND, _PALEST + (_FULLEST - _PALEST) * abs(mean)) for mean in facts.means.tolist()
    ]
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(_INCHES, _INCHES))
        axes = figure.add_subplot()
        thickest = draw_placement(axes, shown, PAGE, fills, [INK] * len(fills), _INCHES)
        keys = [
            *coupling_keys(shown.couplings[shown.coupled], thickest, "weight steps", PAGE),
            Line2D([], [], color=ACCENT, marker="o", ls="", ms=9, alpha=_FULLEST, label="spin mostly +1"),
            Line2D([], [], color=SECOND, marker="o", ls="", ms=9, alpha=_FULLEST, label="spin mostly \N{MINUS SIGN}1"),
            *placement_keys(shown, PAGE),
        ]
        axes.legend(handles=keys, loc="upper left", bbox_to_anchor=(0, 0), ncols=3, columnspacing=1.4)
        said = (
            f"{program.report.nodes} nodes on {program.report.sites} of the {topology.n_sites} sites of {topology.name}"
        )
        return svg(figure, "map", said)


def distribution(facts: Facts) -> str:
    """The likeliest states with their sampling error; and all states, sampled against exact."""
    order = np.argsort(-facts.exact)[:_SHOWN]
    places, exact = np.arange(len(order)), facts.exact[order]
    error = 1.96 * np.sqrt(exact * (1 - exact) / facts.effective)
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(10.4, 3.9), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=[2, 1])
        left.plot(places, exact, "_", ms=9, mew=2.5, color=QUIET, label="exact, by enumeration")
        left.errorbar(places - 0.15, facts.fabric[order], yerr=error, fmt="o", ms=3.5, lw=1, color=ACCENT,
                      label="the fabric, 95% of its sampling error")  # fmt: skip
        left.plot(places + 0.2, facts.thrml[order], "x", ms=4.5, color=SECOND, label="THRML's sampler")
        left.set(xlabel=f"the {len(order)} likeliest of {len(facts.exact):,} states", ylabel="probability")
        left.set_title("Every state where it should be")
        left.set_yscale("log")
        left.set_xticks([])
        left.legend()
        plain(left)
        _against_exact(right, facts)
        return svg(figure, "distribution", "sampled and exact probabilities of states")


def _against_exact(axes: Axes, facts: Facts) -> None:
    for frequencies, colour, marker, label in (
        (facts.thrml, SECOND, "x", "THRML"), (facts.fabric, ACCENT, ".", "fabric"),
    ):  # fmt: skip
        seen = (facts.exact > 0) & (frequencies > 0)
        axes.loglog(facts.exact[seen], frequencies[seen], marker, ms=3, alpha=0.7, color=colour, label=label)
    shown = facts.exact[(facts.exact > 0) & ((facts.thrml > 0) | (facts.fabric > 0))]
    ends = [shown.min(), shown.max()]
    axes.loglog(ends, ends, color=INK, lw=0.8)
    count = facts.energies.size
    axes.axhline(1 / count, color=QUIET, lw=0.8, ls=":")
    axes.text(
        0.98, 1 / count, f"seen once in {count:,} samples", transform=axes.get_yaxis_transform(), fontsize=8,
        color=QUIET, ha="right", va="bottom",
    )  # fmt: skip
    axes.set(xlabel="exact probability", ylabel="frequency in the samples")
    axes.set_title("All states that were seen")
    axes.legend()
    plain(axes, "both")


def energies(facts: Facts) -> str:
    """A chain's energies, and how soon they are forgotten."""
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(10.4, 3.1), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=[2, 1])
        left.plot(facts.energies[0, :_TRACED], lw=0.8, color=ACCENT, label="one chain on the fabric")
        left.axhline(facts.mean_energy, color=INK, lw=1, ls="--", label="exact mean")
        left.set(xlabel="sample (4 sweeps apart)", ylabel="energy, in units of kT")
        left.set_title("Energy of a chain")
        low, high = facts.energies[0, :_TRACED].min(), facts.energies[0, :_TRACED].max()
        left.set_ylim(low - 0.05 * (high - low), high + 0.25 * (high - low))
        left.legend(loc="upper right", ncols=2)
        plain(left)
        right.plot(facts.thrml_mixing, "x-", ms=4, lw=1, color=SECOND, label="THRML")
        right.plot(facts.mixing, "o-", ms=3, lw=1, color=ACCENT, label="fabric")
        right.axhline(0, color=INK, lw=0.8)
        right.set(xlabel="lag (samples)", ylabel="autocorrelation of the energy")
        right.set_title("Mixing")
        right.legend()
        plain(right)
        return svg(figure, "energies", "energy of a chain over samples, and the autocorrelation of the energy")
