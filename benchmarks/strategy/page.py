"""The tables of docs/strategy.md, from docs/results/strategy_*.json.

python benchmarks/strategy/page.py

Everything between ``<!-- table: name -->`` and ``<!-- end -->`` is replaced.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from thermofab.apps.strategy.config import StrategyConfig
from thermofab.apps.strategy.names import STRATEGIES
from thermofab.apps.strategy.tables import difference_table, period_table, score_table, table

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "strategy.md"


def results(name: str) -> dict[str, Any]:
    return json.loads((ROOT / "docs" / "results" / f"strategy_{name}.json").read_text())


def features() -> str:
    rows = []
    for name, about in results("labels")["features"].items():
        low, middle, high = (f"{value:.3g}" for value in about["quantiles_1_50_99"] or (float("nan"),) * 3)
        files = ", ".join(file.removesuffix(".csv") for file in about["files"])
        rows.append([f"`{name}`", files or "none: absent", about["figure"], low, middle, high])
    return table(["feature", "files", "figure", "1%", "median", "99%"], rows)


def classes() -> str:
    kept, config = results("labels"), StrategyConfig()
    columns = [kept["by_profit"], *kept["by_utility"].values()]
    head = ["class", "SPY", "TLT", "cash", "by profit", *(f"by utility, λ = {a}" for a in kept["by_utility"])]
    rows = []
    for k, (name, (spy, tlt)) in enumerate(zip(STRATEGIES, config.allocations)):
        shares = [f"{share:.0%}" for share in (spy, tlt, abs(1 - spy - tlt))]
        rows.append([f"{k} `{name}`", *shares, *(f"{column[name]:,}" for column in columns)])
    first, last, days = kept["days"]
    why = "; ".join(f"`{name}` {reason}" for name, reason in kept["not_winnable"].items())
    return f"{days:,} days, {first} to {last}:\n\n" + table(head, rows) + f"\n\nBy profit some cannot win: {why}."


def crises() -> str:
    kept = results("labels")
    rows = []
    for period in kept["crises"]:
        reasons = "; ".join(
            reason + (f" ({count} days)" if count else "") for reason, count in period["missing"].items()
        )
        rows.append([period["period"], f"{period['start']} to {period['end']}", str(period["labels"]), reasons])
    said = f"{kept['crisis_labels']} labels, each day once; {kept['crisis_days_in_two_periods']} lie in two periods."
    return table(["period", "days", "labels", "without a label"], rows) + "\n\n" + said


def settings() -> str:
    kept = results("settings")
    rows = [
        [
            row["setting"],
            *(f"{loss:.4f}" for loss in row["validation_log_loss"]),
            ", ".join(map(str, row["stopped_at_batch"])),
        ]
        for row in kept["rows"]
    ]
    head = ["setting", *(f"seed {seed}" for seed in kept["seeds"]), "stopped at batch"]
    return table(head, rows) + f"\n\nTaken: {kept['chosen']}."


def scores(name: str) -> str:
    kept = results(name)
    first, last = kept["test"]
    counts = ", ".join(f"{STRATEGIES.index(k)}: {v}" for k, v in kept["class_counts"].items() if v)
    return (
        f"{kept['days']:,} days, {first} to {last}; labels by class {counts}. {kept['variants_tried']} ways of "
        f"predicting were tried in all. Costs {10_000 * kept['cost']:g} basis points of what is traded.\n\n"
        + score_table(kept)
    )


def differences(name: str) -> str:
    return difference_table(results(name))


def verdict() -> str:
    """What the two tables say about the majority class and about 65%, in words chosen by the numbers."""
    lines = []
    for name in ("utility", "profit"):
        kept = results(name)
        less, model = kept["model_less"]["majority"], kept["methods"]["recursive model"]["accuracy"]
        low, high = less["accuracy"]["low"], less["accuracy"]["high"]
        said = "beats" if low > 0 else "is worse than" if high < 0 else "cannot be told from"
        loss_low, loss_high = less["log_loss"]["low"], less["log_loss"]["high"]
        loss = "better" if loss_high < 0 else "worse" if loss_low > 0 else "no different"
        days = sorted(kept["methods"]["recursive model"]["choices"], reverse=True)
        named = f"names one class on {days[0] / sum(days):.0%} of the days and another on {days[1] / sum(days):.0%}"
        if days[0] == sum(days):
            named = "names the same class on every day"
        lines.append(
            f"- By {name}: the model {said} the majority class in accuracy (difference "
            f"{less['accuracy']['value']:+.3f}, 95% {low:+.3f} to {high:+.3f}); it {named}. Its log-loss is {loss} "
            f"({less['log_loss']['value']:+.3f}, "
            f"{loss_low:+.3f} to {loss_high:+.3f}). The documents' 65% lies "
            + ("within" if model["low"] <= 0.65 <= model["high"] else "above" if model["high"] < 0.65 else "below")
            + f" the interval of its accuracy, {model['low']:.3f} to {model['high']:.3f}."
        )
    return "\n".join(lines)


def checks() -> str:
    kept, memory = results("checks"), results("memory")
    month, leaky = kept["one_month_by_profit"], kept["random_split_by_profit"]

    def row(name: str, shares: dict[str, float], ending: str = "") -> list[str]:
        return [name, *(f"{shares[key + ending]:.3f}" for key in ("train", "held_out", "majority"))]

    def noisy(name: str, about: dict[str, Any]) -> list[str]:
        return [*row(name, about, "_accuracy"), f"{about['consistency']:.3f}", "yes" if about["memorising"] else "no"]

    rows = []
    for rate, about in ((1e-3, kept), (memory["rate"], memory)):
        rows.append([*row(f"model, labels permuted, to the end at {rate:g}", about["permuted_labels"]), "", ""])
        rows.append(noisy(f"model, own labels, to the end at {rate:g}", about["own_labels"]))
    rows += [
        noisy("model, own labels, as in the table above", kept["own_labels_stopped"]),
        [*row("boosted trees, days split at random", leaky["random"]), "", ""],
        [*row("boosted trees, the same days in order, with a gap", leaky["purged"]), "", ""],
        [*row(f"model, one month and the next, mean of {len(month['months'])}", month), "", ""],
    ]
    head = ["accuracy", "on the days trained on", "on others", "commonest class there", "consistency", "memorising"]
    over = sum(row["train"] > month["claim"] for row in month["months"])
    after = sum(row["held_out"] > month["claim"] for row in month["months"])
    said = (
        f"Consistency is the share of training days whose class survives noise of {kept['own_labels']['noise']} "
        f"deviations. More than {month['claim']:.0%} is reached on {over} of {len(month['months'])} months that were "
        f"trained on, and on {after} of the months after."
    )
    return table(head, rows) + "\n\n" + said


def halting() -> str:
    rows = []
    for name in ("utility", "profit"):
        kept = results(name)["halting"]
        rows.append(
            [f"by {name}", f"{kept['mean_probability']:.3f}", f"{kept['share_right']:.3f}", f"{kept['auc']:.3f}"]
        )
    return table(["labels", "mean halting probability", "share right", "AUC of being right"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "features": features,
    "classes": classes,
    "crises": crises,
    "settings": settings,
    "verdict": verdict,
    "utility": lambda: scores("utility"),
    "utility less": lambda: differences("utility"),
    "profit": lambda: scores("profit"),
    "profit less": lambda: differences("profit"),
    "periods": lambda: period_table(
        results("utility"), ("recursive model", "without GrokFast", "majority", "logistic", "boosting", "mlp")
    ),
    "ablation": lambda: scores("ablation"),
    "checks": checks,
    "halting": halting,
}


def filled(text: str, tables: dict[str, Callable[[], str]]) -> str:
    """The page with its tables made anew."""
    for name, make in tables.items():
        block = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", flags=re.DOTALL)
        if block.search(text):
            content = make()
            text = block.sub(lambda found, content=content: f"{found[1]}{content}\n{found[2]}", text)
    return text


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text(), TABLES))
