"""Cold spin glasses against the exact energy: what the floor of the table does to a fabric at β = 2 and 3.

    python benchmarks/cold.py                  # about ten minutes; writes docs/results/cold.json
    python benchmarks/cold.py --json FILE --rounds 500

±J couplings of magnitude 1 on the open 10×10 square lattice, no fields, tempered on the native device, on the default
profile and on ``profile="fine"``. Integer weights are ±16 and the table's address is the field itself, so that fields
of the model fall on entries of the table and nothing is rounded but the probabilities. The exact mean energy comes from
a transfer matrix over the 2^10 states of a row. ``z`` is the distance from it in standard errors over independent
ladders; the benchmark fails if one of the fine profile is beyond 3.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from results import commit
from timing import machine

from thermofab.hw.spec import Image, fabric, open_device
from thermofab.sim.tempering import Ladder, temper

ROOT = Path(__file__).resolve().parent.parent
SIDE, WEIGHT, INSTANCES, REPLICAS, SWEEPS = 10, 16, 3, 64, 4
BETAS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.1, 1.2, 1.35, 1.5, 1.65, 1.8, 2.0, 2.25, 2.5, 2.75, 3.0)
WATCHED = (2.0, 3.0)


def couplings(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """±1 along rows, int64 ``[10, 9]``, and between them, ``[9, 10]``."""
    rng = np.random.default_rng([16, seed])
    return rng.choice([-1, 1], (SIDE, SIDE - 1)), rng.choice([-1, 1], (SIDE - 1, SIDE))


def exact_energy(across: np.ndarray, down: np.ndarray, beta: float) -> float:
    """<E> of E = -Σ J s s at β, from ln Z and its derivative carried along, row by row and site by site."""
    width = across.shape[1] + 1
    spins = 2 * (np.arange(2**width)[:, None] >> np.arange(width) & 1) - 1
    weight, slope, log_scale = np.ones(2**width), np.zeros(2**width), 0.0
    for row in range(len(across)):
        if row:
            for i in range(width):  # the new row's site i takes the place of the old one's
                shape = (2 ** (width - 1 - i), 2, 2**i)
                bond = down[row - 1, i] * np.array([[1, -1], [-1, 1]])
                step = np.exp(beta * bond)
                old, old_slope = weight.reshape(shape), slope.reshape(shape)
                slope = np.einsum("ab,xby->xay", step, old_slope) + np.einsum("ab,xby->xay", bond * step, old)
                weight, slope = np.einsum("ab,xby->xay", step, old).ravel(), slope.ravel()
        inside = (spins[:, :-1] * spins[:, 1:]) @ across[row]
        factor = np.exp(beta * inside)
        weight, slope = weight * factor, slope * factor + weight * inside * factor
        top = weight.max()
        weight, slope, log_scale = weight / top, slope / top, log_scale + np.log(top)
    return -float(slope.sum() / weight.sum())


def image(profile: str, across: np.ndarray, down: np.ndarray, seed: int) -> tuple[Image, Ladder]:
    """The glass on a square lattice of sites in row order."""
    spec = fabric(f"g4-{SIDE}x{SIDE}", profile=profile, levels=len(BETAS))
    matrix, site = np.zeros((SIDE**2, SIDE**2), dtype=int), np.arange(SIDE**2).reshape(SIDE, SIDE)
    matrix[site[:, :-1], site[:, 1:]] = WEIGHT * across
    matrix[site[:-1], site[1:]] = WEIGHT * down
    ladder, tables = Ladder.of(spec, 1 / WEIGHT, 0, BETAS)
    made = Image.from_matrix(spec, matrix + matrix.T, np.zeros(SIDE**2, int), step=1 / WEIGHT, shift=0, seed=seed)
    return made.replace(tables=tables), ladder


def measured(profile: str, seed: int, rounds: int) -> dict[str, Any]:
    """Mean energies at the watched β, their standard errors and distances from the exact ones."""
    across, down = couplings(seed)
    loaded, ladder = image(profile, across, down, seed)
    device = open_device("native", loaded.fabric)
    device.load(loaded)
    out = temper(device, ladder, rounds=rounds, sweeps=SWEEPS, warmup=rounds // 2, replicas=REPLICAS)
    found: dict[str, Any] = {"profile": profile, "instance": seed, "least_acceptance": round(out.accepted.min(), 3)}
    for beta in WATCHED:
        means = out.energies[BETAS.index(beta)].mean(axis=1) / WEIGHT
        mean, error = float(means.mean()), float(means.std(ddof=1) / np.sqrt(REPLICAS))
        exact = exact_energy(across, down, beta)
        found[f"beta {beta:g}"] = {"exact": round(exact, 6), "mean": round(mean, 6), "error": round(error, 6),
                                   "z": round((mean - exact) / error, 2)}  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3000)
    parser.add_argument("--json", type=Path, default=ROOT / "docs" / "results" / "cold.json")
    options = parser.parse_args()
    print(machine())
    print(f"{'profile':<9}{'instance':>9}{'β':>4}{'exact':>12}{'mean':>12}{'error':>10}{'z':>8}{'acceptance':>12}")
    rows, started, worst = [], time.perf_counter(), 0.0
    for profile in ("default", "fine"):
        for seed in range(INSTANCES):
            row = measured(profile, seed, options.rounds)
            rows.append(row)
            for beta in WATCHED:
                one = row[f"beta {beta:g}"]
                worst = max(worst, abs(one["z"])) if profile == "fine" else worst
                print(f"{profile:<9}{seed:>9}{beta:>4.0f}{one['exact']:>12.4f}{one['mean']:>12.4f}{one['error']:>10.5f}"
                      f"{one['z']:>8.1f}{row['least_acceptance']:>12}", flush=True)  # fmt: skip
    result = {
        "command": "python benchmarks/cold.py" + (f" --rounds {options.rounds}" if options.rounds != 3000 else ""),
        "machine": machine(),
        "commit": commit(),
        "seconds": round(time.perf_counter() - started),
        "betas": BETAS,
        "replicas": REPLICAS,
        "rounds": options.rounds,
        "sweeps": SWEEPS,
        "rows": rows,
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(result, indent=1) + "\n")
    sys.exit(worst > 3)


if __name__ == "__main__":
    main()
