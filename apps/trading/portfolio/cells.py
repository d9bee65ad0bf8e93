"""Cells: an asset's day as one of eight states, narrow in both tails, on three sites.

State k is the interval between two quantiles of the asset's own standardised returns, so every asset has the same
edges in u. On sites, the first two bits are Gray's code of the state's quarter, a pair of neighbours, and the third
says which of the two it is: a binary code would take ten times the sweeps, and Gray's code of all three no fewer.
"""

from collections.abc import Sequence

import numpy as np

from thermofab.hw.spec import SpecError

STATES, BITS = 8, 3
EDGES = np.array([0.0, 0.01, 0.05, 0.2, 0.5, 0.8, 0.95, 0.99, 1.0])
WIDTHS = np.diff(EDGES)
MOST_ASSETS = 6  # 8^6 cells are the most that are enumerated
_QUARTER = np.arange(STATES) >> 1
_NUMBER = 2 * (_QUARTER ^ (_QUARTER >> 1)) + (np.arange(STATES) & 1)
CODE = ((_NUMBER[:, None] >> np.array([2, 1, 0])) & 1).astype(bool)  # [8, 3]: the bits of every state
HALF = np.where(np.arange(STATES) & 1, 1.0, -1.0)  # a state's third bit as ±1
_STATE_OF = np.argsort(_NUMBER)


def encode(u: np.ndarray) -> np.ndarray:
    """States int64 of uniforms of the same shape."""
    return np.asarray(np.searchsorted(EDGES[1:-1], np.asarray(u), side="right"))


def bits_of(states: np.ndarray) -> np.ndarray:
    """Bits bool ``[..., 3]`` of states."""
    return CODE[states]


def states_of(bits: np.ndarray) -> np.ndarray:
    """States int64 of bits ``[..., 3]``."""
    return _STATE_OF[np.asarray(bits).astype(np.int64) @ np.array([4, 2, 1])]


def box(states: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The lower and the upper ends in u of states, float64 of the same shape."""
    return EDGES[states], EDGES[states + 1]


def pairs_of(assets: int) -> list[tuple[int, int]]:
    """All pairs i < j, by i and then j: the order of pair tables."""
    return [(i, j) for i in range(assets) for j in range(i + 1, assets)]


def cell_numbers(states: np.ndarray) -> np.ndarray:
    """int64 ``[n]``: the number of the joint cell of states ``[n, d]``, the first asset the slowest."""
    return np.asarray(np.ravel_multi_index(tuple(np.asarray(states).T), (STATES,) * np.shape(states)[1]))


def all_states(assets: int) -> np.ndarray:
    """int64 ``[8^d, d]``, in the order of :func:`cell_numbers`."""
    return np.stack(np.unravel_index(np.arange(STATES**assets), (STATES,) * assets), axis=1)


def checked_assets(assets: int, symbols: Sequence[str] = ()) -> int:
    """How many assets a machine is for.

    Raises:
        SpecError: below 2 or above 6.
    """
    if assets > MOST_ASSETS:
        raise SpecError(
            f"a portfolio's machine holds at most {MOST_ASSETS} assets, whose 8^{MOST_ASSETS} cells are enumerated to "
            f"fit it; got {assets}{': ' + ', '.join(symbols) if symbols else ''}. Take fewer, or a peer of "
            "thermofab.apps.trading.portfolio.peers."
        )
    if assets < 2:
        raise SpecError(f"a joint model is of 2 assets at least, got {assets}.")
    return assets
