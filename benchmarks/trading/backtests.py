"""The back-tests of docs/trading.md: S&P 500, one day and ten days ahead, with leverage in the filter and without.

    python benchmarks/trading/backtests.py         # six minutes

Writes docs/results/trading_backtest.json.
"""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from results import write_results

from thermofab.apps.trading.backtest import BAR, Backtest, backtest
from thermofab.apps.trading.prices import load_prices

RUNS = ((1, "gjr"), (1, "garch"), (10, "gjr"), (10, "garch"))


def rows_of(result: Backtest) -> list[dict[str, Any]]:
    """A row per method and level; Diebold-Mariano p against GARCH-FHS."""
    made = []
    for level, alpha in enumerate(result.alphas):
        for method in result.forecasts:
            against = (None, None) if method == BAR else result.compared(method, BAR, level)
            row = asdict(result.scores(method, level)) | {"dm_quantile": against[0], "dm_fz0": against[1]}
            made.append({"method": method, "level": alpha, **row})
    return made


def main() -> None:
    prices, made = load_prices(), {}
    for horizon, volatility in RUNS:
        result = backtest(prices, horizon=horizon, volatility=volatility, device="native", enumerated=horizon == 1)
        print(f"{horizon} days, {volatility}, {result.dates[0]} to {result.dates[-1]}\n{result.table()}\n", flush=True)
        made[f"{horizon} {volatility}"] = {
            "first": str(result.dates[0]), "last": str(result.dates[-1]), "rows": rows_of(result),
        }  # fmt: skip
    write_results("trading_backtest", {"symbol": prices.symbol, "runs": made})


if __name__ == "__main__":
    main()
