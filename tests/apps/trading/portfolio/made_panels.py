"""Panels made from known parameters: GJR filters driven by a t copula whose correlation may move."""

from pathlib import Path

import numpy as np
from scipy.stats import norm, t

from thermofab.apps.trading.portfolio.panel import Panel
from thermofab.apps.trading.volatility import Volatility

SYMBOLS = ("AAA", "BBB", "CCC", "DDD", "EEE")
CORRELATION = np.array([[1, 0.7, -0.3, 0.1], [0.7, 1, -0.2, 0.2], [-0.3, -0.2, 1, 0.15], [0.1, 0.2, 0.15, 1]])


def dates(days: int) -> np.ndarray:
    """Weekdays from 2000-01-03."""
    return np.busday_offset("2000-01-03", np.arange(days), roll="forward")


def copula_draws(days: int, correlation: np.ndarray, degrees: float, seed: int) -> np.ndarray:
    """t variates float64 ``[days, d]``; infinite degrees: normal ones."""
    rng = np.random.default_rng(seed)
    x = rng.multivariate_normal(np.zeros(len(correlation)), correlation, days)
    return x if np.isinf(degrees) else x / np.sqrt(rng.chisquare(degrees, (days, 1)) / degrees)


def dynamic_draws(days: int, a: float, b: float, degrees: float, seed: int, mean: np.ndarray) -> np.ndarray:
    """t variates of Engle's recursion, of unit variance, float64 ``[days, d]``."""
    rng, d = np.random.default_rng(seed), len(mean)
    q, made = mean.copy(), np.empty((days, d))
    for k in range(days):
        scale = np.sqrt(np.diag(q))
        x = np.linalg.cholesky(q / np.outer(scale, scale)) @ rng.standard_normal(d)
        made[k] = x / np.sqrt(rng.chisquare(degrees) / degrees) * np.sqrt((degrees - 2) / degrees)
        q = (1 - a - b) * mean + a * np.outer(made[k], made[k]) + b * q
    return made


def panel_of_draws(x: np.ndarray, degrees: float) -> Panel:
    """Student-t variates ``[n, d]`` of scale 1, as standardised t(5) days through GJR filters."""
    u = norm.cdf(x) if np.isinf(degrees) else t.cdf(x, degrees)
    z = t.ppf(u, 5) * np.sqrt(3 / 5)
    model = Volatility("gjr", 2e-4, 2e-6, 0.04, 0.08, 0.9, 1e-4)
    returns = np.empty_like(z)
    for j in range(z.shape[1]):
        variance = model.start
        for k in range(len(z)):
            returns[k, j] = model.mean + np.sqrt(variance) * z[k, j]
            variance = float(model.step(np.array(variance), returns[k, j]))
    return Panel(SYMBOLS[: z.shape[1]], dates(len(z) + 1)[1:], returns)


def made_panel(days: int = 1500, d: int = 3, degrees: float = 6.0, seed: int = 0) -> Panel:
    """A panel with a t copula that stays."""
    return panel_of_draws(copula_draws(days, CORRELATION[:d, :d], degrees, seed), degrees)


def write_prices(folder: Path, symbol: str, days: np.ndarray, returns: np.ndarray) -> Path:
    """A price file from a day before the first return on."""
    closes = 100 * np.exp(np.concatenate([[0.0], np.cumsum(returns)]))
    path = folder / f"{symbol}.csv"
    path.write_text("Date,Close\n" + "".join(f"{day},{close:.10g}\n" for day, close in zip(days, closes)))
    return path
