"""The tables of docs/routing.md and of docs/trm.md's refinement module, from the state and docs/results/routing_*.json.

python benchmarks/routing/page.py

Everything between ``<!-- table: name -->`` and ``<!-- end -->`` is replaced; a table whose results are missing stays.
"""

import sys
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from page_tables import fill
from page_tables import results as routing_results

from thermofab.apps.routing.state import SLOTS
from thermofab.apps.strategy.tables import table


def results(name: str) -> dict[str, Any]:
    return routing_results(f"routing_{name}")


def state() -> str:
    """Slots in order; the four further providers repeat the first's twelve."""
    rows, first = [], 0
    for group, slots in groupby(SLOTS, key=lambda slot: slot.group):
        for slot in slots:
            if group != "provider" or slot.name.startswith("1:"):
                rows.append([str(first), group, slot.name, slot.meaning])
            first += 1
    return table(["slot", "group", "name", "what it says"], rows)


def _evaluate(setting: str) -> str:
    kept = results("evaluate")[setting]
    rows = []
    for name in kept["all"]["routers"]:
        row = [name]
        for part in ("gsm8k", "mmlu", "all"):
            one = kept[part]["routers"][name]
            low, high = one["apgr_interval"]
            row.append(f"{one['apgr']:.3f} ({low:.3f} to {high:.3f})")
        whole = kept["all"]["routers"][name]
        low, high = whole["aiq_interval"]
        row += [f"{whole['aiq']:.4f} ({low:.4f} to {high:.4f})", f"{whole['curve'][len(whole['curve']) // 2]:.4f}"]
        row.append("" if name == "oracle" else f"{whole['ece']:.3f}")
        rows.append(row)
    head = ["router", "APGR, GSM8K", "APGR, MMLU", "APGR, all", "AIQ, all", "right at half the calls", "ECE"]
    half = kept["all"]["routers"]["TRM"]["shuffled_at_half"]
    said = ", ".join(
        f"{part} {kept[part]['prompts']:,} prompts, " + " / ".join(f"{v:.3f}" for v in kept[part]["accuracy"].values())
        for part in ("gsm8k", "mmlu", "all")
    )
    return (
        f"Always weak / always strong: {said}. Any router's choices at half the calls, shuffled: {half:.4f}.\n\n"
        + table(head, rows)
    )


def random_folds() -> str:
    return _evaluate("5-fold")


def subject_folds() -> str:
    return _evaluate("subjects")


def differences() -> str:
    kept = results("evaluate")
    rows = []
    for name in kept["5-fold"]["all"]["trm_minus"]:
        row = [f"TRM less {name}"]
        for setting in ("5-fold", "subjects"):
            one = kept[setting]["all"]["trm_minus"][name]
            low, high = one["interval"]
            row.append(f"{one['apgr']:+.3f} ({low:+.3f} to {high:+.3f})")
        rows.append(row)
    return table(["APGR, all prompts", "5-fold", "subjects held out"], rows)


def adaptive() -> str:
    kept = results("adaptive")
    rows = []
    for setting, title in (("random", "prompts"), ("subjects", "subjects")):
        for depth in (1, 5, 10, 15):
            one = kept[setting]["fixed"][depth - 1]
            scores = [f"{one['apgr']:.4f}", f"{one['log_loss']:.4f}"]
            rows.append([f"{title}, every row {depth}", str(depth), *scores, "", ""])
        for threshold, one in kept[setting]["adaptive"].items():
            enough = one["fixed_depth_as_good"]
            rows.append([f"{title}, halting at {threshold}", f"{one['steps']:.2f} ± {one['spread']:.2f}",
                         f"{one['apgr']:.4f}", f"{one['log_loss']:.4f}", f"{one['as_full_depth']:.1%}",
                         "none" if enough is None else f"{enough:.0f}"])  # fmt: skip
    head = ["held out, depth", "steps", "APGR", "log loss", "choices as at full depth", "fixed depth as good"]
    return table(head, rows)


def difficulty() -> str:
    kept = results("adaptive")
    rows = []
    for setting, title in (("random", "prompts"), ("subjects", "subjects")):
        one = kept[setting]["difficulty"]
        rows.append([title, *(f"{part['failed']:.2f}: {part['steps']:.2f}" for part in one["fifths"]),
                     "{:+.3f} ({:+.3f} to {:+.3f})".format(one["rank_correlation"], *one["rank_correlation_interval"]),
                     f"{one['rank_correlation_doubt']:+.3f}"])  # fmt: skip
    head = ["held out", "easiest fifth", "2nd", "3rd", "4th", "hardest", "rank correlation", "with its own doubt"]
    return table(head, rows)


def latency() -> str:
    rows = []
    for name, one in results("adaptive")["latency"].items():
        rows.append([name, *(f"{one[kind]['p50']:.2f} / {one[kind]['p99']:.2f}" for kind in ("new", "repeated")),
                     f"{one['new']['cpu_p50']:.2f} / {one['new']['cpu_p99']:.2f}", f"{one['batched_ms_each']:.2f}",
                     f"{one['steps']:.1f}", f"{one['recursion_bytes'] / 1e3:.0f} kB",
                     f"{one['embedding_bytes'] / 1e6:.1f} MB", f"{one['fit_cpu_seconds']:.1f} s"])  # fmt: skip
    timed = ["new prompt, p50 / p99 ms", "repeated", "new, CPU ms", "in a batch, ms each"]
    head = ["router", *timed, "steps", "refinement", "embedding", "fit, CPU"]
    return table(head, rows)


def regret() -> str:
    kept = results("regret")
    rows = []
    for name, runs in kept["players"].items():
        half, end = (np.array([run["regret"][k] for run in runs]) for k in (4, -1))
        rows.append([name, f"{half.mean():.1f}", f"{end.mean():.1f} ({end.min():.1f} to {end.max():.1f})",
                     f"{np.mean([run['ece'] for run in runs]):.3f}",
                     f"{np.mean([run['milliseconds'] for run in runs]):.2f}"])  # fmt: skip
    said = f"{kept['seeds']} seeds, mean (smallest to largest); {kept['outcomes']:,} outcomes, drift at "
    said += f"{kept['drift_at']:,}.\n\n"
    return said + table(["learner", "regret before the drift", "regret in all", "ECE", "CPU ms per outcome"], rows)


def bandit() -> str:
    kept = results("bandit")
    played, rows = list(kept["learners"]["soft-max"]), []
    for name, tasks in kept["learners"].items():
        row = [name]
        for task in played:
            right = tasks.get(task, {}).get("right")
            row.append("" if right is None else f"{np.mean(right):.3f} ({min(right):.3f} to {max(right):.3f})")
        if tasks:
            rows.append([*row, f"{np.mean(tasks['linear']['milliseconds']):.1f}"])
    said = f"{kept['outcomes']} outcomes, {kept['seeds']} seeds, mean (smallest to largest); chance is .25.\n\n"
    return said + table(["learner", *played, "CPU ms per outcome"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "routing state": state,
    "routing 5-fold": random_folds,
    "routing subjects": subject_folds,
    "routing differences": differences,
    "routing adaptive": adaptive,
    "routing difficulty": difficulty,
    "routing latency": latency,
    "routing regret": regret,
    "routing bandit": bandit,
}


def main() -> None:
    fill(["routing.md", "trm.md"], TABLES)


if __name__ == "__main__":
    main()
