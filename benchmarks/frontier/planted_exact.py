"""The least energy of pairs on the complete graph, by enumeration of two halves: 28 spins in seconds."""

import numpy as np
from frontier.planted import all_states

from thermofab.hw.spec import SpecError

MOST = 32


def least_energy(couplings: np.ndarray) -> float:
    """min over s of -½ s'J s, J symmetric ``[N, N]`` of zero diagonal. Exact for integers below 2^53.

    With the spins in two halves, E = E_a + E_b - s_a'J_ab s_b; the last spin is held, for -s has the energy of s.

    Raises:
        SpecError: fewer than 4 spins, or more than 32.
    """
    size = len(couplings)
    if not 4 <= size <= MOST:
        raise SpecError(f"enumeration takes 4 to {MOST} spins, got {size}.")
    matrix = np.asarray(couplings, dtype=np.float64)
    cut = size // 2
    first = all_states(cut).astype(np.float64)
    second = np.column_stack([all_states(size - cut - 1), np.ones(2 ** (size - cut - 1))]).astype(np.float64)
    mine = -0.5 * ((first @ matrix[:cut, :cut]) * first).sum(axis=1)
    other = -0.5 * ((second @ matrix[cut:, cut:]) * second).sum(axis=1)
    crossed = (matrix[:cut, cut:] @ second.T).copy()
    least = np.inf
    for start in range(0, len(first), 256):
        rows = slice(start, start + 256)
        least = min(least, float((mine[rows] + (other - first[rows] @ crossed).min(axis=1)).min()))
    return least
