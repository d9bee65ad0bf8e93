"""Stress scenarios as a report shows them: one asset beyond a quantile, the others beside the data's own such days.

The data's days are standardised by their own volatility and set to the next day's, so that both sides answer the same
question: what does such a day look like tomorrow?
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.apps.trading.portfolio.model import PortfolioModel
from thermofab.apps.trading.portfolio.risk import tail
from thermofab.apps.trading.portfolio.weights import Weights
from thermofab.hw.spec import SpecError

_FEWEST = 10  # draws
CRASH = 0.05  # below this quantile of its own a day is a crash
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
    """One scenario of the next day; arrays float64 ``[d]``.

    Attributes:
        condition: in words.
        symbols: the assets.
        draws: sampled days; ``effective`` of them.
        means, crashes: mean simple return, and the chance of a crash of each asset, sampled.
        profit: the portfolio's mean, ``shortfall`` its ES at 5%, both given the condition.
        days: of the data on which the condition held, with ``data_means``, ``data_crashes``, ``data_profit``.
    """

    condition: str
    symbols: tuple[str, ...]
    draws: int
    effective: float
    means: np.ndarray
    crashes: np.ndarray
    profit: float
    shortfall: float
    days: int
    data_means: np.ndarray
    data_crashes: np.ndarray
    data_profit: float

    def to_json(self) -> dict[str, Any]:
        """Plain values, assets by name."""
        assets = {
            symbol: {"mean": a, "crash": p, "data_mean": b, "data_crash": q}
            for symbol, a, p, b, q in zip(
                self.symbols, self.means.tolist(), self.crashes.tolist(), self.data_means.tolist(),
                self.data_crashes.tolist(),
            )
        }  # fmt: skip
        return {
            "condition": self.condition, "draws": self.draws, "effective": self.effective, "days": self.days,
            "profit": self.profit, "shortfall": self.shortfall, "data_profit": self.data_profit, "assets": assets,
        }  # fmt: skip


def stressed_by(model: PortfolioModel, condition: Condition, weights: Weights, draws: int, seed: int) -> Stressed:
    """The next day given ``condition``, of the ``draws`` on which it holds, beside the data.

    Args:
        model: fitted.
        condition: of one of its assets.
        weights: the portfolio.
        draws: of the next day, before those on which the condition does not hold are left out.
        seed: of the draws.

    Raises:
        SpecError: it holds on fewer than ten draws, or on none of the data's days.
    """
    fitted = model.needed()
    panel, history = fitted.panel, fitted.history
    asset = panel.symbols.index(condition.symbol)
    u = fitted.joint.walk(history.z, draws).draw(int(np.random.SeedSequence([seed, 7]).generate_state(1)[0]))
    kept, seen = u[condition.holds(u[:, asset])], condition.holds(history.u[:, asset])
    if len(kept) < _FEWEST or not seen.any():
        raise SpecError(
            f"{condition} holds on {len(kept)} of {draws} draws and {int(seen.sum())} days of the data; take more "
            "draws, or a wider condition."
        )
    scale = np.sqrt(history.variances[-1])
    means = np.array([one.volatility.mean for one in history.marginals])
    shares = weights.of(panel.symbols)
    z = np.stack([one.quantile(column) for one, column in zip(history.marginals, kept.T)], axis=1)
    sampled, data = np.expm1(means + scale * z), np.expm1(means + scale * history.z[seen])
    return Stressed(
        str(condition), panel.symbols, draws, float(len(kept)), sampled.mean(axis=0), (kept < CRASH).mean(axis=0),
        float((sampled @ shares).mean()), tail(sampled @ shares, CRASH, np.full(len(kept), 1 / len(kept)))[1],
        int(seen.sum()), data.mean(axis=0), (history.u[seen] < CRASH).mean(axis=0), float((data @ shares).mean()),
    )  # fmt: skip
