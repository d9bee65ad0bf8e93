"""The report's pictures. Each says what it shows, of what, as of when, and from how many paths or days."""

from collections.abc import Sequence

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter, PercentFormatter

from thermofab.apps.pages.theme import ACCENT, BAD, GRID, INK, QUIET, SECOND, plain, style, svg
from thermofab.apps.trading.portfolio.report.facts import Facts
from thermofab.apps.trading.portfolio.risk import RiskRow, profits
from thermofab.apps.trading.portfolio.rolling import Rolling

_BANDS = ((0.01, 0.14), (0.05, 0.2), (0.25, 0.3))  # quantiles from either side, and the shade between them
_WIDE = 10.4  # inches; narrow pictures are half as wide
_BEFORE = 60  # days that lead in
_SIGNED = FuncFormatter(lambda value, _: f"{100 * value:+.3g}%".replace("+0%", "0%").replace("-", "\N{MINUS SIGN}"))


def _weighted(values: np.ndarray, levels: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    """Quantiles ``[levels, days]`` of paths ``[R, days]``."""
    if weights is None:
        return np.quantile(values, levels, axis=0)
    order = np.argsort(values, axis=0)
    above = np.cumsum(weights[order], axis=0)
    at = np.stack([np.argmax(above >= level * above[-1], axis=0) for level in levels])
    return np.take_along_axis(np.take_along_axis(values, order, axis=0), at, axis=0)


def _fan(axes: Axes, before: np.ndarray, after: np.ndarray, weights: np.ndarray | None) -> None:
    """Cumulative simple returns: ``before`` ``[days]`` ends at 0, ``after`` ``[R, days]`` goes on."""
    days = np.arange(after.shape[1] + 1)
    start = np.zeros((1, 1))
    for level, shade in _BANDS:
        low, high = _weighted(after, np.array([level, 1 - level]), weights)
        low, high = np.append(start, low), np.append(start, high)
        axes.fill_between(
            days, low, high, color=ACCENT, alpha=shade, linewidth=0, label=f"{1 - 2 * level:.0%} of paths"
        )
    median = np.append(0.0, _weighted(after, np.array([0.5]), weights)[0])
    axes.plot(days, median, color=ACCENT, linewidth=1.6, label="median")
    axes.plot(np.arange(1 - len(before), 1), before, color=INK, linewidth=1.2, label="what happened")
    axes.axvline(0, color=QUIET, linewidth=0.8, linestyle=(0, (2, 2)))
    axes.yaxis.set_major_formatter(_SIGNED)
    plain(axes)


def _legend(axes: Axes, columns: int, below: float = 0.14, handles: Sequence[Artist] | None = None) -> None:
    """Under the axis, where no line runs through it."""
    shown = axes.get_legend_handles_labels()[0] if handles is None else handles
    axes.legend(
        handles=shown, loc="upper left", bbox_to_anchor=(-0.01, -below), borderaxespad=0.0, ncols=columns,
        handlelength=1.3, columnspacing=1.4,
    )  # fmt: skip


def portfolio_fan(facts: Facts) -> str:
    """The portfolio's profit: the newest days at today's weights, then the paths."""
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(_WIDE, 4.0))
        axes = figure.add_subplot()
        shares = facts.weights.of(facts.paths.symbols)
        # Held at today's weights: backwards from today, prices relative to today's.
        ahead = np.cumsum(facts.past[::-1], axis=0)[: _BEFORE - 1]
        before = (np.expm1(-ahead) @ shares)[::-1]
        _fan(axes, np.append(before, 0.0), profits(facts.paths, facts.weights), facts.paths.weights)
        axes.set_xlabel(f"trading days from {facts.source.as_of}")
        axes.set_ylabel("profit, share of the money")
        axes.set_title(f"{facts.source.name}: profit from {facts.source.as_of}, {len(facts.paths.returns):,} paths")
        through, bands = 1.0, []
        for level, shade in _BANDS:  # bands lie on one another
            through *= 1 - shade
            bands.append(Patch(color=ACCENT, alpha=1 - through, linewidth=0, label=f"{1 - 2 * level:.0%} of paths"))
        _legend(axes, 5, handles=[*bands, *axes.get_lines()[:2]])
        low, high = np.quantile(profits(facts.paths, facts.weights)[:, -1], [0.01, 0.99])
        said = (
            f"Fan chart; after {facts.paths.returns.shape[1]} days 98% of paths lie between {low:+.1%} and {high:+.1%}."
        )
        return svg(figure, "fan", said)


def asset_fans(facts: Facts) -> str:
    """A small fan an asset, on one scale."""
    with matplotlib.rc_context(style()):
        symbols = facts.paths.symbols
        columns = min(3, len(symbols))
        rows = -(-len(symbols) // columns)
        figure = Figure(figsize=(_WIDE, 2.3 * rows + 0.3))
        grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for k, axes in enumerate(grid.ravel()):
            if k >= len(symbols):
                axes.set_visible(False)
                continue
            before = np.expm1(-np.cumsum(facts.past[::-1, k])[: _BEFORE - 1])[::-1]
            after = np.expm1(np.cumsum(facts.paths.returns[:, :, k], axis=1))
            _fan(axes, np.append(before, 0.0), after, facts.paths.weights)
            axes.set_title(f"{symbols[k]}, volatility {facts.volatilities[0, k]:.0%} a year", fontsize=9.5)
            if k + columns >= len(symbols):
                axes.set_xlabel(f"trading days from {facts.source.as_of}")
                axes.tick_params(labelbottom=True)
        figure.tight_layout(h_pad=1.2)
        return svg(figure, "assets", f"Fan charts of {', '.join(symbols)} from {facts.source.as_of}.")


def contributions(row: RiskRow, name: str, as_of: str) -> str:
    """Shares of the money beside shares of the expected shortfall, with 95% intervals."""
    with matplotlib.rc_context(style()):
        held = [one for one in row.contributions if one.share or one.es]
        figure = Figure(figsize=(5.1, 0.52 * len(held) + 1.15))
        axes = plain(figure.add_subplot(), "x")
        at = np.arange(len(held))[::-1]
        axes.barh(at + 0.19, [one.share for one in held], 0.34, color=QUIET, alpha=0.45, label="of the money")
        axes.barh(
            at - 0.19, [one.es / row.es for one in held], 0.34, color=ACCENT, label="of the shortfall",
            xerr=[1.96 * one.es_error / row.es for one in held],
            error_kw={"ecolor": INK, "elinewidth": 1, "capsize": 2},
        )  # fmt: skip
        axes.axvline(0, color=QUIET, linewidth=0.8)
        axes.set_yticks(at, [one.symbol for one in held])
        axes.tick_params(axis="y", labelcolor=INK)
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        days = "1 day" if row.horizon == 1 else f"{row.horizon} days"
        axes.set_title(f"ES {row.level:.1%}, {days} from {as_of}")
        _legend(axes, 2, 0.45 / figure.get_figheight())
        said = "; ".join(f"{one.symbol} {one.es / row.es:.0%} of ES with {one.share:.0%} of the money" for one in held)
        return svg(figure, name, said)


def backtest(rolling: Rolling, name: str) -> str:
    """Daily profits, the value at risk forecast the day before, and the days beyond it."""
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(_WIDE, 4.0))
        axes = plain(figure.add_subplot())
        dates = rolling.dates.astype("datetime64[D]").astype(object)
        axes.vlines(dates, 0, rolling.profits, color=QUIET, alpha=0.55, linewidth=0.8, label="profit of a day")
        drawn = sorted({0, len(rolling.levels) - 1})
        for k, colour, dash in zip(drawn, (INK, SECOND), ("-", (0, (4, 2)))):
            axes.step(
                dates, -rolling.var[k], color=colour, linewidth=1.1, linestyle=dash, where="mid",
                label=f"VaR {rolling.levels[k]:.1%}",
            )  # fmt: skip
        hits = rolling.profits < -rolling.var[0]
        axes.vlines(rolling.dates[hits].astype(object), 0, rolling.profits[hits], color=BAD, linewidth=1.6)
        beyond = f"beyond VaR {rolling.levels[0]:.1%} ({int(hits.sum())})"
        axes.plot(rolling.dates[hits].astype(object), rolling.profits[hits], "o", markersize=5, color=BAD, label=beyond)
        axes.axhline(0, color=QUIET, linewidth=0.8)
        axes.yaxis.set_major_formatter(_SIGNED)
        axes.set_ylabel("of a day, share of the money")
        axes.set_title(f"{name}: {len(dates):,} one-day forecasts, {rolling.dates[0]} to {rolling.dates[-1]}")
        axes.margins(x=0.01)
        _legend(axes, 4)
        said = "; ".join(
            f"{one.breaches} days beyond VaR {one.level:.1%} where {one.expected:.1f} are expected"
            for one in rolling.coverage()
        )
        return svg(figure, "backtest", said)


def pits(rolling: Rolling) -> str:
    """Where realised profits fell in the forecast distributions: level where these are right."""
    with matplotlib.rc_context(style()):
        figure = Figure(figsize=(5.1, 2.5))
        axes = plain(figure.add_subplot())
        bins, n = 10, len(rolling.pits)
        count = np.histogram(rolling.pits, np.linspace(0, 1, bins + 1))[0]
        axes.bar((np.arange(bins) + 0.5) / bins, count, 0.92 / bins, color=ACCENT, alpha=0.75)
        spread = 1.96 * np.sqrt(n / bins * (1 - 1 / bins))
        axes.axhspan(n / bins - spread, n / bins + spread, color=GRID, alpha=0.7, zorder=0.5)
        axes.axhline(n / bins, color=INK, linewidth=0.9, linestyle=(0, (3, 2)))
        axes.set_xlabel("place of the day's profit in its forecast")
        axes.set_ylabel("days")
        axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
        axes.set_title(f"{n:,} days, {rolling.dates[0]} to {rolling.dates[-1]}", fontsize=10)
        return svg(figure, "pits", f"Histogram of {n} forecasts' probability integral transforms in tenths.")


def heat_maps(facts: Facts) -> str:
    """Rank correlations of the data's days and of the sampled next day."""
    with matplotlib.rc_context(style()):
        found, symbols = facts.correlations, facts.paths.symbols
        d = len(symbols)
        parts = (
            (found.all_days, f"all {facts.source.days:,} days"), (found.recent, f"last {found.recent_days} days"),
            (found.sampled, f"sampled, {len(facts.paths.returns):,} paths"),
        )  # fmt: skip
        figure = Figure(figsize=(_WIDE, 3.7))
        for k, (axes, (values, title)) in enumerate(zip(figure.subplots(1, 3), parts)):
            for i in range(d):
                for j in range(d):
                    value = float(values[i, j])
                    colour, shade = (ACCENT if value >= 0 else SECOND), 0.75 * min(1.0, abs(value))
                    # Half a unit smaller than the cell: the page shows between cells.
                    axes.add_patch(Rectangle((j + 0.02, i + 0.02), 0.96, 0.96, facecolor=colour, alpha=shade))
                    if i != j:
                        axes.text(
                            j + 0.5,
                            i + 0.5,
                            f"{value:.2f}".replace("-", "\N{MINUS SIGN}"),
                            ha="center",
                            va="center",
                            fontsize=8.5,
                        )
            axes.set(xlim=(0, d), ylim=(d, 0), aspect="equal")
            axes.set_xticks(np.arange(d) + 0.5, symbols)
            axes.set_yticks(np.arange(d) + 0.5, symbols if k == 0 else [])
            axes.tick_params(length=0, labelcolor=INK)
            axes.spines[:].set_visible(False)
            axes.set_title(title, fontsize=10)
        figure.tight_layout(w_pad=0.8)
        return svg(figure, "correlations", "Rank correlations; the table beside has the same numbers.")
