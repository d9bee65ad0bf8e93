"""Recompiling: new weights on the structure of a compiled program, without placing or wiring it again."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike

from thermofab.compiler.certify.check import checked
from thermofab.compiler.frontend import lower
from thermofab.compiler.ir.lowered import Lowered, as_floats, check_size
from thermofab.compiler.ir.stages import Paired, Quantised, Source
from thermofab.compiler.passes.base import AnyPass, Keeping, run_passes
from thermofab.compiler.passes.emit import Emit
from thermofab.compiler.passes.known import check_wires
from thermofab.compiler.passes.place import Place
from thermofab.compiler.placement.direct import code_places
from thermofab.hw.spec.device import Device
from thermofab.hw.spec.errors import CompileError
from thermofab.hw.spec.model import IsingModel
from thermofab.hw.spec.program import Program
from thermofab.hw.spec.schedule import Schedule


@dataclass(frozen=True, eq=False)
class CompiledStructure:
    """What a compiled program remembers of its compilation.

    Attributes:
        known: the program as it was emitted.
        passes: that made it, from the source on.
        emit: the last pass.
        beta: of sources that have no temperature of their own.
    """

    known: Quantised
    passes: tuple[AnyPass, ...]
    emit: Emit
    beta: float

    def with_weights(self, source: object, biases: ArrayLike | None, couplings: ArrayLike | None) -> Program:
        """The program of ``source``, or of the same model with other ``biases`` and ``couplings``."""
        if source is None:
            stage = self._of_arrays(biases, couplings)
        elif biases is not None or couplings is not None:
            raise CompileError("with_weights takes a source, or biases and couplings, not both.")
        else:
            stage = self._of_source(source)
        quantised = run_passes(self._kept[self._placing :], stage)
        return self.emit(quantised).replace(structure=replace(self, known=quantised))

    def check(
        self,
        program: Program,
        *,
        schedule: Schedule | None,
        clamp: Mapping[Hashable, ArrayLike] | None,
        replicas: int,
        seed: int,
        device: Device | str,
    ) -> Program:
        """As :meth:`thermofab.Program.check`, of a program of this structure."""
        return checked(program, self.known, schedule=schedule, clamp=clamp, replicas=replicas, seed=seed, device=device)

    @cached_property
    def _kept(self) -> tuple[AnyPass, ...]:
        """The passes, with what they decided for the known program taken over."""
        return tuple(one.keeping(self.known) if isinstance(one, Keeping) else one for one in self.passes)

    @property
    def _placing(self) -> int:
        """The pass that places; those before it say what is to be placed."""
        return [one.name for one in self.passes].index(Place.name)

    def _of_source(self, source: object) -> Paired:
        return run_passes(self._kept[: self._placing], Source(lower(source, self.beta), self.known.fabric))

    @cached_property
    def _places(self) -> np.ndarray:
        """The known edge of every edge of the program's model, -1 where it has none."""
        model = self.known.lowered.model
        assert isinstance(model, IsingModel)
        return code_places(self.known.edges, model.edges.astype(np.int64), self.known.n)

    def _of_arrays(self, biases: ArrayLike | None, couplings: ArrayLike | None) -> Paired:
        known, lowered = self.known, self.known.lowered
        model = lowered.model
        if not isinstance(model, IsingModel) or lowered.folded is not None:
            raise CompileError(
                "biases and couplings alone are for programs of spins and pairs of spins with no node folded; give the "
                "new model as a source."
            )
        b = model.biases if biases is None else as_floats("biases", biases, model.n_nodes)
        j = model.couplings if couplings is None else as_floats("couplings", couplings, len(model.edges))
        check_size(model.with_weights(b, j))
        if len(known.tables):
            return self._of_source(model.with_weights(b, j))
        lost = (self._places < 0) & (j != 0)
        if np.any(lost):
            clamped = lowered.clamped
            ends = model.edges[lost]
            check_wires(np.where(np.all(clamped[ends], axis=1), 0, -1), ends)
        kept = self._places >= 0
        placed = np.zeros(len(known.edges))
        placed[self._places[kept]] = model.beta * j[kept]
        changed = Lowered(model.with_weights(b, j), lowered.free_blocks, lowered.clamped_blocks, lowered.notes)
        # The log of a program made anew starts at its model.
        return Paired(
            changed, known.fabric, known.edges, placed, model.beta * b, known.clamped, known.names, known.readings,
            known.tables, log=known.log[:1],
        )  # fmt: skip
