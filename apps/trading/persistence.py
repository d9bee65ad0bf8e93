r"""Persistence: how a shock to the variance lives on when the filter is driven by what is sampled, kept below 1.

A day's variance grows by ρ = β + α z² + γ z² [z < 0] and ω. Its parameters say E[ρ] = α + γ/2 + β, which takes
E[z²] = 1 and E[z²; z < 0] = ½; returns are skewed, and the z drawn have more below 0: with them E[ρ] may pass 1, and
paths explode. In simulation the shocks z² are therefore multiplied by one number, ``news``, so that E[ρ], a mean over
the days learnt from weighted by their variance, is 1 - ω / (their mean variance): the paths' mean variance is then that
of these days. Far above all of them, where all conditions of high volatility hold, E[ρ] is at most ``LARGEST``.
Returns are not touched: a day's distribution is the same with and without.
"""

from dataclasses import dataclass

import numpy as np

from thermofab.apps.trading.conditional import Conditional
from thermofab.apps.trading.encoding import STATES, Encoding
from thermofab.apps.trading.volatility import Volatility

LARGEST = 0.999  # a half-life of 2.7 years; EWMA, whose own persistence is 1, is held to it
REACH = 2.0  # a path's volatility stays within so many times the highest learnt from or started from
_INSIDE = (np.arange(200) + 0.5) / 200


@dataclass(frozen=True)
class Persistence:
    """What was found and what simulation does about it.

    Attributes:
        parameters: α + γ/2 + β.
        sampled: E[ρ] of the sampled residuals.
        far: E[ρ] of these where volatility is above all levels.
        news: what shocks to the variance are multiplied by in simulation.
        highest: the highest variance of the days learnt from.
    """

    parameters: float
    sampled: float
    far: float
    news: float
    highest: float

    @property
    def explodes(self) -> bool:
        """Whether paths would, were the shocks left as they are."""
        return max(self.sampled, self.far) >= 1

    def warning(self) -> str:
        largest = max(self.sampled, self.far)
        return (
            f"the sampled days drive the volatility filter with a persistence of {largest:.4f}, not below 1, where its "
            f"parameters say {self.parameters:.4f}: paths would explode. In simulation, shocks to the variance are "
            f"multiplied by {self.news:.3f}, and its mean stays that of the days learnt from."
        )

    def ceiling(self, start: np.ndarray) -> np.ndarray:
        """The variances float64 ``[R]`` that paths from variances ``start`` stay within."""
        return ceiling(self.highest, start)


def ceiling(highest: float, start: np.ndarray) -> np.ndarray:
    """The variances that paths from variances ``start`` stay within, of the same shape."""
    return REACH**2 * np.maximum(highest, start)


def news(volatility: Volatility, near: float, far: float, mean: float) -> float:
    """What shocks to the variance are multiplied by, where days add ``near`` to β in the mean, ``far`` in the worst
    conditions, and the variance of the days learnt from has the mean ``mean``."""
    wanted = min(1 - volatility.omega / mean, LARGEST)
    return float(min((wanted - volatility.beta) / near, (LARGEST - volatility.beta) / far))


class PersistenceWarning(UserWarning):
    """Paths would explode without what :mod:`~thermofab.apps.trading.persistence` does."""


def moments(encoding: Encoding) -> np.ndarray:
    """E[z], E[z²] and E[z²; z < 0] of what every state decodes to, float64 ``[3, 32]``."""
    drawn = encoding.decode(np.repeat(np.arange(STATES), len(_INSIDE)), np.tile(_INSIDE, STATES)).reshape(STATES, -1)
    return np.stack([drawn.mean(axis=1), (drawn**2).mean(axis=1), (drawn**2 * (drawn < 0)).mean(axis=1)])


def persistence(
    volatility: Volatility,
    encoding: Encoding,
    conditional: Conditional,
    variances: np.ndarray,
    conditions: np.ndarray,
) -> Persistence:
    """Of the sampled residuals, over days with ``variances`` float64 ``[n]`` and ``conditions`` bool ``[n, 7]``."""
    _, whole, below = moments(encoding)
    growth = volatility.alpha * whole + volatility.gamma * below
    levels = len(encoding.levels)
    above = np.concatenate([np.ones((len(conditions), levels), dtype=bool), conditions[:, levels:]], axis=1)

    def shock(rows: np.ndarray, weights: np.ndarray | None) -> float:
        return float(np.average(np.exp(conditional.log_probabilities(rows)) @ growth, weights=weights))

    near, far = shock(conditions, variances), shock(above, None)
    factor = news(volatility, near, far, float(np.mean(variances)))
    parameters = volatility.alpha + volatility.gamma / 2 + volatility.beta
    beta = volatility.beta
    return Persistence(parameters, beta + near, beta + far, factor, float(np.max(variances)))
