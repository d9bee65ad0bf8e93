"""Runs of a posed problem on the native device, one thread: how long replica exchange and annealing take to hit it.

A *run* is one ladder of replica exchange, or one annealing from a random state. It hits when an energy read is the
planted state's or lower: after every round in any rung, or at the end of an annealing. A ladder of t rounds is also
one of every shorter length, so one series of ladders gives the share of hits by every t; every length of annealing
needs runs of its own.
"""

import time
from dataclasses import dataclass

import numpy as np
from frontier.planted_images import Posed, annealed_tables, image_energies

from thermofab.hw.spec import Schedule, SpecError
from thermofab.sim.native.device import NativeDevice
from thermofab.sim.tempering import Ladder, adapted_ladder
from thermofab.sim.tempering.opened import open_ladders

NEVER = np.iinfo(np.int64).max
CHUNK = 256  # rounds between looks at which ladders have hit


@dataclass(frozen=True, eq=False)
class Hits:
    """When runs hit, and what a unit of their length costs.

    Attributes:
        rounds: int64 ``[runs]``, the round in which each hit, from 1; ``NEVER`` for none within ``most``.
        most: rounds that were run.
        sweeps: of one site array by a run in one round, and of all rungs.
        updates: site updates of a run in one round, all rungs.
        seconds: of one thread for a run's round, 64 runs side by side.
        lowest: the lowest energy that any run read, in units of an integer weight.
    """

    rounds: np.ndarray
    most: int
    sweeps: int
    updates: int
    seconds: float
    lowest: int


def placed_ladder(posed: Posed, coldest: float, hottest: float, rungs: int | None, *, seed: int = 0) -> list[float]:
    """β of rungs between which exchanges are taken equally often, coldest first."""
    adapted = adapted_ladder(
        NativeDevice(posed.image.fabric, threads=1), posed.image, posed.step, coldest=coldest, hottest=hottest,
        rungs=rungs, replicas=64, rounds=400, pilots=4, seed=seed,
    )  # fmt: skip
    return list(adapted.betas)


def exchanged_hits(
    posed: Posed, betas: list[float], *, sweeps: int, runs: int, most: int, seed: int, seconds: float = np.inf
) -> Hits:
    """Ladders until all have hit, at most ``most`` rounds and about ``seconds`` of processor time.

    Raises:
        SpecError: ``runs``, ``most`` or ``sweeps`` is below 1.
    """
    if min(runs, most, sweeps) < 1:
        raise SpecError(f"runs, most and sweeps must be at least 1, got {runs}, {most} and {sweeps}.")
    device = NativeDevice(posed.image.fabric, threads=1)
    ladder, tables = Ladder.of(posed.image.fabric, posed.step, posed.image.shift, betas)
    device.load(posed.image.replace(tables=tables))
    ladders = open_ladders(device, ladder, replicas=runs, seed=seed)
    found, done, lowest = np.full(runs, NEVER), 0, NEVER
    started = time.process_time()
    while done < most and np.any(found == NEVER) and time.process_time() - started < seconds:
        count = min(CHUNK, most - done)
        energies = ladders.run(count, sweeps, 0, ()).energies.min(axis=0)
        lowest = min(lowest, int(energies.min()))
        hit = energies <= posed.ground
        fresh = hit.any(axis=1) & (found == NEVER)
        found[fresh] = done + 1 + hit[fresh].argmax(axis=1)
        done += count
    used = time.process_time() - started
    updates = len(betas) * sweeps * posed.image.fabric.n_sites
    return Hits(found, done, sweeps, updates, used / (done * runs), lowest)


@dataclass(frozen=True)
class Annealed:
    """How many annealings hit.

    Attributes:
        sweeps: of one.
        runs, hits: how many were run, and how many ended at the planted state's energy or lower.
        updates: site updates of one.
        seconds: of one thread for one.
        lowest: the lowest energy at an end, in units of an integer weight.
    """

    sweeps: int
    runs: int
    hits: int
    updates: int
    seconds: float
    lowest: int


def annealed_hits(posed: Posed, betas: list[float], *, sweeps: int, runs: int, seed: int) -> Annealed:
    """Annealings of at least one sweep a level, from the first β to the last, and the energies of their ends.

    Raises:
        SpecError: there are fewer sweeps than levels.
    """
    count = len(betas)
    if sweeps < count:
        raise SpecError(f"an annealing through {count} levels needs at least as many sweeps, got {sweeps}.")
    device = NativeDevice(posed.image.fabric, threads=1)
    image = annealed_tables(posed, betas)
    device.load(image)
    cuts = np.linspace(0, sweeps, count + 1).astype(int)
    phases = tuple((int(step), level) for level, step in enumerate(np.diff(cuts)))
    started = time.process_time()
    ends = device.run(Schedule(0, 1, 1, phases, level=count - 1), replicas=runs, seed=seed).sites[:, -1]
    used = time.process_time() - started
    energies = image_energies(posed.image, ends)
    hits, updates = int(np.count_nonzero(energies <= posed.ground)), sweeps * image.fabric.n_sites
    return Annealed(sweeps, runs, hits, updates, used / runs, int(energies.min()))
