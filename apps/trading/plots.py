"""Pictures: fan chart, histogram of returns against data, breaches of value at risk, strategy energies."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from thermofab.apps.trading.backtest import TSU, Backtest


def _saved(figure: Figure, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=130, bbox_inches="tight")
    return path


def fan_chart(prices: np.ndarray, start: float, path: Path, title: str = "") -> Path:
    """Quantiles of simulated prices float64 ``[R, horizon]``, from today's price."""
    figure = Figure(figsize=(8, 4.5))
    axes = figure.add_subplot()
    days = np.arange(prices.shape[1] + 1)
    whole = np.concatenate([np.full((len(prices), 1), start), prices], axis=1)
    for low, shade in ((0.01, "0.88"), (0.05, "0.78"), (0.25, "0.62")):
        band = np.quantile(whole, [low, 1 - low], axis=0)
        axes.fill_between(days, *band, color=shade, label=f"{1 - 2 * low:.0%} of paths", linewidth=0)
    axes.plot(days, np.median(whole, axis=0), color="tab:blue", label="median")
    axes.set_xlabel("trading days")
    axes.set_ylabel("price")
    axes.set_title(title)
    axes.legend(loc="upper left")
    return _saved(figure, path)


def histogram(simulated: np.ndarray, data: np.ndarray, path: Path, title: str = "") -> Path:
    """Densities of daily log returns, simulated and seen, on a logarithmic scale."""
    figure = Figure(figsize=(8, 4.5))
    axes = figure.add_subplot()
    reach = 1.05 * max(np.abs(data).max(), np.quantile(np.abs(simulated), 0.9999))
    bins = np.linspace(-reach, reach, 121)
    axes.hist(data, bins, density=True, alpha=0.5, label=f"all {len(data):,} days learnt from")
    axes.hist(simulated, bins, density=True, histtype="step", color="tab:red", label="simulated")
    axes.set_yscale("log")
    axes.set_xlabel("log return of a day")
    axes.set_ylabel("density")
    axes.set_title(title)
    axes.legend()
    return _saved(figure, path)


def breaches(result: Backtest, path: Path, method: str = TSU) -> Path:
    """Returns and the forecast quantiles; days below the lowest marked."""
    figure = Figure(figsize=(11, 4.5))
    axes = figure.add_subplot()
    axes.plot(result.dates, result.returns, color="0.7", linewidth=0.5, label="return")
    for level, alpha in enumerate(result.alphas):
        axes.plot(result.dates, result.forecasts[method][level][0], linewidth=0.7, label=f"VaR {alpha:.1%}")
    below = result.returns < result.forecasts[method][0][0]
    axes.plot(result.dates[below], result.returns[below], "x", color="tab:red", markersize=4, label="breach")
    axes.set_ylabel("per cent")
    axes.set_title(f"{method}: {below.mean():.2%} of days below the {result.alphas[0]:.1%} quantile")
    axes.legend(loc="lower right", ncols=4)
    return _saved(figure, path)


def energies(held_out: np.ndarray, rare: np.ndarray, path: Path) -> Path:
    """Free energies of held-out records and of records with their figures shuffled."""
    figure = Figure(figsize=(8, 4.5))
    axes = figure.add_subplot()
    bins = np.linspace(min(held_out.min(), rare.min()), max(held_out.max(), rare.max()), 50).tolist()
    axes.hist(held_out, bins, alpha=0.6, label="held out")
    axes.hist(rare, bins, alpha=0.6, label="figures shuffled")
    axes.set_xlabel("free energy")
    axes.set_ylabel("records")
    axes.legend()
    return _saved(figure, path)
