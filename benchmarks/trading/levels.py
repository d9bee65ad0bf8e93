"""Where long paths stand beside the data: quantiles of volatility and price after 10, 252 and 2,520 days.

    python benchmarks/trading/levels.py                          # the S&P 500, 1,000 paths, a minute
    python benchmarks/trading/levels.py SPY.csv TLT.csv --paths 300

Paths start from a volatility that is the median of the data's, so that the shorter horizons can be compared.
``as sampled`` is with the shocks to the variance left as they are drawn.
Writes docs/results/trading_levels.json.
"""

import argparse
import sys
import warnings
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from results import write_results

from thermofab.apps.trading.facts import HORIZONS, QUANTILES, levels
from thermofab.apps.trading.persistence import PersistenceWarning
from thermofab.apps.trading.prices import load_prices
from thermofab.apps.trading.series import SeriesModel


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("prices", nargs="*", default=["^GSPC"])
    parser.add_argument("--paths", type=int, default=1000)
    parser.add_argument("--device", default="native")
    options = parser.parse_args()
    made: dict[str, Any] = {}
    for source in options.prices:
        series = load_prices(source)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", PersistenceWarning)  # what it says is in the table
            model = SeriesModel(device=options.device).fit(series)
        fitted = model.learnt
        scales = np.sqrt(fitted.volatility.variances(series.returns)[:-1])
        usual = float(np.sqrt(252) * np.median(scales))
        paths = model.simulate_market_trajectories(usual, options.paths, max(HORIZONS), seed=1)
        left = replace(fitted, persistence=replace(fitted.persistence, news=1.0, highest=np.inf))
        unmended = model.of(left).simulate_market_trajectories(usual, options.paths, max(HORIZONS), seed=1)
        rows = made[series.symbol] = {
            "days": len(series.returns),
            "persistence": asdict(fitted.persistence),
            "data": levels(series.returns[None], scales[None], [days for days in HORIZONS if days < len(scales)]),
            "paths": levels(paths.returns, paths.volatilities),
            "as sampled": levels(unmended.returns, unmended.volatilities),
        }
        found = fitted.persistence
        print(
            f"{series.symbol}: persistence {found.parameters:.4f} by parameters, {found.sampled:.4f} as sampled; "
            f"shocks times {found.news:.3f}"
        )
        for days in map(str, HORIZONS):
            for kind in ("volatility", "price"):
                for name in ("data", "paths", "as sampled"):
                    values = "".join(f"{value:>9.3f}" for value in rows[name].get(days, {}).get(kind, []))
                    print(f"{days:>6} {kind:<11}{name:<11}{values}")
    write_results(
        "trading_levels", {"quantiles": QUANTILES, "paths": options.paths, "device": options.device, "series": made}
    )


if __name__ == "__main__":
    main()
