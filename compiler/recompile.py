"""Recompiling: new weights on the structure of a compiled program, without placing or wiring it again."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.draft import Draft
from thermofab.compiler.ir.fold_clamps import FoldClamps
from thermofab.compiler.ir.lowered import Lowered, as_floats, check_size
from thermofab.compiler.passes.emit import Emit
from thermofab.compiler.passes.factor_sites import FactorSites
from thermofab.compiler.passes.root_and_wire import RootAndWire
from thermofab.compiler.passes.scale_and_quantise import ScaleAndQuantise, least_step
from thermofab.compiler.placement.direct import code_places
from thermofab.hw.spec.certificate import Exact
from thermofab.hw.spec.errors import CompileError
from thermofab.hw.spec.model import IsingModel
from thermofab.hw.spec.program import Program


@dataclass(frozen=True, eq=False)
class Structure:
    """What a compiled program remembers of its compilation.

    Attributes:
        draft: as it was emitted.
        front: the passes before placement.
        wire: the pass that chose the layout, for layouts whose trunks depend on the weights.
        scale, emit: the last passes.
        clamp: nodes folded.
        beta: of sources that have no temperature of their own.
    """

    draft: Draft
    front: tuple[Any, ...]
    wire: RootAndWire
    scale: ScaleAndQuantise
    emit: Emit
    clamp: dict[Any, Any]
    beta: float

    def with_weights(self, source: Any, biases: Any, couplings: Any) -> Program:
        """The program of ``source``, or of the same model with other ``biases`` and ``couplings``."""
        if source is None:
            draft = self._of_arrays(biases, couplings)
        elif biases is not None or couplings is not None:
            raise CompileError("with_weights takes a source, or biases and couplings, not both.")
        else:
            draft = self._of_source(source)
        if self.draft.layout.n_trunks:
            draft = self.wire(replace(draft, placements=self.draft.placements))
        else:
            draft = replace(draft, layout=self.draft.layout, certificate=self.draft.certificate)
            assert isinstance(draft.certificate, Exact)
        # The log of a program made anew starts at its structure.
        draft = replace(draft, log=self.draft.log[:1])
        scaled = self.scale_near(draft.after("reuse", "placement and wires of the program before"))
        return self.emit(scaled, replace(self, draft=scaled))

    @cached_property
    def scale_near(self) -> ScaleAndQuantise:
        """The search for a step, near where it ended before, with every coupling's error taken alone."""
        segments = self.draft.layout.segment_couplings(self.draft.couplings)
        power = float(np.log2(self.draft.integers.quantisation.step / least_step(self.draft, segments)))
        return replace(self.scale, powers=tuple(power + k / 16 for k in (0, -1, 1)), sampled=False)

    def _of_source(self, source: Any) -> Draft:
        lowered: Any = FoldClamps(self.clamp)(lower(source, self.beta))
        draft = self.front[0](lowered, self.draft.fabric)
        for one in self.front[1:]:
            if isinstance(one, FactorSites) and len(self.draft.tables):
                draft = one.onto(draft, self.draft.layout.roots)
            else:
                draft = one(draft)
        if draft.n != self.draft.n:
            raise CompileError(
                f"the new weights belong to a program of {draft.n} spins, the compiled one has {self.draft.n}; compile "
                "the new one for itself."
            )
        couplings = np.zeros(len(self.draft.edges))
        places = code_places(self.draft.edges, draft.edges, draft.n)
        _check_places(places, draft.edges)
        couplings[places] = draft.couplings
        return replace(draft, edges=self.draft.edges, couplings=couplings)

    @cached_property
    def _places(self) -> np.ndarray:
        """Draft edge of every edge of the program's model, -1 where it has none."""
        model = self.draft.lowered.model
        assert isinstance(model, IsingModel)
        return code_places(self.draft.edges, model.edges.astype(np.int64), self.draft.n)

    def _of_arrays(self, biases: Any, couplings: Any) -> Draft:
        lowered = self.draft.lowered
        model = lowered.model
        if not isinstance(model, IsingModel) or lowered.folded is not None:
            raise CompileError(
                "biases and couplings alone are for programs of spins and pairs of spins with no node folded; give the "
                "new model as a source."
            )
        b = model.biases if biases is None else as_floats("biases", biases, model.n_nodes)
        j = model.couplings if couplings is None else as_floats("couplings", couplings, len(model.edges))
        check_size(model.with_weights(b, j))
        if len(self.draft.tables):
            return self._of_source(model.with_weights(b, j))
        lost = (self._places < 0) & (j != 0)
        if np.any(lost):
            known = lowered.clamped
            ends = model.edges[lost]
            _check_places(np.where(np.all(known[ends], axis=1), 0, -1), ends)
        kept = self._places >= 0
        placed = np.zeros(len(self.draft.edges))
        placed[self._places[kept]] = model.beta * j[kept]
        changed = Lowered(model.with_weights(b, j), lowered.free_blocks, lowered.clamped_blocks, lowered.notes)
        return replace(self.draft, lowered=changed, couplings=placed, biases=model.beta * b)


def _check_places(places: np.ndarray, edges: np.ndarray) -> None:
    if np.any(places < 0):
        i, j = edges[np.argmax(places < 0)].tolist()
        raise CompileError(
            f"spins {i} and {j} are coupled by the new weights but were not by those the program was compiled with, so "
            "no wire joins them; compile with keep_zero=True to place edges of weight 0 too, or compile the new "
            "program for itself."
        )
