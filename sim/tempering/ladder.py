"""Ladder: the β levels of a tempering run."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import FabricSpec, SpecError, sigmoid_table


@dataclass(frozen=True)
class Ladder:
    """Rungs of a tempering run, coldest or hottest first, in order.

    Attributes:
        levels: β level (table) of every rung.
        scales: κ = β·step of every rung: energy in units of an integer weight times κ is the exponent of the
            distribution.
    """

    levels: tuple[int, ...]
    scales: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.levels) != len(self.scales) or len(self.levels) < 1:
            raise SpecError(
                f"a ladder needs one scale per level and at least one, got {len(self.levels)} and {len(self.scales)}."
            )
        if any(not np.isfinite(scale) or scale < 0 for scale in self.scales):
            raise SpecError(f"scales of a ladder must be finite and not negative, got {self.scales}.")

    @staticmethod
    def of(spec: FabricSpec, step: float, shift: int, betas: Sequence[float]) -> tuple["Ladder", np.ndarray]:
        """A ladder over the levels 0…L-1 and the tables that make them, int ``[levels, 2A]``, for ``Image.tables``.

        Raises:
            SpecError: the fabric holds fewer tables than there are β.
        """
        if len(betas) > spec.levels:
            raise SpecError(
                f"{len(betas)} rungs need as many tables, and this fabric holds {spec.levels}; raise FabricSpec.levels."
            )
        padded = [*betas, *[betas[-1]] * (spec.levels - len(betas))]
        tables = np.array([sigmoid_table(spec, step, shift, beta) for beta in padded])
        return Ladder(tuple(range(len(betas))), tuple(beta * step for beta in betas)), tables
