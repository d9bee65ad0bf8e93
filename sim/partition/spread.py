"""Errors from independent chains: an estimate made anew with every group of them left out (the jackknife)."""

from collections.abc import Callable

import numpy as np

GROUPS = 32


def jackknife(estimate: Callable[[np.ndarray], float], chains: int) -> float:
    """Standard error of ``estimate``, a function of the chains that it uses, int64 ``[…]``."""
    groups = np.array_split(np.arange(chains), min(GROUPS, chains))
    without = np.array([estimate(np.setdiff1d(np.arange(chains), group)) for group in groups])
    count = len(groups)
    return float(np.sqrt((count - 1) / count * np.sum((without - without.mean()) ** 2)))


def standard_score(values: np.ndarray) -> float:
    """The mean of independent ``values`` ``[R]`` in its standard errors, without its sign."""
    error = values.std(ddof=1) / np.sqrt(len(values))
    return float(abs(values.mean()) / error) if error > 0 else 0.0
