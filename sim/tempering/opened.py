"""Ladders that run on and on, in a device's kernel or made of held chains."""

from collections.abc import Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np

from thermofab.hw.spec import Device, Image, RunPlan, Schedule, SpecError
from thermofab.sim.chains import Chains, Request
from thermofab.sim.holding import holding, start_chains
from thermofab.sim.tempering.clusters import Clusters
from thermofab.sim.tempering.decisions import exchanged, root_of, rung_seed
from thermofab.sim.tempering.ladder import Ladder
from thermofab.sim.tempering.result import Tempered


class Ladders(Protocol):
    """Ladders in mid-run; however their rounds are cut into calls, their bits are those of one long run."""

    def run(self, rounds: int, sweeps: int, warmup: int, keep: Sequence[int]) -> Tempered:
        """``warmup`` rounds and then ``rounds`` that are returned, as :func:`thermofab.sim.tempering.temper` says."""
        ...


@runtime_checkable
class LadderDevice(Protocol):
    """A device whose kernel runs ladders."""

    def start_ladders(
        self, plans: Sequence[RunPlan], ladder: Ladder, root: np.ndarray, exchange: bool, clusters: Clusters | None
    ) -> Ladders | None:
        """Ladders of one plan per rung; ``None`` where its kernel has no form of this image."""
        ...


def open_ladders(
    device: Device,
    ladder: Ladder,
    *,
    replicas: int,
    exchange: bool = True,
    group: int | None = None,
    cluster_rungs: int | None = None,
    seed: int | None = None,
    init: np.ndarray | None = None,
    clamp: np.ndarray | None = None,
) -> Ladders:
    """Ladders of the image that a device has loaded, which have not swept yet; see :func:`temper`."""
    held = holding(device, "tempering")
    image = held.plan(Schedule(0, 1), seed=seed).image
    if max(ladder.levels) >= image.fabric.levels or min(ladder.levels) < 0:
        raise SpecError(
            f"the ladder uses β levels {ladder.levels}, but this fabric holds levels 0…{image.fabric.levels - 1}."
        )
    root = root_of(image.seed)

    def arguments(rung: int) -> dict[str, Any]:
        return {"replicas": replicas, "init": init, "clamp": clamp, "seed": rung_seed(root, rung)}

    count = len(ladder.levels)
    first = held.plan(Schedule(0, 1), **arguments(0))
    clusters = None if group is None else _clusters(first, count, group, cluster_rungs)
    if isinstance(held, LadderDevice):
        plans = [first, *(held.plan(Schedule(0, 1), **arguments(k)) for k in range(1, count))]
        made = held.start_ladders(plans, ladder, root, exchange, clusters)
        if made is not None:
            return made
    chains = [start_chains(held, **arguments(k)) for k in range(count)]
    return HeldLadders(image, ladder, chains, root, exchange, clusters)


def _clusters(plan: RunPlan, rungs: int, group: int, cluster_rungs: int | None) -> Clusters:
    taking_part = rungs if cluster_rungs is None else cluster_rungs
    if isinstance(taking_part, bool) or not isinstance(taking_part, int) or not 1 <= taking_part <= rungs:
        raise SpecError(f"cluster_rungs must be an integer of 1…{rungs}, got {cluster_rungs!r}.")
    roots, image = _rooted(plan.image)
    clusters = Clusters.of(image, plan.clamped[roots], group, taking_part)
    if plan.replicas % group:
        raise SpecError(f"replicas must be a multiple of group={group}, got {plan.replicas}.")
    if np.any(plan.clamped) and np.any(plan.init[:, plan.clamped] != plan.init[:1, plan.clamped]):
        raise SpecError("cluster moves need every ladder clamped to the same values; leave group out.")
    return clusters


def _rooted(image: Image) -> tuple[np.ndarray, Image]:
    """The sites that draw and the image they make: of an image without an order, all and itself."""
    if image.order is None:
        return np.arange(image.fabric.n_sites), image
    return image.merged.roots, image.merged.image


class HeldLadders:
    """Ladders made of chains that are held here: any device's, a rung's states at a time."""

    def __init__(
        self,
        image: Image,
        ladder: Ladder,
        rungs: Sequence[Chains],
        root: np.ndarray,
        exchange: bool,
        clusters: Clusters | None,
    ) -> None:
        self._image, self._ladder, self._rungs, self._root = image, ladder, rungs, root
        self._exchange, self._clusters = exchange, clusters
        self._roots = _rooted(image)[0]
        self._number = 0
        self._states = np.array([chains.states() for chains in rungs])
        count, replicas, _ = self._states.shape
        self._walker = np.repeat(np.arange(count)[:, None], replicas, axis=1)
        self._best = np.full((count, replicas), np.iinfo(np.int64).max)
        self._best_states = np.zeros_like(self._states)

    def run(self, rounds: int, sweeps: int, warmup: int, keep: Sequence[int]) -> Tempered:
        count, replicas, n_sites = self._states.shape
        states = np.empty((len(keep), replicas, rounds, n_sites), dtype=bool)
        energies, walkers = np.empty((2, count, replicas, rounds), dtype=np.int64)
        taken, first = np.zeros(max(0, count - 1), dtype=np.int64), self._number
        for row in range(-warmup, rounds):
            energy = self._round(sweeps, taken)
            if row >= 0:
                states[:, :, row] = self._states[list(keep)]
                energies[:, :, row], walkers[:, :, row] = energy, self._walker
        return tempered(
            states, energies, walkers, taken, (first, self._number), self._best, self._best_states,
            (warmup + rounds) * sweeps * self._states.size,
        )  # fmt: skip

    def _round(self, sweeps: int, taken: np.ndarray) -> np.ndarray:
        """One round; the energies int64 ``[L, R]`` after its exchange."""
        count, replicas, _ = self._states.shape
        if self._clusters is not None:
            for k in range(self._clusters.rungs):
                self._turn(k)
        looked = [
            chains.sample(Request(1, sweeps, sweeps, level, True, energies=True))
            for chains, level in zip(self._rungs, self._ladder.levels)
        ]
        energy = np.array([chunk.energies[:, 0] for chunk in looked if chunk.energies is not None])
        now = np.array([chunk.states[:, 0] for chunk in looked if chunk.states is not None])
        better = energy < self._best
        self._best[better], self._best_states[better] = energy[better], now[better]
        order = np.repeat(np.arange(count)[:, None], replicas, axis=1)
        if self._exchange:
            for pair in range(self._number % 2, count - 1, 2):
                swap = exchanged(self._root, self._number, pair, self._ladder.scales, energy)
                order[pair : pair + 2, swap] = order[pair : pair + 2, swap][::-1]
                taken[pair] += np.count_nonzero(swap)
        self._states = np.take_along_axis(now, order[:, :, None], axis=0)
        for k in np.flatnonzero((order != np.arange(count)[:, None]).any(axis=1)).tolist():
            self._rungs[k].set_states(self._states[k])
        self._walker = np.take_along_axis(self._walker, order, axis=0)
        self._number += 1
        return np.take_along_axis(energy, order, axis=0)

    def _turn(self, rung: int) -> None:
        """Cluster moves of a rung; relays follow their roots at the next sweep."""
        assert self._clusters is not None
        moved = self._states[rung].copy()
        moved[:, self._roots] = self._clusters.turned(self._root, self._number, rung, moved[:, self._roots])
        if np.any(moved != self._states[rung]):
            self._states[rung] = moved
            self._rungs[rung].set_states(moved)


def tempered(
    states: np.ndarray,
    energies: np.ndarray,
    walkers: np.ndarray,
    taken: np.ndarray,
    numbers: tuple[int, int],
    best: np.ndarray,
    best_states: np.ndarray,
    site_updates: int,
) -> Tempered:
    """The result of rounds ``numbers`` (from, to): shares of the offers, and the best of every ladder's rungs.

    ``best`` is int64 ``[L, R]``, ``best_states`` bool ``[L, R, N]``.
    """
    replicas = best.shape[1]
    odd = numbers[1] // 2 - numbers[0] // 2  # rounds of odd number, in which odd pairs offer
    turns = np.array([odd, numbers[1] - numbers[0] - odd])
    offered = np.where(np.arange(len(taken)) % 2, turns[0], turns[1]) * replicas
    rung = best.argmin(axis=0)
    ladders = np.arange(replicas)
    return Tempered(
        states, energies, taken / np.maximum(1, offered), walkers, site_updates, best[rung, ladders],
        best_states[rung, ladders],
    )  # fmt: skip
