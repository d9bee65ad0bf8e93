"""Peers on the published 3D spin glasses, from as many site updates for a run and each on one processor.

    pip install --no-deps hamon==0.4.0
    python benchmarks/frontier/spin_glass_peers.py FOLDER --size 8 --sweeps 1000

A run is four replicas per rung of the published number of rungs, so many sweeps each. *ours* exchanges every sweep and
moves clusters, as ``spin_glasses.py`` does. *hamon* is its non-reversible tempering, four ladders of the same β without
cluster moves. *dwave-samplers* anneals as many reads over its own range of β. *THRML* has neither ladders nor β
schedules: its chains are annealed by a call for each of 32 β, from the hottest of the ladder to the coldest. The
residual is that of a run's best final state. JAX is held to one thread; its compilation is not counted.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1")

import dimod
import jax
import jax.numpy as jnp
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from dwave.samplers import SimulatedAnnealingSampler
from frontier.spin_glasses import COLDEST, GROUP, HOTTEST, RUNGS, energies_of_runs, glass
from results import write_results
from thrml import Block, SamplingSchedule, SpinNode, sample_states
from thrml.models import IsingEBM, IsingSamplingProgram
from thrml.pgm import AbstractNode

import thermofab as fab
from thermofab.hw.spec import Image
from thermofab.sim.tempering import Ladder, adapted_ladder, temper

STAGES = 32  # of THRML's annealing
# Least energy of each run, int64 [runs], and the processor seconds of all runs.
Found = tuple[np.ndarray, float]
# Runs so many runs from a seed.
Way = Callable[[int, int], Found]


def colour_classes(image: Image) -> list[list[int]]:
    """Of the instance's own spins; a site's label is its spin."""
    labels: Any = image.fabric.topology.labels
    return [[int(labels[site]) for site in sites] for sites in image.fabric.topology.colour_classes]


def ours(image: Image, betas: tuple[float, ...], sweeps: int) -> Way:
    device = fab.open_device("native", image.fabric, threads=1)
    ladder, tables = Ladder.of(image.fabric, 1.0, 0, betas)

    def run(runs: int, seed: int) -> Found:
        device.load(image.replace(tables=tables, seed=seed))
        started = time.process_time()
        done = temper(device, ladder, rounds=sweeps, sweeps=1, replicas=GROUP * runs, keep=(), group=GROUP)
        return energies_of_runs(done.energies)[:, -1], time.process_time() - started

    return run


def annealed_by_dwave(edges: np.ndarray, signs: np.ndarray, rungs: int, sweeps: int) -> Way:
    bqm = dimod.BinaryQuadraticModel({}, {(int(a), int(b)): -float(s) for (a, b), s in zip(edges, signs)}, "SPIN")
    sampler = SimulatedAnnealingSampler()

    def run(runs: int, seed: int) -> Found:
        started = time.process_time()
        answer = sampler.sample(bqm, num_reads=GROUP * rungs * runs, num_sweeps=sweeps, seed=seed)
        seconds = time.process_time() - started
        return np.rint(answer.record.energy).astype(np.int64).reshape(runs, -1).min(axis=1), seconds

    return run


def annealed_by_thrml(image: Image, edges: np.ndarray, signs: np.ndarray, rungs: int, sweeps: int) -> Way:
    n = image.fabric.n_sites
    nodes: list[AbstractNode] = [SpinNode() for _ in range(n)]
    pairs = [(nodes[a], nodes[b]) for a, b in edges.tolist()]
    classes = colour_classes(image)
    blocks: list[Any] = [Block([nodes[index] for index in members]) for members in classes]
    schedule = SamplingSchedule(n_warmup=sweeps // STAGES, n_samples=1, steps_per_sample=1)

    def stage(key: jax.Array, beta: jax.Array, state: list[jax.Array]) -> list[jax.Array]:
        ebm = IsingEBM(nodes, pairs, jnp.zeros(n), jnp.asarray(signs, float), beta)
        samples = sample_states(key, IsingSamplingProgram(ebm, blocks, []), schedule, state, [], blocks)
        return [block[0] for block in samples]

    anneal = jax.jit(jax.vmap(stage, in_axes=(0, None, 0)))

    def run(runs: int, seed: int) -> Found:
        chains = GROUP * rungs * runs
        keys = jax.random.split(jax.random.key(seed), STAGES + 1)
        state = [jax.random.bernoulli(keys[-1], shape=(chains, len(members))) for members in classes]
        jax.block_until_ready(anneal(jax.random.split(keys[0], chains), jnp.asarray(HOTTEST), state))  # compiled
        started = time.process_time()
        for key, beta in zip(keys, np.geomspace(HOTTEST, COLDEST, STAGES)):
            state = anneal(jax.random.split(key, chains), jnp.asarray(beta), state)
        spins = np.empty((chains, n), np.int64)
        for members, block in zip(classes, state):
            spins[:, members] = 2 * np.asarray(block).astype(np.int64) - 1
        seconds = time.process_time() - started
        return _energies(spins, edges, signs).reshape(runs, -1).min(axis=1), seconds

    return run


def tempered_by_hamon(
    image: Image, edges: np.ndarray, signs: np.ndarray, betas: tuple[float, ...], sweeps: int
) -> Way | None:
    """None where hamon is not installed."""
    try:
        peer: Any = import_module("hamon.models.ising")
        hamon: Any = import_module("hamon")
        nrpt = import_module("hamon.nrpt").nrpt
    except ImportError:
        return None
    n = image.fabric.n_sites
    nodes = [hamon.SpinNode() for _ in range(n)]
    pairs = [(nodes[a], nodes[b]) for a, b in edges.tolist()]
    classes = colour_classes(image)
    blocks = [hamon.Block([nodes[index] for index in members]) for members in classes]
    ebm = peer.IsingEBM(nodes, pairs, jnp.zeros(n), jnp.asarray(signs, jnp.float32), jnp.asarray(1.0))
    program = peer.IsingSamplingProgram(ebm, blocks, [])
    rungs = jnp.asarray(sorted(betas), jnp.float32)

    def once(seed: int, rounds: int) -> int:
        begin, key = jax.random.split(jax.random.key(seed))
        state = [jax.random.bernoulli(begin, shape=(len(betas), len(members))) for members in classes]
        final, _ = nrpt(key, ebm, program, state, [], rounds, 1, betas=rungs, track_round_trips=False, device="cpu")
        spins = np.empty((len(betas), n), np.int64)
        for rung, chain in enumerate(final):
            for members, block in zip(classes, chain):
                spins[rung, members] = 2 * np.asarray(block).astype(np.int64) - 1
        return int(_energies(spins, edges, signs).min())

    def run(runs: int, seed: int) -> Found:
        once(seed, sweeps)  # compiled
        started = time.process_time()
        found = [once(10_000 * seed + ladder, sweeps) for ladder in range(GROUP * runs)]
        seconds = time.process_time() - started
        return np.array(found).reshape(runs, GROUP).min(axis=1), seconds

    return run


def _energies(spins: np.ndarray, edges: np.ndarray, signs: np.ndarray) -> np.ndarray:
    """``-Σ J s s`` of spins ±1, ``[chains, n]``."""
    return -(spins[:, edges[:, 0]] * spins[:, edges[:, 1]] * signs.astype(np.int64)).sum(axis=1)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--size", type=int, choices=list(RUNGS), default=8)
    parser.add_argument("--instances", type=int, default=10)
    parser.add_argument("--sweeps", type=int, default=1000)
    parser.add_argument("--runs", type=int, default=8, help="of an instance and way")
    asked = parser.parse_args()
    data, rungs = np.load(asked.folder / f"L{asked.size:02d}.npz"), RUNGS[asked.size]
    betas: tuple[float, ...] = ()
    residuals: dict[str, list[np.ndarray]] = {}
    seconds: dict[str, float] = {}
    for instance in range(asked.instances):
        edges, signs = data[f"edges_{instance:03d}"], data[f"signs_{instance:03d}"]
        ground = int(data["putative_ground_energy"][instance])
        image = glass(edges, signs, rungs, seed=1 + instance)
        if not betas:
            device = fab.open_device("native", image.fabric, threads=1)
            betas = adapted_ladder(
                device, image, 1.0, coldest=COLDEST, hottest=HOTTEST, rungs=rungs, rounds=400, replicas=64
            ).betas
        ways: dict[str, Way | None] = {
            "ours": ours(image, betas, asked.sweeps),
            "hamon": tempered_by_hamon(image, edges, signs, betas, asked.sweeps),
            "dwave-samplers": annealed_by_dwave(edges, signs, rungs, asked.sweeps),
            "THRML": annealed_by_thrml(image, edges, signs, rungs, asked.sweeps),
        }
        for name, way in ways.items():
            if way is None:
                continue
            energies, used = way(asked.runs, 1 + instance)
            residuals.setdefault(name, []).append((energies - ground) / image.fabric.n_sites)
            seconds[name] = seconds.get(name, 0.0) + used
            print(f"{instance} {name}: {1000 * residuals[name][-1].mean():.2f}e-3, {used:.1f} s", flush=True)
    rows = []
    for name, found in residuals.items():
        table = np.array(found)  # [instances, runs]
        means = table.mean(axis=1)
        rows.append(
            {
                "size": asked.size,
                "way": name,
                "instances": len(table),
                "runs": asked.runs,
                "sweeps": asked.sweeps,
                "residual": [float(means.mean()), float(means.std(ddof=1) / np.sqrt(len(means)))],
                "solved": float((table <= 0).mean()),
                "cpu_seconds_per_run": seconds[name] / table.size,
            }  # fmt: skip
        )
    write_results("frontier_spin_glass_peers", {"rows": rows})


if __name__ == "__main__":
    main()
