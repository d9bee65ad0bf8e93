"""Stress scenarios as a report shows them: one asset beyond a quantile, the others beside the data's own such days.

The data's days are standardised by their own volatility and set to the next day's, so that both sides answer the same
question: what does such a day look like tomorrow?
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.apps.trading.portfolio.model import PortfolioModel
from thermofab.apps.trading.portfolio.risk import tail
from thermofab.apps.trading.portfolio.stress import CRASH, Response
from thermofab.apps.trading.portfolio.weights import Weights
from thermofab.hw.spec import SpecError

_FORM = re.compile(r"\s*(?P<symbol>[^<>\s]+)\s*(?P<side>[<>])\s*(?P<level>\d+(?:\.\d+)?)\s*%\s*")


@dataclass(frozen=True)
class Condition:
    """``symbol`` below its quantile ``level``, or above; ``level`` is the probability of the side."""

    symbol: str
    below: bool
    level: float

    def __str__(self) -> str:
        if self.below:
            return f"{self.symbol} below its {100 * self.level:g}% quantile"
        return f"{self.symbol} above its {100 * (1 - self.level):g}% quantile"

    def holds(self, u: np.ndarray) -> np.ndarray:
        """bool, of uniforms of the symbol, the same shape."""
        return u < self.level if self.below else u > 1 - self.level


def condition_of(text: str, symbols: tuple[str, ...]) -> Condition:
    """``"SPY<5%"`` is SPY below its 5% quantile, ``"SPY>95%"`` above its 95% quantile.

    Raises:
        SpecError: neither, a symbol without prices, or a side that holds half of all days or more.
    """
    found = _FORM.fullmatch(text)
    if found is None:
        raise SpecError(f"a stress is written as SPY<5% or SPY>95%, got {text!r}.")
    spelt = {name.upper(): name for name in symbols}
    symbol = spelt.get(found["symbol"].upper())
    if symbol is None:
        raise SpecError(f"the stress {text} needs prices of {found['symbol']}; there are {', '.join(symbols)}.")
    below = found["side"] == "<"
    level = float(found["level"]) / 100
    level = level if below else 1 - level
    if not 0 < level < 0.5:
        raise SpecError(f"the stress {text} must hold on less than half of all days; write SPY<5% or SPY>95%.")
    return Condition(symbol, below, level)


@dataclass(frozen=True, eq=False)
class Stressed:
    """One scenario of the next day; arrays float64 ``[d]``, and of the data ``None`` where it has no such day.

    Attributes:
        condition: in words.
        how: it was met.
        probability: of it, under the model.
        symbols: the assets.
        draws: sampled days; ``effective`` of them.
        means, crashes: mean simple return, and the chance of a crash of each asset, sampled.
        profit: the portfolio's mean, ``shortfall`` its ES at 5%, both given the condition.
        days: of the data on which the condition held, with ``data_means``, ``data_crashes``, ``data_profit``.
        copula_crashes: as ``crashes``, of a static t copula fitted to the data.
        together: the chance that 0, 1, … of the other assets crash on one day, float64; ``data_together`` likewise.
    """

    condition: str
    how: str
    probability: float
    symbols: tuple[str, ...]
    draws: int
    effective: float
    means: np.ndarray
    crashes: np.ndarray
    profit: float
    shortfall: float
    days: int
    data_means: np.ndarray | None
    data_crashes: np.ndarray | None
    data_profit: float | None
    copula_crashes: np.ndarray
    together: np.ndarray
    data_together: np.ndarray | None

    def to_json(self) -> dict[str, Any]:
        """Plain values, assets by name."""
        columns = {
            "mean": self.means, "crash": self.crashes, "data_mean": self.data_means, "data_crash": self.data_crashes,
            "copula_crash": self.copula_crashes,
        }  # fmt: skip
        return {
            "condition": self.condition, "how": self.how, "probability": self.probability, "draws": self.draws,
            "effective": self.effective, "days": self.days, "profit": self.profit, "shortfall": self.shortfall,
            "data_profit": self.data_profit, "together": self.together.tolist(),
            "data_together": None if self.data_together is None else self.data_together.tolist(),
            "assets": {
                symbol: {name: None if values is None else float(values[k]) for name, values in columns.items()}
                for k, symbol in enumerate(self.symbols)
            },
        }  # fmt: skip


def stressed_by(model: PortfolioModel, condition: Condition, weights: Weights, draws: int, seed: int) -> Stressed:
    """The next day given ``condition``, clamped on the fabric, beside the data and a t copula.

    Args:
        model: fitted.
        condition: of one of its assets.
        weights: the portfolio.
        draws: of the next day.
        seed: of the draws.

    Raises:
        SpecError: the condition is too rare, or the model is not on a fabric.
    """
    asked = ("below", condition.level) if condition.below else ("above", 1 - condition.level)
    found = model.stress({condition.symbol: asked}, draws, seed)
    history, symbols = model.needed().history, model.needed().panel.symbols
    shares = weights.of(symbols)
    each = np.full(draws, 1 / draws) if found.paths.weights is None else found.paths.weights
    sampled = np.expm1(found.paths.returns[:, 0])
    seen = condition.holds(history.u[:, symbols.index(condition.symbol)])
    means = np.array([one.volatility.mean for one in history.marginals])
    data = np.expm1(means + np.sqrt(history.variances[-1]) * history.z[seen]) if seen.any() else None

    def crashes(responses: Sequence[Response]) -> np.ndarray:
        return np.clip([one.crash for one in responses], 0.0, 1.0)  # sums of weights pass 1 by their last digit

    return Stressed(
        str(condition), found.how, found.probability, symbols, draws, found.effective, each @ sampled,
        crashes(found.responses), float(each @ (sampled @ shares)), tail(sampled @ shares, CRASH, each)[1],
        int(seen.sum()), None if data is None else data.mean(axis=0),
        None if found.past is None else crashes(found.past),
        None if data is None else float((data @ shares).mean()),
        crashes(found.copula), found.crashes, found.past_crashes,
    )  # fmt: skip
