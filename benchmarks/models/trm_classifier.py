"""The trading classifier: form, speed, and training with the GrokFast filter and without, on a learnable rule.

    python benchmarks/models/trm_classifier.py            # ~1 CPU-minute
    python benchmarks/models/trm_classifier.py --quick

The default form's parameters, depth and latency; then a classifier of width 64 on 2,000 rows whose class is the largest
of eight features, held-out accuracy and consistency under noise after so many batches. No market data: what trading
gets out of it is measured with the trading application.
"""

import argparse
import time

import torch

from thermofab.models.trm import TinyRecursiveModel, TRMModelConfig, TRMTrainer, TRMTraining, check_memorisation


def rows(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Features and classes."""
    x = torch.randn(count, 10, generator=torch.Generator().manual_seed(seed))
    return x, x[:, :8].argmax(dim=1)


def main() -> None:
    parser = argparse.ArgumentParser(description="the trading classifier: form, speed, training")
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    model = TinyRecursiveModel()
    parameters = sum(p.numel() for p in model.parameters())
    print(f"parameters {parameters:,}, depth {model.config.effective_depth}")
    for batch in (1, 256):
        x = torch.randn(batch, 10)
        model.predict_strategy(x)
        start = time.process_time()
        for _ in range(5):
            model.predict_strategy(x)
        print(f"prediction of {batch} rows: {(time.process_time() - start) / 5 * 1e3:.1f} ms")
    print("| filter | batches | held-out accuracy | consistency | memorising | CPU-s |")
    print("|---|--:|--:|--:|---|--:|")
    x, y = rows(2000, 0)
    for name, on, strength in (("none", False, 0.0), ("GrokFast, λ 2", True, 2.0), ("GrokFast, λ 0.5", True, 0.5)):
        training = TRMTraining(batch_size=250, ema=0.95, grokfast=on, grokfast_lambda=strength)
        trainer = TRMTrainer(TinyRecursiveModel(TRMModelConfig(hidden_dim=64, dropout=0.0)), x, y, training)
        start = time.process_time()
        for batch in range(1, (10 if options.quick else 90) + 1):
            trainer.step()
            if batch % 30 == 0 or options.quick and batch == 10:
                found = check_memorisation(trainer.averaged(), (x, y), rows(1000, 1))
                spent = time.process_time() - start
                scores = f"{found.held_out_accuracy:.3f} | {found.consistency:.3f} | {found.memorising}"
                print(f"| {name} | {batch} | {scores} | {spent:.0f} |", flush=True)


if __name__ == "__main__":
    main()
