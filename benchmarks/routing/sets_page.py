"""The tables of docs/routing-sets.md, from docs/results/routing_ensembles.json and routing_ising.json.

python benchmarks/routing/sets_page.py
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from page_tables import fill, results

from thermofab.apps.strategy.tables import table


def families() -> str:
    kept = results("routing_ensembles")
    rows = []
    for name, row in kept["families"].items():
        if "area" not in row:
            continue
        areas = np.array(row["areas"])
        rows.append([name, f"{areas.mean():.4f}", f"{areas.min():.4f} to {areas.max():.4f}"])
    rows.sort(key=lambda row: row[1])
    everyone = kept["families"]["all experts"]["mean"][0][1]
    costs = kept["costs"]
    return (
        f"{kept['experts']} experts, {kept['splits']} splits; mean share of right answers under a family's hull over "
        f"costs of {costs['low']:.0%} to {costs['high']:.0%} of asking everyone, which itself gives {everyone:.4f}.\n\n"
        + table(["family", "mean", "smallest to largest"], rows)
    )


def temperatures() -> str:
    kept = results("routing_ising")
    rows = [["logistic, no fabric", *(f"{kept['logistic'][part]:.4f}" for part in ("gsm8k", "mmlu"))]]
    for temperature, row in kept["temperatures"].items():
        rows.append([f"Ising, T = {temperature}", f"{row['gsm8k']:.4f}", f"{row['mmlu']:.4f}"])
    drawn = kept["drawn"]
    low, high = drawn["interval"]
    return (
        table(["router", "APGR, GSM8K", "APGR, MMLU"], rows)
        + f"\n\nFrom {drawn['prompts']:,} drawn choices at T = .1 ({drawn['share_of_dear']:.0%} of them the dear "
        f"model), weighted by inverse propensity, always asking the dear model is estimated to be right in "
        f"{drawn['dear_quality_by_inverse_propensity']:.3f} ({low:.3f} to {high:.3f}); it is in "
        f"{drawn['dear_quality']:.3f}."
    )


def main() -> None:
    fill(["routing-sets.md"], {"routing families": families, "routing temperatures": temperatures})


if __name__ == "__main__":
    main()
