"""Fold clamps: nodes whose value is known when the program is compiled take no site."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar

from thermofab.compiler.ir.folding import folded
from thermofab.compiler.ir.stages import Source


@dataclass(frozen=True)
class FoldClamps:
    """The conditional program of the other nodes (:func:`~thermofab.compiler.ir.folding.folded`). Exact.

    Attributes:
        clamp: nodes, free or of clamped blocks, and their values: bool for a spin, 0…q-1 for a categorical variable.

    Raises:
        CompileError: a node or value does not exist, or no node is left.
    """

    clamp: Mapping[Hashable, Any] = field(default_factory=dict)
    name: ClassVar[str] = "fold-clamps"

    def __call__(self, stage: Source) -> Source:
        return replace(stage, lowered=folded(stage.lowered, self.clamp))
