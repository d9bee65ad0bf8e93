"""What the sampled conditional adds to its filter, series by series: TSU beside GJR-FHS, which has the same filter.

    python benchmarks/trading/coverage.py ^GSPC                       # a minute
    python benchmarks/trading/coverage.py ^GSPC prices/*.csv          # ten minutes

Walk-forward: parameters from the 1,000 days before, again every 100. One-day targets: none overlaps the days learnt
from, so there is nothing to purge. ``enumerated`` is the same distribution without sampling and rounding. Gains in the
quantile score, in 10^-4 per cent; p by Diebold & Mariano, adjusted by Holm for all series and levels tried.
Writes docs/results/trading_coverage.json.
"""

import argparse
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from results import write_results

from thermofab.apps.trading.backtest import ENUMERATED, TSU, Backtest, backtest
from thermofab.apps.trading.portfolio.significance import holm
from thermofab.apps.trading.prices import load_prices
from thermofab.apps.trading.scores import diebold_mariano, kupiec, quantile_losses

SAME_FILTER = "GJR-FHS"
METHODS = (SAME_FILTER, TSU, ENUMERATED)
ALPHAS = (0.01, 0.025, 0.05)
ERA, RUN = 5, 1000  # calendar years; days


def of_series(result: Backtest) -> dict[str, Any]:
    """Coverage, scores and gains by level, eras, and how far coverage strays over any 1,000 days."""
    years = result.dates.astype("datetime64[Y]").astype(int) + 1970
    rows: dict[str, Any] = {}
    for level, alpha in enumerate(result.alphas):
        hits = {name: result.returns < result.forecasts[name][level][0] for name in METHODS}
        losses = {name: quantile_losses(result.returns, result.forecasts[name][level][0], alpha) for name in METHODS}
        rows[f"{alpha:g}"] = {
            name: {
                "breaches": float(hits[name].mean()),
                "kupiec": kupiec(hits[name], alpha),
                "quantile_score": float(losses[name].mean()),
                "gain": float((losses[SAME_FILTER] - losses[name]).mean()),
                "p": diebold_mariano(losses[SAME_FILTER], losses[name]),
                "eras": {
                    f"{year}-{year + ERA - 1}": float(hits[name][years // ERA * ERA == year].mean())
                    for year in np.unique(years // ERA * ERA).tolist()
                },
                "most_in_a_run": _most(hits[name]),
                "most_more_than_filter": _most(hits[name].astype(int) - hits[SAME_FILTER]),
            }
            for name in METHODS
        }
    return {"days": len(result.returns), "first": str(result.dates[0]), "last": str(result.dates[-1]), "levels": rows}


def _most(hits: np.ndarray) -> int:
    return int(np.convolve(hits.astype(int), np.ones(min(RUN, len(hits)), dtype=int), "valid").max())


def adjust(series: dict[str, Any]) -> None:
    """Holm's p over all series and levels."""
    tests = [rows[TSU] for made in series.values() for rows in made["levels"].values()]
    for row, p in zip(tests, holm(np.array([row["p"] for row in tests]))):
        row["holm"] = float(p)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("prices", nargs="+")
    parser.add_argument("--device", default="native")
    parser.add_argument("--samples", type=int, default=5000)
    options = parser.parse_args()
    series: dict[str, Any] = {}
    for source in options.prices:
        prices = load_prices(source)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            result = backtest(prices, alphas=ALPHAS, device=options.device, samples=options.samples, enumerated=True)
        series[prices.symbol] = of_series(result)
        print(f"{prices.symbol}, {series[prices.symbol]['days']} days", flush=True)
        for alpha, rows in series[prices.symbol]["levels"].items():
            for name, row in rows.items():
                print(
                    f"  {float(alpha):>5.1%} {name:<16}{row['breaches']:>7.2%}{row['kupiec']:>7.3f}"
                    f"{1e4 * row['gain']:>8.2f}{row['p']:>7.3f}{row['most_in_a_run']:>5}"
                    f"{row['most_more_than_filter']:>4}",
                    flush=True,
                )
    adjust(series)
    least = min(row[TSU]["holm"] for made in series.values() for row in made["levels"].values())
    print(f"smallest p after Holm, {3 * len(series)} tests: {least:.3f}")
    write_results("trading_coverage", {"samples": options.samples, "device": options.device, "series": series})


if __name__ == "__main__":
    main()
