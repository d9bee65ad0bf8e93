"""Tables of docs/trading.md."""

from typing import Any

import numpy as np
from page_tables import results

from thermofab.apps.strategy.tables import table

SHOWN = ("GJR-FHS", "TSU", "TSU, enumerated")


def p_of(value: float | None) -> str:
    """A p-value; nothing where there is none."""
    return "" if value is None else f"{value:.3f}"


def back_test(run: str) -> str:
    """A row per level and method."""
    kept = results("trading_backtest")["runs"][run]["rows"]
    rows = [
        [
            row["method"], f"{row['level']:.1%}", f"{row['breaches']:.2%}", p_of(row["kupiec"]),
            p_of(row["christoffersen"]), p_of(row["dynamic"]), f"{row['quantile']:.4f}", f"{row['fz0']:.4f}",
            f"{row['acerbi']:.2f}", p_of(row["dm_quantile"]), p_of(row["dm_fz0"]),
        ]
        for row in kept
    ]  # fmt: skip
    head = ["", "level", "breaches", "Kupiec", "Christ.", "DQ", "QS", "FZ0", "Z₂", "DM QS", "DM FZ0"]
    return table(head, rows)


def coverage() -> str:
    """Breaches at 1% by series: of the filter alone, with what the fabric adds, and that without sampling."""
    rows = []
    for symbol, made in results("trading_coverage")["series"].items():
        found = made["levels"]["0.01"]
        tsu, filter_alone = found["TSU"], found["GJR-FHS"]
        breaches = [f"{found[name]['breaches']:.2%} ({p_of(found[name]['kupiec'])})" for name in SHOWN]
        gain = f"{1e4 * tsu['gain']:+.2f} ({p_of(tsu['p'])}; {p_of(tsu['holm'])})"
        runs = [f"{filter_alone['most_in_a_run']}", f"{tsu['most_more_than_filter']}"]
        rows.append([symbol, f"{made['days']:,}", *breaches, gain, *runs])
    head = ["", "days", *SHOWN, "gain (p; Holm)", "most in 1,000 days, GJR-FHS", "TSU more than it"]
    return table(head, rows)


def features() -> str:
    """Mean AUC by task and model, and the range over runs."""
    kept = results("trading_features")["auc"]
    names = list(next(iter(kept.values())))

    def said(values: list[float]) -> str:
        return f"{np.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})"

    return table(["", *kept], [[name, *(said(found[name]) for found in kept.values())] for name in names])


def speed() -> str:
    """Draws a second by device."""
    kept: dict[str, Any] = results("trading_speed")
    rows = [
        [name, f"{row['draws_per_second']:.3g}", f"{row['over_thrml']:.3g}×"] for name, row in kept["devices"].items()
    ]
    return table(["", "draws per second", "against THRML"], rows)


TABLES = {
    "back-test, 1 day": lambda: back_test("1 gjr"),
    "back-test, 10 days": lambda: back_test("10 gjr"),
    "coverage": coverage,
    "features": features,
    "trading speed": speed,
}
