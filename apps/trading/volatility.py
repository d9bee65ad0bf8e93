r"""Volatility: the scale that returns are divided by before the fabric sees them.

GJR-GARCH(1,1) (Glosten, Jagannathan & Runkle 1993), r_t = μ + σ_t z_t,

    σ²_{t+1} = ω + (α + γ [ε_t < 0]) ε²_t + β σ²_t,   ε_t = r_t - μ,

fitted by ``arch`` with Student-t innovations; γ = 0 is GARCH, and EWMA is α = 1-λ, β = λ = 0.94, ω = 0 (RiskMetrics
1996).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from thermofab.hw.spec import SpecError

KINDS = ("gjr", "garch", "ewma")
SHORTEST = 250  # returns that a fit needs


@dataclass(frozen=True)
class Volatility:
    """Parameters, in units of log return: ``mean``, ``omega``, ``alpha``, ``gamma``, ``beta``, and the variance of
    the first day; ``degrees`` of freedom of the innovations' Student-t."""

    kind: str
    mean: float
    omega: float
    alpha: float
    gamma: float
    beta: float
    start: float
    degrees: float = np.inf

    def step(self, variance: np.ndarray, returns: np.ndarray, news: float = 1.0) -> np.ndarray:
        """The next day's variance, the day's squared shock multiplied by ``news``."""
        shock = np.asarray(returns) - self.mean
        return self.omega + news * (self.alpha + self.gamma * (shock < 0)) * shock**2 + self.beta * np.asarray(variance)

    def variances(self, returns: np.ndarray) -> np.ndarray:
        """float64 ``[n + 1]``: of every day, and of the one after the last."""
        made = np.empty(len(returns) + 1)
        made[0] = self.start
        for k, value in enumerate(np.asarray(returns, dtype=np.float64).tolist()):
            shock = value - self.mean
            made[k + 1] = self.omega + (self.alpha + self.gamma * (shock < 0)) * shock * shock + self.beta * made[k]
        return made

    def starting_values(self) -> np.ndarray:
        """Where a search for parameters near these begins: float64, in ``arch``'s order and its per cent."""
        gamma = [self.gamma] if self.kind == "gjr" else []
        # The likelihood is flat in many degrees of freedom; a search that begins there does not find few.
        degrees = min(self.degrees, 10.0)
        return np.array([100 * self.mean, 1e4 * self.omega, self.alpha, *gamma, self.beta, degrees])

    @property
    def long_run(self) -> float:
        """The variance that the recursion settles at; of EWMA, which has none, the start."""
        rest = 1 - self.alpha - self.gamma / 2 - self.beta
        return self.omega / rest if self.omega > 0 and rest > 1e-6 else self.start


def fit_volatility(returns: np.ndarray, kind: str = "gjr", start: Volatility | None = None) -> Volatility:
    """Fitted to log returns float64 ``[n]``, at least 250 of them; ``start``, fitted to nearly the same, is where the
    search begins.

    Raises:
        SpecError: an unknown kind, or too few returns.
    """
    if kind not in KINDS:
        raise SpecError(f"volatility must be one of {', '.join(KINDS)}, got {kind!r}.")
    returns = np.asarray(returns, dtype=np.float64)
    if len(returns) < SHORTEST:
        raise SpecError(f"a volatility model needs at least {SHORTEST} returns, got {len(returns)}.")
    if kind == "ewma":
        return Volatility(kind, 0.0, 0.0, 0.06, 0.0, 0.94, float(np.var(returns[: min(len(returns), 75)])))
    from arch import arch_model

    from_there = None if start is None or start.kind != kind else start.starting_values()
    model = arch_model(100 * returns, p=1, o=int(kind == "gjr"), q=1, dist="t", rescale=False)
    fitted = model.fit(disp="off", starting_values=from_there)
    p: Any = fitted.params
    return Volatility(
        kind, float(p["mu"]) / 100, float(p["omega"]) / 1e4, float(p["alpha[1]"]), float(p.get("gamma[1]", 0.0)),
        float(p["beta[1]"]), float(np.asarray(fitted.conditional_volatility)[0] ** 2) / 1e4, float(p["nu"]),
    )  # fmt: skip
