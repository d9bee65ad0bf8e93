"""Pictures: fan chart, the next day beside the data's days, breaches of value at risk, strategy energies.

Each names its asset and its dates, and says how many paths, draws or days it shows.
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from thermofab.apps.console import made
from thermofab.apps.trading.backtest import TSU, Backtest


def _saved(figure: Figure, path: Path) -> Path:
    made(path.parent)
    figure.savefig(path, dpi=130, bbox_inches="tight")
    return path


def fan_chart(prices: np.ndarray, start: float, path: Path, title: str = "", as_of: str = "") -> Path:
    """Quantiles of simulated prices float64 ``[R, horizon]``, from the price ``start`` on the day ``as_of``."""
    figure = Figure(figsize=(8, 4.5))
    axes = figure.add_subplot()
    days = np.arange(prices.shape[1] + 1)
    whole = np.concatenate([np.full((len(prices), 1), start), prices], axis=1)
    for low, shade in ((0.01, "0.88"), (0.05, "0.78"), (0.25, "0.62")):
        band = np.quantile(whole, [low, 1 - low], axis=0)
        axes.fill_between(days, *band, color=shade, label=f"{1 - 2 * low:.0%} of paths", linewidth=0)
    axes.plot(days, np.median(whole, axis=0), color="tab:blue", label="median")
    axes.set_xlabel(f"trading days after {as_of}" if as_of else "trading days")
    axes.set_ylabel(f"price, {start:g} at the start")
    axes.set_title(title or f"{len(prices):,} paths of {prices.shape[1]} days")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left")
    return _saved(figure, path)


_SHARE_ALIKE = 0.2  # of the days, those whose volatility is next to the day's


def histogram(
    sampled: np.ndarray, days: np.ndarray, volatilities: np.ndarray, now: float, path: Path, who: str
) -> Path:
    """The next day's draws beside the data's days, all in units of their own volatility, on a logarithmic scale.

    Args:
        sampled: standardised draws of the next day, float64 ``[R]``.
        days: standardised returns of the data, float64 ``[n]``.
        volatilities: of these days, float64 ``[n]``.
        now: volatility of the next day.
        path: of the picture.
        who: asset and as-of day, in the title.
    """
    figure = Figure(figsize=(8, 4.5))
    axes = figure.add_subplot()
    reach = 1.05 * max(np.abs(days).max(), np.abs(sampled).max())
    bins = np.linspace(-reach, reach, 71)
    nearest = np.argsort(np.abs(np.log(volatilities / now)), kind="stable")[: max(1, round(_SHARE_ALIKE * len(days)))]
    low, high = np.sqrt(252) * np.quantile(volatilities[nearest], [0, 1])
    axes.hist(days, bins, density=True, color="0.8", label=f"all {len(days):,} days learnt from")
    said = f"{len(nearest):,} of them at {low:.0%} to {high:.0%} of volatility a year"
    axes.hist(days[nearest], bins, density=True, histtype="step", color="0.3", linewidth=1.2, label=said)
    said = f"{len(sampled):,} draws of the next day, at {np.sqrt(252) * now:.0%}"
    axes.hist(sampled, bins, density=True, histtype="step", color="tab:red", linewidth=1.4, label=said)
    axes.set_yscale("log")
    axes.set_xlabel("return of a day, in units of its volatility")
    axes.set_ylabel("density")
    axes.set_title(f"{who}: the next day, standardised, beside the data's days")
    axes.set_ylim(top=12 * axes.get_ylim()[1])  # the legend above the peak
    axes.legend(loc="upper left", fontsize=9)
    return _saved(figure, path)


def breaches(result: Backtest, path: Path, symbol: str, method: str = TSU) -> Path:
    """Returns and the forecast quantiles; those below the lowest marked."""
    figure = Figure(figsize=(11, 4.5))
    axes = figure.add_subplot()
    span = "a day" if result.horizon == 1 else f"{result.horizon} days"
    axes.plot(result.dates, result.returns, color="0.7", linewidth=0.5, label=f"return of {span}")
    for level, alpha in enumerate(result.alphas):
        axes.plot(result.dates, result.forecasts[method][level][0], linewidth=0.7, label=f"VaR {alpha:.1%}")
    below = result.returns < result.forecasts[method][0][0]
    axes.plot(result.dates[below], result.returns[below], "x", color="tab:red", markersize=4, label="beyond")
    axes.set_xlabel(f"{result.dates[0]} to {result.dates[-1]}; each forecast is made {span} before", loc="left")
    axes.set_ylabel("log return, per cent")
    axes.set_title(
        f"{symbol}, {method}: {int(below.sum())} of {len(below):,} returns beyond VaR {result.alphas[0]:.1%}, "
        f"{below.mean():.2%} of them"
    )
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right", bbox_to_anchor=(1, -0.14), ncols=4, frameon=False)
    return _saved(figure, path)


def energies(held_out: np.ndarray, rare: np.ndarray, path: Path, title: str = "") -> Path:
    """Free energies of held-out records and of records with their figures shuffled."""
    figure = Figure(figsize=(8, 4.5))
    axes = figure.add_subplot()
    bins = np.linspace(min(held_out.min(), rare.min()), max(held_out.max(), rare.max()), 50).tolist()
    axes.hist(held_out, bins, alpha=0.6, label=f"{len(held_out):,} held out")
    axes.hist(rare, bins, alpha=0.6, label=f"{len(rare):,} with their figures shuffled")
    axes.set_xlabel("free energy, nats")
    axes.set_ylabel("records")
    axes.set_title(title or "Free energy of strategy records: lower is more usual")
    axes.legend()
    return _saved(figure, path)
