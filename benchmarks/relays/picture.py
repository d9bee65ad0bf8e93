"""docs/images/relays.png: one node of many neighbours, as an embedding has it and as a tree of relays.

python benchmarks/relays/picture.py
"""

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot
from matplotlib.patches import Rectangle

ROOT = Path(__file__).resolve().parents[2]
INK, NODE, OTHER, DRAW = "#333333", "#dbe9f6", "#f1f1f1", "#f6b26b"
NEIGHBOURS = {k: (x, y) for k, (x, y) in enumerate([(0, 2), (1, 3), (3, 3), (4, 2), (4, 0), (3, -1), (1, -1), (0, 0)])}
COPIES = {"a": (1, 2), "b": (2, 1), "c": (3, 2), "d": (1, 0), "e": (3, 0)}
LINKS = (("a", 0), ("a", 1), ("c", 2), ("c", 3), ("e", 4), ("e", 5), ("d", 6), ("d", 7))


def cell(axes: Any, place: tuple[float, float], colour: str, text: str = "") -> None:
    x, y = place
    axes.add_patch(Rectangle((x - 0.3, y - 0.3), 0.6, 0.6, facecolor=colour, edgecolor=INK, zorder=3))
    axes.text(x, y, text, ha="center", va="center", fontsize=9, color=INK, zorder=4)


def arrow(axes: Any, start: tuple[float, float], end: tuple[float, float], **style: Any) -> None:
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "shrinkA": 17, "shrinkB": 17, **style}, zorder=2)


def panel(axes: Any, title: str) -> None:
    axes.set_title(title, fontsize=10, color=INK, pad=10)
    axes.set(xlim=(-0.6, 4.6), ylim=(-2.15, 3.5), aspect="equal")
    axes.axis("off")


def line(axes: Any, a: tuple[float, float], b: tuple[float, float], **style: Any) -> None:
    axes.plot([a[0], b[0]], [a[1], b[1]], zorder=1, **style)


def main() -> None:
    figure, (program, embedded, relays) = pyplot.subplots(1, 3, figsize=(11.5, 4.3))
    middle = (2.0, 1.0)

    panel(program, "The program: a node of eight neighbours")
    for place in NEIGHBOURS.values():
        line(program, middle, place, color=INK, lw=1)
        cell(program, place, OTHER)
    cell(program, middle, DRAW, "draws")
    program.text(2, -1.85, "$F = b + \\sum_{j=1}^{8} w_j s_j$", ha="center", fontsize=11, color=INK)

    panel(embedded, "Embedded: five p-bits held together")
    for copy, place in COPIES.items():
        if copy != "b":
            line(embedded, COPIES["b"], place, color="#cc0000", lw=5)
        cell(embedded, place, DRAW, "draws")
    for copy, k in LINKS:
        line(embedded, COPIES[copy], NEIGHBOURS[k], color=INK, lw=1)
        cell(embedded, NEIGHBOURS[k], OTHER)
    embedded.text(
        2,
        -2.0,
        "strong couplings slow the chain;\nsamples with broken copies are discarded",
        ha="center",
        fontsize=9,
        color=INK,
    )

    panel(relays, "Relays: a tree that is one p-bit")
    for copy, place in COPIES.items():
        if copy != "b":
            arrow(relays, place, COPIES["b"], color="#1f5fa8", lw=2.2)
        cell(relays, place, DRAW if copy == "b" else NODE, "draws" if copy == "b" else "+")
    for copy, k in LINKS:
        line(relays, COPIES[copy], NEIGHBOURS[k], color=INK, lw=1)
        cell(relays, NEIGHBOURS[k], OTHER)
    relays.text(
        2,
        -2.0,
        "partial sums travel up, exact integers;\nthe root's new state travels down",
        ha="center",
        fontsize=9,
        color=INK,
    )
    figure.tight_layout()
    figure.savefig(ROOT / "docs" / "images" / "relays.png", dpi=130, facecolor="white", bbox_inches="tight")


if __name__ == "__main__":
    main()
