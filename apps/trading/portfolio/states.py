"""Market bits: what is known of the day's correlations before it, as bits that a fabric clamps.

Fisher's z of the filtered correlations of all pairs (:class:`~thermofab.apps.trading.portfolio.correlation.Dynamic`) is
turned onto its principal directions over the days learnt from; each direction's quantiles there are the edges of a
thermometer: two bits of the first three directions, one of the next two.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from thermofab.apps.trading.portfolio.cells import pairs_of
from thermofab.hw.spec import SpecError

LEVELS = (3, 3, 3, 2, 2)
_HIGHEST = 0.999  # of a correlation, whose Fisher z would be infinite


@dataclass(frozen=True, eq=False)
class MarketBits:
    """How correlations become bits.

    Attributes:
        mean: float64 ``[pairs]``, of Fisher's z over the days learnt from.
        directions: float64 ``[m, pairs]``, orthonormal, by falling variance.
        edges: ascending, for each direction.
    """

    mean: np.ndarray
    directions: np.ndarray
    edges: tuple[np.ndarray, ...]

    @property
    def count(self) -> int:
        return sum(map(len, self.edges))

    def __call__(self, correlations: np.ndarray) -> np.ndarray:
        """bool ``[..., k]`` of correlation matrices ``[..., d, d]``."""
        along = (_fisher(correlations) - self.mean) @ self.directions.T
        return np.concatenate([along[..., k, None] > edges for k, edges in enumerate(self.edges)], axis=-1)


def market_bits(correlations: np.ndarray, levels: Sequence[int] = LEVELS) -> MarketBits:
    """From the filtered correlations float64 ``[n, d, d]`` of the days learnt from.

    Args:
        correlations: of each day, from the days before it.
        levels: of each direction, 2 or more; those beyond the number of pairs are left out.

    Raises:
        SpecError: a direction of fewer than two levels.
    """
    if not levels or min(levels) < 2:
        raise SpecError(f"every direction of the market bits has two levels or more, got {tuple(levels)}.")
    values = _fisher(correlations)
    mean = values.mean(axis=0)
    directions = np.linalg.svd(values - mean, full_matrices=False)[2][: len(levels)]
    # A direction's sign is not the data's to say: its largest part is made positive.
    largest = directions[np.arange(len(directions)), np.abs(directions).argmax(axis=1)]
    directions = directions * np.sign(largest)[:, None]
    along = (values - mean) @ directions.T
    edges = tuple(np.quantile(column, np.arange(1, q) / q) for column, q in zip(along.T, levels))
    return MarketBits(mean, directions, edges)


def _fisher(correlations: np.ndarray) -> np.ndarray:
    i, j = np.array(pairs_of(correlations.shape[-1])).T
    return np.arctanh(np.clip(correlations[..., i, j], -_HIGHEST, _HIGHEST))
