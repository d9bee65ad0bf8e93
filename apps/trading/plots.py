"""Pictures: fan chart, the next day beside the data's days, breaches of value at risk, strategy energies.

Each names its asset and its dates, and says how many paths, draws or days it shows.
"""

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from thermofab.apps.pages.palette import LIGHT, mixed
from thermofab.apps.pages.theme import below, picture, plain
from thermofab.apps.trading.backtest import TSU, Backtest

_SIZE, _WIDE = (8.0, 4.7), (11.0, 4.9)  # inches
_SHARE_ALIKE = 0.2  # of the days, those whose volatility is next to the day's
_INTERVAL = 1.96  # standard deviations to either side: 95%
_BINS = 36


def fan_chart(prices: np.ndarray, start: float, path: Path, title: str = "", as_of: str = "") -> Path:
    """Quantiles of simulated prices float64 ``[R, horizon]``, from the price ``start`` on the day ``as_of``."""
    with picture(path, _SIZE) as figure:
        axes = plain(figure.add_subplot())
        days = np.arange(prices.shape[1] + 1)
        paths = np.concatenate([np.full((len(prices), 1), start), prices], axis=1)
        for low, shade in ((0.01, 0.14), (0.05, 0.32), (0.25, 0.55)):
            band = np.quantile(paths, [low, 1 - low], axis=0)
            colour = mixed(shade, LIGHT.panel, LIGHT.accent)
            axes.fill_between(days, *band, color=colour, lw=0, label=f"{1 - 2 * low:.0%} of paths")
        axes.plot(days, np.median(paths, axis=0), color=LIGHT.accent, lw=1.6, label="median")
        axes.axhline(start, color=LIGHT.quiet, lw=0.8, ls=(0, (2, 2)))
        axes.margins(x=0.01)
        axes.set_xlabel(f"trading days after {as_of}" if as_of else "trading days")
        axes.set_ylabel(f"price, where {start:g} is the last day's")
        axes.set_title(title or f"{len(prices):,} paths of {prices.shape[1]} days")
        below(figure, axes, 4)
    return path


def histogram(
    sampled: np.ndarray, days: np.ndarray, volatilities: np.ndarray, now: float, path: Path, who: str
) -> Path:
    """The next day's draws beside the data's days, all in units of their own volatility, on a logarithmic scale.

    Draws have the 95% interval of a count in their bin; days of a volatility like the next day's are a line.

    Args:
        sampled: standardised draws of the next day, float64 ``[R]``.
        days: standardised returns of the data, float64 ``[n]``.
        volatilities: of these days, float64 ``[n]``.
        now: volatility of the next day.
        path: of the picture.
        who: asset and as-of day, in the title.
    """
    reach = 1.05 * max(np.abs(days).max(), np.abs(sampled).max())
    bins = np.linspace(-reach, reach, _BINS + 1)
    nearest = np.argsort(np.abs(np.log(volatilities / now)), kind="stable")[: max(1, round(_SHARE_ALIKE * len(days)))]
    low, high = np.sqrt(252) * np.quantile(volatilities[nearest], [0, 1])
    with picture(path, _SIZE) as figure:
        axes = plain(figure.add_subplot())
        axes.hist(days, bins, density=True, color=LIGHT.edge, label=f"all {len(days):,} days learnt from")
        alike = f"{len(nearest):,} of them, at a yearly volatility of {low:.0%} to {high:.0%}"
        axes.hist(days[nearest], bins, density=True, histtype="step", color=LIGHT.second, lw=1.3, label=alike)
        next_day = f"{len(sampled):,} draws of the next day, at {np.sqrt(252) * now:.0%}, with 95% intervals"
        _counts(axes, sampled, bins, next_day)
        axes.set_yscale("log")
        axes.set_ylim(bottom=0.5 / (max(len(days), len(sampled)) * (bins[1] - bins[0])))
        axes.set_xlabel("return of a day, in standard deviations of its own volatility")
        axes.set_ylabel("probability density")
        axes.set_title(f"{who}: the next day beside the days learnt from")
        below(figure, axes, 1)
    return path


def _counts(axes: Axes, values: np.ndarray, bins: np.ndarray, label: str) -> None:
    """Densities as points, each with the interval of its count; empty bins have none."""
    counts = np.histogram(values, bins)[0]
    seen, scale = counts > 0, len(values) * (bins[1] - bins[0])
    reach = _INTERVAL * np.sqrt(counts[seen] * (1 - counts[seen] / len(values)))
    # A logarithmic axis has no zero: an interval that reaches it ends at a tenth of its point.
    down = np.minimum(reach, 0.9 * counts[seen])
    axes.errorbar(
        (bins[:-1] + bins[1:])[seen] / 2, counts[seen] / scale, np.stack([down, reach]) / scale, fmt="o", ms=4, lw=1.1,
        capsize=2, color=LIGHT.accent, label=label,
    )  # fmt: skip


def breaches(result: Backtest, path: Path, symbol: str, method: str = TSU) -> Path:
    """Returns and the forecast quantiles; those below the lowest marked."""
    span = "a day" if result.horizon == 1 else f"{result.horizon} days"
    beyond = result.returns < result.forecasts[method][0][0]
    with picture(path, _WIDE) as figure:
        axes = plain(figure.add_subplot())
        axes.vlines(result.dates, 0, result.returns, color=LIGHT.quiet, alpha=0.5, lw=0.6, label=f"return of {span}")
        for level, (alpha, colour, dash) in enumerate(zip(result.alphas, LIGHT.series[1:], ("-", "--", ":", "-."))):
            forecasts = result.forecasts[method][level][0]
            axes.plot(result.dates, forecasts, color=colour, lw=1, ls=dash, label=f"VaR {alpha:.1%}")
        marked = f"beyond VaR {result.alphas[0]:.1%}"
        axes.plot(result.dates[beyond], result.returns[beyond], "o", color=LIGHT.bad, ms=4, label=marked)
        axes.axhline(0, color=LIGHT.quiet, lw=0.8)
        axes.margins(x=0.01)
        axes.set_xlabel(f"{result.dates[0]} to {result.dates[-1]}; each forecast is made {span} before")
        axes.set_ylabel("log return, per cent")
        expected = result.alphas[0] * len(beyond)
        axes.set_title(
            f"{symbol}, {method}: {int(beyond.sum())} of {len(beyond):,} returns beyond VaR {result.alphas[0]:.1%}, "
            f"{expected:.0f} expected"
        )
        below(figure, axes, 5)
    return path


def energies(held_out: np.ndarray, rare: np.ndarray, path: Path, title: str = "") -> Path:
    """Free energies of held-out records and of records with their figures shuffled."""
    bins = np.linspace(min(held_out.min(), rare.min()), max(held_out.max(), rare.max()), 40)
    with picture(path, _SIZE) as figure:
        axes = plain(figure.add_subplot())
        for values, colour, hatch, label in (
            (held_out, LIGHT.accent, "", f"{len(held_out):,} held out"),
            (rare, LIGHT.second, "////", f"{len(rare):,} with their figures shuffled"),
        ):
            axes.hist(
                values, bins.tolist(), histtype="stepfilled", facecolor=(colour, 0.3), edgecolor=colour, hatch=hatch,
                lw=1.2, label=f"{label}, mean {values.mean():.1f} ± {values.std() / np.sqrt(len(values)):.1f}",
            )  # fmt: skip
        axes.set_xlabel("free energy, nats; lower is more usual")
        axes.set_ylabel("records")
        axes.set_title(title or "Free energy of strategy records")
        below(figure, axes, 2)
    return path
