"""Types of what users hand to a program: which nodes, and their values."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Protocol, runtime_checkable

from numpy.typing import ArrayLike

Block = tuple[int, ...]  # node indices
Blocks = tuple[Block, ...]


@runtime_checkable
class LikeBlock(Protocol):
    """What ``thrml.Block`` has."""

    @property
    def nodes(self) -> Iterable[Hashable]: ...


# Blocks of nodes, or one plain list of nodes.
LikeNodes = Sequence[Hashable] | Sequence[Sequence[Hashable] | LikeBlock]
# One array per block, or values by node.
LikeValues = Sequence[ArrayLike] | Mapping[Hashable, ArrayLike]
