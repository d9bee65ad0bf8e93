"""Do a net's logits, as fields, help the constraint program? On the puzzles that the net itself gets wrong.

python benchmarks/reasoning/fields.py       # needs the checkpoints of solve.py; ~1 CPU-minute
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from results import write_results

from thermofab.apps.reasoning import Annealing, ConstraintProgram, box_of, load_net, read_puzzles, sampled_puzzles
from thermofab.apps.reasoning.solvers import logit_fields
from thermofab.models.seeds import derived

CHAINS, STRENGTHS, SWEEPS = 16, (0.0, 0.25, 1.0), (1, 2, 8, 32)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--puzzles", type=int, default=300)
    parser.add_argument("--folder", type=Path, default=Path("build/benchmarks/trm"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    test = sampled_puzzles(box_of(6), options.puzzles, seed=2026, clues=8)
    wrong = []
    for seed in range(3):
        readings = read_puzzles(load_net(options.folder / f"recursive-{seed}-early"), test.puzzles)
        for k in np.flatnonzero((readings.grids[-1] != test.solutions).any(axis=1)):
            wrong.append((seed, k, readings.logits[-1, k]))
    rows = []
    for sweeps in SWEEPS:
        program = ConstraintProgram(test.box, "native", Annealing(sweeps))
        for strength in STRENGTHS:
            shares = [
                (
                    program.sample(
                        test.puzzles[k], chains=CHAINS, seed=derived(seed, int(k)),
                        fields=logit_fields(logits, strength, 20.0),
                    ).broken
                    == 0
                ).mean()
                for seed, k, logits in wrong
            ]  # fmt: skip
            row = {
                "sweeps": program.annealing.schedule.n_sweeps,
                "strength": strength,
                "one_chain": float(np.mean(shares)),
                "standard_error": float(np.std(shares) / len(shares) ** 0.5),
            }
            rows.append(row)
            print(row, flush=True)
    print(write_results("reasoning_fields", {"readings_wrong": len(wrong), "chains": CHAINS, "rows": rows}))


if __name__ == "__main__":
    main()
