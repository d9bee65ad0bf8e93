"""The files of an overlay: a page of its own, a picture and the numbers."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from matplotlib.ticker import MaxNLocator

from thermofab.apps.console import made
from thermofab.apps.explore.report.page import overlay_page
from thermofab.apps.pages.palette import LIGHT
from thermofab.apps.pages.theme import below, picture, plain
from thermofab.hw.spec import SpecError


def write_overlay(facts: Mapping[str, Any], folder: Path) -> list[Path]:
    """Write ``overlay.html``, ``overlay.json`` and ``overlay.png`` into a folder.

    Args:
        facts: of :func:`~thermofab.apps.explore.report.overlay.overlay_facts`.
        folder: made if it is not there.

    Raises:
        SpecError: the folder cannot be made.
    """
    try:
        made(folder)
    except OSError as error:
        raise SpecError(f"the folder {folder} cannot be made ({error.strerror}); choose another place.") from error
    page, numbers = folder / "overlay.html", folder / "overlay.json"
    page.write_text(overlay_page(facts))
    numbers.write_text(json.dumps(facts, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return [page, numbers, draw_overlay(facts, folder / "overlay.png")]


def draw_overlay(facts: Mapping[str, Any], path: Path) -> Path:
    """Hypervolume against fabrics judged: means as lines, least to most as bands."""
    with picture(path, (8, 4.8)) as figure:
        axes = figure.subplots()
        for number, one in enumerate(facts["series"]):
            colour = LIGHT.series[number % len(LIGHT.series)]
            axes.plot(*zip(*one["points"]), color=colour, label=one["label"], lw=1.8)
            if one["band"]:
                steps, least, most = zip(*one["band"])
                axes.fill_between(steps, least, most, color=colour, alpha=0.18, lw=0)
        reference = ", ".join(f"{name} {value:.3g}" for name, value in zip(facts["objectives"], facts["reference"]))
        axes.set(xlabel="fabrics judged", ylabel="hypervolume, decades of every objective multiplied")
        axes.set_title(f"lines: means; bands: least to most; reference: {reference}", fontsize=9)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        plain(axes)
        below(figure, axes, 3)
    return path
