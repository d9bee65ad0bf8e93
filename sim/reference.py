"""The reference: the arithmetic contract in plain Python integers. Slow, short, and the definition.

A sweep visits the colours in order. Every site of a colour first draws a word u of random bits; a free site then
computes its field from the *current* states of its neighbours (which all have other colours) and takes its new state:

    F = b + Σ_j w_j s_j,   s = 2n - 1
    a = clip((F + (u mod 2^shift)) >> shift, -A, A-1)
    n = 1 if (u >> (word_bits - t)) < T[a] else 0

A clamped site draws too, and keeps its state.
"""

import time
from typing import Any

import numpy as np

from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import (
    DeviceInfo,
    FabricSpec,
    Image,
    RunPlan,
    Samples,
    Schedule,
    check_image,
    generator,
    ledger_of,
    plan_run,
)


class ReferenceDevice:
    """The reference as a device."""

    def __init__(self, fabric: FabricSpec) -> None:
        self._fabric = fabric
        self._image: Image | None = None

    def info(self) -> DeviceInfo:
        return DeviceInfo("reference", self._fabric, True, "the contract in plain Python integers")

    def load(self, image: Any) -> None:
        self._image = check_image(image, self._fabric)

    def run(self, schedule, *, replicas=1, init=None, clamp=None, seed=None) -> Samples:
        started = time.perf_counter()
        plan = plan_run(self._image, schedule, replicas, init, clamp, seed)
        sites = np.stack([np.array(run_replica(plan, r), dtype=bool) for r in range(plan.replicas)])
        ledger = ledger_of(plan, time.perf_counter() - started)
        return Samples(sites, plan.image, plan.schedule, "reference", ledger)


def run_replica(plan: RunPlan, replica: int) -> list[list[int]]:
    """All recorded states of one replica, ``[S][N]`` of 0 and 1."""
    chain = Chain(plan, replica)
    schedule: Schedule = plan.schedule
    for sweeps, level in schedule.phases:
        for _ in range(sweeps):
            chain.sweep(level)
    samples = [list(chain.n)]
    for _ in range(schedule.n_samples - 1):
        for _ in range(schedule.steps_per_sample):
            chain.sweep(schedule.level)
        samples.append(list(chain.n))
    return samples


class Chain:
    """One replica: site states ``n``, generator states ``rng``, and the sweep."""

    def __init__(self, plan: RunPlan, replica: int) -> None:
        image, spec = plan.image, plan.image.fabric
        self.spec = spec
        self.generator = generator(spec.rng)
        self.n: list[int] = plan.init[replica].astype(int).tolist()
        self.rng = [tuple(words) for words in seed_words(self.generator, plan.keys[replica]).tolist()]
        self.clamped: list[bool] = plan.clamped.tolist()
        self.shift: int = image.shift
        self.biases: list[int] = image.biases.tolist()
        self.tables: list[list[int]] = image.tables.tolist()
        self.colours = [sites.tolist() for sites in spec.topology.colour_classes]
        self.couplings: list[list[tuple[int, int]]] = [[] for _ in range(spec.n_sites)]
        for (i, j), w in zip(spec.topology.edges.tolist(), image.weights.tolist()):
            self.couplings[i].append((j, w))
            self.couplings[j].append((i, w))

    def sweep(self, level: int) -> None:
        """One update of every free site, at one β level."""
        for sites in self.colours:
            self.update(sites, self.tables[level])

    def update(self, sites: list[int], table: list[int]) -> None:
        """Update the sites of one colour from the same state."""
        spec, n, half = self.spec, self.n, self.spec.table_size // 2
        new = []
        for i in sites:
            self.rng[i], u = self.generator.step(self.rng[i], spec.word_bits)
            if self.clamped[i]:
                new.append(n[i])
                continue
            field = self.biases[i]
            for j, w in self.couplings[i]:
                field += w if n[j] else -w
            address = (field + (u & ((1 << self.shift) - 1))) >> self.shift
            address = max(-half, min(half - 1, address))
            new.append(int((u >> (spec.word_bits - spec.threshold_bits)) < table[address + half]))
        for i, value in zip(sites, new):
            n[i] = value
