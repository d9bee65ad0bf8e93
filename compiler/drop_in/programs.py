"""Programs that calls before have compiled, with their placements and fabrics, by content."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.compiler.ir.lowered import Lowered
from thermofab.compiler.native_fabric import own_fabric
from thermofab.compiler.pipeline import compile
from thermofab.compiler.recent import Recent
from thermofab.hw.spec.colouring import compact_colours
from thermofab.hw.spec.digest import digest_of
from thermofab.hw.spec.discrete import DiscreteModel
from thermofab.hw.spec.errors import CompileError, RefusedError
from thermofab.hw.spec.fabric import FabricSpec
from thermofab.hw.spec.fabric import fabric as make_fabric
from thermofab.hw.spec.model import IsingModel
from thermofab.hw.spec.program import Program
from thermofab.hw.spec.topology import Topology

# A fabric made from a program updates in the program's own order, unless that has more steps than this a sweep.
_MOST_GROUPS = 16
_MOST_KEPT = 32


@dataclass(frozen=True, eq=False)
class Folding:
    """A program whose clamped nodes are partly folded, and how it is to be compiled.

    Attributes:
        lowered: before folding.
        known: number and value of the nodes that are folded.
        left: after folding.
        tolerance, seed: as for :func:`thermofab.compile`.
    """

    lowered: Lowered
    known: dict[int, int]
    left: Lowered
    tolerance: float | None
    seed: int

    def compiled(self, spec: FabricSpec, copies: Any = None) -> Program:
        clamp = {self.lowered.model.nodes[k]: value for k, value in self.known.items()}
        return compile(
            self.lowered, spec, tolerance=self.tolerance, seed=self.seed, copies=copies, verify=False, clamp=clamp
        )

    def content(self, spec: FabricSpec) -> str:
        """Digest of all that the compiled program depends on."""
        return digest_of(spec.digest, self._blocks, self.tolerance, self.seed, *_parts(self.left.model))

    def shape(self, spec: FabricSpec) -> str:
        """Digest of all that its placement depends on."""
        return digest_of(spec.digest, self._blocks, self.seed, *_structure(self.left.model))

    @property
    def _blocks(self) -> list[Any]:
        return [self.lowered.free_blocks, self.lowered.clamped_blocks, sorted(self.known.items())]


class KeptPrograms:
    """Programs, placements and fabrics, the ones used last, ``most`` of each."""

    def __init__(self, most: int = _MOST_KEPT) -> None:
        self._programs: Recent[Program] = Recent(most)
        self._fine: Recent[Program] = Recent(most)
        self._placements: Recent[tuple[tuple[int, ...], ...]] = Recent(most)
        self._fabrics: Recent[FabricSpec] = Recent(most)

    def __len__(self) -> int:
        return len(self._programs)

    def compiled(self, folding: Folding, spec: FabricSpec) -> Program:
        """The program on ``spec``, placed as a program of the same graph was before."""
        content = folding.content(spec)
        if (known := self._programs.get(content)) is not None:
            return known
        shape = folding.shape(spec)
        copies, made = self._placements.get(shape), None
        if copies is not None:
            with suppress(CompileError):  # other weights may need other copies: search again before giving up
                made = folding.compiled(spec, copies)
        if made is None:
            made = folding.compiled(spec)
            # copies= would bar the factors; sites on them are those of equal index, or soon found again.
            if not np.any(made.image.factors):
                self._placements.put(shape, made.copies)
        return self._programs.put(content, made)

    def compiled_fine(self, folding: Folding, spec: FabricSpec) -> Program:
        """Likewise, with fine widths where those of ``spec`` would be refused."""
        content = folding.content(spec)
        if (fine := self._fine.get(content)) is not None:
            return fine
        with suppress(RefusedError):
            return self.compiled(folding, spec)
        return self._fine.put(content, self.compiled(folding, make_fabric(spec, profile="fine")))

    def own_fabric(self, program: Any, lowered: Lowered) -> FabricSpec:
        """A fabric whose sites are the program's nodes, in its order; colours are its superblocks, clamped nodes last.

        With categories or terms of higher order the sites are the program's bits, and factors hold its terms.
        """
        model, order = lowered.model, program.gibbs_spec.sampling_order
        if isinstance(model, DiscreteModel):
            # By content: which terms there are depends on the weights. Weights in general position give equal fabrics.
            key = digest_of("own factors", *_parts(model))
            return self._fabrics.get(key) or self._fabrics.put(key, own_fabric(lowered))
        key = digest_of("own fabric", model.n_nodes, lowered.free_blocks, order, *_structure(model))
        return self._fabrics.get(key) or self._fabrics.put(key, _own(model, lowered, order))


KEPT = KeptPrograms()


def _own(model: IsingModel, lowered: Lowered, order: Any) -> FabricSpec:
    colours = None
    if len(order) <= _MOST_GROUPS:
        colours = np.full(model.n_nodes, len(order))
        for group, members in enumerate(order):
            for b in members:
                colours[list(lowered.free_blocks[b])] = group
        colours = compact_colours(colours)
    return FabricSpec(Topology.from_edges("program", model.n_nodes, model.edges, colours=colours))


def _parts(model: IsingModel | DiscreteModel) -> list[Any]:
    """What a model's distribution depends on."""
    if isinstance(model, IsingModel):
        return [model.biases, model.edges, model.couplings]
    return [model.categories, *(part for f in model.factors for part in (f.spins, f.categories, f.weights))]


def _structure(model: IsingModel | DiscreteModel) -> list[Any]:
    """What its placement depends on."""
    if isinstance(model, IsingModel):
        return [model.edges, model.couplings == 0]
    return [model.categories, *(part for f in model.factors for part in (f.spins, f.categories, f.weights == 0))]
