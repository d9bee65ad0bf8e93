"""The figure of ``grids.py``: quality against sweeps, energy of a sample at equal quality, mixing against quality."""

from pathlib import Path
from typing import Any

COLOURS = {
    "king": "#8a8a8a",
    "g8": "#b7410e",
    "g12": "#e08214",
    "g16": "#6a9a3b",
    "g20": "#1f8a8a",
    "g24": "#2b5fb4",
    "z1": "#8e2a8e",
}
MARKS = {"king": "x", "g8": "o", "g12": "s", "g16": "^", "g20": "v", "g24": "D", "z1": "*"}
MIXED = 50
"""Training length of the machines whose mixing is shown."""


def figure(content: dict[str, Any], path: Path) -> None:
    """Draw ``content``, as in docs/results/explore_grids.json, to a PNG file."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    with pyplot.rc_context({"font.size": 10, "axes.grid": True, "grid.alpha": 0.25, "axes.axisbelow": True}):
        drawn = pyplot.figure(figsize=(15, 6.8), layout="constrained", facecolor="white")
        rows: list[Any] = [["curves", middle, "mixing"] for middle in ("first", "second", "key")]
        panels = drawn.subplot_mosaic(rows, height_ratios=(1, 1, 0.32))
        _curves(panels["curves"], content)
        for panel, target in zip(("first", "second"), content["equal_fid"]):
            _energies(panels[panel], content, target)
        panels["key"].axis("off")
        panels["key"].legend(*panels["first"].get_legend_handles_labels(), fontsize=9, loc="center", borderaxespad=0)
        panels["second"].set_xlabel("grid, and its degree")
        _mixing(panels["mixing"], content)
        seeds = len(content["seeds"])
        drawn.suptitle(
            f"8×8 digits on 16×16 tori, 256 sites, a node a site: mean of {seeds} seeds, bars one standard deviation "
            "over seeds",
            fontsize=11,
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        drawn.savefig(path, dpi=120)
        pyplot.close(drawn)


def _label(name: str, grid: dict[str, Any]) -> str:
    return f"{name} (degree {grid['degree']})"


def _curves(axis: Any, content: dict[str, Any]) -> None:
    floor = content["floor"]
    for name, grid in content["grids"].items():
        points = [(k, at) for k, at in zip(content["sweeps"], grid["fid_by_sweeps"]) if at is not None]
        axis.errorbar(
            [k for k, _ in points], [at["mean"] for _, at in points], [at["deviation"] or 0.0 for _, at in points],
            color=COLOURS[name], marker=MARKS[name], markersize=5, linewidth=1.4, elinewidth=0.8, capsize=2,
            label=_label(name, grid),
        )  # fmt: skip
    for target in content["equal_fid"]:
        axis.axhline(target, color="black", linewidth=1, linestyle="--")
        axis.text(1, target * 1.02, f"FID {target:g}", ha="left", va="bottom", fontsize=9)
    halves = floor["halves"]["fid"]["mean"]
    axis.axhline(halves, color="black", linewidth=1, linestyle=":")
    axis.text(1, halves * 0.97, "halves of the real images", ha="left", va="top", fontsize=9)
    axis.set(
        xscale="log", yscale="log", xlabel="Gibbs sweeps from coin flips", ylabel="FID (classifier of these digits)",
        title="Quality of the best monolithic machine",
    )  # fmt: skip
    _plain_ticks(axis.xaxis, (1, 2, 5, 10, 20, 50, 100, 200, 400))
    _plain_ticks(axis.yaxis, (0.5, 1, 2, 5, 10, 20, 50))
    axis.legend(fontsize=9, loc="upper right")


def _energies(axis: Any, content: dict[str, Any], target: float) -> None:
    names = list(content["grids"])
    costs = {name: content["grids"][name]["at_fid"][f"{target:g}"] for name in names}
    kinds = (
        ("joules_z1", "Z1, 7.09 fJ per update (quoted)", "o", "#2b5fb4"),
        ("joules_dtca", "DTCA, 2 fJ per update (modelled)", "s", "#1f8a8a"),
        ("joules_dtca_wired", "DTCA, if all but the random bit went with wire length", "^", "#b7410e"),
    )
    for shift, (key, said, mark, colour) in zip((-0.18, 0.0, 0.18), kinds):
        found = [(place + shift, costs[name][key]) for place, name in enumerate(names) if costs[name] is not None]
        axis.errorbar(
            [place for place, _ in found], [1e12 * value["mean"] for _, value in found],
            [1e12 * (value["deviation"] or 0.0) for _, value in found],
            linestyle="none", marker=mark, markersize=6, capsize=3, color=colour, label=said,
        )  # fmt: skip
    for place, name in enumerate(names):
        if costs[name] is None:
            axis.text(
                place, 0.5, "not reached", rotation=90, ha="center", va="center", fontsize=9,
                transform=axis.get_xaxis_transform(),
            )  # fmt: skip
    axis.set(
        yscale="log", ylabel="pJ of updates", xlim=(-0.5, len(names) - 0.5), ylim=(0.8, 80),
        title=f"Energy of a sample at FID {target:g}",
    )  # fmt: skip
    axis.set_xticks(range(len(names)), [f"{name}\n{content['grids'][name]['degree']}" for name in names])
    _plain_ticks(axis.yaxis, (1, 2, 5, 10, 20, 50))


def _mixing(axis: Any, content: dict[str, Any]) -> None:
    shown = set()
    for name, grid in content["grids"].items():
        for row in grid["trainings"]:
            if row["layers"] == 1 and row["sweeps"] == MIXED and row["tau"] is not None:
                held = row["threshold"] > 0
                tau, fid = row["tau"], row["fid"]
                axis.errorbar(
                    tau["mean"], fid["mean"], fid["deviation"], tau["deviation"], marker=MARKS[name], markersize=7,
                    color=COLOURS[name], markerfacecolor="white" if held else COLOURS[name], capsize=2, linewidth=1,
                    label=None if name in shown else name, linestyle="none",
                )  # fmt: skip
                shown.add(name)
    axis.set(
        xscale="log", yscale="log", xlabel="autocorrelation time τ, sweeps (cross-chain, to 100)",
        ylabel=f"FID after {MIXED} sweeps",
        title=f"Mixing against quality, trained with {MIXED} sweeps\nfilled: no penalty; open: with the penalty",
    )  # fmt: skip
    _plain_ticks(axis.xaxis, (1, 2, 5, 10, 20, 50, 100))
    _plain_ticks(axis.yaxis, (0.5, 1, 2, 5, 10))
    axis.legend(fontsize=9, loc="upper right", ncols=2)


def _plain_ticks(axis: Any, at: tuple[float, ...]) -> None:
    """Ticks at round numbers, of those within what is shown."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axis.set_major_locator(FixedLocator(at))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
