"""What each of the eight allocations earns over the trading days after a day, and what it is worth.

An allocation is bought at the close of day d and held without rebalancing to the close of day d + h (h = 5). With
shares a of SPY, b of TLT and 1 - a - b of cash at c a day, its value on the way is

    v_k = a·S_{d+k}/S_d + b·T_{d+k}/T_d + (1 - a - b)·(1 + c)^k,    k = 0 … h,

its profit v_h - 1. With r_k = v_k/v_{k-1} - 1 its *utility* is h·(mean r - λ/2·var r), variance with divisor h - 1:
what the path is worth to an investor of constant risk aversion λ. With λ = 0 it is profit, up to compounding.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from scipy.spatial import ConvexHull

from thermofab.apps.strategy.config import StrategyConfig
from thermofab.apps.strategy.panel import Panel


def paths(panel: Panel, config: StrategyConfig) -> np.ndarray:
    """Values v float64 ``[T, 8, h + 1]``; NaN for days whose horizon lacks a price of SPY or TLT."""
    h, days = config.horizon_days, len(panel)
    made = np.full((days, len(config.allocations), h + 1), np.nan)
    if days <= h:
        return made
    relative, shares = [], np.array(config.allocations)
    for column, symbol in enumerate(("SPY", "TLT")):
        # What no strategy holds needs no price.
        closes = panel.close(symbol) if np.any(shares[:, column]) else np.ones(days)
        window = sliding_window_view(closes, h + 1)
        relative.append(window / window[:, :1])
    cash = (1 - shares.sum(axis=1))[:, None] * (1 + config.cash_return) ** np.arange(h + 1)
    made[: days - h] = shares[:, :1] * relative[0][:, None, :] + shares[:, 1:] * relative[1][:, None, :] + cash[None]
    return made


def profits_of(values: np.ndarray) -> np.ndarray:
    """v_h - 1, ``[…]`` of values ``[…, h + 1]``."""
    return values[..., -1] - 1


def utilities_of(values: np.ndarray, risk_aversion: float) -> np.ndarray:
    """h·(mean r - λ/2·var r), ``[…]`` of values ``[…, h + 1]``."""
    returns = values[..., 1:] / values[..., :-1] - 1
    h = returns.shape[-1]
    variance = returns.var(axis=-1, ddof=1) if h > 1 else np.zeros(returns.shape[:-1])
    return h * (returns.mean(axis=-1) - risk_aversion / 2 * variance)


def best(worth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The best class int64 ``[T]``, -1 where worth ``[T, 8]`` is not known or all eight are equal; and its margin over
    the second best ``[T]``, NaN there."""
    known: np.ndarray = np.all(np.isfinite(worth), axis=1)
    ordered = np.sort(np.where(known[:, None], worth, 0), axis=1)
    known = known & (ordered[:, -1] - ordered[:, 0] > 1e-12)
    return (
        np.where(known, np.where(known[:, None], worth, 0).argmax(axis=1), -1),
        np.where(known, ordered[:, -1] - ordered[:, -2], np.nan),
    )


def soft(worth: np.ndarray, temperature: float) -> np.ndarray:
    """Soft labels: soft-max of worth/temperature, ``[T, 8]``; NaN where worth is. A narrow win is shared."""
    shifted = (worth - worth.max(axis=1, keepdims=True)) / temperature
    weight = np.exp(shifted)
    return weight / weight.sum(axis=1, keepdims=True)


def winnable(config: StrategyConfig) -> tuple[int, ...]:
    """Classes that some returns of SPY and TLT make the most profitable one, and that no other class can equal then.

    Profit is linear in the shares, so its largest value over eight points in the plane of (SPY, TLT) is taken at
    vertices of their convex hull. A class inside the hull, or on a side of it, never wins alone.
    """
    return tuple(sorted(int(k) for k in ConvexHull(np.array(config.allocations)).vertices))


def why_not(config: StrategyConfig, strategy: int) -> str:
    """Why a class cannot win by profit: the classes that it lies between."""
    shares = np.array(config.allocations)
    corners = [k for k in winnable(config) if k != strategy]
    point = shares[strategy]
    for i, a in enumerate(corners):
        for b in corners[i + 1 :]:
            side, way = shares[b] - shares[a], point - shares[a]
            along = float(way @ side / (side @ side))
            if 0 <= along <= 1 and np.allclose(way, along * side, atol=1e-9):
                return f"lies on the segment from {config.strategy_names[a]} to {config.strategy_names[b]}"
    return "lies inside the hull of " + ", ".join(config.strategy_names[k] for k in corners)
