"""Peers: forecasts of the next day's quantile and shortfall by the usual means, in the units of log return.

Each takes the past and gives ``(v, e)`` for every level; a filter's parameters were fitted on an earlier day.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from thermofab.apps.trading.volatility import Volatility


@dataclass(frozen=True, eq=False)
class Past:
    """What a forecast may use.

    Attributes:
        returns: log returns float64 ``[n]`` up to yesterday.
        filters: by kind (``"ewma"``, ``"garch"``, ``"gjr"``): parameters, standardised returns ``[n]``, and the
            volatility of today.
    """

    returns: np.ndarray
    filters: dict[str, tuple[Volatility, np.ndarray, float]]


Forecast = list[tuple[float, float]]
WINDOW = 1000


def tail(values: np.ndarray, alphas: Sequence[float]) -> Forecast:
    """Quantiles and the means below them."""
    ordered = np.sort(values)
    made = []
    for alpha in alphas:
        v = float(np.quantile(ordered, alpha))
        below = ordered[ordered <= v]
        made.append((v, float(below.mean())))
    return made


def historical(past: Past, alphas: Sequence[float], window: int = 500) -> Forecast:
    """The last returns themselves."""
    return tail(past.returns[-window:], alphas)


def filtered(kind: str) -> Callable[[Past, Sequence[float]], Forecast]:
    """Filtered historical simulation (Barone-Adesi, Giannopoulos & Vosper 1999): the last standardised returns times
    today's volatility."""

    def forecast(past: Past, alphas: Sequence[float]) -> Forecast:
        model, residuals, scale = past.filters[kind]
        return [(model.mean + scale * v, model.mean + scale * e) for v, e in tail(residuals[-WINDOW:], alphas)]

    return forecast


def normal(past: Past, alphas: Sequence[float]) -> Forecast:
    """EWMA with normal innovations (RiskMetrics)."""
    from scipy.stats import norm

    model, _, scale = past.filters["ewma"]
    made = []
    for alpha in alphas:
        z = norm.ppf(alpha)
        made.append((model.mean + scale * z, model.mean - scale * norm.pdf(z) / alpha))
    return [(float(v), float(e)) for v, e in made]


def student(kind: str) -> Callable[[Past, Sequence[float]], Forecast]:
    """A filter with Student-t innovations of unit variance."""

    def forecast(past: Past, alphas: Sequence[float]) -> Forecast:
        from scipy.stats import t

        model, _, scale = past.filters[kind]
        nu = model.degrees
        unit = np.sqrt((nu - 2) / nu)
        made = []
        for alpha in alphas:
            q = t.ppf(alpha, nu)
            mean_below = -t.pdf(q, nu) / alpha * (nu + q**2) / (nu - 1)
            made.append((float(model.mean + scale * unit * q), float(model.mean + scale * unit * mean_below)))
        return made

    return forecast


PEERS: dict[str, Callable[[Past, Sequence[float]], Forecast]] = {
    "historical-500": historical,
    "historical-1000": lambda past, alphas: historical(past, alphas, WINDOW),
    "EWMA-normal": normal,
    "EWMA-FHS": filtered("ewma"),
    "GARCH-t": student("garch"),
    "GARCH-FHS": filtered("garch"),
    "GJR-t": student("gjr"),
    "GJR-FHS": filtered("gjr"),
}
