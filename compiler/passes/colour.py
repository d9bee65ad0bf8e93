"""Colour: the order in which sites update."""

from dataclasses import dataclass

import numpy as np

from thermofab.compiler.ir.draft import Draft
from thermofab.hw.spec.errors import CompileError


@dataclass(frozen=True)
class Colour:
    """Checks that no two coupled sites share a colour: then a sweep is a Gibbs sweep, whatever the user's blocks were.

    The colours are the fabric's. The stationary distribution of the real-valued model does not depend on them, so this
    is exact. Raises ``CompileError`` if a wire or trunk joins sites of one colour.
    """

    name: str = "colour"

    def __call__(self, draft: Draft) -> Draft:
        topology = draft.fabric.topology
        used = topology.edges[np.concatenate([draft.layout.wire_sites, draft.layout.trunk_sites])]
        same = topology.colours[used[:, 0]] == topology.colours[used[:, 1]]
        if np.any(same):
            i, j = used[np.argmax(same)]
            raise CompileError(f"coupled sites {i} and {j} share a colour; recolour the fabric's topology.")
        busy = np.bincount(topology.colours[[s for sites in draft.layout.copies for s in sites]])
        return draft.after(self.name, f"{topology.n_colours} colours, {np.count_nonzero(busy)} of them in use")
