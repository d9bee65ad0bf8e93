"""The summary of labels as text: class counts, missing days by reason, classes that cannot win by profit and why."""

import numpy as np
import pandas

from thermofab.apps.strategy.config import StrategyConfig
from thermofab.apps.strategy.names import FEATURES, STRATEGIES
from thermofab.apps.strategy.outcomes import why_not, winnable


def counts_of(classes: np.ndarray) -> list[int]:
    """Days by class."""
    return np.bincount(np.asarray(classes, dtype=int), minlength=len(STRATEGIES)).tolist()


def summary_of(labels: pandas.DataFrame, config: StrategyConfig | None = None) -> str:
    """The text that is written beside labels."""
    config = config or StrategyConfig()
    lines = [f"{len(labels)} labels"]
    if len(labels):
        lines[0] += f", {labels['date'].min():%Y-%m-%d} to {labels['date'].max():%Y-%m-%d}"
    lines += [
        f"outcome: {config.horizon_days} trading days from the close of the day, held without rebalancing; "
        f"cash earns {config.cash_return:g} a day",
        f"utility: mean less {config.risk_aversion:g}/2 variances of the daily returns, over the horizon",
        "",
        f"{'class':<24}{'SPY':>5}{'TLT':>5}{'cash':>6}{'label':>8}{'profit':>8}{'utility':>8}",
    ]
    columns = [counts_of(labels[name].to_numpy()) for name in ("strategy_idx", "by_profit", "by_utility")]
    for k, (name, (spy, tlt)) in enumerate(zip(STRATEGIES, config.allocations)):
        said = "".join(f"{column[k]:>8}" for column in columns)
        lines.append(f"{k} {name:<22}{spy:>5.0%}{tlt:>5.0%}{abs(1 - spy - tlt):>6.0%}{said}")
    able = winnable(config)
    lines += ["", "classes that can win by profit: " + ", ".join(f"{k} {STRATEGIES[k]}" for k in able)]
    lines += [f"  {k} {name} cannot: {why_not(config, k)}" for k, name in enumerate(STRATEGIES) if k not in able]
    if len(labels):
        absent = np.stack([np.asarray(row, dtype=bool) for row in labels["absent"]]).sum(axis=0)
        lines += ["", "days on which a feature is absent"]
        lines += [f"  {name:<22}{int(count):>6} of {len(labels)}" for name, count in zip(FEATURES, absent) if count]
    if "periods" in labels.attrs:
        lines += ["", "periods; a day in two of them is counted once in the labels"]
        for period in labels.attrs["periods"]:
            reasons = "; ".join(
                reason + (f" ({count} days)" if count else "") for reason, count in period["missing"].items()
            )
            said = f"  without: {reasons}" if reasons else ""
            lines.append(
                f"  {period['period']:<24}{period['start']} to {period['end']}{period['labels']:>6} labels{said}"
            )
    elif "missing" in labels.attrs:
        lines += ["", "days without a label"]
        lines += [f"  {count:>6}  {reason}" for reason, count in labels.attrs["missing"].items()] or ["  none"]
    return "\n".join(lines) + "\n"
