"""Encoding: standardised returns as one of 32 states, and what is known before a day as seven bits.

The states are the intervals between quantiles of the returns seen in fitting, narrow in both tails; the code on sites
is Gray's, so that neighbouring intervals differ in one site. Decoding draws within the interval, along the same
quantiles: encode(decode(k, u)) = k for every 0 < u < 1.
"""

from dataclasses import dataclass

import numpy as np

from thermofab.hw.spec import SpecError

_LOWER = (0.005, 0.01, 0.0175, 0.025, 0.04, 0.06, 0.08, 0.11, 0.15, 0.19, 0.24, 0.29, 0.34, 0.40, 0.45)
PROBABILITIES = np.array([*_LOWER, 0.5, *(1 - p for p in reversed(_LOWER))])
STATES = len(PROBABILITIES) + 1
CONDITIONS = (
    "volatility above its lower third",
    "volatility above its upper third",
    "volatility in its top tenth",
    "yesterday below -1",
    "yesterday below 0",
    "yesterday above 1",
    "last five days' mean below 0",
)
WEEK = 5


@dataclass(frozen=True, eq=False)
class Encoding:
    """Quantiles of the days fitted to.

    Attributes:
        residuals: float64 ``[m]``, the standardised returns, ascending.
        levels: float64 ``[3]``, volatilities at the thirds and the top tenth.
    """

    residuals: np.ndarray
    levels: np.ndarray

    @staticmethod
    def of(residuals: np.ndarray, volatilities: np.ndarray) -> "Encoding":
        """From the days fitted to.

        Raises:
            SpecError: fewer than 250 days, or returns too much alike to tell the states apart.
        """
        ordered = np.sort(np.asarray(residuals, dtype=np.float64))
        if len(ordered) < 250:
            raise SpecError(f"an encoding needs at least 250 days, got {len(ordered)}.")
        made = Encoding(ordered, np.quantile(volatilities, [1 / 3, 2 / 3, 0.9]))
        if np.any(np.diff(made.edges) <= 0):
            raise SpecError("the returns have too few distinct values to tell 32 states apart; are the prices rounded?")
        return made

    @property
    def edges(self) -> np.ndarray:
        """float64 ``[31]``: the quantiles between the states."""
        return np.quantile(self.residuals, PROBABILITIES)

    def encode(self, residuals: np.ndarray) -> np.ndarray:
        """States int64 of the same shape."""
        return np.searchsorted(self.edges, residuals, side="right")

    def decode(self, states: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """Standardised returns; ``uniform`` in 0…1 says where in the state's interval."""
        low = np.concatenate([[0.0], PROBABILITIES])[states]
        high = np.concatenate([PROBABILITIES, [1.0]])[states]
        inside = np.clip(np.asarray(uniform), 1e-9, 1 - 1e-9)
        return np.quantile(self.residuals, low + (high - low) * inside)

    def conditions(self, volatility: np.ndarray, week: np.ndarray) -> np.ndarray:
        """bool ``[..., 7]``, in the order of :data:`CONDITIONS`, from the day's volatility ``[...]`` and the last five
        standardised returns ``[..., 5]``, yesterday last.
        """
        volatility, yesterday = np.asarray(volatility)[..., None], np.asarray(week)[..., -1]
        parts = [volatility > self.levels, np.stack([yesterday < -1, yesterday < 0, yesterday > 1], axis=-1)]
        return np.concatenate([*parts, (np.mean(week, axis=-1) < 0)[..., None]], axis=-1)
