"""The demo's pictures, as SVG in the page's own colours."""

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from thermofab.apps.demo.facts import Facts
from thermofab.apps.pages.theme import ACCENT, GRID, INK, PANEL, QUIET, SECOND, plain, style, svg

_SHOWN = 32  # likeliest states
_TRACED = 400  # samples of a chain
_THICKEST = 4.5  # points, of a wire


def fabric_map(facts: Facts) -> str:
    """The fabric's sites and wires, with the program's nodes, couplings and sampled means on them."""
    program = facts.program
    topology, weights = program.fabric.topology, program.image.weights
    xy = topology.coordinates[:, :2]
    owner = {site: k for k, sites in enumerate(program.copies) for site in sites}
    clamped = {v for block in program.clamped_blocks for k in block for v in program.variables_of(k)}
    largest = max(1, int(np.abs(weights).max()))
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(7.2, 7.2))
        axes = figure.add_subplot()
        for (i, j), weight in zip(topology.edges.tolist(), weights.tolist()):
            joins = i in owner and owner.get(i) == owner.get(j)
            if joins:
                axes.plot(*xy[[i, j]].T, color=INK, lw=2.2, zorder=2)
            elif weight:
                thick = 0.8 + (_THICKEST - 0.8) * abs(weight) / largest
                axes.plot(*xy[[i, j]].T, color=ACCENT if weight > 0 else SECOND, lw=thick,
                          ls="-" if weight > 0 else (0, (2, 1.2)), zorder=2)  # fmt: skip
            else:
                axes.plot(*xy[[i, j]].T, color=GRID, lw=0.5, zorder=1)
        idle = [site for site in range(topology.n_sites) if site not in owner]
        axes.scatter(*xy[idle].T, s=14, color=GRID, zorder=3)
        for k, sites in enumerate(program.copies):
            mean, marker = facts.means[k], "s" if k in clamped else "o"
            for site in sites:
                axes.scatter(*xy[site], s=300, marker=marker, color=PANEL, edgecolor="none", zorder=4)
                axes.scatter(*xy[site], s=300, marker=marker, color=ACCENT if mean > 0 else SECOND, linewidth=0,
                             alpha=0.15 + 0.6 * abs(mean), zorder=5)  # fmt: skip
                axes.scatter(*xy[site], s=300, marker=marker, facecolor="none", edgecolor=INK, linewidth=1.1, zorder=6)
            axes.annotate(str(k), xy[sites[0]], ha="center", va="center", fontsize=9, color=INK, zorder=7)
        axes.set_aspect("equal")
        axes.invert_yaxis()
        axes.axis("off")
        keys = [
            Line2D([], [], color=ACCENT, lw=3, label="coupling J > 0 (thickness: |J|)"),
            Line2D([], [], color=SECOND, lw=3, ls=(0, (2, 1.2)), label="coupling J < 0"),
            Line2D([], [], color=ACCENT, marker="o", ls="", ms=9, alpha=0.75, label="spin mostly +1"),
            Line2D([], [], color=SECOND, marker="o", ls="", ms=9, alpha=0.75, label="spin mostly \N{MINUS SIGN}1"),
            Line2D([], [], color=QUIET, marker="s", ls="", ms=8, fillstyle="none", label="clamped"),
            Line2D([], [], color=GRID, marker="o", ls="-", ms=4, label="sites and wires not used"),
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
        left.bar(places, exact, color=GRID, width=0.85, label="exact, by enumeration")
        left.errorbar(places - 0.15, facts.fabric[order], yerr=error, fmt="o", ms=3.5, lw=1, color=ACCENT,
                      label="the fabric, 95% of its sampling error")  # fmt: skip
        left.plot(places + 0.2, facts.thrml[order], "x", ms=4.5, color=SECOND, label="THRML's sampler")
        left.set(xlabel=f"the {len(order)} likeliest of {len(facts.exact):,} states", ylabel="probability")
        left.set_title("Every state where it should be")
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
    ends = [facts.exact[facts.exact > 0].min(), facts.exact.max()]
    axes.loglog(ends, ends, color=INK, lw=0.8)
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
