"""Chains on a fabric behind registers: compiled RTL, or a board.

Such a fabric is given its sites' states and generators before every run, and returns samples. A generator makes one
word per sweep whatever its site does, so its state after a run is known without reading it: the host steps a copy.
Between runs the chains are held here, so that one fabric serves any number of them.
"""

from typing import Any, Protocol, runtime_checkable

import numpy as np

from thermofab.hw.rng.base import seed_words
from thermofab.hw.spec import Device, Image, RunPlan, Schedule, generator
from thermofab.sim.chains import Chunk, Phases, Request, Tally


@runtime_checkable
class Placing(Device, Protocol):
    """What a :class:`thermofab.hw.host.driven.DrivenDevice` offers."""

    def plan(self, schedule: Any, **arguments: Any) -> RunPlan: ...

    def run_from(self, schedule: Schedule, clamped: np.ndarray, states: np.ndarray, words: np.ndarray) -> np.ndarray:
        """Samples bool ``[R, S, N]``."""
        ...


class DrivenChains:
    """See :class:`thermofab.sim.chains.Chains`."""

    def __init__(self, device: Placing, plan: RunPlan) -> None:
        self._device, self._plan = device, plan
        self._generator = generator(plan.image.fabric.rng)
        self._states, self._words = plan.init.copy(), seed_words(self._generator, plan.keys)

    def advance(self, phases: Phases) -> None:
        self._run(Schedule(0, 1, anneal=tuple(phase for phase in phases if phase[0])))

    def sample(self, request: Request, tally: Tally | None = None, phases: Phases = ()) -> Chunk:
        before = tuple(phase for phase in (*phases, (request.lead, request.level)) if phase[0])
        sites = self._run(Schedule(0, request.samples, request.steps, before, request.level))
        if tally is not None:
            i, j = self._plan.image.fabric.topology.edges.T
            tally.ones += sites.sum(axis=1)
            tally.both += (sites[..., i] & sites[..., j]).sum(axis=1)
            tally.samples += request.samples
        energies = integer_energies(self._plan.image, sites) if request.energies else None
        if request.sites is None or request.sites is False:
            return Chunk(None, energies)
        return Chunk(sites if request.sites is True else sites[..., np.asarray(request.sites)], energies)

    def states(self) -> np.ndarray:
        return self._states.copy()

    def set_states(self, states: np.ndarray) -> None:
        self._states = np.array(states, dtype=bool)

    def _run(self, schedule: Schedule) -> np.ndarray:
        sites = self._device.run_from(schedule, self._plan.clamped, self._states, self._words)
        words = tuple(np.moveaxis(self._words, -1, 0))
        for _ in range(schedule.n_sweeps):
            words, _ = self._generator.step(words, self._plan.image.fabric.word_bits)
        self._states, self._words = sites[:, -1].copy(), np.stack(words, axis=-1).astype(np.uint32)
        return sites


def integer_energies(image: Image, sites: np.ndarray) -> np.ndarray:
    """E = -Σ b_i s_i - Σ w_ij s_i s_j - 2 Σ V_f, int64 ``[...]``, of states bool ``[..., N]``."""
    topology, spins = image.fabric.topology, 2 * sites.astype(np.int64) - 1
    i, j = topology.edges.T
    energies = -(spins @ image.biases.astype(np.int64)) - (spins[..., i] * spins[..., j]) @ image.weights.astype(
        np.int64
    )
    for start, row in zip(topology.factor_starts.tolist(), topology.factors):
        code = sites[..., list(row)] @ (1 << np.arange(len(row)))
        energies = energies - 2 * np.asarray(image.factors, dtype=np.int64)[start + code]
    return energies
