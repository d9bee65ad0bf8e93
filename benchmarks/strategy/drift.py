"""Drift detectors as early warnings of the crisis periods, beside a threshold on VIX.

python benchmarks/strategy/drift.py ../shared/data/prices

Writes docs/results/strategy_drift.json. Features are normalised by the first two years, which are not judged.
Calibration is that of a small recursive model (64 units a layer) walked forward; a prediction is judged when its
horizon has passed. Besides the fixed thresholds, VIX gets the one whose false alarms a year are nearest to those of
each detector: chosen with hindsight, in its favour.
"""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import write_results
from strategy.prices import labeler_of

from thermofab.apps.console import steps
from thermofab.apps.strategy.checkpoint import encoded, fit_normaliser
from thermofab.apps.strategy.config import TRMConfig, TRMModelConfig
from thermofab.apps.strategy.dataset import Dataset, dataset_of, gap, walk_forward
from thermofab.apps.strategy.drift import DETECTORS, DriftConfig, DriftMonitor
from thermofab.apps.strategy.names import FEATURES
from thermofab.apps.strategy.periods import BLACK_SWANS
from thermofab.apps.strategy.tables import table
from thermofab.apps.strategy.threads import one_thread
from thermofab.apps.strategy.training import train
from thermofab.apps.strategy.warning import Spans, judged, recent

WARM_UP = 504
SEVERAL = 3  # features that raise an alarm within QUIET days, for the stricter rule


def calibration(data: Dataset, progress) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of test days, confidence and hits ``[·]`` of a small model walked forward."""
    config = TRMConfig(model=TRMModelConfig(hidden_dim=64, mask_inputs=True))
    config = replace(config, training=replace(config.training, batch_size=256, max_batches=200))
    folds = walk_forward(data, 6, 1000, between=gap(config.strategies, 5))
    rows, confidence, hits = [], [], []
    for k, fold in enumerate(folds):
        progress(f"small model, fold {k + 1}")
        with one_thread():
            p = train(data, fold, config).model.probabilities(data.features[fold.test])[0]
        rows.append(fold.test)
        confidence.append(p.max(axis=1))
        hits.append(p.argmax(axis=1) == data.classes(config.training.labels)[fold.test])
    return np.concatenate(rows), np.concatenate(confidence), np.concatenate(hits)


def raised_by(detector: str, normalised: np.ndarray) -> np.ndarray:
    """Which feature raised an alarm on which day, bool ``[T, 10]``."""
    monitor, made = DriftMonitor(DriftConfig(detector)), np.zeros(normalised.shape, dtype=bool)
    for day, row in enumerate(normalised):
        made[day, [FEATURES.index(name) for name in monitor.see(row)]] = True
    return made


def measured(prices: Path) -> dict[str, Any]:
    with steps(3 + len(DETECTORS) + 6, False) as step:
        step("days")
        labeler = labeler_of(prices)
        data = dataset_of(labeler)
        normaliser = fit_normaliser(data.features[:WARM_UP])
        normalised = encoded(data.features, normaliser, False)[1]
        normalised[np.isnan(data.features)] = np.nan
        spans = Spans.of(data.dates[WARM_UP:], BLACK_SWANS)
        vix = data.features[WARM_UP:, FEATURES.index("vix_level")]
        rows: dict[str, dict[str, Any]] = {}
        for detector in DETECTORS:
            step(detector)
            raised = raised_by(detector, normalised)
            several = np.stack([np.convolve(column, np.ones(20), "full")[: len(raised)] > 0 for column in raised.T])
            count = raised.sum(axis=1).astype(float)
            rows[f"features, {detector}, any"] = judged(count[WARM_UP:] > 0, recent(count)[WARM_UP:], spans)
            strict = (several.sum(axis=0) >= SEVERAL)[WARM_UP:]
            rows[f"features, {detector}, {SEVERAL} in 20 days"] = judged(strict, recent(count)[WARM_UP:], spans)
        when, confidence, hits = calibration(data, step)
        step("calibration")
        monitor, raised = DriftMonitor(), np.zeros(len(data) + 5)
        for row, sure, hit in zip(when, confidence, hits):
            raised[row + 5] = monitor.judge(float(sure), bool(hit))
        kept = raised[: len(data)]
        score = recent(kept)
        score[: when[0] + 5] = np.nan
        rows["calibration, adwin"] = judged(kept[WARM_UP:] > 0, score[WARM_UP:], spans)
        step("VIX")
        thresholds = {f"VIX above {level}": judged(vix > level, vix, spans) for level in (20, 25, 30)}
        grid = {float(level): judged(vix > level, vix, spans, 2) for level in np.arange(12, 60, 0.5)}
        matched = {}
        for name, row in rows.items():
            wanted = row["false_alarms_a_year"]
            level = min(grid, key=lambda at: abs(grid[at]["false_alarms_a_year"] - wanted))
            matched[name] = {"level": level} | {
                key: grid[level][key] for key in ("warned_of", "by_chance", "lead_days", "false_alarms_a_year")
            }
    return {
        "days": [str(data.dates[WARM_UP]), str(data.dates[-1]), len(data) - WARM_UP],
        "crises": [period.name for period in BLACK_SWANS if period.name in spans.names],
        "config": {"delta": DriftConfig().delta, "hold_days": DriftConfig().hold_days},
        "calibration_from": str(data.dates[when[0]]),
        "rows": rows | thresholds,
        "vix_at_as_many_false_alarms": matched,
    }


def main(prices: Annotated[Path, typer.Argument(help="A folder of CSV files, one a symbol.")]) -> None:
    made = measured(prices)
    print(warning_table(made))
    print(write_results("strategy_drift", made))


def warning_table(made: dict[str, Any]) -> str:
    """Lead times in trading days, false alarms and AUC, as Markdown."""
    body = []
    for name, row in made["rows"].items():
        lead = ["–" if row["lead_days"][crisis] is None else str(row["lead_days"][crisis]) for crisis in made["crises"]]
        interval = f"{row['auc']:.2f} ({row['auc_low']:.2f} to {row['auc_high']:.2f})"
        warned = f"{row['warned_of']} of {row['crises']}"
        body.append([name, warned, f"{row['by_chance']:.1f}", *lead, str(row["false_alarms_a_year"]), interval])
    return table(["warning", "warned of", "by chance", *made["crises"], "false alarms a year", "AUC"], body)


if __name__ == "__main__":
    typer.run(main)
