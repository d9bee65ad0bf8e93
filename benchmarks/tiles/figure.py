"""The picture of docs/tiles.md: distance and energy against η.

    python benchmarks/tiles/figure.py

Reads docs/results/tiles_distances.json and tiles_ising.json, writes docs/images/tiles.png.
"""

import json
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import NullLocator

from thermofab.apps.pages.palette import LIGHT
from thermofab.apps.pages.theme import picture, plain

DOCS = Path(__file__).resolve().parents[2] / "docs"


def rows_of(name: str) -> list[dict[str, Any]]:
    return json.loads((DOCS / "results" / f"{name}.json").read_text())["rows"]


_STYLES = ("o-", "s--", "^:", "v-", "v-")


def keys(axes: Axes, colours: dict[str, str], styles: dict[str, str]) -> None:
    """Under the panel: what a colour stands for, and what a mark does."""
    entries = [Line2D([], [], color=colour, lw=3, label=name) for name, colour in colours.items()]
    for name, look in styles.items():
        filled = "none" if "held" in name else "full"
        entries.append(
            Line2D([], [], color=LIGHT.quiet, marker=look[0], ls=look[1:], ms=5, fillstyle=filled, label=name)
        )
    axes.legend(handles=entries, loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=3, handlelength=2.6)


def distances(axes: Axes) -> None:
    rows = rows_of("tiles_distances")
    plain = {"bits": None, "latency": 0, "aligned": False, "hold": False}
    kinds = {
        "in step": plain,
        "a step late": plain | {"latency": 1},
        "between sweeps": plain | {"aligned": True},
        "held": plain | {"hold": True},
        "held, a step late": plain | {"hold": True, "latency": 1},
    }
    # Exact values below the tables' rounding, about 1e-5, are no distance of the link's.
    cases: dict[str, str] = dict(zip(("ferromagnet", "spin glass", "ladder", "glass ladder"), LIGHT.series))
    for case, colour in cases.items():
        for (kind, wanted), style in zip(kinds.items(), _STYLES):
            found = [r for r in rows if r["case"] == case and all(r[key] == value for key, value in wanted.items())]
            if found:
                found.sort(key=lambda r: r["eta"])
                axes.plot(
                    [r["eta"] for r in found],
                    [r["tv"] for r in found],
                    style,
                    color=colour,
                    markersize=4,
                    linewidth=1,
                    fillstyle="none" if "held" in kind else "full",
                )
    axes.set(
        xscale="log", yscale="log", xlabel="refreshes per sweep, η", ylabel="TV to the exact distribution",
        title="12 sites in two tiles",
    )  # fmt: skip
    keys(axes, cases, dict(zip(kinds, _STYLES)))


def ising(axes: Axes, what: str, title: str) -> None:
    rows = rows_of("tiles_ising")
    betas = sorted({row["beta"] for row in rows})
    kinds = {
        "in step": ("o-", lambda l: l["latency"] == 0 and l["bits"] is None and not l["hold"]),
        "round robin": ("s--", lambda l: l["bits"] is not None),
        "held": ("v-", lambda l: l["hold"]),
    }
    for beta, colour in zip(betas, LIGHT.series):
        for kind, (style, chosen) in kinds.items():
            found = [row for row in rows if row["beta"] == beta and row["link"] is not None and chosen(row["link"])]
            found.sort(key=lambda row: row["eta"])
            axes.errorbar(
                [row["eta"] for row in found],
                [100 * (row[what] / row[f"{what}_exact"] - 1) for row in found],
                [100 * abs(row[f"{what}_error"] / row[f"{what}_exact"]) for row in found],
                fmt=style,
                color=colour,
                markersize=4,
                linewidth=1,
                fillstyle="none" if kind == "held" else "full",
            )
    axes.axhline(0, color=LIGHT.quiet, linewidth=0.8)
    axes.set(xscale="log", xlabel="refreshes per sweep, η", ylabel="deviation from exact, %", title=title)
    etas = [2.0**-k for k in range(1, 7)]
    axes.set_xticks(etas, [f"1/{round(1 / eta)}" for eta in etas])
    axes.xaxis.set_minor_locator(NullLocator())
    keys(axes, {f"β = {beta:.3f}": colour for beta, colour in zip(betas, LIGHT.series)},
         {kind: style for kind, (style, _) in kinds.items()})  # fmt: skip


def main() -> None:
    path = DOCS / "images" / "tiles.png"
    with picture(path, (14, 5.4)) as figure:
        left, middle, right = figure.subplots(1, 3)
        distances(left)
        ising(middle, "energy", "Energy of a 64×64 Ising torus in 16 tiles")
        ising(right, "heat", "Its heat capacity")
        for axes in (left, middle, right):
            plain(axes, "both")
    print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
