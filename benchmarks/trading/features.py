"""Fabric samples as features of a scikit-learn model: what they add to the columns themselves, beside peers.

    python benchmarks/trading/features.py          # three minutes

*records*: 600 strategy records of the documented generator against others with every figure shuffled, AUC on as many
fresh ones; single columns say nothing of it. *market*: is tomorrow's move of the S&P 500 larger than four in five of
those learnt from? 16 columns of the last days; learnt from 2,000 days, tested on the 1,000 after, four times.
``fabric`` and ``scikit-learn's RBM`` are added to the columns of a logistic regression.
Writes docs/results/trading_features.json.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from results import write_results
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.neural_network import BernoulliRBM
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, StandardScaler

from thermofab.apps.trading.features import FabricFeatures
from thermofab.apps.trading.prices import load_prices
from thermofab.apps.trading.records import example_records, features_of, shuffled

Part = tuple[np.ndarray, np.ndarray]
RECORDS, SEEDS = 600, 3
TRAIN, TEST, LAGS = 2000, 1000, 10


def records(seed: int) -> tuple[Part, Part]:
    """Records and shuffled ones: to learn from, and fresh."""

    def part(number: int) -> Part:
        # Others are shuffled than are shown: of the same ones, every value would stand in both classes, and no tree
        # would find a first split.
        both = example_records(RECORDS, number), shuffled(example_records(RECORDS, 1000 + number), number)
        rows = [np.stack([features_of(r) for r in one]) for one in both]
        return np.concatenate(rows), np.repeat([0, 1], RECORDS)

    return part(100 + seed), part(200 + seed)


def market() -> list[tuple[Part, Part]]:
    """Columns known before a day and whether its move was large, in successive stretches."""
    returns = 100 * load_prices().returns
    lagged = np.lib.stride_tricks.sliding_window_view(returns, LAGS)[:-1]
    means = [np.abs(lagged[:, -k:]).mean(axis=1) for k in (2, 5, 10)]
    rows = np.column_stack([lagged, *means, lagged.sum(axis=1), lagged.min(axis=1), lagged.max(axis=1)])
    size, made = np.abs(returns[LAGS:]), []
    for first in range(0, len(rows) - TRAIN - TEST + 1, TEST - TEST % 2):
        learnt, fresh = slice(first, first + TRAIN), slice(first + TRAIN, first + TRAIN + TEST)
        large = size > np.quantile(size[learnt], 0.8)
        made.append(((rows[learnt], large[learnt]), (rows[fresh], large[fresh])))
    return made[:: max(1, len(made) // 4)][:4]


def models(seed: int) -> dict[str, Any]:
    plain = ("columns", FunctionTransformer())
    logistic = (StandardScaler(), LogisticRegression(max_iter=2000, C=0.1))
    bits = KBinsDiscretizer(5, encode="onehot-dense", quantile_method="averaged_inverted_cdf")
    theirs = make_pipeline(bits, BernoulliRBM(16, learning_rate=0.02, batch_size=64, n_iter=30, random_state=seed))
    fabric = FabricFeatures(device="native", seed=seed)
    return {
        "columns": make_pipeline(*logistic),
        "and fabric": make_pipeline(FeatureUnion([plain, ("fabric", fabric)]), *logistic),
        "and scikit-learn's RBM": make_pipeline(FeatureUnion([plain, ("rbm", theirs)]), *logistic),
        "gradient boosting": HistGradientBoostingClassifier(max_iter=150, learning_rate=0.05, random_state=seed),
    }


def measured(stretches: Sequence[tuple[Part, Part]]) -> dict[str, list[float]]:
    """AUC by model, of every stretch."""
    found: dict[str, list[float]] = {}
    for seed, (learnt, fresh) in enumerate(stretches):
        for name, model in models(seed).items():
            chance = model.fit(*learnt).predict_proba(fresh[0])[:, 1]
            found.setdefault(name, []).append(float(roc_auc_score(fresh[1], chance)))
    return found


def main() -> None:
    tasks = {"records": measured([records(seed) for seed in range(SEEDS)]), "market": measured(market())}
    for task, found in tasks.items():
        for name, values in found.items():
            print(f"{task:<9}{name:<24}{np.mean(values):.3f}  {' '.join(f'{v:.3f}' for v in values)}")
    write_results("trading_features", {"auc": tasks})


if __name__ == "__main__":
    main()
