"""What is learnt from a series of prices, the state a path is in, and simulated paths."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from thermofab.apps.trading.conditional import Conditional
from thermofab.apps.trading.encoding import CONDITIONS, Encoding
from thermofab.apps.trading.mixing import conditions_of_all, sweeps_needed
from thermofab.apps.trading.persistence import Persistence, moments
from thermofab.apps.trading.volatility import Volatility
from thermofab.hw.spec import Ledger


@dataclass(frozen=True, eq=False)
class State:
    """What the next day depends on: ``variance`` float64 ``[R]`` of it, ``week`` float64 ``[R, 5]`` the last
    standardised returns, yesterday last."""

    variance: np.ndarray
    week: np.ndarray


@dataclass(frozen=True)
class Source:
    """What was learnt from.

    Attributes:
        symbol: "" if returns alone were given, as are the days then.
        first, last: days.
        days: number of returns.
        digest: of these returns, to tell whether two models learnt from the same.
        seen: the last day that the filter has seen since, without learning from it; "" if none.
    """

    symbol: str
    first: str
    last: str
    days: int
    digest: str = ""
    seen: str = ""

    @property
    def as_of(self) -> str:
        """The last day known."""
        return self.seen or self.last


@dataclass(frozen=True, eq=False)
class Fitted:
    """Everything learnt from prices."""

    volatility: Volatility
    encoding: Encoding
    conditional: Conditional
    last: State
    persistence: Persistence
    source: Source

    def scaled(self, factor: float) -> "Fitted":
        """Of something whose days are ``factor`` times these."""
        volatility = replace(
            self.volatility,
            mean=factor * self.volatility.mean,
            omega=factor**2 * self.volatility.omega,
            start=factor**2 * self.volatility.start,
        )
        return replace(
            self,
            volatility=volatility,
            encoding=replace(self.encoding, levels=factor * self.encoding.levels),
            last=State(factor**2 * self.last.variance, self.last.week),
            persistence=replace(self.persistence, highest=factor**2 * self.persistence.highest),
        )

    def expected(self, variance: np.ndarray, week: np.ndarray) -> np.ndarray:
        """log E[exp(σz)] float64 ``[R]`` of the day, to second order in σ: the part of its return that its size makes
        by itself."""
        rows = self.encoding.conditions(np.sqrt(variance), week)
        first, second = self._means[rows @ (1 << np.arange(len(CONDITIONS)))].T
        return np.sqrt(variance) * first + variance * (second - first**2) / 2

    @cached_property
    def sweeps(self) -> int:
        """What a draw needs."""
        return sweeps_needed(self.conditional)

    @cached_property
    def _means(self) -> np.ndarray:
        """E[z] and E[z²] under each of the 128 conditions, float64 ``[128, 2]``; condition k is bit k of the row."""
        return np.exp(self.conditional.log_probabilities(conditions_of_all())) @ moments(self.encoding)[:2].T


@dataclass(frozen=True, eq=False)
class Trajectories:
    """Simulated paths.

    Attributes:
        returns: log returns float64 ``[paths, horizon]``.
        volatilities: float64, of the same days.
        ledger: what the fabric's runs cost; ``None`` if none was run.
    """

    returns: np.ndarray
    volatilities: np.ndarray
    ledger: Ledger | None = None

    def prices(self, start: float = 1.0) -> np.ndarray:
        """float64 ``[paths, horizon]``."""
        return start * np.exp(np.cumsum(self.returns, axis=1))
