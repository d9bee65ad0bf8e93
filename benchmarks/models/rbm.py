"""An RBM of 64+64 nodes on 8×8 digits: trained on the fabric, by THRML's sampler, and by scikit-learn.

    python benchmarks/models/rbm.py [--quick] [--seeds 3] [--figure docs/images/rbm-samples.png]

All are persistent contrastive divergence: batches of 64, 64 chains, one sweep an update, as many updates. The fabric
(8-bit weights) and THRML share starting values, batches, exact hidden means in the positive phase, optimiser and rates;
all descend plainly at a constant rate, scikit-learn in 0/1 units. ln P of held-out digits by annealed importance
sampling with ours for all: scikit-learn's machine is converted exactly (from_binary_rbm). All learning rates tried are
shown. Ours and THRML's visible biases start at the data's means, scikit-learn's at 0.
"""

import argparse
import time
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from sklearn.neural_network import BernoulliRBM
from thrml import Block, SamplingSchedule, SpinNode, sample_states
from thrml.block_sampling import SuperBlock
from thrml.models import IsingEBM, IsingSamplingProgram
from thrml.pgm import AbstractNode

import thermofab as fab
from thermofab.hw.spec import to_spins
from thermofab.models.boltzmann import (
    BoltzmannMachine,
    FabricSampler,
    Training,
    advance,
    free_energy,
    from_binary_rbm,
    log_partition,
    restricted,
    start,
)
from thermofab.models.boltzmann.likelihood import hidden_means
from thermofab.models.boltzmann.statistics import gradient, statistics_of
from thermofab.models.boltzmann.training import compiled_update
from thermofab.models.data import digits
from thermofab.models.seeds import batch_rows

VISIBLE = HIDDEN = 64
BATCH = 64
"""Chains, too."""


def on_the_fabric(data: np.ndarray, config: Training) -> tuple[BoltzmannMachine, float, float]:
    """The machine whose values the integers hold, seconds to compile and to train."""
    begun = time.perf_counter()
    machine = BoltzmannMachine.random(restricted(VISIBLE, HIDDEN), 0.02, seed=config.seed, data=data)
    spec = fab.fabric(machine.connections.topology())
    sampler = FabricSampler(fab.compile(machine.ising(), spec, keep_zero=True))
    state = start(machine, config)
    advance(state, config, data, sampler)
    ready = time.perf_counter()
    for _ in range(config.steps):
        state = advance(state, config, data, sampler)
    return sampler.held(state.machine), ready - begun, time.perf_counter() - ready


def with_thrml(data: np.ndarray, config: Training) -> tuple[BoltzmannMachine, float, float]:
    """The same training with THRML's sampler, jitted and vmapped over chains."""
    begun = time.perf_counter()
    machine = BoltzmannMachine.random(restricted(VISIBLE, HIDDEN), 0.02, seed=config.seed, data=data)
    negative = thrml_negative(machine)
    state, c = start(machine, config), machine.connections
    key, chains = jax.random.key(config.seed), jnp.asarray(state.chains)
    negative(key, machine.biases, machine.couplings, chains).block_until_ready()
    optimiser, ready = state.optimiser, time.perf_counter()
    for step in range(config.steps):
        rows = data[batch_rows(len(data), config.batch, step, config.seed)]
        spins = np.concatenate([to_spins(rows), hidden_means(machine, rows)], axis=1)
        key, now = jax.random.split(key)
        chains = negative(now, machine.biases, machine.couplings, chains)
        slope = gradient(statistics_of(to_spins(np.asarray(chains)), c), statistics_of(spins, c), c)
        machine, optimiser = compiled_update(config)(machine, optimiser, slope)
    return machine, ready - begun, time.perf_counter() - ready


def thrml_negative(machine: BoltzmannMachine) -> Callable:
    """One sweep of all chains, bool ``[R, n]`` in and out."""
    nodes: list[AbstractNode] = [SpinNode() for _ in range(machine.connections.n_nodes)]
    edges = [(nodes[i], nodes[j]) for i, j in machine.connections.edges.tolist()]
    schedule = SamplingSchedule(n_warmup=1, n_samples=1, steps_per_sample=1)
    blocks: list[SuperBlock] = [Block(nodes[:VISIBLE]), Block(nodes[VISIBLE:])]

    @eqx.filter_jit
    def sweep(key, biases, couplings, chains):
        ebm = IsingEBM(nodes, edges, biases, couplings, jnp.array(1.0))
        program = IsingSamplingProgram(ebm, blocks, [])

        def one(key, chain):
            return sample_states(key, program, schedule, [chain[:VISIBLE], chain[VISIBLE:]], [], [Block(nodes)])[0][0]

        return jax.vmap(one)(jax.random.split(key, len(chains)), chains)

    return sweep


def with_scikit_learn(data: np.ndarray, rate: float, updates: int, seed: int) -> tuple[BoltzmannMachine, float, float]:
    """As many whole passes as make at least ``updates`` updates."""
    passes = -(-updates // -(-len(data) // BATCH))
    theirs = BernoulliRBM(HIDDEN, learning_rate=rate, batch_size=BATCH, n_iter=passes, random_state=seed)
    begun = time.perf_counter()
    theirs.fit(data)
    seconds = time.perf_counter() - begun
    return from_binary_rbm(theirs.components_.T, theirs.intercept_visible_, theirs.intercept_hidden_), 0.0, seconds


def samples_of(machine: BoltzmannMachine, count: int) -> np.ndarray:
    """bool ``[count, 64]`` of independent chains after 1,000 sweeps on the fabric."""
    spec = fab.fabric(machine.connections.topology())
    sampler = FabricSampler(fab.compile(machine.ising(), spec, keep_zero=True))
    return sampler.sample(machine, fab.Schedule(1000, 1), replicas=count, seed=1)[:, 0, :VISIBLE]


def draw(path: str, rows: dict[str, np.ndarray]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(len(rows), 1, figsize=(8, 0.55 * len(rows)), layout="constrained")
    for axis, (name, bits) in zip(axes, rows.items()):
        tiles = np.pad(bits.reshape(-1, 8, 8), ((0, 0), (1, 1), (1, 1))).transpose(1, 0, 2).reshape(10, -1)
        axis.imshow(tiles, cmap="gray_r", interpolation="nearest")
        axis.set_title(name, fontsize=8, loc="left")
        axis.axis("off")
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="a twentieth of the updates, fewer temperatures")
    parser.add_argument("--figure", help="draw samples to this file")
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    images = digits()
    updates = 115 if chosen.quick else 2300
    ais = {"chains": 300, "steps": 200 if chosen.quick else 1000}
    print(
        f"{updates} updates of {BATCH} digits, {BATCH} chains, one sweep; ln P in nats, mean over seeds ± deviation\n"
    )
    print(f"{'trained by':15} {'rate':>6} {'train ln P':>15} {'held-out ln P':>15} {'AIS error':>9} ready, s train, s")
    shown = {"held-out digits": images.test[:24]}
    for name, rates in (
        ("fabric, 8 bits", (0.001, 0.003, 0.01)),
        ("THRML", (0.001, 0.003, 0.01)),
        ("scikit-learn", (0.01, 0.03, 0.1)),
    ):
        best: tuple[float, float, BoltzmannMachine] | None = None
        for rate in rates:
            machines, values, errors, times = [], [], [], []
            for seed in range(chosen.seeds):
                config = Training(
                    steps=updates, batch=BATCH, replicas=BATCH, optimiser="sgd", learning_rate=rate,
                    final_learning_rate=rate, seed=seed,
                )  # fmt: skip
                if name == "scikit-learn":
                    machine, *seconds = with_scikit_learn(images.train, rate, updates, seed)
                else:
                    machine, *seconds = (with_thrml if name == "THRML" else on_the_fabric)(images.train, config)
                log_z = log_partition(machine, seed=seed, data=images.train, **ais)
                values.append(
                    [-float(free_energy(machine, rows).mean()) - log_z.value for rows in (images.train, images.test)]
                )
                machines.append(machine)
                errors.append(log_z.error)
                times.append(seconds)
            mean, spread = np.mean(values, axis=0), np.std(values, axis=0, ddof=1 if chosen.seeds > 1 else 0)
            ready, seconds = np.median(times, axis=0)
            print(
                f"{name:15} {rate:6g} {mean[0]:8.2f} ± {spread[0]:4.2f} {mean[1]:8.2f} ± {spread[1]:4.2f} "
                f"{max(errors):9.2f} {ready:8.1f} {seconds:8.1f}",
                flush=True,
            )
            if best is None or mean[0] > best[0]:
                best = (float(mean[0]), rate, machines[0])
        assert best is not None
        shown[f"{name}, rate {best[1]:g}"] = samples_of(best[2], 24)
    if chosen.figure:
        draw(chosen.figure, shown)


if __name__ == "__main__":
    main()
