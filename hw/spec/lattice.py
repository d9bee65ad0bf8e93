"""Lattices as data: a unit cell, bonds as translations, a size and a boundary.

A bond ``(k, l, offset)`` joins site k of the cell at r to site l of the cell at r + offset; each bond is
written once. Axes are ordered as array axes (for two dimensions: row, column).
"""

from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec.colouring import unique_pairs
from thermofab.hw.spec.errors import SpecError

Bond = tuple[int, int, tuple[int, ...]]


@dataclass(frozen=True)
class LatticeRule:
    """The translation-invariant part of a lattice: sites per cell and bonds."""

    cell: int
    bonds: tuple[Bond, ...]

    def __post_init__(self) -> None:
        if self.cell < 1:
            raise SpecError(f"a lattice cell has at least one site, got {self.cell}.")
        if not self.bonds:
            raise SpecError("a lattice rule needs at least one bond, got none.")
        dimensions = {len(offset) for _, _, offset in self.bonds}
        if len(dimensions) != 1:
            raise SpecError(f"all bond offsets must have the same length, got lengths {sorted(dimensions)}.")
        seen = set()
        for k, l, offset in self.bonds:
            if not (0 <= k < self.cell and 0 <= l < self.cell):
                raise SpecError(f"bond ({k}, {l}, {offset}) names a site outside the cell of {self.cell} sites.")
            if k == l and not any(offset):
                raise SpecError(f"bond ({k}, {l}, {offset}) joins a site to itself.")
            reverse = (l, k, tuple(-o for o in offset))
            if (k, l, offset) in seen or reverse in seen:
                raise SpecError(f"bond ({k}, {l}, {offset}) is written twice; write each bond once.")
            seen.add((k, l, offset))

    @property
    def dimension(self) -> int:
        return len(self.bonds[0][2])


@dataclass(frozen=True)
class Lattice:
    """A finite lattice: a rule, its extent in cells along each axis, and open or torus boundaries.

    Site indices run over cells in C order with the sites of a cell innermost.
    """

    rule: LatticeRule
    size: tuple[int, ...]
    torus: bool = False

    def __post_init__(self) -> None:
        if len(self.size) != self.rule.dimension:
            raise SpecError(
                f"the rule has {self.rule.dimension} dimensions but the size {self.size} has {len(self.size)}."
            )
        if any(extent < 1 for extent in self.size):
            raise SpecError(f"every extent of a lattice is at least 1, got size {self.size}.")

    @property
    def n_sites(self) -> int:
        return int(np.prod(self.size)) * self.rule.cell

    def edges(self) -> np.ndarray:
        """All edges as int32 ``[E, 2]`` with i < j, sorted.

        Raises:
            SpecError: if on a torus two bonds wrap onto the same pair of sites, or a bond onto its own site.
        """
        cells = np.indices(self.size).reshape(len(self.size), -1)
        pairs = []
        for k, l, offset in self.rule.bonds:
            target = cells + np.array(offset)[:, None]
            extent = np.array(self.size)[:, None]
            if self.torus:
                inside = np.ones(cells.shape[1], dtype=bool)
                target = target % extent
            else:
                inside = np.all((target >= 0) & (target < extent), axis=0)
            start = np.ravel_multi_index(tuple(cells[:, inside]), self.size) * self.rule.cell + k
            stop = np.ravel_multi_index(tuple(target[:, inside]), self.size) * self.rule.cell + l
            pairs.append(np.stack([np.minimum(start, stop), np.maximum(start, stop)], axis=1))
        edges = np.concatenate(pairs)
        unique = unique_pairs(edges, self.n_sites)
        if len(unique) != len(edges) or np.any(edges[:, 0] == edges[:, 1]):
            reach = max(abs(o) for _, _, offset in self.rule.bonds for o in offset)
            raise SpecError(
                f"a torus of size {'x'.join(map(str, self.size))} is too small for this rule: two bonds wrap onto "
                f"the same pair of sites; use extents above {2 * reach}, other extents, or open boundaries."
            )
        return unique.astype(np.int32)

    def coordinates(self) -> np.ndarray:
        """Coordinates for drawing, float ``[n_sites, max(2, dimension)]`` as (column, row, …), cells spread out."""
        cells = np.indices(self.size).reshape(len(self.size), -1).T[:, ::-1].astype(float)
        if cells.shape[1] == 1:
            cells = np.concatenate([cells, np.zeros_like(cells)], axis=1)
        angle = 2 * np.pi * np.arange(self.rule.cell) / self.rule.cell
        ring = np.zeros((self.rule.cell, cells.shape[1]))
        if self.rule.cell > 1:
            ring[:, 0], ring[:, 1] = 0.3 * np.cos(angle), 0.3 * np.sin(angle)
        return (cells[:, None, :] + ring[None]).reshape(-1, cells.shape[1])
