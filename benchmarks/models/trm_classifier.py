"""The trading classifier: form, speed, and training with the GrokFast filter and without, on a learnable rule.

    python benchmarks/models/trm_classifier.py            # three seeds, ~4 CPU-minutes
    python benchmarks/models/trm_classifier.py --quick
    python benchmarks/models/trm_classifier.py --page     # the table of docs/trm.md from the JSON

The default form's parameters, depth and latency; then a classifier of width 64 on 2,000 rows whose class is the largest
of eight features, held-out accuracy and consistency under noise after so many batches. A seed is of rows, weights and
batches. No market data: what trading gets out of it is measured with the trading application.
docs/results/trm_classifier.json.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from results import ROOT, write_results

from thermofab.models.trm import TinyRecursiveModel, TRMModelConfig, TRMTrainer, TRMTraining, check_memorisation

NAME = "trm_classifier"
FILTERS = (("none", False, 0.0), ("GrokFast, λ 0.5", True, 0.5), ("GrokFast, λ 2", True, 2.0))


def rows(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Features and classes."""
    x = torch.randn(count, 10, generator=torch.Generator().manual_seed(seed))
    return x, x[:, :8].argmax(dim=1)


def speed() -> dict[str, Any]:
    """The default form."""
    model = TinyRecursiveModel()
    found: dict[str, Any] = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "depth": model.config.effective_depth,
    }
    for batch in (1, 256):
        x = torch.randn(batch, 10)
        model.predict_strategy(x)
        start = time.process_time()
        for _ in range(5):
            model.predict_strategy(x)
        found[f"ms_for_{batch}"] = round((time.process_time() - start) / 5 * 1e3, 1)
    return found


def trained(on: bool, strength: float, seed: int, batches: tuple[int, ...]) -> list[dict[str, Any]]:
    """What was found after so many batches."""
    x, y = rows(2000, 2 * seed)
    training = TRMTraining(batch_size=250, ema=0.95, grokfast=on, grokfast_lambda=strength, seed=seed)
    model = TinyRecursiveModel(TRMModelConfig(hidden_dim=64, dropout=0.0, seed=seed))
    trainer, start, points = TRMTrainer(model, x, y, training), time.process_time(), []
    for batch in range(1, max(batches) + 1):
        trainer.step()
        if batch in batches:
            found = check_memorisation(trainer.averaged(), (x, y), rows(1000, 2 * seed + 1))
            points.append(
                {
                    "batches": batch,
                    "held_out_accuracy": round(float(found.held_out_accuracy), 4),
                    "consistency": round(float(found.consistency), 4),
                    "cpu_seconds": round(time.process_time() - start, 1),
                }
            )
    return points


def page() -> str:
    """The table, from the JSON."""
    found = json.loads((ROOT / "docs" / "results" / f"{NAME}.json").read_text())
    names = list(dict.fromkeys(row["filter"] for row in found["rows"]))
    batches = [point["batches"] for point in found["rows"][0]["points"]]
    lines = ["| filter | " + " | ".join(f"after {batch} batches" for batch in batches) + " |"]
    lines.append("|---|" + "---|" * len(batches))
    for name in names:
        runs = [row["points"] for row in found["rows"] if row["filter"] == name]
        cells = []
        for k in range(len(batches)):
            values = [run[k]["held_out_accuracy"] for run in runs]
            cells.append(", ".join(f"{value:.3f}" for value in values) + f"; mean {np.mean(values):.3f}")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="the trading classifier: form, speed, training")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--page", action="store_true", help="print the table of docs/trm.md and train nothing")
    options = parser.parse_args()
    if options.page:
        print(page())
        return
    torch.set_num_threads(1)
    form = speed()
    print(form)
    table: list[dict[str, Any]] = []
    for name, on, strength in FILTERS:
        for seed in [0] if options.quick else [int(seed) for seed in options.seeds.split(",")]:
            points = trained(on, strength, seed, (10,) if options.quick else (30, 60, 90))
            table.append({"filter": name, "seed": seed, "points": points})
            print(table[-1], flush=True)
    if not options.quick:
        write_results(NAME, {"default_form": form, "rows": table})


if __name__ == "__main__":
    main()
