"""The tables of docs/strategy-live.md, from docs/results/strategy_plan.json, _drift.json and _latency.json.

python benchmarks/strategy/live_page.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from strategy.drift import warning_table
from strategy.page import ROOT, filled, results

from thermofab.apps.strategy.tables import table

PAGE = ROOT / "docs" / "strategy-live.md"


def _plan_rows(name: str, rows: dict[str, dict]) -> str:
    head = [
        name,
        "sites",
        "TV of the compiled",
        "how known",
        "TV of marginals",
        "best found",
        "compile, s",
        "again, ms",
    ]
    body = []
    for label, row in rows.items():
        if "refused" in row:
            body.append([label, "refused", *[""] * (len(head) - 2)])
            continue
        tv = ["–" if row[key] is None else f"{row[key]:.4f}" for key in ("compiled_tv", "marginal_tv")]
        best = "yes" if row["chosen_is_best"] else "no"
        times = [f"{row['compile_seconds']:.1f}", f"{row['plan_milliseconds']:.0f}"]
        body.append([label, str(row["sites"]), tv[0], row["known"], tv[1], best, *times])
    return table(head, body)


def plan_fabrics() -> str:
    kept = results("plan")["fabrics"]
    why = "\n".join(f"\n{name}: *{row['refused']}*" for name, row in kept.items() if "refused" in row)
    return _plan_rows("fabric", kept) + ("\n" + why if why else "")


def plan_shapes() -> str:
    return _plan_rows("symbols × days", results("plan")["shapes"])


def plan_rtl() -> str:
    kept = results("plan")["rtl"]
    return (
        f"{kept['states_compared']:,} site states of one decision over a serial line to the compiled RTL: "
        f"{kept['plans_that_differ']} plans differ from `jax` ({kept['seconds']:g} s, most of it loading and the line)."
    )


def latency() -> str:
    kept = results("latency")
    head = ["model", "from process start, p50 / p99", "cold", "warm", "warm: features", "warm: model and plan", "MB"]
    body = []
    for name, row in kept["rows"].items():
        spans = [
            f"{row[key]['p50']:,.1f} / {row[key]['p99']:,.1f}"
            for key in ("from_process_start", "cold", "warm", "warm_extract", "warm_predict")
        ]
        body.append([name, *spans, str(row["megabytes"])])
    said = f"Milliseconds; {kept['cold_runs']} new processes, {kept['warm_runs']} warm predictions."
    return table(head, body) + "\n\n" + said


def warnings() -> str:
    kept = results("drift")
    first, last, days = kept["days"]
    matched = kept["vix_at_as_many_false_alarms"]
    body = [
        [name, str(kept["rows"][name]["warned_of"]), f"{row['level']:g}", str(row["warned_of"])]
        for name, row in matched.items()
    ]
    return (
        f"{days:,} days, {first} to {last} (calibration from {kept['calibration_from']}):\n\n"
        + warning_table(kept)
        + "\n\nBeside the VIX threshold with as many false alarms a year:\n\n"
        + table(["warning", "warned of", "VIX above", "warned of"], body)
    )


TABLES = {
    "plan fabrics": plan_fabrics,
    "plan shapes": plan_shapes,
    "plan rtl": plan_rtl,
    "latency": latency,
    "warnings": warnings,
}

if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(), TABLES))
