"""Stylised facts of generated ten-year paths beside the data they were learnt from, with 95% bands over paths.

python benchmarks/trading/facts.py                       # the S&P 500, 100 paths, a minute
python benchmarks/trading/facts.py prices.csv --paths 300
"""

import argparse

from thermofab.apps.trading.facts import bands, facts
from thermofab.apps.trading.prices import load_prices
from thermofab.apps.trading.series import SeriesModel


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("prices", nargs="?", default="^GSPC")
    parser.add_argument("--paths", type=int, default=100)
    parser.add_argument("--device", default="native")
    options = parser.parse_args()
    series = load_prices(options.prices)
    model = SeriesModel(device=options.device).fit(series)
    paths = model.simulate_market_trajectories(num_trajectories=options.paths, horizon=2520, seed=1)
    print(f"{series.symbol}, {len(series.returns)} days; {options.paths} paths of 2,520 days on {options.device}\n")
    print(f"{'':<14}{'data':>9}{'paths':>9}{'95% of paths':>20}   inside")
    seen, found = facts(series.returns).row(), bands(paths.returns)
    for name, value in seen.items():
        middle, low, high = found[name]
        inside = "yes" if low <= value <= high else "no"
        print(f"{name:<14}{value:>9.3f}{middle:>9.3f}{low:>11.3f} …{high:>7.3f}   {inside}")


if __name__ == "__main__":
    main()
