"""A Sudoku's rules as couplings of a fabric: solved by annealing alone, with no net.

Spin (c, v) says that cell c holds digit v + 1. With n = (1 + s)/2,

    E(n) = Σ_{excluding pairs} n n' - ⅞ Σ n - Σ g_cv n_cv,

where pairs of digits of one cell, and of one digit in two cells of a row, column or box, exclude each other, and g are
optional fields, such as a model's logits. Without g, taking a digit of an excluding pair away wins at least 1 - ⅞, so
the least energy is that of the largest sets without such pairs: those of q² digits, the solutions. Clues are clamped,
and so are the digits they rule out. A fabric has exactly this graph, so every spin is a site, every coupling the same
small integer, and nothing is rounded or embedded; any device runs the image, with the same bits.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import networkx as nx
import numpy as np

from thermofab.hw.spec import FREE, Device, FabricSpec, Image, Schedule, SpecError, fabric, open_device, sigmoid_table
from thermofab.models.hybrid import exclusion_relations
from thermofab.models.puzzles import Box

UNIT = 16  # integer units of field and weight to an energy of 1: couplings are -4, and ⅞ is 7 units of a bias
_COUPLING = UNIT // 4
_DRIVE = 7
_SHIFT = 1  # a table address is two units, so that fields of a 9×9 fit


@dataclass(frozen=True)
class Annealing:
    """How a chain is cooled: β of the first and the last of ``levels`` levels, geometric, ``sweeps`` at each.

    Raises:
        SpecError: β not positive, or a number below 1.
    """

    sweeps: int = 64
    hot: float = 4.0
    cold: float = 7.0
    levels: int = 16

    def __post_init__(self) -> None:
        if not 0 < self.hot <= self.cold:
            raise SpecError(f"annealing goes from a β to a larger one, got {self.hot} and {self.cold}.")
        if self.sweeps < 1 or not 1 <= self.levels <= 256:
            raise SpecError(f"annealing needs sweeps ≥ 1 and 1 to 256 levels, got {self.sweeps} and {self.levels}.")

    @property
    def schedule(self) -> Schedule:
        """One sample, after all levels."""
        return Schedule(0, 1, 1, tuple((self.sweeps, level) for level in range(self.levels)), self.levels - 1)


@dataclass(frozen=True, eq=False)
class Answers:
    """What chains ended with.

    Attributes:
        grids: int64 ``[R, q²]``; 0 where a cell has no digit or several.
        broken: rules each breaks, int64 ``[R]``: digits that units lack, and clues changed.
        sites: the states themselves, bool ``[R, q³]``.
        sweeps: of each chain.
    """

    grids: np.ndarray
    broken: np.ndarray
    sites: np.ndarray
    sweeps: int

    @property
    def best(self) -> np.ndarray:
        """The grid that breaks fewest rules."""
        return self.grids[int(self.broken.argmin())]

    @property
    def solved(self) -> bool:
        """Whether some chain breaks no rule."""
        return bool((self.broken == 0).any())


@dataclass(frozen=True, eq=False)
class ConstraintProgram:
    """The program of a box shape on an open device.

    Attributes:
        box: the Sudoku's.
        device: a name for :func:`~thermofab.hw.spec.open_device`, or an open device of :attr:`fabric`, which stays
            open.
        annealing: the schedule.
    """

    box: Box
    device: str | Device = "native"
    annealing: Annealing = Annealing()

    @cached_property
    def fabric(self) -> FabricSpec:
        """A site a (cell, digit), an edge an excluding pair."""
        relations = exclusion_relations(self.box.units, self.box.cells, self.box.side)
        graph = nx.Graph(name=f"sudoku-{self.box.side}x{self.box.side}")
        graph.add_nodes_from(range(relations.layout.n))
        graph.add_edges_from(relations.layout.edges)
        return fabric(graph, levels=self.annealing.levels, weight_bits=4, bias_bits=10)

    @cached_property
    def image(self) -> Image:
        """The rules alone: integers, tables of all levels, nothing clamped."""
        spec, how = self.fabric, self.annealing
        degree = np.bincount(spec.topology.edges.ravel(), minlength=spec.n_sites)
        betas = np.geomspace(how.hot, how.cold, how.levels)
        return Image(
            fabric=spec,
            weights=np.full(spec.topology.n_edges, -_COUPLING),
            biases=_DRIVE - _COUPLING * degree,
            tables=np.array([sigmoid_table(spec, 1 / UNIT, _SHIFT, beta) for beta in betas]),
            shift=_SHIFT,
            clamps=np.full(spec.n_sites, FREE),
            seed=0,
        )

    @cached_property
    def _running(self) -> Any:
        return open_device(self.device, self.fabric) if isinstance(self.device, str) else self.device

    def clamps(self, puzzle: np.ndarray) -> np.ndarray:
        """int8 ``[q³]``: clues held, with the digits they rule out; -1 elsewhere."""
        box = self.box
        held = np.full((box.cells, box.side), FREE, dtype=np.int8)
        given = np.flatnonzero(puzzle)
        for cell in given:
            held[list(box.peers[cell]), puzzle[cell] - 1] = 0
        held[given] = 0
        held[given, puzzle[given] - 1] = 1
        return held.reshape(-1)

    def image_with(self, fields: np.ndarray) -> Image:
        """The rules with fields g ``[q², q]`` added, in units of the energy, each within ±4 (cut there)."""
        if fields.shape != (self.box.cells, self.box.side) or not np.isfinite(fields).all():
            raise SpecError(
                f"fields must be finite, of shape [{self.box.cells}, {self.box.side}], got {list(fields.shape)}."
            )
        added = np.rint(UNIT / 2 * fields.clip(-4, 4)).astype(np.int64).reshape(-1)
        return self.image.replace(biases=self.image.biases + added)

    def sample(
        self, puzzle: np.ndarray, *, chains: int = 16, seed: int = 0, fields: np.ndarray | None = None
    ) -> Answers:
        """Anneal chains of one puzzle.

        Args:
            puzzle: int ``[q²]``, 0 where empty; not checked: :func:`~thermofab.apps.reasoning.check_sudoku` does that.
            chains: independent ones.
            seed: of the run.
            fields: g, float ``[q², q]``.
        """
        device, schedule = self._running, self.annealing.schedule
        device.load(self.image if fields is None else self.image_with(fields))
        run = device.run(schedule, replicas=chains, clamp=self.clamps(puzzle), seed=int(seed))
        sites = np.asarray(run.sites)[:, 0]
        spins = sites.reshape(chains, self.box.cells, self.box.side)
        grids = np.where(spins.sum(axis=2) == 1, spins.argmax(axis=2) + 1, 0)
        return Answers(grids, rules_broken(self.box, puzzle, grids), sites, schedule.n_sweeps)


def rules_broken(box: Box, puzzles: np.ndarray, grids: np.ndarray) -> np.ndarray:
    """int64 ``[...]``: digits that units lack, and clues changed; 0 for the solution only, which it does not need."""
    return box.violations(grids) + ((puzzles > 0) & (puzzles != grids)).sum(axis=-1)
