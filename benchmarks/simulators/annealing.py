"""Annealing the same Ising problem: our simulators against simulated annealing in dwave-samplers at equal sweeps.

    python benchmarks/simulators/annealing.py

The problem is a 70×70 G12 torus with integer couplings in ±40 and integer fields; both sides run the same number of
chains from random states through the same geometric list of inverse temperatures. Energies are in the problem's units.
dwave-samplers runs on one thread, by its own rule (Metropolis) and by ours (Gibbs); ours is timed on one thread too,
and on all.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from timing import interleaved, machine, median_rate

from thermofab.hw.spec import FREE, Image, Schedule, fabric, sigmoid_table
from thermofab.sim.chains import Request
from thermofab.sim.native.device import NativeDevice

LEVELS, STEP, SHIFT = 64, 1 / 127, 3
BETAS = np.geomspace(0.05, 8.0, LEVELS)


def problem() -> Image:
    spec, rng = fabric("g12-70x70-torus", levels=LEVELS), np.random.default_rng(0)
    return Image(
        fabric=spec,
        weights=rng.integers(-40, 41, spec.topology.n_edges),
        biases=rng.integers(-40, 41, spec.n_sites),
        tables=np.array([sigmoid_table(spec, STEP, SHIFT, beta) for beta in BETAS]),
        shift=SHIFT,
        clamps=np.full(spec.n_sites, FREE),
        seed=1,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--reads", type=int, default=64)
    parser.add_argument("--sweeps", type=int, default=16, help="at each of the 64 temperatures")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    from dwave.samplers import SimulatedAnnealingSampler

    image = problem()
    n, edges = image.fabric.n_sites, image.fabric.topology.edges.tolist()
    # dimod's energy is +Σ h s + Σ J s s, ours -Σ b s - Σ w s s.
    h: Any = dict(enumerate((-image.biases).tolist()))
    couplings: Any = {(i, j): -w for (i, j), w in zip(edges, image.weights.tolist())}
    schedule = Schedule(0, 1, 1, tuple((options.sweeps, level) for level in range(LEVELS)), LEVELS - 1)
    best: dict[str, list[float]] = {}

    def ours(threads: int | None) -> None:
        device = NativeDevice(image.fabric, threads=threads)
        device.load(image)
        chains = device.start(replicas=options.reads)
        chains.advance(schedule.phases)
        energies = chains.sample(Request(1, 0, 1, 0, energies=True)).energies
        assert energies is not None
        best["native" if threads is None else "native, one thread"] = energies[:, 0].tolist()

    def theirs(rule: str) -> None:
        found = SimulatedAnnealingSampler().sample_ising(
            h,
            couplings,
            num_reads=options.reads,
            beta_schedule_type="custom",
            beta_schedule=(BETAS * STEP).tolist(),
            num_sweeps_per_beta=options.sweeps,
            seed=1,
            proposal_acceptance_criteria=rule,
        )
        best[f"dwave-samplers, {rule}"] = found.record.energy.tolist()

    contenders = {
        "native": lambda: ours(None),
        "native, one thread": lambda: ours(1),
        "dwave-samplers, Metropolis": lambda: theirs("Metropolis"),
        "dwave-samplers, Gibbs": lambda: theirs("Gibbs"),
    }
    seconds = interleaved(contenders, options.rounds)
    work = float(options.reads * options.sweeps * LEVELS * n)
    base = median_rate(work, seconds["dwave-samplers, Metropolis"])
    print(machine())
    print(f"{n} sites, {len(edges)} edges, {options.reads} chains of {options.sweeps * LEVELS} sweeps")
    print(f"{'':<27}{'updates/s':>12}{'ratio':>8}{'best energy':>13}{'mean energy':>13}{'± of mean':>11}")
    for name, times in seconds.items():
        rate, found = median_rate(work, times), np.array(best[name])
        error = found.std(ddof=1) / np.sqrt(len(found))
        print(f"{name:<27}{rate:>12.3g}{rate / base:>8.1f}{found.min():>13.0f}{found.mean():>13.1f}{error:>11.1f}")


if __name__ == "__main__":
    main()
