"""Risk of simulated returns: value at risk, expected shortfall, and the probability of a loss beyond a threshold."""

from collections.abc import Sequence

import numpy as np

from thermofab.hw.spec import SpecError

LEVELS = (0.01, 0.025, 0.05)
HORIZONS = (1, 10)


def checked_threshold(threshold: float) -> float:
    """A simple return between -1 and 0.

    Raises:
        SpecError: it is none.
    """
    if not -1 < threshold < 0:
        raise SpecError(
            f"threshold is a simple return between -1 and 0, such as -0.1 for a loss of 10%; got {threshold!r}."
        )
    return float(threshold)


def tail_metrics(total: np.ndarray, threshold: float) -> dict[str, float]:
    """Of simple returns float64 ``[R]``: ``tail_probability`` of one below ``threshold``, ``var_95`` and ``cvar_95``
    (losses as positive numbers), ``mean_return``, ``std_return``."""
    worst = np.quantile(total, 0.05)
    return {
        "tail_probability": float(np.mean(total < checked_threshold(threshold))),
        "var_95": float(-worst),
        "cvar_95": float(-total[total <= worst].mean()),
        "mean_return": float(total.mean()),
        "std_return": float(total.std()),
    }


def var_table(
    returns: np.ndarray, horizons: Sequence[int] = HORIZONS, levels: Sequence[float] = LEVELS, position: float = 1.0
) -> list[dict[str, float]]:
    """A row a horizon and level: value at risk and expected shortfall of a long ``position``, losses positive.

    Args:
        returns: simulated log returns float64 ``[paths, days]``.
        horizons: days, each at most ``days``.
        levels: between 0 and ½.
        position: in any money; 1 gives shares of the position.

    Raises:
        SpecError: horizons, levels or position out of their ranges, or fewer than ten paths below a level.
    """
    paths, days = returns.shape
    if not horizons or not all(1 <= h <= days and int(h) == h for h in horizons):
        raise SpecError(f"horizons are days from 1 to {days}, one at least, got {tuple(horizons)}.")
    if not levels or not all(0 < level < 0.5 for level in levels):
        raise SpecError(f"levels are between 0 and 0.5, one at least, got {tuple(levels)}.")
    if not (np.isfinite(position) and position > 0):
        raise SpecError(f"position must be a positive amount of money, got {position!r}.")
    if paths * min(levels) < 10:
        raise SpecError(
            f"{paths} paths have fewer than ten below the {min(levels):.3g} quantile; take {int(10 / min(levels))} "
            "at least."
        )
    totals = np.cumsum(returns, axis=1)
    rows = []
    for horizon in horizons:
        simple = np.expm1(totals[:, int(horizon) - 1])
        for level in levels:
            worst = float(np.quantile(simple, level))
            shortfall = float(simple[simple <= worst].mean())
            rows.append(
                {
                    "horizon": int(horizon), "level": float(level), "var": -worst, "es": -shortfall,
                    "var_money": -worst * position, "es_money": -shortfall * position,
                }
            )  # fmt: skip
    return rows
