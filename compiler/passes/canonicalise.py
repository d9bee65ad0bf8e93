"""Canonicalise: fold β in, drop what has no effect on the distribution."""

from dataclasses import dataclass

import numpy as np

from thermofab.compiler.ir.draft import Draft
from thermofab.compiler.ir.lowered import Lowered
from thermofab.compiler.placement.obstacles import obstacle
from thermofab.hw.spec.discrete import DiscreteModel
from thermofab.hw.spec.errors import CompileError
from thermofab.hw.spec.fabric import FabricSpec


@dataclass(frozen=True)
class Canonicalise:
    """Couplings and biases with β multiplied in; edges of weight 0 and edges between clamped nodes need no wire.

    Exact. With ``keep_zero`` edges of weight 0 get a wire all the same, for later weights
    (:meth:`thermofab.Program.with_weights`). A model with higher terms or categorical variables goes on as it is, to
    :class:`~thermofab.compiler.passes.categorical.Categorical`. Raises ``CompileError`` if the program has more nodes
    than the fabric has sites.
    """

    keep_zero: bool = False
    name: str = "canonicalise"

    def __call__(self, lowered: Lowered, fabric: FabricSpec) -> Draft:
        model, clamped = lowered.model, lowered.clamped
        if model.n_nodes > fabric.n_sites:
            pairs = np.zeros((0, 2)) if isinstance(model, DiscreteModel) else model.edges[model.couplings != 0]
            never = obstacle(pairs, clamped, fabric.topology, lowered)
            raise CompileError(
                f"the program has {model.n_nodes} nodes and the fabric {fabric.topology.name} only {fabric.n_sites} "
                "sites; " + (never or f"take a fabric of at least {model.n_nodes} sites.")
            )
        if isinstance(model, DiscreteModel):
            none = np.zeros((0, 2), dtype=np.int64)
            draft = Draft(lowered, fabric, none, np.zeros(0), np.zeros(0), clamped, model=model)
            rows = sum(len(factor.weights) for factor in model.factors)
            return draft.after(self.name, "; ".join([*lowered.notes, f"{model.n_nodes} nodes, {rows} terms"]))
        edges = model.edges.astype(np.int64)
        silent = (model.couplings == 0) & (not self.keep_zero)
        known = clamped[edges[:, 0]] & clamped[edges[:, 1]]
        keep = ~(silent | known)
        did = list(lowered.notes) + [
            f"{count} {what} need no wire"
            for count, what in ((int(silent.sum()), "edges of weight 0"), (int(known.sum()), "clamped-clamped edges"))
            if count
        ]
        draft = Draft(
            lowered=lowered,
            fabric=fabric,
            edges=edges[keep],
            couplings=model.beta * model.couplings[keep],
            biases=model.beta * model.biases,
            clamped=clamped,
            names=model.nodes,
        )
        return draft.after(self.name, "; ".join(did) or f"{model.n_nodes} nodes, {len(edges)} edges")
