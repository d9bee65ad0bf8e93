"""Colour: the order in which sites update."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from thermofab.compiler.ir.stages import Wired
from thermofab.hw.spec.errors import CompileError


@dataclass(frozen=True)
class Colour:
    """Checks that no two coupled sites share a colour: then a sweep is a Gibbs sweep, whatever the user's blocks were.

    The colours are the fabric's. The stationary distribution of the real-valued model does not depend on them, so this
    is exact. Raises ``CompileError`` if a wire or trunk joins sites of one colour.
    """

    name: ClassVar[str] = "colour"

    def __call__(self, stage: Wired) -> Wired:
        topology = stage.fabric.topology
        used = topology.edges[np.concatenate([stage.layout.wire_sites, stage.layout.trunk_sites])]
        same = topology.colours[used[:, 0]] == topology.colours[used[:, 1]]
        if np.any(same):
            i, j = used[np.argmax(same)]
            raise CompileError(f"coupled sites {i} and {j} share a colour; recolour the fabric's topology.")
        busy = np.bincount(topology.colours[[s for sites in stage.layout.copies for s in sites]])
        return stage.after(self.name, f"{topology.n_colours} colours, {np.count_nonzero(busy)} of them in use")
