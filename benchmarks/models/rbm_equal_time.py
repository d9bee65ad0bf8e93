"""An RBM of 64+64 nodes on 8×8 digits, trained on the fabric and by scikit-learn for equal CPU seconds.

    python benchmarks/models/rbm_equal_time.py               # 13.6 s a training, 14 trainings, ~5 CPU-minutes
    python benchmarks/models/rbm_equal_time.py --seconds 2 --seeds 1
    python benchmarks/models/rbm_equal_time.py --page        # the table of docs/models.md from the JSON

Both have the same grid of learning rates, each the best by the pseudo-likelihood of a fifth of the *training* rows that
a training on the other rows gets; then three seeds on all training rows. Held-out rows are read once, at the end. Both
are persistent contrastive divergence. scikit-learn updates on 64 rows, its own loop otherwise. An update on the fabric
costs milliseconds of the host's work, whatever its batch, so it has 256 rows, 256 chains and 4 sweeps, and its rate
falls to a hundredth over the time. One BLAS thread: two that share cores with other work wait for each other.
docs/results/rbm_equal_time.json.
"""

import argparse
import json
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.neural_network import BernoulliRBM
from threadpoolctl import threadpool_limits

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from results import ROOT, write_results

import thermofab as fab
from thermofab.models.boltzmann import (
    BoltzmannMachine,
    FabricSampler,
    Training,
    advance,
    free_energy,
    from_binary_rbm,
    log_partition,
    pseudo_likelihood,
    restricted,
    start,
)
from thermofab.models.data import digits
from thermofab.models.seeds import batch_rows

NAME = "rbm_equal_time"
VISIBLE = HIDDEN = 64
RATES = (0.01, 0.03, 0.1, 0.3)
TRIED = 40
"""Updates that tell how many there is time for."""


def on_the_fabric(data: np.ndarray, rate: float, seconds: float, seed: int) -> tuple[BoltzmannMachine, int, float]:
    """The machine whose values the integers hold, updates done, and the CPU seconds they took."""
    machine = BoltzmannMachine.random(restricted(VISIBLE, HIDDEN), 0.02, seed=seed, data=data)
    program = fab.compile(machine.ising(), fab.fabric(machine.connections.topology()), keep_zero=True)
    sampler = FabricSampler(program, device="native")
    config = Training(
        batch=256, replicas=256, sweeps=4, optimiser="sgd", learning_rate=rate, final_learning_rate=rate / 100,
        steps=1, seed=seed,
    )  # fmt: skip
    state, begun = advance(start(machine, config), config, data, sampler), time.process_time()
    for _ in range(TRIED):
        state = advance(state, config, data, sampler)
    config = replace(config, steps=max(1, round(seconds * TRIED / (time.process_time() - begun))))
    advance(start(machine, config), config, data, sampler)  # what is compiled once is no part of the time
    state, spent = start(machine, config), 0.0
    while spent < seconds:
        begun = time.process_time()
        state = advance(state, config, data, sampler)
        spent += time.process_time() - begun
    return sampler.held(state.machine), state.step, spent


def with_scikit_learn(data: np.ndarray, rate: float, seconds: float, seed: int) -> tuple[BoltzmannMachine, int, float]:
    """As :func:`on_the_fabric`, by ``partial_fit`` on batches of 64."""
    theirs = BernoulliRBM(HIDDEN, learning_rate=rate, batch_size=64, random_state=seed)
    rows, done, spent = data.astype(np.float64), 0, 0.0
    while spent < seconds:
        batch = rows[batch_rows(len(rows), 64, done, seed)]
        begun = time.process_time()
        theirs.partial_fit(batch)
        spent += time.process_time() - begun
        done += 1
    machine = from_binary_rbm(theirs.components_.T, theirs.intercept_visible_, theirs.intercept_hidden_)
    return machine, done, spent


TRAINERS = {"fabric, 8 bits": on_the_fabric, "scikit-learn": with_scikit_learn}


def likelihoods(machine: BoltzmannMachine, train: np.ndarray, test: np.ndarray, seed: int) -> dict[str, float]:
    """Pseudo-likelihood and ln P (annealed importance sampling) of held-out rows, nats."""
    log_z = log_partition(machine, seed=seed, data=train, chains=300, steps=1000)
    return {
        "pseudo_likelihood": round(float(np.mean(pseudo_likelihood(machine, test))), 3),
        "log_likelihood": round(-float(free_energy(machine, test).mean()) - log_z.value, 3),
        "ais_error": round(float(log_z.error), 3),
    }


def page() -> str:
    """The table, from the JSON."""
    found = json.loads((ROOT / "docs" / "results" / f"{NAME}.json").read_text())
    lines = [
        "| trained by | rate | updates | held-out pseudo-likelihood, seeds 0, 1, 2 | mean | held-out ln P, mean |",
        "|---|--:|--:|---|--:|--:|",
    ]
    for name, got in found["trained"].items():
        pseudo = [run["pseudo_likelihood"] for run in got["runs"]]
        logs = [run["log_likelihood"] for run in got["runs"]]
        updates = round(np.mean([run["updates"] for run in got["runs"]]))
        lines.append(
            f"| {name} | {got['rate']:g} | {updates:,} | {', '.join(f'{value:.2f}' for value in pseudo)} "
            f"| {np.mean(pseudo):.2f} | {np.mean(logs):.2f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="an RBM trained on the fabric and by scikit-learn, equal time")
    parser.add_argument("--seconds", type=float, default=13.6, help="CPU seconds a training")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--page", action="store_true", help="print the table of docs/models.md and train nothing")
    options = parser.parse_args()
    if options.page:
        print(page())
        return
    images = digits()
    order = np.random.default_rng(0).permutation(len(images.train))
    kept, left = images.train[order[len(order) // 5 :]], images.train[order[: len(order) // 5]]
    trained: dict[str, Any] = {}
    with threadpool_limits(1):
        for name, trainer in TRAINERS.items():
            tuned = {}
            for rate in RATES:
                machine = trainer(kept, rate, options.seconds, 0)[0]
                tuned[rate] = round(float(np.mean(pseudo_likelihood(machine, left))), 3)
                print(f"{name}: rate {rate:g}, pseudo-likelihood of training rows left out {tuned[rate]}", flush=True)
            best = max(tuned, key=lambda rate: tuned[rate])
            runs = []
            for seed in range(options.seeds):
                machine, updates, spent = trainer(images.train, best, options.seconds, seed)
                found = likelihoods(machine, images.train, images.test, seed)
                runs.append({"seed": seed, "updates": updates, "cpu_seconds": round(spent, 2), **found})
                print(f"{name}: {runs[-1]}", flush=True)
            trained[name] = {"rate": best, "tuning": {str(rate): value for rate, value in tuned.items()}, "runs": runs}
    write_results(NAME, {"cpu_seconds_each": options.seconds, "rates": RATES, "trained": trained})


if __name__ == "__main__":
    main()
