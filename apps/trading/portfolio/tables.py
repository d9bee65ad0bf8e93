r"""Pair tables: the joint distribution of cells that a fabric holds, and its enumeration.

    P(y | s) ∝ exp(Σ_i b_i(y_i) + Σ_{i<j} T_ij(y_i, y_j) + Σ_k σ_k [Σ_i β_ki(y_i) + Σ_{i<j} Δ_kij(y_i, y_j)]),

y_i one of eight states, s the clamped market bits, σ_k = ±1. A factor has six sites: T_ij is one. With a market bit a
pair's table would have seven, so Δ_kij is a sum of three: two know one asset by its three bits and the other by its
quarter, the first two bits, and the third is a number times the product of both third bits. What no sum of them can say
is how the difference between an asset's two states of a quarter times that of another's depends on these quarters.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from thermofab.apps.trading.portfolio.cells import HALF, STATES, pairs_of

_COARSE = np.kron(np.eye(STATES // 2), np.full((2, 2), 0.5))
_FINE = np.eye(STATES) - _COARSE


_HALVES = np.outer(HALF, HALF) / STATES


def within_reach(shifts: np.ndarray) -> np.ndarray:
    """The nearest tables ``[..., 8, 8]`` that three factors of a market bit and two assets' bits can hold."""
    return shifts - _FINE @ shifts @ _FINE + _HALVES @ shifts @ _HALVES


@dataclass(frozen=True, eq=False)
class Tables:
    """Log weights.

    Attributes:
        single: float64 ``[d, 8]``.
        pair: float64 ``[d(d-1)/2, 8, 8]``, pairs in the order of :func:`~.cells.pairs_of`.
        single_shift: float64 ``[k, d, 8]`` a market bit.
        pair_shift: float64 ``[k, d(d-1)/2, 8, 8]``, each :func:`within_reach`.
    """

    single: np.ndarray
    pair: np.ndarray
    single_shift: np.ndarray
    pair_shift: np.ndarray

    @staticmethod
    def flat(assets: int, bits: int = 0) -> "Tables":
        """All zero."""
        pairs = assets * (assets - 1) // 2
        return Tables(
            np.zeros((assets, STATES)), np.zeros((pairs, STATES, STATES)),
            np.zeros((bits, assets, STATES)), np.zeros((bits, pairs, STATES, STATES)),
        )  # fmt: skip

    @property
    def assets(self) -> int:
        return len(self.single)

    @property
    def bits(self) -> int:
        return len(self.single_shift)

    def given(self, market: np.ndarray) -> "Tables":
        """Those of market bits bool ``[k]``, with no bits left."""
        sign = np.where(market, 1.0, -1.0)
        return Tables(
            self.single + np.tensordot(sign, self.single_shift, 1),
            self.pair + np.tensordot(sign, self.pair_shift, 1),
            self.single_shift[:0], self.pair_shift[:0],
        )  # fmt: skip

    def log_probabilities(self, market: np.ndarray | None = None) -> np.ndarray:
        """log P of all cells, float64 ``[8] * d``."""
        own = self if market is None or not self.bits else self.given(market)
        return log_normalised(log_weights(own.single, own.pair))

    @cached_property
    def probabilities(self) -> np.ndarray:
        """P of all cells with no market bits, float64 ``[8] * d``."""
        return np.exp(self.log_probabilities())


def log_weights(single: np.ndarray, pair: np.ndarray) -> np.ndarray:
    """Sums of tables over all cells, float64 ``[8] * d``."""
    total, table_of = single[0], dict(zip(pairs_of(len(single)), pair))
    for j in range(1, len(single)):
        # One asset more; its tables with the earlier are summed in two halves, so that few sums are of full size.
        half = (j + 1) // 2
        first = _with_last([table_of[i, j] for i in range(half)]) + single[j]
        total = total[..., None] + first.reshape((STATES,) * half + (1,) * (j - half) + (STATES,))
        if half < j:
            total += _with_last([table_of[i, j] for i in range(half, j)])
    return total


def _with_last(tables: list[np.ndarray]) -> np.ndarray:
    """Σ T_i(y_i, y) over all y_1 … y_m, y: float64 ``[8] * (m + 1)``."""
    total = tables[0]
    for table in tables[1:]:
        total = total[..., None, :] + table
    return total


def log_normalised(log_weight: np.ndarray) -> np.ndarray:
    """Log probabilities from log weights."""
    return log_weight - log_total(log_weight)


def log_total(log_weight: np.ndarray) -> float:
    """log Σ exp."""
    top = float(log_weight.max())
    return top + float(np.log(np.exp(log_weight - top).sum()))


def pair_marginals(probabilities: np.ndarray) -> np.ndarray:
    """float64 ``[pairs, 8, 8]`` of a distribution over cells ``[8] * d``."""
    d = probabilities.ndim
    made = np.empty((d * (d - 1) // 2, STATES, STATES))
    # Every pair (i, j) is summed from the distribution of the assets up to j, where i is the slowest that is left.
    k = 0
    after = probabilities
    for i in range(d):
        rest = after.sum(axis=0) if i < d - 1 else after
        short = after
        found = []
        for j in range(d - 1, i, -1):
            block = short.reshape(STATES, -1, STATES) if j > i + 1 else short.reshape(STATES, 1, STATES)
            found.append(block.sum(axis=1))
            short = short.sum(axis=-1)
        for table in reversed(found):
            made[k] = table
            k += 1
        after = rest
    return made
