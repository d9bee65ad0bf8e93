"""The demo's figures, as PNG files."""

from pathlib import Path

import matplotlib
import numpy as np

from thermofab.hw.spec import Program

matplotlib.use("Agg")

import matplotlib.pyplot as plt  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402


def fabric_map(path: Path, program: Program) -> None:
    """Sites of the fabric; copies of a node share a colour, its root carries the node's number."""
    topology = program.fabric.topology
    xy = topology.coordinates[:, :2]
    owner = {site: k for k, sites in enumerate(program.copies) for site in sites}
    clamped = {k for block in program.clamped_blocks for k in block}
    colours = plt.get_cmap("tab20")
    figure, axis = plt.subplots(figsize=(7, 7))
    for (i, j), w in zip(topology.edges.tolist(), program.image.weights.tolist()):
        used = w != 0 or (i in owner and owner.get(i) == owner.get(j))
        tone = "#d62728" if w < 0 else "#1f77b4"
        axis.plot(*xy[[i, j]].T, color=tone if used else "#dddddd", lw=2.0 if used else 0.6, zorder=1 + used)
    idle = [site for site in range(topology.n_sites) if site not in owner]
    axis.scatter(*xy[idle].T, s=18, color="#bbbbbb", zorder=3)
    for k, sites in enumerate(program.copies):
        marker = "s" if k in clamped else "o"
        for place, site in enumerate(sites):
            axis.scatter(*xy[site], s=260, marker=marker, color=colours(k % 20), edgecolor="black", zorder=4,
                         alpha=1.0 if place == 0 else 0.55)  # fmt: skip
        axis.annotate(str(k), xy[sites[0]], ha="center", va="center", fontsize=8, zorder=5)
    axis.set_title(
        f"{topology.name}: {program.report.nodes} nodes on {program.report.sites} sites\n"
        "numbered = root, pale = other copies, square = clamped; blue J > 0, red J < 0"
    )
    axis.set_aspect("equal")
    axis.invert_yaxis()
    axis.axis("off")
    _save(figure, path)


def distribution(path: Path, exact: np.ndarray, fabric: np.ndarray, thrml: np.ndarray, shown: int = 48) -> None:
    """The likeliest states, and all states sampled against exact."""
    order = np.argsort(-exact)[:shown]
    figure, (left, right) = plt.subplots(1, 2, figsize=(12, 4.5), width_ratios=[2, 1])
    left.bar(range(len(order)), exact[order], color="#cccccc", label="enumerated")
    left.plot(fabric[order], "o", ms=4, color="#1f77b4", label="fabric")
    left.plot(thrml[order], "x", ms=5, color="#d62728", label="THRML")
    left.set(xlabel=f"the {len(order)} likeliest states", ylabel="probability")
    left.legend()
    some = exact > 0
    right.loglog(exact[some], np.maximum(fabric[some], 1e-7), ".", ms=3, color="#1f77b4", label="fabric")
    right.loglog(exact[some], np.maximum(thrml[some], 1e-7), ".", ms=2, color="#d62728", alpha=0.5, label="THRML")
    line = [exact[some].min(), exact.max()]
    right.loglog(line, line, color="black", lw=0.8)
    right.set(xlabel="enumerated probability", ylabel="sampled frequency")
    right.legend()
    _save(figure, path)


def energy_trace(path: Path, energies: np.ndarray, mean: float) -> None:
    """Energy of the first chain, ``energies`` float ``[R, S]``; ``mean`` is the enumerated one."""
    figure, axis = plt.subplots(figsize=(12, 3))
    axis.plot(energies[0, :400], lw=0.8, color="#1f77b4")
    axis.axhline(mean, color="black", lw=0.8, ls="--", label="enumerated mean")
    axis.set(xlabel="sample", ylabel="energy")
    axis.legend(loc="upper right")
    _save(figure, path)


def mixing(path: Path, fabric: np.ndarray, thrml: np.ndarray) -> None:
    """Autocorrelation of the energy."""
    figure, axis = plt.subplots(figsize=(7, 3.5))
    axis.plot(fabric, "o-", ms=3, color="#1f77b4", label="fabric")
    axis.plot(thrml, "x-", ms=4, color="#d62728", label="THRML")
    axis.axhline(0, color="black", lw=0.8)
    axis.set(xlabel="lag (samples)", ylabel="autocorrelation of the energy")
    axis.legend()
    _save(figure, path)


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=110, bbox_inches="tight")
    plt.close(figure)
