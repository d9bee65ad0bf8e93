"""Small models learnt on a device: KL to the truth at 8, 6 and 4 bits, quantisation-aware against rounded-after.

    python benchmarks/models/boltzmann.py [--quick] [--seeds 3]

The truths are 3×3 bars-and-stripes (14 patterns, equally likely) learnt by an RBM of 9+8 nodes, and a random machine of
8 visible nodes. KL(truth ‖ distribution) is of the distribution that the integers sample, activation table included:
`stationary_distribution` enumerates it.

- float: exact gradients in floats. device: PCD from random couplings, with samples of the integers throughout.
- rounded: the floats, compiled with the compiler's full search for a step.
- aware: from there on, at that step, with gradients at the integers (straight through), exact or (PCD) sampled.
  Integers jump as the floats creep over a threshold, so the best of every tenth update is kept, by the likelihood of
  the data.
"""

import argparse
import time
from dataclasses import replace

import numpy as np

import thermofab as fab
from thermofab.compiler import stationary_distribution
from thermofab.models.boltzmann import (
    BoltzmannMachine,
    Enumerated,
    FabricSampler,
    Training,
    fit,
    fully_visible,
    kl_divergence,
    restricted,
    visible_marginal,
)
from thermofab.models.boltzmann.enumeration import all_states, numbers_of


def bars_and_stripes(side: int) -> np.ndarray:
    """All patterns of whole rows or whole columns, bool ``[patterns, side²]``."""
    lines = [np.repeat(line[:, None], side, axis=1) for line in all_states(side)]
    return np.unique(np.array([p.ravel() for line in lines for p in (line, line.T)]), axis=0)


def distribution_of(data: np.ndarray) -> np.ndarray:
    return np.bincount(numbers_of(data), minlength=2 ** data.shape[1]) / len(data)


def sampler_of(machine: BoltzmannMachine, bits: int) -> FabricSampler:
    spec = fab.fabric(machine.connections.topology(), weight_bits=bits)
    return FabricSampler(fab.compile(machine.ising(), spec, keep_zero=True, verify=False))


def sampled_kl(truth: np.ndarray, program, machine: BoltzmannMachine) -> float:
    return kl_divergence(
        truth, visible_marginal(machine, stationary_distribution(program, accuracy=1e-9).probabilities)
    )


def best_of(machine: BoltzmannMachine, config: Training, data: np.ndarray, sampler: FabricSampler) -> BoltzmannMachine:
    """Of the machine and every tenth update of its training, the one whose integers give the data most likelihood."""
    found = [(Enumerated.of(sampler.held(machine)).log_likelihood(data), 0, machine)]

    def look(state):
        if state.step % 10 == 0:
            likelihood = Enumerated.of(sampler.held(state.machine)).log_likelihood(data)
            found.append((likelihood, -state.step, state.machine))

    fit(machine, config, data, sampler, look)
    return max(found, key=lambda one: one[:2])[2]


def bars(seed: int, quick: bool):
    data = bars_and_stripes(3)
    machine = BoltzmannMachine.random(restricted(9, 8), 0.3, seed=seed)
    steps = 300 if quick else 3000
    # Long negative chains: the 14 modes must be visited in proportion.
    pcd = Training(
        steps=steps, batch=0, replicas=512, sweeps=400, learning_rate=0.01, final_learning_rate=1e-4, seed=seed
    )  # fmt: skip
    return distribution_of(data), data, machine, pcd


def random_eight(seed: int, quick: bool):
    rng, connections = np.random.default_rng(100 + seed), fully_visible(8)
    truth = Enumerated.of(BoltzmannMachine.of(connections, rng.normal(0, 0.3, 8), rng.normal(0, 0.5, 28)))
    data = all_states(8)[rng.choice(256, 20_000, p=truth.distribution)]
    machine = BoltzmannMachine.random(connections, 0.05, seed=seed, data=data)
    pcd = Training(
        steps=300 if quick else 1500, batch=1000, replicas=1000, sweeps=4, learning_rate=0.03,
        final_learning_rate=1e-4, seed=seed,
    )  # fmt: skip
    return truth.distribution, data, machine, pcd


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a tenth of the updates")
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    columns = ["8 device", "6 device"]
    columns += [f"{bits} {how}" for bits in (6, 4) for how in ("rounded", "aware", "aware PCD")]
    print(f"{'task':16} {'seed':>4} {'before':>7} {'float':>7} " + " ".join(f"{c:>11}" for c in columns) + "    s")
    for name, task in (("bars and stripes", bars), ("random, 8 nodes", random_eight)):
        for seed in range(chosen.seeds):
            begun = time.perf_counter()
            truth, data, machine, pcd = task(seed, chosen.quick)
            exact = replace(pcd, method="exact", batch=0, learning_rate=0.01)
            plain = fit(machine, exact, data).machine
            found = [kl_divergence(truth, Enumerated.of(one).visible_distribution()) for one in (machine, plain)]
            for bits in (8, 6):
                sampler = sampler_of(machine, bits)
                done = fit(machine, pcd, data, sampler).machine
                found.append(sampled_kl(truth, sampler.holding(done), done))
            for bits in (6, 4):
                sampler = replace(sampler_of(plain, bits), step="fixed")
                found.append(sampled_kl(truth, sampler.template, plain))
                for config in (exact, pcd):
                    tuning = replace(config, steps=pcd.steps // 3, learning_rate=0.003)
                    done = best_of(plain, tuning, data, sampler)
                    found.append(sampled_kl(truth, sampler.holding(done), done))
            numbers = f"{found[0]:7.3f} {found[1]:7.4f} " + " ".join(f"{value:11.4f}" for value in found[2:])
            print(f"{name:16} {seed:4} {numbers} {time.perf_counter() - begun:4.0f}", flush=True)


if __name__ == "__main__":
    main()
