"""The picture of docs/tiles.md: distance and energy against η.

    python benchmarks/tiles/figure.py

Reads docs/results/tiles_distances.json and tiles_ising.json, writes docs/images/tiles.png.
"""

import json
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.ticker import NullLocator

DOCS = Path(__file__).resolve().parents[2] / "docs"


def rows_of(name: str) -> list[dict[str, Any]]:
    return json.loads((DOCS / "results" / f"{name}.json").read_text())["rows"]


def distances(axes: Any) -> None:
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
    for case, colour in (("ferromagnet", "C0"), ("spin glass", "C1"), ("ladder", "C2"), ("glass ladder", "C3")):
        for (kind, wanted), style in zip(kinds.items(), ("o-", "s--", "^:", "v-", "v-")):
            found = [r for r in rows if r["case"] == case and all(r[key] == value for key, value in wanted.items())]
            if found:
                found.sort(key=lambda r: r["eta"])
                axes.plot(
                    [r["eta"] for r in found],
                    [r["tv"] for r in found],
                    style,
                    color=colour,
                    label=f"{case}, {kind}",
                    markersize=4,
                    linewidth=1,
                    fillstyle="none" if "held" in kind else "full",
                )
    axes.set(xscale="log", yscale="log", xlabel="η", ylabel="TV to Boltzmann, exact", title="12 sites in two tiles")
    axes.legend(fontsize=6, loc="center left", bbox_to_anchor=(0.0, 0.42))


def ising(axes: Any, what: str, title: str) -> None:
    rows = rows_of("tiles_ising")
    betas = sorted({row["beta"] for row in rows})
    kinds = {
        "in step": ("o-", lambda l: l["latency"] == 0 and l["bits"] is None and not l["hold"]),
        "round robin": ("s--", lambda l: l["bits"] is not None),
        "held": ("v-", lambda l: l["hold"]),
    }
    for beta, colour in zip(betas, ("C0", "C1", "C2")):
        for kind, (style, chosen) in kinds.items():
            found = [row for row in rows if row["beta"] == beta and row["link"] is not None and chosen(row["link"])]
            found.sort(key=lambda row: row["eta"])
            axes.errorbar(
                [row["eta"] for row in found],
                [100 * (row[what] / row[f"{what}_exact"] - 1) for row in found],
                [100 * abs(row[f"{what}_error"] / row[f"{what}_exact"]) for row in found],
                fmt=style,
                color=colour,
                label=f"β = {beta:.3f}, {kind}",
                markersize=4,
                linewidth=1,
                fillstyle="none" if kind == "held" else "full",
            )
    axes.axhline(0, color="grey", linewidth=0.5)
    axes.set(xscale="log", xlabel="η", ylabel="deviation from exact, %", title=title)
    etas = [2.0**-k for k in range(1, 7)]
    axes.set_xticks(etas, [f"1/{round(1 / eta)}" for eta in etas])
    axes.xaxis.set_minor_locator(NullLocator())
    if what == "heat":  # the same lines in both
        axes.legend(fontsize=6)


def main() -> None:
    figure, (left, middle, right) = plt.subplots(1, 3, figsize=(14, 4.6))
    distances(left)
    ising(middle, "energy", "energy of a 64×64 Ising torus in 16 tiles")
    ising(right, "heat", "its heat capacity")
    figure.tight_layout()
    path = DOCS / "images" / "tiles.png"
    figure.savefig(path, dpi=110)
    print(path.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
