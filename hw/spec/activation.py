"""The activation: from a field and a random word to a bit, and its exact probability.

    a = clip((F + (u mod 2^shift)) >> shift, -A, A-1),    n = ((u >> (W - t)) < T[a])

with W = word_bits, t = threshold_bits. The low ``shift`` bits of u dither the address and its high t bits are
compared; they are disjoint and fair, so P(n=1 | F) is the mean of T/2^t over the dither: the linear interpolation
of the table.
"""

import numpy as np

from thermofab.hw.spec.fabric import FabricSpec


def sigmoid_table(spec: FabricSpec, step: float, shift: int, beta: float = 1.0) -> np.ndarray:
    """The standard table: T[a] = round(2^t σ(2 β step a 2^shift)), clipped to 1…2^t-1, with T[-a] = 2^t - T[a].

    ``step`` is the coupling, in units of the model's energy, that one unit of an integer weight stands for.
    Clipping keeps every state reachable. Returns int32 ``[2A]``; entry k holds T[k - A].
    """
    half, one = spec.table_size // 2, 2**spec.threshold_bits
    argument = 2.0 * beta * step * 2.0**shift * np.arange(half + 1)
    upper = np.clip(np.round(one / (1.0 + np.exp(-argument))), one // 2, one - 1).astype(np.int64)
    return np.concatenate([one - upper[:0:-1], upper[:-1]]).astype(np.int32)


def flip_probability(spec: FabricSpec, table: np.ndarray, shift: int, field: np.ndarray) -> np.ndarray:
    """P(n=1 | F) exactly, as float64 of the shape of ``field`` (int64).

    With F = 2^shift q + r, r of the 2^shift values of the dither carry to the next address:
    P = ((2^shift - r) T[clip(q)] + r T[clip(q + 1)]) / 2^(shift + t).
    """
    half = spec.table_size // 2
    q = np.asarray(field, dtype=np.int64) >> shift
    r = np.asarray(field, dtype=np.int64) - (q << shift)
    entry = np.asarray(table, dtype=np.int64)[np.clip(np.stack([q, q + 1]), -half, half - 1) + half]
    return ((2**shift - r) * entry[0] + r * entry[1]) / 2.0 ** (shift + spec.threshold_bits)
