"""TRLinkos: does search help? Handwritten digits (scikit-learn), the plain forward pass against ways of ranking states.

    python benchmarks/models/trlinkos_search.py            # three seeds, ~2 CPU-minutes
    python benchmarks/models/trlinkos_search.py --quick    # one seed, writes another file

900 rows to train on, 300 held out for the ranking, 597 to test. *Value head* takes the state that the head trained with
the model scores best, as searches once did; *ranked* is what ``search`` does; *ranked, no margin* the state the ranking
scores best; *any* counts rows of which any state was right.
"""

import argparse
import math
import sys
import time
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import write_results

from thermofab.models.trlinkos import Ranking, SearchConfig, TRLinkos, TRLinkosConfig, search, supervision
from thermofab.models.trlinkos.search import better_than_plain, explore

STEPS = 400
SEARCHES = {
    "4 rounds of 2": SearchConfig(),
    "4 rounds of 2, 2 deep": SearchConfig(inner=2),
    "8 rounds of 3": SearchConfig(rounds=8, branches=3),
}


def parts(seed: int) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Rows to train on, to rank by, and to test."""
    pixels, digits = (np.asarray(part) for part in load_digits(return_X_y=True))
    order = np.random.default_rng(seed).permutation(len(digits))
    x, y = torch.tensor(pixels[order] / 16, dtype=torch.float32), torch.tensor(digits[order])
    return [(x[part], y[part]) for part in (slice(900), slice(900, 1200), slice(1200, None))]


def trained(x: torch.Tensor, y: torch.Tensor, seed: int) -> TRLinkos:
    model = TRLinkos(TRLinkosConfig(64, 32, 10, seed=seed))
    model.fit_router(x)
    optimiser, generator = torch.optim.Adam(model.parameters(), lr=3e-3), torch.Generator().manual_seed(seed)
    for _ in range(STEPS):
        rows = torch.randint(len(x), (128,), generator=generator)
        outputs, scores = model(x[rows])
        truth = y[rows].repeat(len(outputs))
        losses = F.cross_entropy(outputs.flatten(0, 1), truth, reduction="none").view_as(scores)
        optimiser.zero_grad()
        supervision(outputs, scores, losses).backward()
        optimiser.step()
    return model.eval()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    torch.set_num_threads(1)
    rows = []
    for seed in range(1 if options.quick else 3):
        train, (held, held_digits), (x, y) = parts(seed)

        def losses(outputs: torch.Tensor, rows: torch.Tensor, truth: torch.Tensor = held_digits) -> torch.Tensor:
            return F.cross_entropy(outputs, truth[rows], reduction="none")

        start = time.process_time()
        model = trained(*train, seed)
        for name, config in SEARCHES.items():
            ranking = Ranking.fit(model, held, losses, config)
            tree, plain = explore(model, x, config, ranking=ranking), model.config.steps
            unranked = explore(model, x, config)
            with torch.no_grad():
                right = np.stack([(model.output(state.y).argmax(1) == y).numpy() for state in tree.states], axis=1)
                by_head = np.stack([(model.output(s.y).argmax(1) == y).numpy() for s in unranked.states], axis=1)
            every = np.arange(len(y))
            head = np.stack(unranked.scores, axis=1)[:, 1 + plain :].argmax(axis=1) + 1 + plain
            scores = np.stack(tree.scores, axis=1)
            found = search(model, x, config, ranking=ranking)
            share = float(right[:, plain].mean())
            row = {
                "seed": seed,
                "search": name,
                "plain": share,
                "standard_error": math.sqrt(share * (1 - share) / len(y)),
                "value_head": float(by_head[every, head].mean()),
                "ranked": float((found.outputs.argmax(1) == y).float().mean()),
                "ranked_no_margin": float(right[every, better_than_plain(scores, plain, 0.0)].mean()),
                "any": float(right[:, 1:].any(axis=1).mean()),
                "margin": None if math.isinf(ranking.margin) else ranking.margin,
            }
            rows.append(row)
            print(row, flush=True)
        print(f"seed {seed}: {time.process_time() - start:.0f} CPU-s", flush=True)
    content = {"rows": rows, "train": 900, "held_out": 300, "test": 597, "optimiser_steps": STEPS}
    print(write_results("trlinkos_search" + ("-quick" if options.quick else ""), content))


if __name__ == "__main__":
    main()
