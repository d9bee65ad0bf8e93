"""Canonicalise: fold β in, drop what has no effect on the distribution."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from thermofab.compiler.ir.factor_tables import FactorTables
from thermofab.compiler.ir.stages import Discrete, Paired, Source
from thermofab.compiler.placement.obstacles import obstacle
from thermofab.hw.spec.discrete import DiscreteModel
from thermofab.hw.spec.errors import CompileError


@dataclass(frozen=True)
class Canonicalise:
    """Couplings and biases with β multiplied in; edges of weight 0 and edges between clamped nodes need no wire.

    Exact. With ``keep_zero`` edges of weight 0 get a wire all the same, for later weights
    (:meth:`thermofab.Program.with_weights`). A model with higher terms or categorical variables goes on as it is, to
    :class:`~thermofab.compiler.passes.categorical.Categorical`. Raises ``CompileError`` if the program has more nodes
    than the fabric has sites.
    """

    keep_zero: bool = False
    name: ClassVar[str] = "canonicalise"

    def __call__(self, stage: Source) -> Discrete | Paired:
        lowered, fabric = stage.lowered, stage.fabric
        model, clamped = lowered.model, lowered.clamped
        if model.n_nodes > fabric.n_sites:
            pairs = np.zeros((0, 2)) if isinstance(model, DiscreteModel) else model.edges[model.couplings != 0]
            never = obstacle(pairs, clamped, fabric.topology, lowered)
            raise CompileError(
                f"the program has {model.n_nodes} nodes and the fabric {fabric.topology.name} only {fabric.n_sites} "
                "sites; " + (never or f"take a fabric of at least {model.n_nodes} sites.")
            )
        if isinstance(model, DiscreteModel):
            rows = sum(len(factor.weights) for factor in model.factors)
            did = "; ".join([*lowered.notes, f"{model.n_nodes} nodes, {rows} terms"])
            return stage.to(Discrete, self.name, did, model=model, clamped=clamped)
        edges = model.edges.astype(np.int64)
        silent = (model.couplings == 0) & (not self.keep_zero)
        known = clamped[edges[:, 0]] & clamped[edges[:, 1]]
        keep = ~(silent | known)
        did = list(lowered.notes) + [
            f"{count} {what} need no wire"
            for count, what in ((int(silent.sum()), "edges of weight 0"), (int(known.sum()), "clamped-clamped edges"))
            if count
        ]
        return stage.to(
            Paired,
            self.name,
            "; ".join(did) or f"{model.n_nodes} nodes, {len(edges)} edges",
            edges=edges[keep],
            couplings=model.beta * model.couplings[keep],
            biases=model.beta * model.biases,
            clamped=clamped,
            names=model.nodes,
            readings=None,
            tables=FactorTables(),
        )
