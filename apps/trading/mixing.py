"""How many sweeps a draw of the categorical node needs: measured, by multiplying out its Gibbs chain on 32 states.

A sweep updates the five bits one after another, each by its conditional distribution; given the conditions, that is a
32×32 matrix. Its powers say how far the state still is from the distribution; a run's states start uniformly random.
"""

import numpy as np

from thermofab.apps.trading.conditional import Conditional
from thermofab.apps.trading.encoding import CONDITIONS, STATES

TOLERANCE = 1e-4  # of total variation; the rounding of 10-bit weights is several times as much
_BITS = STATES.bit_length() - 1


def conditions_of_all() -> np.ndarray:
    """The 128 conditions bool ``[128, 7]``; condition k is bit k of the row's number."""
    return (np.arange(2 ** len(CONDITIONS))[:, None] >> np.arange(len(CONDITIONS))) & 1 > 0


def sweep_matrices(distribution: np.ndarray, order: range) -> np.ndarray:
    """Transitions of a sweep float64 ``[n, 32, 32]`` for distributions ``[n, 32]``, bits updated in ``order``."""
    code = np.arange(STATES) ^ (np.arange(STATES) >> 1)
    made = np.broadcast_to(np.eye(STATES), (len(distribution), STATES, STATES))
    for bit in order:
        other = np.argsort(code)[code ^ (1 << bit)]
        stay = distribution / (distribution + distribution[:, other])
        # Column y of the product is reached from y by staying, and from its neighbour by moving to y.
        made = made * stay[:, None, :] + made[:, :, other] * stay[:, None, :]
    return made


def sweeps_needed(conditional: Conditional, tolerance: float = TOLERANCE) -> int:
    """Sweeps after which a state is within ``tolerance`` of its distribution in total variation, from the uniform
    distribution that a run starts from, under the worst of all conditions, bits updated upwards or downwards."""
    distribution = np.exp(conditional.log_probabilities(conditions_of_all()))
    most = 1
    for order in (range(_BITS), range(_BITS - 1, -1, -1)):
        sweep = sweep_matrices(distribution, order)
        state, count = sweep.mean(axis=1), 1
        while 0.5 * np.abs(state - distribution).sum(axis=1).max() > tolerance and count < 1000:
            state, count = (state[:, None, :] @ sweep)[:, 0], count + 1
        most = max(most, count)
    return most
