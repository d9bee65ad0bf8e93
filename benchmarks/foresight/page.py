"""The tables of docs/foresight.md, from docs/results/foresight_*.json.

python benchmarks/foresight/page.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from page_tables import fill, results  # noqa: E402

from thermofab.apps.strategy.tables import table  # noqa: E402


def skills(study: str) -> str:
    kept = results(f"foresight_{study}")
    rows = []
    for name, row in kept["forecasts"].items():
        low, high = row["interval"]
        rows.append([name, f"{row['brier']:.4f}", f"{row['skill']:+.3f} ({low:+.3f} to {high:+.3f})",
                     *(f"{skill:+.3f}" for skill in row["by_event"])])  # fmt: skip
    low, high = kept["lead_over_logistic"]["interval"]
    joint = kept["joint"]
    said = (
        f"{kept['steps']['train']:,} steps to learn from, {kept['steps']['test']:,} later ones. TRM's lead over "
        f"logistic regression in skill: {kept['lead_over_logistic']['skill']:+.3f} ({low:+.3f} to {high:+.3f}). Joint "
        f"distribution against independent events: {joint['nats']:+.3f} nats per step ({joint['interval'][0]:+.3f} to "
        f"{joint['interval'][1]:+.3f}). Refinement took {kept['refinement_steps']['mean']:.1f} of "
        f"{kept['refinement_steps']['most']} steps."
    )
    return said + "\n\n" + table(["forecast", "Brier", "skill", *kept["events"]], rows)


def main() -> None:
    fill(
        ["foresight.md"],
        {"foresight synthetic": lambda: skills("synthetic"), "foresight regimes": lambda: skills("regimes")},
    )


if __name__ == "__main__":
    main()
