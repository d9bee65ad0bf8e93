"""Features and labels: what is there, class counts, crisis periods.

python benchmarks/strategy/labels.py ../shared/data/prices

Writes docs/results/strategy_labels.json.
"""

import sys
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import write_results
from strategy.prices import labeler_of

from thermofab.apps.strategy.features import sources
from thermofab.apps.strategy.names import FEATURES, STRATEGIES
from thermofab.apps.strategy.outcomes import best, paths, utilities_of, why_not, winnable
from thermofab.apps.strategy.summary import counts_of

AVERSIONS = (0.0, 10.0, 30.0, 100.0)


def main(prices: Annotated[Path, typer.Argument(help="A folder of CSV files, one a symbol.")]) -> None:
    labeler = labeler_of(prices)
    days, config = labeler.labelled, labeler.config
    usable = days.usable()
    values = paths(labeler.panel, config)[usable]

    def known(classes: np.ndarray) -> dict[str, int]:
        return dict(zip(STRATEGIES, counts_of(classes[classes >= 0])))

    features: dict[str, Any] = {}
    for k, name in enumerate(FEATURES):
        source, column = sources(labeler.features_config)[name], days.features[usable][:, k]
        there = column[np.isfinite(column)]
        quantiles = np.quantile(there, [0.01, 0.5, 0.99]).round(4).tolist() if len(there) else None
        symbols = [symbol for symbol in source.symbols if symbol in (*labeler.panel.symbols, "VIX")]
        features[name] = {"files": [f"{symbol}.csv" for symbol in symbols] if len(there) else []}
        features[name] |= {"figure": source.figure, "days": len(there), "quantiles_1_50_99": quantiles}
    crises = labeler.generate_black_swan_labels()
    write_results(
        "strategy_labels",
        {
            "days": [str(days.dates[usable][0]), str(days.dates[usable][-1]), int(usable.sum())],
            "horizon": config.horizon_days,
            "features": features,
            "by_profit": known(days.by_profit[usable]),
            "by_utility": {f"{a:g}": known(best(utilities_of(values, a))[0]) for a in AVERSIONS},
            "risk_aversion": config.risk_aversion,
            "median_margin": round(float(np.nanmedian(best(days.utilities[usable])[1])), 6),
            "winnable_by_profit": [STRATEGIES[k] for k in winnable(config)],
            "not_winnable": {
                name: why_not(config, k) for k, name in enumerate(STRATEGIES) if k not in winnable(config)
            },
            "crises": crises.attrs["periods"],
            "crisis_labels": len(crises),
            "crisis_by_profit": known(crises["by_profit"].to_numpy()),
            "crisis_by_utility": known(crises["by_utility"].to_numpy()),
            "crisis_days_in_two_periods": int(np.count_nonzero(crises["also_in"].to_numpy() != "")),
        },
    )


if __name__ == "__main__":
    typer.run(main)
