"""The figure of docs/frontier.md: residual energies of the 3D spin glasses, beside what is published.

    python benchmarks/frontier/curves.py FOLDER

Ours is read from docs/results/frontier_spin_glasses.json, the published curves from FOLDER (spin-glass-3d): adaptive
tempering with cluster moves (all sizes), simulated quantum annealing and the quantum annealer (L = 15). Times of ours
are those of the native device in that file, for one run with as many beside it.
"""

import argparse
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from frontier.spin_glasses import CURVES
from page_tables import results
from results import ROOT

COLOURS = {8: "#0072b2", 12: "#009e73", 15: "#d55e00", 16: "#cc79a7"}  # Okabe and Ito's, for colour-blind readers


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    figure, (by_sweeps, by_time) = pyplot.subplots(1, 2, figsize=(10, 4.2), layout="constrained", sharey=True)
    for row in results("frontier_spin_glasses")["rows"]:
        size, colour = row["size"], COLOURS[row["size"]]
        table = np.loadtxt(folder / f"published_apt_icm_{CURVES[size]}.txt")
        by_sweeps.loglog(table[:, 0], table[:, 1], color=colour, linewidth=1, alpha=0.7)
        sweeps = np.array([int(mark) for mark in row["residual"]])
        values, errors = np.array(list(row["residual"].values())).T
        style = {"color": colour, "marker": "o", "markersize": 5, "linestyle": "none", "label": f"L = {size}"}
        by_sweeps.errorbar(sweeps, values, errors, **style)
        by_time.errorbar(sweeps * row["us_per_sweep_of_a_run"] * 1e-6, values, errors, **style)
    quantum = np.loadtxt(folder / "published_dt_sqa_L15_2850.txt")
    by_sweeps.loglog(quantum[:, 0], quantum[:, 1], "k--", linewidth=1, label="published SQA, L = 15, 2,850 copies")
    by_sweeps.plot([], [], color="grey", linewidth=1, label="published tempering, same L")
    annealer = np.loadtxt(folder / "published_quantum_annealer_L15_ns.txt")
    by_time.loglog(annealer[:, 0] * 1e-9, annealer[:, 1], "k-", linewidth=1, label="published annealer, L = 15")
    by_sweeps.set(xlabel="sweeps", ylabel="(E - E₀)/N of the best replica")
    by_time.set(xlabel="seconds of a run (annealer: annealing time)")
    for axis in (by_sweeps, by_time):
        axis.grid(which="major", color="0.9")
        axis.set_axisbelow(True)
        axis.legend(fontsize=8)
    by_sweeps.set_xlim(left=10)
    figure.savefig(ROOT / "docs" / "images" / "frontier-spin-glasses.png", dpi=110)


if __name__ == "__main__":
    main()
