"""Explain: what every pass of a compilation made of the program, in words and pictures."""

from dataclasses import dataclass, field
from pathlib import Path

from thermofab.apps.console import made
from thermofab.compiler.ir.stages import Source, Wired

LARGEST_PICTURE = 3000  # vertices


@dataclass
class Explanation:
    """A ``trace`` for :func:`thermofab.compile` that keeps the stage after every pass."""

    stages: list[tuple[str, Source]] = field(default_factory=list)

    def __call__(self, name: str, stage: Source) -> None:
        self.stages.append((name, stage))

    @property
    def lines(self) -> list[str]:
        """A line per pass: what there is after it, and what it says it did."""
        lines = []
        for name, stage in self.stages:
            did = dict(stage.log).get(name, "nothing to do")
            lines.append(f"{name:<21}{stage.summary:<44}{did}")
        return lines

    def pictures(self, folder: Path, name: str = "program") -> list[Path]:
        """The graph of the program's spins and the fabric with its copies and couplings, as PNG files.

        Each is drawn for light and for dark pages. A graph, or a fabric, of more than 3,000 vertices is left out; so
        are both if no program was wired.

        Args:
            folder: made if it is not there.
            name: of the program, in the titles.
        """
        made(folder)
        placed = next((stage for _, stage in reversed(self.stages) if isinstance(stage, Wired)), None)
        if placed is None:
            return []
        from thermofab.apps.explain_pictures import draw_pictures

        return draw_pictures(placed, name, folder, LARGEST_PICTURE)
