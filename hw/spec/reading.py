"""Reading: how a node's state is read from the bits that stand for it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.hw.spec.errors import SpecError


@dataclass(frozen=True)
class Reading:
    """A node's state as a table over the bits of some variables.

    Attributes:
        variables: of the compiled program, the first the most significant bit of a code; none for a node whose value
            was known when the program was compiled.
        table: the state that each of the 2^variables codes stands for. Several codes may stand for one state.
    """

    variables: tuple[int, ...]
    table: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.table) != 2 ** len(self.variables):
            raise SpecError(f"{len(self.variables)} bits have {2 ** len(self.variables)} codes, not {len(self.table)}.")

    def decode(self, bits: np.ndarray) -> np.ndarray:
        """States int64 ``[...]`` of bits bool ``[..., variables]``."""
        weights = 1 << np.arange(len(self.variables) - 1, -1, -1, dtype=np.int64)
        return np.asarray(self.table, dtype=np.int64)[np.asarray(bits, dtype=np.int64) @ weights]

    def encode(self, states: Any) -> np.ndarray:
        """Bits bool ``[..., variables]`` of states; of several codes the first."""
        codes = np.array([self.table.index(state) for state in range(max(self.table) + 1)], dtype=np.int64)
        shifts = np.arange(len(self.variables) - 1, -1, -1, dtype=np.int64)
        return ((codes[np.asarray(states, dtype=np.int64)][..., None] >> shifts) & 1).astype(bool)


def spin_reading(variable: int) -> Reading:
    """A spin stands for itself."""
    return Reading((variable,), (0, 1))
